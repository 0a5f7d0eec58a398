"""The words of a picture are read well enough to find a letter; what cannot be read is nothing."""

from difflib import SequenceMatcher

import numpy as np
import pytest
from PIL import Image

from edms.core import arabic
from edms.verification import leak_words
from edms.verification.leak_rules import LONGEST_LINE, MOST_LINES
from tests.leaks import pages
from tests.leaks.channels import BY_NAME
from tests.leaks.fragments import Size, fragment
from tests.leaks.sheets import Sheet


def test_the_arabic_model_is_installed() -> None:
    assert leak_words.model() is not None, "apt-get install tesseract-ocr-ara"


@pytest.mark.parametrize("way", ["bit300", "copy2xbit300", "photo"])
def test_most_words_of_an_eighth_of_a_page_are_read(way: str) -> None:
    sheet = Sheet(pages.letter(0).pdf)
    place = fragment(sheet, Size.EIGHTH, 5)
    assert place is not None
    picture = Image.fromarray(BY_NAME[way].leak(sheet, 3).cut(place.box))
    read = [word for line in leak_words.read_lines(picture) for word in arabic.words(line)]
    written = " ".join(block.text for block in pages.written(0).body if hasattr(block, "text"))
    known = set(arabic.words(written))
    right = [word for word in read if word in known]
    assert len(right) >= 25
    assert len(right) >= 0.6 * len(read)
    assert SequenceMatcher(None, right, arabic.words(written)).find_longest_match().size >= 4


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (5000, 40)])
def test_any_picture_is_answered(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    lines = leak_words.read_lines(Image.fromarray(noise))
    assert len(lines) <= MOST_LINES
    assert all(len(line) <= LONGEST_LINE for line in lines)


def test_without_a_model_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak_words, "_reader", lambda: None)
    assert leak_words.read_lines(Image.new("L", (100, 100))) == []
