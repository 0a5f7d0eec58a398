"""How a browser orders the same lines: headless Chromium sets each paragraph, broken where ours is broken."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fontpkg_amiri
from playwright.sync_api import Page, sync_playwright

from tests.letters.rendition.drawn import Paragraph, shown

_PAGE = """<!doctype html><meta charset="utf-8"><style>
@font-face { font-family: Amiri; src: url(data:font/ttf;base64,%s) }
p { font: 13.5px Amiri; width: 1px; margin: 0; white-space: normal; text-align: start }
span { white-space: nowrap }
</style><body>"""

# Each line is a span that does not wrap, in a paragraph too narrow for two: it is one paragraph to the bidi algorithm.
_ORDER = """(paragraphs) => {
  const build = ({rtl, lines, gaps}) => {
    const p = document.createElement('p');
    p.dir = rtl ? 'rtl' : 'ltr';
    lines.forEach((text, number) => {
      if (number) p.append(gaps[number] ? ' ' : document.createElement('wbr'));
      const span = document.createElement('span');
      span.textContent = text;
      p.append(span);
    });
    return p;
  };
  const built = paragraphs.map(build);
  document.body.replaceChildren(...built);
  const range = document.createRange();
  const order = (span) => {
    const node = span.firstChild, found = [];
    if (!node) return '';
    let place = 0;
    for (const char of node.data) {
      range.setStart(node, place);
      range.setEnd(node, place + char.length);
      place += char.length;
      const box = range.getBoundingClientRect();
      found.push([box.left + box.right, char]);
    }
    return found.sort((one, other) => one[0] - other[0]).map((pair) => pair[1]).join('');
  };
  return built.map((p) => [...p.querySelectorAll('span')].map(order));
}"""


@dataclass(frozen=True, slots=True)
class Browser:
    """A page with our typeface in it."""

    page: Page

    def order(self, paragraphs: Sequence[Paragraph]) -> list[list[str]]:
        """Return for each paragraph, for each line, its characters as they stand from left to right."""
        asked = [_asked(paragraph) for paragraph in paragraphs]
        return [[shown(line) for line in lines] for lines in self.page.evaluate(_ORDER, asked)]


def _asked(paragraph: Paragraph) -> dict[str, Any]:
    ends = [0, *(end for _, end in paragraph.lines)]
    return {
        "rtl": paragraph.base == "rtl",
        "lines": [paragraph.text[start:end] for start, end in paragraph.lines],
        "gaps": [start > end for (start, _), end in zip(paragraph.lines, ends, strict=False)],
    }


@contextmanager
def open_browser(path: str) -> Iterator[Browser]:
    """Open Chromium without a window, with Amiri loaded."""
    font = base64.b64encode((Path(fontpkg_amiri.ROOT) / "files" / "Amiri-Regular.ttf").read_bytes()).decode()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            page = chromium.new_page()
            page.set_content(_PAGE % font)
            page.evaluate("document.fonts.load('13.5px Amiri', 'كتاب').then(() => document.fonts.ready).then(() => 0)")
            yield Browser(page)
        finally:
            chromium.close()
