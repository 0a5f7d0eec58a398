"""Paper seals judged in a real browser, from a picture, on the page on line and on the kept file without a network."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import segno
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from crypto.paper_seal import SealClaims, make_seal
from edms.entities.models import EntitySeal
from edms.entities.sealing import SealInForce, ensure_seal
from edms.letters import closing
from tests.factories.issued import issued_letter
from tests.factories.pages import application
from tests.factories.world import OPERATOR, World, make_world

WORDS = "نود إعلامكم بأن كتابكم المرقم ت/٤/١٢٨٧ قد أُنجز.\nللتفضل بالاطلاع مع التقدير."


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("seal"))


@pytest.fixture(scope="module")
def seal(world: World) -> SealInForce:
    with world.database.work(OPERATOR) as uow:
        made = ensure_seal(uow, world.entity_a.id, keys=world.keyring)
        uow.session.get_one(EntitySeal, made.id).valid_from = datetime(2024, 1, 1, tzinfo=UTC)
        return made


@pytest.fixture(scope="module")
def kept(world: World, seal: SealInForce, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that an officer keeps."""
    assert seal.key_id
    answer = application(world).test_client().get("/verify/offline")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    path = tmp_path_factory.mktemp("kept") / "diwan-verify.html"
    path.write_bytes(answer.data)
    return path


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, kept: Path) -> Iterator[Page]:
    """The kept file, opened where there is no network; a request or an error on the page fails the test."""
    context = browser.new_context(offline=True, locale="ar-IQ")
    page = context.new_page()
    wrong: list[str] = []
    page.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(kept.as_uri())
    yield page
    context.close()
    assert wrong == []


def claims(world: World, **changes: object) -> SealClaims:
    told = SealClaims(
        document_code="100001260000000552", day=date(2024, 11, 20), content_hash=bytes(range(16)),
        subject="تخصيصات مشروع الأرشفة", sender=world.entity_a.code, recipients=(world.entity_b.code,), pages=2,
        sensitivity=0, status_index=5, number="و.ص/٤/١٢٨٧", text=WORDS, recipient_count=3,
    )  # fmt: skip
    return replace(told, **changes)  # type: ignore[arg-type]


def sealed(world: World, seal: SealInForce, told: SealClaims) -> str:
    return make_seal(told, sign=lambda data: world.keys.sign(seal.key_name, data), key_id=seal.key_id)


def picture(*texts: str) -> dict[str, object]:
    """A photo of symbols side by side."""
    symbols = []
    for text in texts:
        out = io.BytesIO()
        segno.make_qr(text, error="m").save(out, kind="png", scale=6, border=4)
        symbols.append(Image.open(out).convert("L"))
    whole = Image.new("L", (sum(each.width for each in symbols) + 200, max(each.height for each in symbols) + 200), 235)
    left = 100
    for each in symbols:
        whole.paste(each, (left, 100))
        left += each.width
    out = io.BytesIO()
    whole.rotate(3, expand=True, fillcolor=235).save(out, "JPEG", quality=75)
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def verdict(page: Page, *texts: str) -> str:
    page.set_input_files("#seal-file", picture(*texts))  # type: ignore[arg-type]
    page.wait_for_selector("#seal-verdict .verdict", timeout=30_000)
    return page.inner_text("#seal-verdict")


def test_the_kept_file_shows_the_signed_words_with_no_network(page: Page, world: World, seal: SealInForce) -> None:
    told = verdict(page, sealed(world, seal, claims(world)))
    assert told.startswith("أصلي")
    shown = told.replace("\u200f", "")
    for words in ("وزارة الصحة", "وزارة التربية", "تخصيصات مشروع الأرشفة", *WORDS.splitlines(), "قبل سنتين"):
        assert words in shown


def test_a_changed_seal_is_altered(page: Page, world: World, seal: SealInForce) -> None:
    text = sealed(world, seal, claims(world, text=None))
    for place in (60, 100, len(text) - 30):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert not verdict(page, changed).startswith("أصلي")
        page.reload()


def test_a_seal_in_anothers_name_and_one_by_an_unknown_key_are_not_authentic(
    page: Page, world: World, seal: SealInForce
) -> None:
    assert verdict(page, sealed(world, seal, claims(world, sender=world.entity_b.code))).startswith("معدّل")
    page.reload()
    stranger = replace(seal, key_id=b"\1" * 8)
    assert verdict(page, sealed(world, stranger, claims(world))).startswith("مفتاح غير معروف")


def test_two_different_seals_in_one_picture_are_told(page: Page, world: World, seal: SealInForce) -> None:
    texts = [sealed(world, seal, claims(world, text=None, pages=pages)) for pages in (1, 2)]
    assert "رمزان مختلفان" in verdict(page, *texts)


def test_a_picture_without_a_seal_says_what_to_do(page: Page) -> None:
    assert "من قرب" in verdict(page, "https://example.test/")


def test_a_void_letter_is_void_in_a_file_kept_afterwards(world: World, browser: Browser, tmp_path: Path) -> None:
    letter = issued_letter(world)
    with world.database.work(world.actor("a", "head")) as uow:
        closing.void(uow, letter.id, "صدر سهواً")
    (tmp_path / "kept.html").write_bytes(application(world).test_client().get("/verify/offline").data)
    with world.database.work(OPERATOR) as uow:
        seal = ensure_seal(uow, world.entity_a.id, keys=world.keyring)
        today = uow.today
    told = claims(
        world, document_code=letter.document_code, day=today, status_index=int(letter.document_code[8:16])
    )  # fmt: skip
    page = browser.new_page()
    page.goto((tmp_path / "kept.html").as_uri())
    assert verdict(page, sealed(world, seal, told)).startswith("ملغى")
    page.close()
