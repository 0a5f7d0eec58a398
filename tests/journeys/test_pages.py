"""DESIGN §4 row by row through the pages, in a real headless Chromium, over two installations and real SMTP."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from crypto.barcodes import read_barcodes
from tests.journeys.conftest import Two
from tests.journeys.installation import PASSWORD, Installation, until
from tests.shared_data import official_texts

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.timeout(900)]
SUBJECT = "تجهيز المدارس بالمستلزمات الصحية"
PIN = "739158"
ATTACHMENT = "جدول الكميات لعام ٢٠٢٦.csv"
FACTS = ("taken", "delivered", "opened", "registered", "settled")


class Desk:
    """One person before a screen; every page that is visited is photographed and must be free of faults."""

    def __init__(
        self, browser: Browser, installation: Installation, login: str, shots: Path, *, pixels: int = 1
    ) -> None:  # fmt: skip
        self.context: BrowserContext = browser.new_context(
            locale="ar-IQ",
            viewport={"width": 1280 * pixels, "height": 900},
            device_scale_factor=pixels,
            accept_downloads=True,
        )
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("console", self._heard)
        self.page.on("request", lambda request: self._asked(request.url))
        self._site, self._login, self._shots = installation.site, login, shots
        if login:
            self.go("/sign-in")
            self.page.locator("[name=login]").fill(login)
            self.page.locator("[name=password]").fill(PASSWORD)
            self.shot("sign-in")
            self.page.locator("form[action='/sign-in'] button").click()
            expect(self.page.locator("form[action='/sign-out']").first).to_be_attached()

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self._site, "data:", "blob:")):
            self.faults.append(f"asked elsewhere: {url}")

    def go(self, path: str, status: int = 200) -> Page:
        answer = self.page.goto(self._site + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        return self.page

    def shot(self, name: str) -> None:
        """Keep a picture of the page and see that it reads from the right and does not scroll sideways."""
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=self._shots / f"{name}.png", full_page=True)
        assert self.page.evaluate("document.documentElement.dir") == "rtl"
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide"
        assert self.faults == [], f"{name}: {self.faults}"

    def close(self) -> None:
        self.context.close()


def test_a_letter_lives_its_whole_life_on_the_pages(
    two: Two, browser: Browser, artifacts: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    north, south, codes = two.north, two.south, two.codes
    shots = artifacts / request.node.callspec.params["two"]
    shots.mkdir(exist_ok=True)
    south.diwan("entity", "set", codes["moe"], "--by-clerk")
    for installation in (south, north):
        installation.start("gateway", "relay", "worker", "web")

    # the employee writes a letter with a list, a table and an attachment, and sends it for signature
    attached = tmp_path / ATTACHMENT
    attached.write_text("المادة,العدد\nسرير,٤٠\n", "utf-8")
    word = official_texts(1)[0].split()[5]
    text = f"""إشارة إلى خطة العام الدراسي، وبالنظر إلى {official_texts(1)[0][:600]}

- أسرّة عدد (٤٠)
- حقائب إسعاف عدد (١٢٠) نوع FIRST-AID 2026

| المادة | العدد |
| سرير | ٤٠ |
| حقيبة | ١٢٠ |

للتفضل بالاطلاع، مع التقدير."""
    writer = Desk(browser, north, "employee.moh", shots)
    page = writer.go("/letters/new")
    page.locator("[name=find_to]").fill("التربية")
    page.locator("input[name=add_to]").first.check()
    page.locator("#field-subject").fill(SUBJECT)
    page.locator("#field-body").fill(text)
    page.locator("#field-signer").select_option(index=1)
    page.locator("input[type=file][name=attachments]").set_input_files(attached)
    page.locator("button.btn[name=action][value=save]").click()
    expect(page.locator("#preview img").first).to_be_visible()
    expect(page.locator("#attachments")).to_contain_text(ATTACHMENT)
    writer.shot("compose")
    page.locator("button[name=action][value=submit]").click()
    page.wait_for_load_state()
    if page.locator("#checks-now").count():  # what the checks doubt is right as it is
        writer.shot("checks")
        page.locator("button[name=action][value=submit]").click()
    expect(page.locator("h1")).to_contain_text(SUBJECT)
    writer.shot("submitted")

    # the signatory sets a PIN once, looks at the letter in the tray, signs and issues it
    head = Desk(browser, north, "head.moh", shots)
    page = head.go("/account/security")
    page.locator("[name=old]").fill(PASSWORD)
    page.locator("[name=pin]").fill(PIN)
    page.locator("[name=again]").fill(PIN)
    head.shot("security")
    page.locator("form[action='/account/security/pin'] button").click()
    page = head.go("/signing")
    expect(page.locator("article.tray")).to_contain_text(SUBJECT)
    head.shot("signing")
    page.locator("article.tray h2 a").first.click()
    expect(page.locator("#sheet-1")).to_be_visible()
    head.shot("signing-desk")
    page.keyboard.press("a")
    page.locator(".desk-act [name=step_up]").fill(PIN)
    page.locator("form[action$='/sign-and-issue'] button").first.click()
    page.wait_for_load_state()
    page = head.go("/outgoing")
    expect(page.locator("td.number").first).to_contain_text("١")
    head.shot("outgoing")
    page.locator("td.cell-subject a").first.click()
    expect(page.locator("h1")).to_contain_text(SUBJECT)
    letter_url = page.url.removeprefix(north.site)
    verification = re.search(r"\b[0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}\b", page.locator("main").inner_text())
    assert verification is not None, page.locator("main").inner_text()
    head.shot("letter")

    # the far registry officer finds it waiting, looks, registers
    clerk = Desk(browser, south, "registry.moe", shots)

    def waiting() -> bool:
        return clerk.go("/incoming/waiting").locator("td.cell-subject", has_text=SUBJECT).count() > 0

    until(waiting, "the letter waits for the clerk")
    clerk.shot("waiting")
    clerk.page.locator("td.cell-subject a").first.click()
    expect(clerk.page.locator("main")).to_contain_text(ATTACHMENT)
    clerk.shot("waiting-message")
    clerk.page.locator("form[action$='/register'] button").first.click()
    clerk.page.wait_for_load_state()
    clerk.go("/incoming")
    expect(clerk.page.locator("td.cell-subject").first).to_contain_text(SUBJECT)
    clerk.shot("incoming")
    clerk.go("/register")
    clerk.shot("register")

    # an employee of the far body opens a coded copy: the code can be read off the page's picture
    reader = Desk(browser, south, "employee.moe", shots, pixels=2)
    page = reader.go("/incoming")
    page.locator("td.cell-subject a").first.click()
    expect(page.locator("h1")).to_contain_text(SUBJECT)
    far_url = page.url.removeprefix(south.site)
    expect(page.locator("#sheet-1")).to_be_visible()
    reader.shot("opened")
    told = page.locator("main").inner_text()
    picture = page.context.request.get(south.site + str(page.locator("#sheet-1").get_attribute("src")))
    assert picture.status == 200
    read = barcodes(picture.body())
    copies = [code for code in read if len(code) == 14 and code in re.sub(r"\D", "", western(told))]
    assert copies, f"no copy code of {read} on the page"
    seen = barcodes(page.locator("#sheet-1").screenshot(path=shots / "sheet.png"))
    assert set(copies) <= set(seen), f"the copy code cannot be read off the screen: {seen}"
    with page.expect_download() as download:
        page.locator("a", has_text=ATTACHMENT).click()
    assert Path(download.value.path()).read_bytes() == attached.read_bytes()

    # found by a word of its body, in another spelling; nobody else's
    def found() -> bool:
        return reader.go(f"/search?q={word}").locator("td.cell-subject", has_text=SUBJECT).count() == 1

    until(found, "the letter is found")
    reader.shot("search")
    stranger = Desk(browser, south, "employee.mop", shots)
    assert stranger.go(f"/search?q={word}").locator("td.cell-subject").count() == 0
    assert stranger.go("/incoming").locator("td.cell-subject").count() == 0
    stranger.faults.clear()
    stranger.go(far_url, status=404)
    stranger.go(far_url[:-4] + "ffff", status=404)
    stranger.close()

    # dealt with; the five facts stand in the north
    expect(clerk.go(far_url).locator("h1")).to_contain_text(SUBJECT)
    clerk.page.locator("form[action$='/settle'] button").first.click()
    clerk.page.wait_for_load_state()

    def all_facts() -> bool:
        page = head.go(f"{letter_url}/track")
        cells = page.locator("#track table tbody tr td").all_inner_texts()
        return len(cells) >= 7 and not any("—" in cell for cell in cells[2:7])

    until(all_facts, "five facts")
    head.shot("track")

    # anybody verifies, by the code and by the file
    public = Desk(browser, north, "", shots)
    page = public.go("/verify")
    public.shot("verify")
    page.locator("#field-code").fill(verification[0])
    page.locator("form:has(#field-code) button").click()
    expect(page.locator(".verdict.notice-success")).to_be_visible()
    public.shot("verdict-code")
    code = str(north.rows("SELECT document_code FROM letters WHERE direction = 'outgoing'")[0][0])
    north.diwan("letter", "export", code, "-o", tmp_path / "original.pdf")
    original = (tmp_path / "original.pdf").read_bytes()
    middle = len(original) // 2
    (tmp_path / "altered.pdf").write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
    for name, look in (("original", "success"), ("altered", "error")):
        page = public.go("/verify")
        page.locator("input[type=file]").set_input_files(tmp_path / f"{name}.pdf")
        page.locator("form:has(input[type=file]) button").click()
        verdict = page.locator(".verdict")
        expect(verdict).to_be_visible()
        if name == "original":
            expect(verdict).to_have_class(re.compile(f"notice-{look}"))
        else:
            expect(verdict).not_to_have_class(re.compile("notice-success"))
        public.shot(f"verdict-{name}")
    for desk in (writer, head, clerk, reader, public):
        assert desk.faults == []
        desk.close()


def barcodes(png: bytes) -> list[str]:
    """What a reader finds that looks at a picture once, and again a little nearer."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    sizes = [(round(picture.width * scale), round(picture.height * scale)) for scale in (1, 1.5, 2)]
    return sorted({text for size in sizes for _, text in read_barcodes(picture.resize(size))})


def western(text: str) -> str:
    return text.translate(str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789"))
