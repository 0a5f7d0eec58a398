"""Whatever people get wrong is answered in a clear sentence, Arabic on the page and English on the command line.

Nothing changes by it: every row, number counter, event and stored file is as it was.
"""

import io
import logging
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from edms.letters import queries
from edms.letters.attachments import Limits
from tests.factories import letters as make
from tests.factories.issued import IssuedLetter
from tests.factories.pages import post
from tests.factories.world import OPERATOR, World
from tests.refusals.bombs import zip_of_zeros
from tests.refusals.conftest import Diwan, People
from tests.refusals.state import state_of

_WRITTEN = ("--subject", "تجهيز الأدوية", "--body", "نرجو التفضل بالموافقة.")
_BODY_ROWS = (
    "key,name_ar,name_en,type,parent_key,mail_domain,short_mark,valid_from",
    "m,وزارة,,ministry,,m.gov.example,,",
)
_STAFF_ROW = "entity,unit,post,name,login,roles,clearance"


def swapped(digits: str) -> str:
    """The code with its last two different neighbours exchanged, those of the check digits left alone."""
    at = max(at for at in range(len(digits) - 3) if digits[at] != digits[at + 1])
    return digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]


def typed(world: World, **given: Any) -> dict[str, Any]:
    return {
        "action": "save", "kind": "letter", "subject": "تجهيز الأدوية", "sensitivity": "0", "precedence": "ordinary",
        "to": world.entity_b.code, "body": "نرجو التفضل بالموافقة.", "version": "0", "references": "",
        "signer": str(make.letter_text(world).signer_post_id),
    } | given  # fmt: skip


def attached(name: str, data: bytes) -> dict[str, Any]:
    return {"attachments": [(io.BytesIO(data), name)]}


def table(text: str) -> dict[str, Any]:
    return {"file": (io.BytesIO(text.encode()), "table.csv")}


def too_large(world: World) -> bytes:
    return b"x" * ((world.parts[Limits].attachment_mb << 20) + 1)


PAGES: dict[str, tuple[str, str, str]] = {
    # what is wrong: who does it, where, the sentence
    "unknown entity": ("a employee", "/letters/new", "لا توجد جهة مسجلة بهذا الاسم أو الرمز"),
    "own entity": ("a employee", "/letters/new", "لا يمكن أن يُعنون الكتاب إلى جهتك نفسها."),
    "empty subject": ("a employee", "/letters/new", "اكتب موضوع الكتاب."),
    "large attachment": ("a employee", "/letters/new", "أكبر من المسموح"),
    "path as name": ("a employee", "/letters/new", "لا يجوز أن يحوي مساراً"),
    "zip bomb": ("a employee", "/letters/new", "ينفتح إلى حجم غير معقول"),
    "entity code swapped": ("a employee", "/letters/new", "هل تقصد"),
    "csv of bodies": ("centre centre", "/entities/import", "short_marc"),
    "csv of staff": ("a administrator", "/staff/import", "logn"),
    "duplicate entity code": ("centre centre", "/entities/new", "مستعمل"),
    "code that does not exist": ("a employee", "/verify", "غير معروف"),
    "verification code swapped": ("a employee", "/verify", "حرفان متبادلان"),
    "not a pdf": ("a employee", "/verify", "الملف ليس ملف PDF سليماً"),
    "leak without a file": ("centre auditor", "/leaks/new", "اختر ملفاً"),
}


def sent(case: str, world: World, letter: IssuedLetter) -> dict[str, Any]:
    new_body = {"name_ar": "وزارة النقل", "type": "ministry", "mail_domain": "mot.gov.example", "short_mark": "و.ن"}
    no_pdf = {"file": (io.BytesIO(b"hello"), "letter.pdf")}
    return {
        "unknown entity": typed(world, to="99999999"),
        "own entity": typed(world, to=world.entity_a.code),
        "empty subject": typed(world, subject=" "),
        "large attachment": typed(world, **attached("كشف.bin", too_large(world))),
        "path as name": typed(world, **attached("../../x", b"x")),
        "zip bomb": typed(world, **attached("أصفار.zip", zip_of_zeros())),
        "entity code swapped": typed(world, find_to=swapped(world.entity_b.code)),
        "csv of bodies": table("\n".join(_BODY_ROWS).replace("short_mark", "short_marc")),
        "csv of staff": table(_STAFF_ROW.replace("login", "logn") + "\n"),
        "duplicate entity code": {**new_body, "valid_from": "2020-01-01", "code": world.entity_b.code},
        "code that does not exist": {"code": "0" * 20},
        "verification code swapped": {"code": swapped(letter.verification_code)},
    }.get(case, no_pdf)


@pytest.mark.parametrize("case", PAGES)
def test_page_says_what_is_wrong_and_changes_nothing(
    case: str, world: World, letter: IssuedLetter, person: People, caplog: pytest.LogCaptureFixture
) -> None:
    who, url, sentence = PAGES[case]
    where, _, role = who.partition(" ")
    client, fields, before = person(where, role), sent(case, world, letter), state_of(world)
    with caplog.at_level(logging.ERROR):
        answer = post(client, url, fields)
    assert answer.status_code == (200 if case == "code that does not exist" else 422)
    assert sentence in answer.text
    assert state_of(world) == before
    assert not caplog.records


def test_page_refuses_a_signature_without_the_post(world: World, person: People, unsigned: str) -> None:
    before = state_of(world)
    for role, status in (("registry", 404), ("colleague", 404), ("employee", 403)):
        answer = post(person("a", role), f"/letters/{unsigned}/sign")
        assert answer.status_code == status
        assert re.search("[\u0621-\u064a]{3}", answer.text)
    assert state_of(world) == before


def test_page_refuses_a_query_of_ten_kilobytes(world: World, person: People) -> None:
    before = state_of(world)
    answer = person("a", "registry").get("/search", query_string={"q": "كتاب " * 1200})
    assert answer.status_code == 422
    assert "أطول" in answer.text
    assert len(answer.data) < 40_000
    assert state_of(world) == before


def test_page_shows_an_unknown_letter_as_not_found(world: World, person: People) -> None:
    before = state_of(world)
    for path in (f"/letters/{UUID(int=7)}", f"/letters/{UUID(int=7)}/track", "/letters/xyz", "/entities/10000010"):
        answer = person("a", "registry").get(path)
        assert answer.status_code == 404
        assert re.search("[\u0621-\u064a]{3}", answer.text)
    assert state_of(world) == before


def test_page_keeps_both_texts_when_a_second_tab_saves_an_older_draft(world: World, person: People) -> None:
    writer = person("a", "employee")
    url = f"/letters/{make.drafted(world)}/edit"
    assert post(writer, url, typed(world, version="1", body="نص النافذة الأولى.")).status_code == 303
    before = state_of(world)
    answer = post(writer, url, typed(world, version="1", body="نص النافذة الثانية."))
    assert answer.status_code == 409
    assert "نص النافذة الأولى." in answer.text
    assert "نص النافذة الثانية." in answer.text
    assert state_of(world) == before


@pytest.mark.parametrize("name", ["صفحة.html", "صورة.svg"])
def test_a_file_that_a_browser_would_run_is_only_a_download(name: str, world: World, person: People) -> None:
    writer = person("a", "employee")
    answer = post(writer, "/letters/new", typed(world, **attached(name, b"<script>alert(1)</script>")))
    letter_id = UUID(answer.headers["Location"].split("/")[2])
    assert "ولا يُعرض في الصفحة أبداً" in writer.get(f"/letters/{letter_id}/edit").text
    with world.database.read(world.actor("a", "employee")) as uow:
        file_id = queries.attachments(uow, letter_id)[0].id
    given = writer.get(f"/letters/{letter_id}/attachments/{file_id}")
    assert given.headers["Content-Disposition"].startswith("attachment")
    assert given.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in given.headers["Content-Security-Policy"]
    assert given.data == b"<script>alert(1)</script>"


COMMANDS: dict[str, str] = {
    "unknown entity": "is not right",
    "own entity": "own body",
    "empty subject": "subject",
    "large attachment": "too large",
    "zip bomb": "unpack",
    "entity code swapped": "Do you mean",
    "csv of bodies": "short_marc",
    "csv of staff": "logn",
    "duplicate entity code": "in use",
    "no post": "post",
    "document code that does not exist": "digit of the code is wrong",
    "document code swapped": "two are exchanged",
    "verification code swapped": "two are exchanged",
    "not a pdf": "PDF",
    "long query": "longer than",
}


def command(case: str, world: World, letter: IssuedLetter, unsigned: str, folder: Path) -> tuple[object, ...]:
    employee = world.logins["a", "employee"]
    draft = ("letter", "draft", "--as", employee)
    to_b = ("--to", world.entity_b.code)
    new_body = ("--name-ar", "وزارة النقل", "--type", "ministry", "--domain", "mot.gov.example")
    files = {
        "large": too_large(world),
        "bomb": zip_of_zeros(),
        "bodies": "\n".join(_BODY_ROWS).replace("short_mark", "short_marc").encode(),
        "staff": _STAFF_ROW.replace("login", "logn").encode(),
        "hello": b"hello",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {
        "unknown entity": (*draft, "--to", "10999994", *_WRITTEN),
        "own entity": (*draft, "--to", world.entity_a.code, *_WRITTEN),
        "empty subject": (*draft, *to_b, "--subject", " ", "--body", "نص"),
        "large attachment": (*draft, *to_b, *_WRITTEN, "--attach", folder / "large"),
        "zip bomb": (*draft, *to_b, *_WRITTEN, "--attach", folder / "bomb"),
        "entity code swapped": (*draft, "--to", swapped(world.entity_b.code), *_WRITTEN),
        "csv of bodies": ("entity", "import", folder / "bodies"),
        "csv of staff": ("staff", "import", folder / "staff"),
        "duplicate entity code": ("entity", "add", *new_body, "--code", world.entity_b.code),
        "no post": ("letter", "sign", unsigned, "--as", employee),
        "document code that does not exist": ("track", letter.document_code[:8] + "0000000000"),
        "document code swapped": ("track", swapped(letter.document_code)),
        "verification code swapped": ("verify", swapped(letter.verification_code)),
        "not a pdf": ("verify", folder / "hello"),
        "long query": ("search", "كتاب " * 1200, "--as", world.logins["a", "registry"]),
    }[case]


@pytest.mark.parametrize("case", COMMANDS)
def test_command_says_what_is_wrong_and_changes_nothing(
    case: str, world: World, letter: IssuedLetter, unsigned: str, diwan: Diwan, tmp_path: Path
) -> None:
    arguments, before = command(case, world, letter, unsigned, tmp_path), state_of(world)
    status, out, errors = diwan(*arguments)
    assert (status, out) == (1, ""), errors
    assert errors.startswith("diwan: ")
    assert COMMANDS[case] in errors
    assert len(errors.splitlines()) <= 3
    assert state_of(world) == before


def test_command_verifies_an_unknown_code_as_unknown(world: World, diwan: Diwan) -> None:
    before = state_of(world)
    status, out, _ = diwan("verify", "0" * 20)
    assert (status, out.splitlines()[0]) == (0, "Unknown")
    assert state_of(world) == before


def test_command_takes_the_name_of_a_file_and_not_its_path(world: World, diwan: Diwan, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"<svg/>")
    path = tmp_path / "deeper" / ".." / "x"
    (tmp_path / "deeper").mkdir()
    draft = ("letter", "draft", "--as", world.logins["a", "employee"], "--to", world.entity_b.code, *_WRITTEN)
    status, out, _ = diwan(*draft, "--keep", "--attach", path)
    assert status == 0
    with world.database.read(OPERATOR) as uow:
        assert [each.name for each in queries.attachments(uow, UUID(out.split()[0]))] == ["x"]


@pytest.mark.parametrize("name", ["page.html", "drawing.svg"])
def test_command_says_that_a_file_is_only_a_download(name: str, world: World, diwan: Diwan, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"<script>alert(1)</script>")
    draft = ("letter", "draft", "--as", world.logins["a", "employee"], "--to", world.entity_b.code, *_WRITTEN)
    status, _, errors = diwan(*draft, "--keep", "--attach", tmp_path / name)
    assert (status, errors) == (0, f"{name}: Only given as a download; it is never shown in a page.\n")
