"""Every page that somebody reaches from the menu, and what those pages lead to, keeps WCAG 2.2 A and AA as axe sees it.

Each is looked at in Arabic on a desk and in English on a telephone.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from edms.web.assets_url import STATIC
from tests.factories import letters as make
from tests.factories.issued import issued_letter
from tests.factories.pages import application, served
from tests.factories.world import PASSWORD, World, make_world

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (STATIC / "built" / "app.js").is_file(), reason="the scripts are not bundled"),
]
AXE = Path(__file__).parents[2] / "edms/web/assets/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PEOPLE = [
    ("a", "employee"), ("a", "head"), ("a", "registry"), ("a", "administrator"), ("centre", "auditor"),
    ("centre", "centre"),
]  # fmt: skip
PHONE = ViewportSize(width=390, height=6000)  # so tall that no bar at its foot lies over anything
DEEPER = 2
"""How many links of each page of the menu are followed."""
_FOUND = """rules => axe.run(document, {runOnly: rules}).then(told => told.violations.flatMap(each =>
    each.nodes.map(node => `${each.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`)))"""
_LINKS = "links => links.map(each => each.getAttribute('href') || '')"
_PAGE = re.compile(r"/[^?#.]*")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = make_world(tmp_path_factory.mktemp("pages"))
    make.drafted(made, files={"a.txt": b"a"})
    make.submitted(made)
    issued_letter(made)
    return made


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[str]:
    with served(application(world)) as address:
        yield address


def signed_in(browser: Browser, site: str, login: str) -> Page:
    page = browser.new_context(locale="ar-IQ", viewport={"width": 1366, "height": 900}).new_page()
    page.goto(f"{site}/sign-in")
    page.fill("[name=login]", login)
    page.fill("[name=password]", PASSWORD)
    page.click("form[action='/sign-in'] button")
    expect(page.locator("form[action='/sign-out']").first).to_be_attached()
    return page


def links(page: Page, where: str) -> list[str]:
    """Return the addresses of pages of ours that links lead to."""
    return [str(each) for each in page.eval_on_selector_all(where, _LINKS) if _PAGE.fullmatch(each)]


def reached(page: Page, site: str) -> list[str]:
    """Return the addresses of the menu, and of the first links on each of its pages."""
    page.goto(f"{site}/")
    found = ["/", *links(page, "nav a"), "/account", "/account/security"]
    for path in tuple(found):
        answer = page.goto(f"{site}{path}")
        if answer is not None and answer.ok:
            found += links(page, "main a")[:DEEPER]
    return list(dict.fromkeys(found))


def faults(page: Page, url: str) -> list[str]:
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 200, (url, answer.status)
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text("utf-8"))
    return [f"{url} {each}" for each in page.evaluate(_FOUND, RULES)]


@pytest.mark.parametrize("who", PEOPLE, ids="-".join)
def test_pages_keep_to_the_rules(browser: Browser, site: str, world: World, who: tuple[str, str]) -> None:
    page = signed_in(browser, site, world.logins[who])
    paths = reached(page, site)
    assert len(paths) > 5
    found = [fault for path in paths for fault in faults(page, f"{site}{path}")]
    page.goto(f"{site}/")
    page.locator("form[action='/language'] button").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.set_viewport_size(PHONE)
    found += [fault for path in paths for fault in faults(page, f"{site}{path}")]
    page.context.close()
    assert found == []


def test_pages_of_strangers_keep_to_the_rules(browser: Browser, site: str) -> None:
    page = browser.new_context(locale="ar-IQ", viewport=PHONE).new_page()
    assert [fault for path in ("/sign-in", "/verify") for fault in faults(page, f"{site}{path}")] == []
    page.context.close()
