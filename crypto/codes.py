"""Grammar of official codes: digits with ISO 7064 MOD 97-10 check digits, and the public verification code.

Every code is digits only (a scanner types through the keyboard layout, and digits of any script fold to ASCII). Its
kind follows from its length, and of the two kinds with 14 digits from the first one: a unit's entity is never below
100000, a copy number always starts with 0.
"""

import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations

from stdnum import luhn
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

from crypto.errors import BadCode

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_SEPARATORS = frozenset("./-_:\\\u2010\u2011\u2012\u2013\u2014\u2212")
_INVISIBLE = frozenset(
    "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
_LONGEST_TEXT = 80
_EMPLOYEE_STEP, _EMPLOYEE_START, _EMPLOYEES = 38_542_187, 27_182_818, 10**8
_COPIES = 10**11
_VERIFICATION_RANDOM = 19
_VERIFICATION_LENGTH = 20
_LOOKALIKES = str.maketrans("ILO", "110")


class CodeKind(StrEnum):
    """What a code names."""

    ENTITY = "entity"
    UNIT = "unit"
    EMPLOYEE = "employee"
    DOCUMENT = "document"
    COPY = "copy"


_GROUPS: dict[CodeKind, tuple[int, ...]] = {
    CodeKind.ENTITY: (6, 2),
    CodeKind.EMPLOYEE: (8, 2),
    CodeKind.UNIT: (6, 6, 2),
    CodeKind.COPY: (4, 4, 4, 2),
    CodeKind.DOCUMENT: (6, 2, 8, 2),
}


@dataclass(frozen=True, slots=True)
class Code:
    """A code that passed its check digits: ``digits`` in ASCII without separators; ``year`` of a document only."""

    kind: CodeKind
    digits: str
    year: int | None = None

    @property
    def entity(self) -> str | None:
        """The six digits of the entity inside an entity, unit or document code."""
        return None if self.kind in (CodeKind.EMPLOYEE, CodeKind.COPY) else self.digits[:6]

    def __str__(self) -> str:
        """Return the digits grouped by dots."""
        return format_code(self.digits)


def entity_code(serial: int) -> str:
    """Return the 8 digits of the entity number ``serial`` (100000 to 999999, never reused) with its check digits.

    >>> entity_code(100234)
    '10023496'
    """
    return _checked(_entity_digits(str(serial)))


def unit_code(entity_digits6: str, n: int) -> str:
    """Return the 14 digits of unit ``n`` (0 to 999999) of an entity.

    >>> unit_code("100234", 317)
    '10023400031763'
    """
    return _checked(_entity_digits(entity_digits6) + _padded(n, 6))


def employee_code(serial: int) -> str:
    """Return the 10 digits of the employee with national serial ``serial`` (0 to 10**8 - 1), scattered by a bijection.

    Neighbouring serials get far codes, so that a slip which passes the check digits rarely meets a real person.

    >>> employee_code(0), employee_code(1)
    ('2718281829', '6572500587')
    """
    _padded(serial, 8)
    return _checked(_padded((_EMPLOYEE_STEP * serial + _EMPLOYEE_START) % _EMPLOYEES, 8))


def document_code(entity6: str, year: int, serial: int) -> str:
    """Return the 18 digits of a document: entity, two-digit year, the entity's own serial, check digits.

    The check digits are computed over the four-digit year, so that codes of two centuries never coincide.

    >>> document_code("100234", 2026, 12345), document_code("100234", 2126, 12345)
    ('100234260001234571', '100234260001234521')
    """
    if not 1000 <= year <= 9999:
        raise BadCode("codes.out-of-range", value=year)
    entity, number = _entity_digits(entity6), _padded(serial, 8)
    check = mod_97_10.calc_check_digits(f"{entity}{year}{number}")
    return f"{entity}{year % 100:02d}{number}{check}"


def new_copy_number() -> str:
    """Return a random copy number, 12 digits of which the first is 0 (see the module); the caller keeps it unique."""
    return _padded(secrets.randbelow(_COPIES), 12)


def copy_code(number12: int | str) -> str:
    """Return the 14 digits of a copy: its 12-digit number and check digits; raises BadCode unless below 10**11.

    >>> copy_code("048291736502")
    '04829173650212'
    """
    number = int(number12) if isinstance(number12, int) or (number12.isascii() and number12.isdigit()) else -1
    if not 0 <= number < _COPIES:
        raise BadCode("codes.bad-copy-number", value=number12)
    return _checked(_padded(number, 12))


def format_code(digits: str) -> str:
    """Return the digits grouped by dots, the separator that no bidi paragraph reorders.

    >>> format_code("100234260001234571")
    '100234.26.00012345.71'
    """
    kind = _kind_of(digits)
    return ".".join(_split(digits, _GROUPS[kind])) if kind else digits


def parse(text: str, *, year: int | None = None) -> Code:
    """Read a code typed, scanned or pasted in any digit set with any of ``. / - space``, and prove its check digits.

    ``year`` is the current year: a document's century is that one (then the one before, where documents exist; the
    2000s without it). Raises BadCode ``codes.bad-character``, ``.bad-length``, ``.bad-entity``, ``.bad-check``; its
    ``suggestion`` is the reading with groups reversed or two neighbours exchanged, when that one passes.

    >>> parse("100234/26 00012345-71", year=2026).digits
    '100234260001234571'
    >>> parse("71-00012345-26-100234", year=2026)
    Traceback (most recent call last):
    crypto.errors.BadCode: codes.bad-check
    """
    groups = _groups_of(text)
    digits = "".join(groups)
    found = _read(digits, year)
    if isinstance(found, Code):
        return found
    readings = _regrouped(groups) if len(groups) > 1 else _regrouped_by_grammar(digits)
    raise BadCode(found, suggestion=_first_passing(readings, year))


def parse_document(text: str, entity6: str, year: int) -> Code:
    """Read a document code, or its short form ``serial/year-check`` inside the entity ``entity6``; ``year`` is now.

    Raises BadCode like :func:`parse`, and ``codes.not-a-document`` for a code of another kind.

    >>> parse_document("12345/26-71", "100234", 2026).digits
    '100234260001234571'
    """
    groups = _groups_of(text)
    if len(groups) != 3 or sum(map(len, groups)) > 12:
        code = parse(text, year=year)
        if code.kind is not CodeKind.DOCUMENT:
            raise BadCode("codes.not-a-document", kind=code.kind.value)
        return code
    entity = _entity_digits(entity6)
    readings = [_long_form(entity, *order) for order in permutations(groups)]
    found = _read(readings[0], year)
    if isinstance(found, Code):
        return found
    raise BadCode(found, suggestion=_first_passing(readings[1:], year))


def new_verification_code() -> str:
    """Return a fresh public verification code: 19 random characters (95 bits) and one check, in groups of five."""
    body = "".join(secrets.choice(CROCKFORD) for _ in range(_VERIFICATION_RANDOM))
    return _grouped(body + luhn.calc_check_digit(body, CROCKFORD))


def normalize_verification_code(text: str) -> str:
    """Return the one written form of a typed verification code, the form :func:`new_verification_code` gives.

    Folds case, any digit set, I and L to 1, O to 0, separators and invisible marks. Raises BadCode
    ``codes.bad-character``, ``codes.bad-length`` or ``codes.bad-check``.

    >>> normalize_verification_code(" k7qx2 9md4h/tb3zp 8wvnh")
    'K7QX2-9MD4H-TB3ZP-8WVNH'
    """
    typed = "".join(_tokens(text)).replace(" ", "").upper().translate(_LOOKALIKES)
    if not set(typed) <= set(CROCKFORD):
        raise BadCode("codes.bad-character")
    if len(typed) != _VERIFICATION_LENGTH:
        raise BadCode("codes.bad-length", length=len(typed))
    if not luhn.is_valid(typed, CROCKFORD):
        raise BadCode("codes.bad-check")
    return _grouped(typed)


def _grouped(characters: str) -> str:
    return "-".join(_split(characters, (5, 5, 5, 5)))


def _checked(digits: str) -> str:
    return digits + mod_97_10.calc_check_digits(digits)


def _padded(number: int, width: int) -> str:
    if not 0 <= number < 10**width:
        raise BadCode("codes.out-of-range", value=number)
    return f"{number:0{width}d}"


def _entity_digits(text: str) -> str:
    if len(text) != 6 or not (text.isascii() and text.isdigit()) or text[0] == "0":
        raise BadCode("codes.bad-entity", value=text)
    return text


def _split(text: str, sizes: Iterable[int]) -> list[str]:
    parts, start = [], 0
    for size in sizes:
        parts.append(text[start : start + size])
        start += size
    return parts


def _tokens(text: str) -> Iterator[str]:
    """Yield the characters with digits folded to ASCII, every separator as one space, invisible marks dropped."""
    if len(text) > _LONGEST_TEXT:
        raise BadCode("codes.bad-length", length=len(text))
    for character in text:
        value = unicodedata.decimal(character, None)
        if value is not None:
            yield str(value)
        elif character.isspace() or character in _SEPARATORS:
            yield " "
        elif character not in _INVISIBLE:
            yield character


def _groups_of(text: str) -> list[str]:
    groups = "".join(_tokens(text)).split()
    if not all(group.isascii() and group.isdigit() for group in groups):
        raise BadCode("codes.bad-character")
    return groups


def _kind_of(digits: str) -> CodeKind | None:
    if len(digits) == 14:
        return CodeKind.COPY if digits[0] == "0" else CodeKind.UNIT
    return {8: CodeKind.ENTITY, 10: CodeKind.EMPLOYEE, 18: CodeKind.DOCUMENT}.get(len(digits))


def _read(digits: str, year: int | None) -> Code | str:
    """Return the code that these digits are, or the code of the refusal."""
    kind = _kind_of(digits)
    if kind is None:
        return "codes.bad-length"
    if digits[0] == "0" and kind in (CodeKind.ENTITY, CodeKind.DOCUMENT):
        return "codes.bad-entity"
    if kind is not CodeKind.DOCUMENT:
        return Code(kind, digits) if _passes(digits) else "codes.bad-check"
    for century in _centuries(year):
        if _passes(f"{digits[:6]}{century}{digits[6:]}"):
            return Code(kind, digits, century * 100 + int(digits[6:8]))
    return "codes.bad-check"


def _passes(digits: str) -> bool:
    """Say whether the two last digits are the ones that would be given: ``98 - N`` is 02 to 98, never 00, 01 or 99."""
    try:
        return bool(mod_97_10.validate(digits)) and digits[-2:] == mod_97_10.calc_check_digits(digits[:-2])
    except ValidationError:
        return False


def _centuries(year: int | None) -> Sequence[int]:
    """Return the centuries to try: only the current one in the 2000s, which keeps every single slip detected."""
    current = (year or 2000) // 100
    return (current, current - 1) if current > 20 else (current,)


def _orders(count: int) -> Iterator[list[int]]:
    """Yield the orders that groups get exchanged into: all reversed, then each pair of neighbours."""
    yield [*range(count)][::-1]
    for i in range(count - 1):
        yield [*range(i), i + 1, i, *range(i + 2, count)]


def _regrouped(groups: Sequence[str]) -> Iterator[str]:
    """Yield the readings of separated groups put back from each exchanged order."""
    for order in _orders(len(groups)):
        yield "".join(groups[i] for i in order)


def _regrouped_by_grammar(digits: str) -> Iterator[str]:
    """Yield the same readings of digits typed in one go, cut where the grammar of their length has groups."""
    for shape in (shape for shape in _GROUPS.values() if sum(shape) == len(digits)):
        for order in _orders(len(shape)):
            parts = _split(digits, (shape[i] for i in order))
            yield "".join(parts[order.index(i)] for i in range(len(shape)))


def _long_form(entity: str, serial: str, year: str, check: str) -> str:
    """Return 18 digits, or what has a wrong length and never passes."""
    return f"{entity}{year}{serial:0>8}{check}" if len(year) == len(check) == 2 else ""


def _first_passing(readings: Iterable[str], year: int | None) -> str | None:
    found = (_read(reading, year) for reading in readings)
    return next((str(code) for code in found if isinstance(code, Code)), None)
