"""Trains the dictionary of paper seals on official texts and weighs it on others; its peers are plain zstd and zlib.

``python bench/train_paper_dictionary.py [-o FILE]``. A dictionary that was published is never trained again under the
same number: seals on paper can be read only with the very bytes they were written with.
"""

import argparse
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import zstandard

from crypto.paper_text import MAGIC, parameters
from tests.shared_data import official_texts

SIZE = 112 * 1024
PIECE = 1200
LENGTHS = (600, 1000)
TEST_EVERY = 5

PHRASES = (
    "السلام عليكم ورحمة الله وبركاته\nتحية طيبة وبعد،",
    "إشارة إلى كتابكم المرقم ( ) في  / / ٢٠٢٦",
    "نرفق لكم طياً ربطاً نسخة من كتاب وزارة المالية / دائرة الموازنة العامة",
    "نرجو التفضل بالاطلاع واتخاذ ما يلزم وإعلامنا بالنتيجة خلال مدة أقصاها سبعة أيام من تاريخه.",
    "للتفضل بالاطلاع مع التقدير.",
    "يرجى تزويدنا بالمعلومات المطلوبة وفق الجدول المرفق في موعد أقصاه",
    "لاتخاذ ما يلزم وفق الأصول وإعلامنا رجاءً.",
    "تقرر منح الموظف المدرج اسمه في أدناه إجازة اعتيادية لمدة خمسة أيام اعتباراً من",
    "استناداً إلى الصلاحيات المخولة لنا وبناءً على مقتضيات المصلحة العامة تقرر ما يأتي:",
    "تؤيد هذه المديرية صحة صدور الكتاب المرقم والمؤرخ أعلاه الصادر عنا بالرقم والتاريخ المذكورين.",
    "نؤكد كتابنا المرقم في والمتضمن، نرجو الإسراع بالإجابة.",
    "حصلت موافقة السيد الوزير المحترم على ما جاء بمطالعتكم.",
    "مع فائق الشكر والتقدير.\nوتفضلوا بقبول فائق الاحترام.",
    "المديرية العامة للشؤون الإدارية والمالية والقانونية / قسم الموارد البشرية / شعبة الأفراد",
)


def split(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the texts to train on, and every fifth, which no dictionary has seen."""
    return [text for n, text in enumerate(texts) if n % TEST_EVERY], list(texts[::TEST_EVERY])


def train(texts: Sequence[str]) -> bytes:
    """Return the dictionary of some texts, cut into pieces as long as a letter, and of what letters always say."""
    pieces = [text[start : start + PIECE] for text in texts for start in range(0, len(text), PIECE)]
    samples: list[bytes | bytearray | memoryview] = [piece.encode() for piece in pieces if len(piece) > PIECE // 6]
    samples += ["\n".join(PHRASES).encode(), *(phrase.encode() for phrase in PHRASES)] * 4
    return zstandard.train_dictionary(SIZE, samples, k=200, d=8).as_bytes()


def middles(texts: Sequence[str], length: int) -> list[str]:
    """Return ``length`` characters from the middle of each text that has twice as many."""
    starts = ((text, (len(text) - length) // 2) for text in texts if len(text) > 2 * length)
    return [text[start : start + length] for text, start in starts]


def weighed(texts: Sequence[str], pack: Callable[[str], bytes]) -> str:
    """Return median and ninth decile of bytes for each length, and the ratio to plain UTF-8."""
    found = []
    for length in LENGTHS:
        parts = middles(texts, length)
        sizes = sorted(len(pack(part)) for part in parts)
        plain = sorted(len(part.encode()) for part in parts)[len(parts) // 2]
        median, most = sizes[len(sizes) // 2], sizes[len(sizes) * 9 // 10]
        found.append(f"{length:,} characters: {median} B (p90 {most}), {median / plain:.0%} of utf-8")
    return "; ".join(found)


def main() -> None:
    """Train, weigh, and write the dictionary where it is told to."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("-o", "--output", type=Path)
    output: Path | None = given.parse_args().output
    seen, unseen = split(official_texts(10_000))
    dictionary = train(seen)
    trained = zstandard.ZstdCompressionDict(dictionary)
    with_it = zstandard.ZstdCompressor(dict_data=trained, compression_params=parameters())
    without = zstandard.ZstdCompressor(compression_params=parameters())
    lines = {
        f"zstd, this dictionary of {SIZE:,} B": lambda text: with_it.compress(text.encode())[len(MAGIC) :],
        "zstd alone": lambda text: without.compress(text.encode())[len(MAGIC) :],
        "windows-1256 + zlib": lambda text: zlib.compress(text.encode("cp1256", "replace"), 9),
        "utf-8 + zlib": lambda text: zlib.compress(text.encode(), 9),
    }
    sys.stdout.write(f"{len(seen)} texts trained on, {len(unseen)} others weighed\n")
    for name, pack in lines.items():
        sys.stdout.write(f"{name:42} {weighed(unseen, pack)}\n")
    if output:
        output.write_bytes(dictionary)


if __name__ == "__main__":
    main()
