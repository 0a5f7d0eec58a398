"""Arabic text as search sees it: spelling folded, clitics off, broken plurals joined, references found in any order."""

import gzip
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

VERSION = 1
"""Version of the analysis with its word lists; an index made under another version is rebuilt."""

REGISTRY = "ديوان"
"""The registry office (الديوان) as the name of a mailbox, which every body has."""

_MARKS = [*range(0x0610, 0x061B), *range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06EE), 0x0640, 0x00AD, 0xFEFF]
_INVISIBLE = [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C]
_LETTERS = {
    "أإآٱٲٳ": "ا", "ىیېۍ": "ي", "ةۃہھە": "ه", "کڪگ": "ك", "ؤئ": "ء",
}  # fmt: skip
_FOLD: dict[int, str | None] = dict.fromkeys([*_MARKS, *_INVISIBLE])
_FOLD |= {ord(letter): base for letters, base in _LETTERS.items() for letter in letters}
_DIGITS = {first + value: str(value) for first in (0x0660, 0x06F0) for value in range(10)}
_FOLD |= _DIGITS

_WORD = re.compile(r"[^\W_]+")
_REFERENCE = re.compile(r"[^\W_]+(?:\s?[/\\]\s?[^\W_]+|[-–.][^\W_]+)+")
_ARABIC = re.compile(r"[\u0621-\u064a]+")
_LONGEST = 64  # characters of a word kept; longer runs are noise of extraction
_JOIN = "\ue000"  # private use: joins the parts of a whole reference, can't occur in a word
_LONG_NUMBER = 10  # digits from which a number is a code whose leading zeros count and whose groups are one number

_ARTICLES = ("وبال", "وكال", "ولل", "فبال", "فلل", "اوال", "وال", "فال", "بال", "كال", "لل", "ال")
_PRONOUNS = ("هما", "كما", "ها", "هم", "هن", "كم", "نا", "ه", "ك")
_PLURALS = ("ات", "ون", "ين", "ان")


def fold_digits(text: str) -> str:
    """Return ``text`` with Arabic-Indic and Persian digits as ASCII digits."""
    return text.translate(_DIGITS)


def normalize(text: str) -> str:
    """Return ``text`` lower-cased with one spelling for what readers take for the same word.

    Presentation forms and widths go by NFKC; harakat, tatweel, bidi and zero-width marks are dropped; alef, ya, ta
    marbuta, kaf and hamza carriers are folded; digits become ASCII.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_FOLD)
    return text.lower()


def _number(word: str) -> str:
    """Drop the leading zeros of a short number, so that 045 and 45 are one."""
    return (word.lstrip("0") or "0") if word.isdigit() and len(word) < _LONG_NUMBER else word


def words(text: str) -> list[str]:
    """Return the normalised words and numbers of ``text`` in order, each at most 64 characters."""
    return [_number(word[:_LONGEST]) for word in _WORD.findall(normalize(text))]


def is_stop(term: str) -> bool:
    """Tell whether a normalised word is too common to ask for when the query has others."""
    return term in _lexicon().stop


class _Lexicon(NamedTuple):
    nouns: dict[str, int]  # form without its article -> how often it was seen with one
    plurals: dict[str, str]  # normalised broken plural -> normalised singular
    stop: frozenset[str]  # normalised words too common to ask for

    def noun(self, form: str) -> int:
        """Weigh the evidence that ``form`` is a noun, ta marbuta restored before a pronoun, or before an annexation."""
        weight = self.nouns.get(form, 0)
        if form[-1:] == "ت":
            weight += self.nouns.get(form[:-1] + "ه", 0)
        elif form[-1:] in ("ي", "و") and len(form) >= 5:
            weight = max(weight, self.nouns.get(form[:-1], 0))
        return max(weight, 1 if form in self.plurals else 0)

    def base(self, form: str) -> int:
        """Weigh the evidence that ``form`` is a noun alone or with a pronoun."""
        return max([self.noun(form), *(self.noun(rest) for rest in _without_pronoun(form))])


@cache
def _lexicon() -> _Lexicon:
    """Read the word lists once: about 50,000 forms, 60 ms."""
    folder = files("edms.core") / "data"
    nouns: dict[str, int] = {}
    for line in gzip.decompress((folder / "lexicon-ar.tsv.gz").read_bytes()).decode().splitlines():
        form, _, count = line.partition("\t")
        bare = _without_article(form)
        if bare is not None:
            nouns[bare] = nouns.get(bare, 0) + int(count)
    lines = (folder / "plurals-ar.txt").read_text("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if not line.startswith("#"))
    plurals = {normalize(plural): normalize(singular) for plural, singular in pairs}
    return _Lexicon(nouns, plurals, frozenset((folder / "stopwords.txt").read_text("utf-8").split()))


def _without_article(word: str) -> str | None:
    for article in _ARTICLES:
        if word.startswith(article) and len(word) >= len(article) + 3:
            return word[len(article) :]
    return None


def _without_pronoun(word: str) -> Iterator[str]:
    for pronoun in _PRONOUNS:
        if word.endswith(pronoun) and len(word) >= len(pronoun) + 3:
            yield word[: -len(pronoun)]


def _strip_front(word: str, lexicon: _Lexicon) -> tuple[str, bool]:
    """Take off article and one-letter clitics the lexicon says are not the word's own; tell if an article went."""
    bare = _without_article(word)
    if bare is not None:
        own_lam = "ل" + bare  # of a word that begins with lam, the article's lam is not written a second time
        if word.endswith("لل" + bare) and lexicon.noun(own_lam) > lexicon.noun(bare):
            return own_lam, True
        return bare, True
    for clitics in ("وف", "بلك"):
        if len(word) < 4 or word[0] not in clitics:
            continue
        rest = word[1:]
        weight = lexicon.base(rest)
        if clitics == "وف" and rest[0] in "بلك" and len(rest) >= 4:
            weight = max(weight, lexicon.base(rest[1:]))
        if weight > 2 * lexicon.base(word):
            word = rest
    return word, False


def _strip_back(word: str, lexicon: _Lexicon) -> str:
    """Take off dual, plural, feminine and nisba endings."""
    nouns = lexicon.nouns
    own = nouns.get(word, 0)
    if len(word) >= 6 and word.endswith(("تان", "تين")) and nouns.get(word[:-3] + "ه", 0) > own:
        word = word[:-3]
    elif word.endswith("ات") and nouns.get(word[:-2] + "ه", 0) and len(word) == 4:
        return word[:-2] + "ه"
    elif len(word) >= 6 and word.endswith("يات"):
        return word[:-3]
    elif len(word) >= 5 and word.endswith(_PLURALS) and (word.endswith("ات") or nouns.get(word[:-2], 0) > own / 4):
        word = word[:-2]
    elif len(word) >= 5 and word.endswith("تي") and nouns.get(word[:-2] + "ه", 0) > own:
        word = word[:-2] + "ه"
    if len(word) >= 4 and word[-1] == "ت" and nouns.get(word[:-1] + "ه", 0) > nouns.get(word, 0):
        word = word[:-1] + "ه"
    if len(word) >= 5 and word.endswith("يه"):
        word = word[:-2]
    elif len(word) >= 4 and word[-1] == "ه":
        word = word[:-1]
    return word[:-1] if len(word) >= 5 and word[-1] in "يو" else word


@lru_cache(maxsize=1 << 17)
def stem(word: str) -> str:
    """Return the index term of one word: its light stem, or for a broken plural the stem of its singular.

    A clitic or ending goes only when the lexicon has seen the rest as a noun, so that a word's own letters stay.
    Words that are not Arabic come back normalised.
    """
    word = normalize(word)
    if len(word) < 3 or not _ARABIC.fullmatch(word):
        return word
    lexicon = _lexicon()
    bare, article = (word, False) if word in lexicon.plurals else _strip_front(word, lexicon)
    if not article and bare not in lexicon.plurals:
        own = lexicon.nouns.get(bare, 0)
        bare = next((rest for rest in _without_pronoun(bare) if lexicon.noun(rest) > own), bare)
    bare = lexicon.plurals.get(bare, bare)
    return _strip_back(bare, lexicon) if len(bare) >= 4 else bare


def analyze(text: str) -> list[str]:
    """Return the index terms of ``text`` in order, one a word, so that phrases can be asked for."""
    return [stem(word) for word in words(text)]


def split_references(text: str) -> tuple[list[list[str]], str]:
    """Return the parts of each reference in ``text`` and the normalised text without them.

    A reference is words joined by / \\ - or . of which one has a digit, such as "B/4/1287".
    """
    found: list[list[str]] = []

    def take(match: re.Match[str]) -> str:
        parts = [_number(part) for part in _WORD.findall(match[0])]
        if not any(sign.isdigit() for part in parts for sign in part):
            return match[0]
        found.append(parts)
        return " "

    rest = _REFERENCE.sub(take, normalize(text))
    return found, rest


def whole_reference(parts: list[str]) -> str:
    """Return the one term of a reference whatever the order of its parts (a number grouped by signs is that number)."""
    joined = "".join(parts)
    if joined.isdigit() and len(joined) >= _LONG_NUMBER:
        return joined
    return _JOIN.join(sorted(parts))[: 2 * _LONGEST]


def reference_terms(text: str) -> list[str]:
    """Return the terms by which the references in ``text`` are found: each whole, in any order, then its parts."""
    found, _ = split_references(text)
    wholes = [whole_reference(parts) for parts in found]
    return list(dict.fromkeys([*wholes, *(part for parts in found for part in parts)]))


def edge_ngrams(word: str, shortest: int = 2, longest: int = 7) -> list[str]:
    """Return the beginnings of ``word`` of ``shortest`` to ``longest`` characters."""
    return [word[:size] for size in range(shortest, min(longest, len(word)) + 1)]


def bare(word: str) -> str:
    """Return a normalised word without its article (for what a person types first of a title)."""
    return word[2:] if word.startswith("ال") and len(word) >= 4 else word
