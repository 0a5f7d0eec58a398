"""The gallery: more than forty letters, drawn, looked at as pictures, and compared line by line with Chromium's order.

The pictures are written to `test-artifacts/gallery/`, with an `index.html` for a person to leaf through.
"""

import html
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from edms.codes.page_images import page_count, page_png
from edms.letters.rendition.bidi import levels
from edms.letters.rendition.directions import clean, protect
from edms.letters.rendition.values import HeadingBlock, ListBlock, ParagraphBlock, PrintedLetter, TableBlock
from tests.letters.rendition.browser_order import Browser, open_browser
from tests.letters.rendition.drawn import Drawn, Paragraph, draw, from_left, glyph_lines, inked
from tests.letters.rendition.gallery import gallery

FOLDER: Final = Path(__file__).resolve().parents[3] / "test-artifacts" / "gallery"
_PICTURED_PAGES: Final = 3
_WIDTH_PX: Final = 827
_LONG: Final = "pages-200"
_SAMPLE: Final = 23  # of the 200-page letter one paragraph in so many is compared with the browser


@pytest.fixture(scope="module")
def letters() -> dict[str, PrintedLetter]:
    """The letters by name."""
    return gallery()


@pytest.fixture(scope="module")
def drawn(letters: dict[str, PrintedLetter]) -> dict[str, Drawn]:
    """What each letter shows."""
    return {name: draw(letter) for name, letter in letters.items()}


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Chromium with our typeface."""
    with open_browser(chromium_path) as opened:
        yield opened


def test_the_gallery_has_forty_letters_and_one_of_two_hundred_pages(drawn: dict[str, Drawn]) -> None:
    assert len(drawn) >= 40
    assert page_count(drawn[_LONG].pdf) >= 200


def test_every_line_stands_in_the_order_of_chromium(drawn: dict[str, Drawn], browser: Browser) -> None:
    different, compared = [], 0
    for name, letter in drawn.items():
        paragraphs = letter.paragraphs[:: _SAMPLE if name == _LONG else 1]
        orders = dict(zip(paragraphs, browser.order(paragraphs), strict=True))
        for line in letter.lines:
            if line.paragraph not in orders:
                continue
            compared += 1
            ours, theirs = from_left(line.line), orders[line.paragraph][line.number]
            if ours != theirs:
                different.append((name, line.source, ours, theirs))
    assert compared > 6000
    assert different[:5] == []


def test_the_comparison_sees_a_number_that_stands_wrong(browser: Browser) -> None:
    raw, guarded = "العدد ت/٤/١٢٨٧", protect("العدد ت/٤/١٢٨٧", "rtl")
    shown = [browser.order([Paragraph(text, "rtl", ((0, len(text)),))])[0][0] for text in (raw, guarded)]
    assert shown == ["٤/١٢٨٧/ت ددعلا", "١٢٨٧/٤/ت ددعلا"]
    assert levels(raw, "rtl") != levels(guarded, "rtl")


def test_the_pdf_shows_exactly_the_glyphs_that_were_set(drawn: dict[str, Drawn]) -> None:
    for name, letter in drawn.items():
        found = [inked(text) for text in glyph_lines(letter.pdf)]
        texts = ["".join(glyph.text for run in line.line.runs for glyph in run.shaped.glyphs) for line in letter.lines]
        assert found == [inked(text) for text in texts], name


def test_no_line_is_lost_or_drawn_twice(drawn: dict[str, Drawn], letters: dict[str, PrintedLetter]) -> None:
    for name, letter in drawn.items():
        times = Counter((id(line.line), line.paragraph.text, line.number) for line in letter.lines)
        repeated = {text for (_, text, _), count in times.items() if count > 1}
        heads = {inked(letters[name].sensitivity)}  # stands at the head and the foot of each page
        heads |= {inked(text) for block in letters[name].body if isinstance(block, TableBlock) for text in block.header}
        assert {inked(text) for text in repeated} <= heads, name
        places: dict[int, set[int]] = {}
        for line in letter.lines:
            places.setdefault(id(line.paragraph), set()).add(line.number)
        for paragraph in letter.paragraphs:
            joined = "".join(inked(paragraph.text[start:end]) for start, end in paragraph.lines)
            assert joined == inked(paragraph.text), name
            assert places[id(paragraph)] == set(range(len(paragraph.lines))), name


def test_every_text_of_the_letter_is_on_paper_as_often_as_it_was_written(
    drawn: dict[str, Drawn], letters: dict[str, PrintedLetter]
) -> None:
    for name, letter in letters.items():
        written = Counter(text for text in map(_bare, _sources(letter)) if len(text) > 12)
        once = {id(line.line): line for line in drawn[name].lines if line.number == 0}
        printed = Counter(_bare(line.paragraph.text) for line in once.values())
        assert {text: printed[text] for text in written} == dict(written), name


def _sources(letter: PrintedLetter) -> Iterator[str]:
    """Give each line of text that the body of a letter was made of."""
    for block in letter.body:
        match block:
            case ParagraphBlock(text=text) | HeadingBlock(text=text):
                yield from clean(text).split("\n")
            case ListBlock(items=items):
                yield from items
            case TableBlock(header=header, rows=rows):
                for row in (header, *rows):
                    yield from row
    yield from (name for name, _ in letter.copies if not _)


def _bare(text: str) -> str:
    return inked(clean(text))


def test_the_letters_can_be_looked_at(drawn: dict[str, Drawn]) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    rows = []
    for name, letter in drawn.items():
        pages = page_count(letter.pdf)
        files = []
        for number in sorted({*range(1, min(pages, _PICTURED_PAGES) + 1), pages}):
            files.append(f"{name}-{number}.png")
            (FOLDER / files[-1]).write_bytes(page_png(letter.pdf, number, _WIDTH_PX))
        (FOLDER / f"{name}.pdf").write_bytes(letter.pdf)
        pictures = "".join(f'<img src="{file}" loading="lazy">' for file in files)
        rows.append(f'<h2><a href="{name}.pdf">{html.escape(name)}</a> ({pages})</h2>{pictures}')
    style = "body{font:14px sans-serif;background:#ddd}img{width:400px;margin:4px;border:1px solid #888}"
    page = f"<!doctype html><meta charset=utf-8><title>gallery</title><style>{style}</style>{''.join(rows)}"
    (FOLDER / "index.html").write_text(page, encoding="utf-8")
    assert len(list(FOLDER.glob("*.png"))) >= len(drawn)
