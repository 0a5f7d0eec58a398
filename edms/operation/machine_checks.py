"""The doctor's checks of the machine: Python, fonts, assets, clock, ports."""

import sys
from datetime import UTC, datetime

from fontpkg_ibm_plex_sans_arabic import ROOT as IBM_PLEX

from edms.core.parts import Parts
from edms.letters.rendition.fonts import face
from edms.operation import locks
from edms.operation.finding import Finding, fail, ok, warn
from edms.operation.programs import is_taken, port_settings
from edms.operation.site import Site
from edms.verification.leak_words import model
from edms.web.assets_url import asset_exists

OLDEST_PYTHON = (3, 11)
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock is right that shows a day before this release was written."""


def python(_parts: Parts, _site: Site) -> Finding:
    """Check the interpreter's version."""
    shown = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return fail("python", f"this is Python {shown}", "install Python 3.11 or newer, then make run PYTHON=...")
    return ok("python", f"Python {shown}")


def fonts(_parts: Parts, _site: Site) -> Finding:
    """Check that the typefaces of letters and pages are there and draw Arabic."""
    try:
        draws = 0x0643 in face("amiri").coverage and 0x0643 in face("amiri-bold").coverage
        draws = draws and bool(face("serif").coverage) and bool(IBM_PLEX)
    except OSError as error:
        return fail("fonts", f"a typeface cannot be read ({error.strerror})", "install Diwan again: make install")
    if not draws:
        return fail("fonts", "a typeface has no Arabic letters", "install Diwan again: make install")
    return ok("fonts", "the typefaces of letters and pages are there")


def assets(_parts: Parts, _site: Site) -> Finding:
    """Check that scripts and web fonts were built; pages work without, less comfortably."""
    if not asset_exists("built/app.js"):
        return warn("assets", "the script and the fonts of the pages are not built", "make assets")
    return ok("assets", "the pages' script and fonts are built")


def words(_parts: Parts, _site: Site) -> Finding:
    """Check that the words of leaked pictures can be read; without, the leak desk must be told which letter it is."""
    if model() is None:
        return warn(
            "words", "no Arabic model: pictures without codes find no letter by their words",
            "apt-get install tesseract-ocr-ara",
        )  # fmt: skip
    return ok("words", "the words of leaked pictures can be read")


def clock(_parts: Parts, _site: Site) -> Finding:
    """Check that the machine's clock shows a day that can be true."""
    now = datetime.now(UTC)
    if now < RELEASED:
        return fail("clock", f"the clock shows {now:%Y-%m-%d}", "set the clock, and let NTP keep it")
    return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def ports(_parts: Parts, site: Site) -> Finding:
    """Check that the ports are free, or used by our own processes."""
    ours: list[str] = []
    strange: list[str] = []
    for key, host, port in port_settings(site):
        if port and is_taken(host, port):
            mine = locks.running(site.run_folder, key.partition(".")[0]) is not None
            (ours if mine else strange).append(f"{key} {port}")
    if strange:
        return fail(
            "ports", f"used by another program: {', '.join(strange)}", "end that program or change the setting named"
        )
    return ok("ports", f"served by us: {', '.join(ours)}" if ours else "free")
