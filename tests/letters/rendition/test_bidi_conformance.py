"""Unicode's own test files of the Bidirectional Algorithm, every case: our levels and our order of the line.

The files are those of Debian's package unicode-data; CI installs it, and fails where they are missing.
"""

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edms.letters.rendition.bidi import Base, levels, visual_order
from tests.shared_data import missing

_FOLDER: Final = Path("/usr/share/unicode")
_LTR, _RTL, _AUTO = "0", "1", "2"

_OF_CLASS: Final = {
    "L": "a",
    "R": "\u05d0",
    "AL": "\u0627",
    "EN": "0",
    "ES": "+",
    "ET": "%",
    "AN": "\u0661",
    "CS": ",",
    "B": "\u2029",
    "S": "\t",
    "WS": " ",
    "ON": "!",
    "NSM": "\u0300",
    "BN": "\u00ad",
    "LRE": "\u202a",
    "RLE": "\u202b",
    "PDF": "\u202c",
    "LRO": "\u202d",
    "RLO": "\u202e",
    "LRI": "\u2066",
    "RLI": "\u2067",
    "FSI": "\u2068",
    "PDI": "\u2069",
}
_EXPLICIT: Final = frozenset("\u202a\u202b\u202c\u202d\u202e")

# The cases of BidiCharacterTest where ICU 78 differs from Unicode's table, as `code points;base`, by reason.
_KNOWN: Final = {
    # An embedding or override opened or closed between brackets, or between an override and an isolate: ICU pairs
    # brackets, and opens isolates, inside one level run. `directions.clean` drops these five controls from every text.
    "an embedding or override beside a bracket or an isolate": {
        "202E 0061 202A 0062 202C 2066 0063 2069 202A 0064 202C 0065 202C;2",
        "202E 0061 202A 0062 202C 2066 0063 2069 202A 0064 202C 0065 202C;1",
        "202D 05D0 202B 05D1 202C 2068 05D2 2069 202B 05D3 202C 05D4 202C;2",
        "202D 0661 202B 0662 202C 2068 0663 2069 202B 0664 202C 0665 202C;0",
        "202A 05D0 0028 05D1 202C 202D 0029;2",
        "202A 05D0 0028 05D1 202C 202D 0029 202C;2",
        "202B 0061 0028 0062 202C 202E 0029;2",
        "202B 0061 0028 0062 202C 202E 0029 202C;2",
        "202A 202E 0061 202C 0028 05D0 202C 202D 0029 202C;2",
        "202B 202D 05D0 202C 0028 0061 202C 202E 0029 202C;2",
        "202A 202E 0061 202C 0028 005B 05D0 202C 202D 005D 0029 202C;2",
        "202B 202D 05D0 202C 0028 005B 0061 202C 202E 005D 0029 202C;2",
        "202D 0028 202C 202A 05D0 0029 05D1;2",
        "202D 0028 202C 202A 05D0 0029 05D1 202C;2",
        "202E 0028 202C 202B 0061 0029 0062;2",
        "202E 0028 202C 202B 0061 0029 0062 202C;2",
        "202D 202E 0061 202C 0028 202C 202A 05D0 0029 05D1;2",
        "202E 202D 05D0 202C 0028 202C 202B 0061 0029 0062;2",
        "202D 202E 0061 202C 0028 005B 202C 202A 05D0 005D 0029 05D1;2",
        "202E 202D 05D0 202C 0028 005B 202C 202B 0061 005D 0029 0062;2",
    },
    # BD16 stops at 63 open brackets; ICU goes on pairing.
    "sixty-four brackets open at once": {"0061" + " 0028" * 64 + " 0062" + " 0029" * 64 + ";1"},
}


def _rows(name: str) -> Iterator[str]:
    path = _FOLDER / name
    if not path.is_file():
        missing(f"{path} is not there: install Debian's unicode-data")
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                yield line.strip()


def _base(text: str, direction: str) -> Base:
    """Return the direction of a case; P2 and P3 for "auto", which our paragraphs never leave to the first letter."""
    return "rtl" if direction == _RTL or (direction == _AUTO and _first_strong_is_rtl(text)) else "ltr"


def _first_strong_is_rtl(text: str) -> bool:
    depth = 0
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind == "B":
            break
        if kind in {"LRI", "RLI", "FSI"}:
            depth += 1
        elif kind == "PDI":
            depth = max(0, depth - 1)
        elif not depth and kind in {"L", "R", "AL"}:
            return kind != "L"
    return False


def _differs(text: str, direction: str, wanted: list[str], order: list[str]) -> bool:
    found = levels(text, _base(text, direction))
    kept = [index for index, level in enumerate(wanted) if level != "x"]
    if [str(found[index]) for index in kept] != [wanted[index] for index in kept]:
        return True
    shown = visual_order([found[index] for index in kept])
    return [str(kept[place]) for place in shown] != order


def test_every_case_of_the_character_test_stands_in_unicodes_order_but_for_those_named() -> None:
    different, count = set(), 0
    for row in _rows("BidiCharacterTest.txt"):
        points, direction, _, wanted, order = row.split(";")
        text = "".join(chr(int(point, 16)) for point in points.split())
        count += 1
        if _differs(text, direction, wanted.split(), order.split()):
            different.add(f"{points};{direction}")
    assert count > 90_000
    assert different == set().union(*_KNOWN.values())


def test_the_differing_cases_need_controls_that_are_never_set_or_sixty_four_brackets() -> None:
    for case in set().union(*_KNOWN.values()):
        text = "".join(chr(int(point, 16)) for point in case.split(";")[0].split())
        assert _EXPLICIT & set(text) or text.count("(") > 63


def test_every_case_of_the_class_test_stands_in_unicodes_order() -> None:
    wanted: list[str] = []
    order: list[str] = []
    count, different = 0, []
    for row in _rows("BidiTest.txt"):
        if row.startswith("@"):
            name, _, value = row.partition(":")
            wanted = value.split() if name == "@Levels" else wanted
            order = value.split() if name == "@Reorder" else order
            continue
        classes, bits = row.split(";")
        text = "".join([_OF_CLASS[name] for name in classes.split()])
        for bit, direction in ((1, _AUTO), (2, _LTR), (4, _RTL)):
            if int(bits, 16) & bit:
                count += 1
                if _differs(text, direction, wanted, order):
                    different.append((classes, direction))
    assert count > 700_000
    assert different[:20] == []
