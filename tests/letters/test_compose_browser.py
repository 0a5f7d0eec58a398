"""The scripts of the form in a real browser: the live page, marks and phrases at the cursor, keeping, a second tab."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from edms.web.assets_url import STATIC
from tests.factories import letters as make
from tests.factories.pages import served
from tests.factories.world import PASSWORD, World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (STATIC / "built" / "compose.js").is_file(), reason="the scripts are not bundled"),
]


@pytest.fixture(scope="module")
def site(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


@pytest.fixture(scope="module")
def desk(browser: Browser, site: str, town: World) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="ar-IQ", viewport={"width": 1366, "height": 900})
    page = context.new_page()
    page.goto(f"{site}/sign-in")
    page.fill("[name=login]", town.logins["a", "employee"])
    page.fill("[name=password]", PASSWORD)
    page.click("form[action='/sign-in'] button")
    expect(page.locator("form[action='/sign-out']").first).to_be_attached()
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(desk: BrowserContext) -> Iterator[Page]:
    opened, faults = desk.new_page(), []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield opened
    opened.close()
    assert faults == []


def sheet_of(page: Page) -> str:
    return page.locator("#preview .sheets img").first.get_attribute("src") or ""


def test_page_and_checks_follow_the_keys(page: Page, site: str) -> None:
    page.goto(f"{site}/letters/new")
    expect(page.locator("#checks .finding-error")).to_have_count(3)
    before = sheet_of(page)
    assert before.startswith("data:image/png;base64,")
    page.fill("#field-body", "يوم الأحد ٢٠/١١/٢٠٢٥ نرجو الحضور.")
    expect(page.locator("#checks")).to_contain_text("ذلك التاريخ يوم الخميس")
    assert sheet_of(page) != before


def test_marks_and_phrases_go_in_at_the_cursor_and_can_be_undone(page: Page, site: str) -> None:
    page.goto(f"{site}/letters/new")
    area = page.locator("#field-body")
    area.fill("المطلوب")
    page.click("[data-mark=heading]")
    expect(area).to_have_value("# المطلوب")
    area.fill("أول\nثانٍ")
    area.select_text()
    page.focus("[data-mark=heading]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(area).to_have_value("1. أول\n2. ثانٍ")
    page.keyboard.press("Control+z")
    expect(area).to_have_value("أول\nثانٍ")
    area.fill("قبل بعد")
    area.evaluate("area => area.setSelectionRange(3, 3)")
    page.click(".phrases summary")
    page.click("[data-phrase][value='phrase-ar-closing-2']")
    expect(area).to_have_value("قبل مع فائق الشكر والتقدير. بعد")
    area.fill("")
    page.click("[data-mark=table]")
    expect(area).to_have_value("|  |  |  |\n|  |  |  |\n|  |  |  |")


def test_what_comes_from_a_word_processor_goes_in_as_the_plain_form(page: Page, site: str) -> None:
    page.goto(f"{site}/letters/new")
    area = page.locator("#field-body")
    pasted = "نص\u200b\u202eأول\u202c\r\n•\tبند\r\nت\tالفقرة\r\n١\tأجهزة\r\n1)\tأولاً\x0bثانياً 😀"
    area.evaluate(
        """(area, text) => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          area.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        pasted,
    )
    expect(area).to_have_value("نصأول\n- بند\n\n| ت | الفقرة |\n| ١ | أجهزة |\n\n1. أولاً\nثانياً 😀")


def test_unsaved_text_is_kept_and_found_again_after_signing_in_again(
    page: Page, desk: BrowserContext, site: str, town: World
) -> None:
    page.goto(f"{site}/letters/new")
    page.fill("#field-subject", "كتاب لم يُحفظ")
    expect(page.locator("#autosaved")).to_contain_text("حُفظ", timeout=9000)
    address = page.url
    assert "form=" in address
    page.fill("#field-body", "آخر ما كُتب")
    page.locator("#field-body").blur()
    expect(page.locator('[name="revision"]')).to_have_value("2")
    desk.clear_cookies()
    page.goto(address)
    page.fill("[name=login]", town.logins["a", "employee"])
    page.fill("[name=password]", PASSWORD)
    page.click("form[action='/sign-in'] button")
    expect(page.locator("#field-body")).to_have_value("آخر ما كُتب")
    page.keyboard.press("Control+s")
    page.locator("#field-subject").focus()
    page.keyboard.press("Control+s")
    page.wait_for_url("**/edit")
    expect(page.locator("#field-subject")).to_have_value("كتاب لم يُحفظ")


def test_second_tab_is_told_and_saving_shows_both_texts(
    desk: BrowserContext, page: Page, site: str, town: World
) -> None:
    address = f"{site}/letters/{make.drafted(town)}/edit"
    other = desk.new_page()
    for each in (page, other):
        each.goto(address)
    page.fill("#field-body", "نص التبويب الأول")
    expect(page.locator("#autosaved")).to_contain_text("حُفظ", timeout=9000)
    other.fill("#field-body", "نص التبويب الثاني")
    expect(other.locator("#autosaved.autosave-wrong")).to_be_visible(timeout=9000)
    other.click(".action-foot [value=save]")
    expect(other.locator("#newest-body")).to_have_value("نص التبويب الأول")
    expect(other.locator("#field-body")).to_have_value("نص التبويب الثاني")
    other.close()


def test_phone_shows_form_or_page(page: Page, site: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site}/letters/new")
    expect(page.locator("#preview")).to_be_hidden()
    page.click("[data-pane=beside]")
    expect(page.locator("#preview")).to_be_visible()
    expect(page.locator("#field-body")).to_be_hidden()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
