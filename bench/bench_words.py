"""Pieces of letters that lost colour and code: is their letter found by its words, and how long does it take?

    python bench/bench_words.py --letters 100000

Letters of the simulator among others of official texts and news, in the index of the large engine; the pieces are read
as the leak desk reads them.
"""

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image

from edms.search.fts5_engine import Fts5Index
from edms.search.index import IndexDocument, SearchHits, SearchQuery
from edms.search.likely import COMMON, ranked
from edms.verification.leak_words import model, read_lines
from tests.leaks import pages
from tests.leaks.channels import BY_NAME
from tests.leaks.fragments import Size, fragment
from tests.leaks.sheets import Sheet
from tests.shared_data import official_texts

WAYS: Final = ("bit300", "bleach200", "monocut200", "monobit300", "copy200", "copy2x200", "copy2xbit300", "photomono")
_LOT: Final = 2000


def paragraphs() -> list[str]:
    """Return distinct paragraphs of official texts that are in none of the letters that leak."""
    found = {part for text in official_texts(10**6) for part in text.split("\n") if 150 < len(part) < 900}
    leaked = {block.text for seed in range(3) for block in pages.written(seed).body if hasattr(block, "text")}
    return sorted(found - leaked)


def others(count: int) -> Iterator[IndexDocument]:
    """Yield letters of three sentences each, drawn from all paragraphs: any two share a sentence now and then."""
    sentences = [one for part in paragraphs() for one in part.split(".") if len(one) > 40]
    rng = random.Random(7)
    for at in range(count):
        yield document(UUID(int=1000 + at), ". ".join(rng.sample(sentences, 3)), at)


def document(number: UUID, body: str, at: int) -> IndexDocument:
    """Return a letter as the index sees it."""
    day = date(2020, 1, 1) + timedelta(days=at % 2000)
    return IndexDocument(number, f"كتاب {at}", body, (str(at),), ("وزارة",), day, "incoming", "letter", 0, ("office",))


def built(index: Fts5Index, count: int) -> None:
    """Index the letters that leak among others."""
    bodies = [" ".join(block.text for block in pages.written(seed).body if hasattr(block, "text")) for seed in range(3)]
    index.write([document(UUID(int=at), body, at) for at, body in enumerate(bodies)], position=1)
    given = others(count - 3)
    while lot := list(itertools.islice(given, _LOT)):
        index.write(lot, position=1)


def main() -> int:
    """Build, read, ask, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--places", type=int, default=3, help="places of each size on each letter and way")
    options = parser.parse_args()
    if model() is None:
        raise SystemExit("no Arabic model: apt-get install tesseract-ocr-ara")
    with tempfile.TemporaryDirectory() as folder:
        index = Fts5Index(Path(folder) / "words", bytes(32))
        built(index, options.letters)

        def holding(phrase: str) -> SearchHits:
            return index.search(SearchQuery(phrase, ("office",), limit=COMMON))

        counts: Counter[tuple[str, str]] = Counter()
        reading, asking = [], []
        for seed, way, size, place in itertools.product(range(3), WAYS, Size, range(options.places)):
            sheet = Sheet(pages.letter(seed).pdf)
            spot = fragment(sheet, size, place)
            if spot is None:
                continue
            picture = Image.fromarray(BY_NAME[way].leak(sheet, seed).cut(spot.box))
            begun = time.perf_counter()
            lines = read_lines(picture)
            read = time.perf_counter()
            found = ranked(lines, holding)
            asking.append(time.perf_counter() - read)
            reading.append(read - begun)
            right = UUID(int=seed) in found[:3]
            counts[size, "found" if right else "other letters alone" if found else "none"] += 1
        print(f"{options.letters:,} letters, {sum(counts.values())} pieces of {len(WAYS)} ways")
        for size in Size:
            told = {kind: counts[size, kind] for kind in ("found", "other letters alone", "none")}
            print(f"{size}: " + ", ".join(f"{kind} {count}" for kind, count in told.items()))
        for name, times in (("reading", sorted(reading)), ("asking", sorted(asking))):
            print(f"{name}: median {times[len(times) // 2]:.2f} s, 95 % {times[len(times) * 19 // 20]:.2f} s, "
                  f"greatest {times[-1]:.2f} s")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
