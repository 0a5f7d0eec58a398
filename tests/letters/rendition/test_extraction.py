"""What a reader that knows nothing of us finds in the text of the printed letters: pdfium, which Chrome uses."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import pytest

from edms.letters.rendition.shaping import has_kashida
from tests.letters.rendition.drawn import Drawn, draw
from tests.letters.rendition.gallery import gallery
from tests.letters.rendition.samples import page_texts

LEAST = 0.93
_WORD = re.compile(r"[\w\u064b-\u065f\u0670\u06d6-\u06ed]+")


@pytest.fixture(scope="module")
def found_texts() -> list[tuple[Drawn, str]]:
    """The gallery without its longest letter, each with the text that pdfium finds."""
    drawn = [draw(letter) for name, letter in gallery().items() if name != "pages-200"]
    return [(letter, "\n".join(page_texts(letter.pdf))) for letter in drawn]


def words(text: str) -> Counter[str]:
    """Return the words and numbers of a text without invisible controls."""
    kept = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return Counter(_WORD.findall(unicodedata.normalize("NFC", kept)))


def tokens(text: str) -> Counter[str]:
    """Return what stands between spaces, punctuation included."""
    return Counter("".join(char for char in text if unicodedata.category(char) != "Cf").split())


def share(found_texts: Sequence[tuple[Drawn, str]], faces: str) -> dict[str, float]:
    """Return the shares of words and tokens that pdfium finds, of the lines whose first typeface begins so."""
    wanted, found = {"words": 0, "tokens": 0}, {"words": 0, "tokens": 0}
    for letter, text in found_texts:
        lines = [line.source for line in letter.lines if line.line.runs[0].face.startswith(faces)]
        for name, counted in (("words", words), ("tokens", tokens)):
            source = counted("\n".join(lines))
            wanted[name] += source.total()
            found[name] += (source & counted(text)).total()
    return {name: found[name] / max(1, wanted[name]) for name in wanted}


@pytest.mark.parametrize("faces", ["", "amiri", "serif"])
def test_pdfium_finds_nearly_all_words(
    found_texts: list[tuple[Drawn, str]], faces: str, record_property: object
) -> None:
    found = share(found_texts, faces)
    assert min(found.values()) >= LEAST, found


def test_only_the_naskh_typeface_is_stretched() -> None:
    assert has_kashida("amiri-bold")
    assert not has_kashida("serif")
