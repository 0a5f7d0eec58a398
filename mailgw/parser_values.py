"""Values of a parsed message as JSON and back: the reading side believes no field, as the writer read hostile octets.

A dataclass is an object with its fields and its name under ``""``, a tuple an array, octets are base64, identifiers and
times their usual text. Reading follows the types declared by the classes and takes nothing else.
"""

import json
import types
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from crypto.cms_signatures import DetachedSignature
from crypto.pdf_judging import PdfSeal
from edms.dispatch.package import WireMessage

Value = TypeVar("Value")
_Reader = Callable[[Any], Any]
LARGE: Final = 1 << 20
WALL_TIMES: Final = 4
_NAME: Final = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What the child is asked of ``size`` octets: who they are from, and the root (DER) that a seal must end at.

    Without ``authority`` no seal or signature is judged. ``seconds`` of processor time end the child, and
    ``WALL_TIMES`` as many by the wall: a busy machine must not make a sound letter unreadable.
    """

    size: int
    seconds: int
    sender_code: str = ""
    authority: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the child found: the message without its parts' octets, a letter's seal, a receipt's signature."""

    message: WireMessage
    seal: PdfSeal | None = None
    signature: DetachedSignature | None = None


def dump(value: object) -> bytes:
    """Return the JSON of a value in UTF-8."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def load(kind: type[Value], octets: bytes) -> Value:
    """Return the value of ``kind`` that the JSON says; raises ValueError for anything else."""
    try:
        value: Value = _reader(cast("Any", kind))(json.loads(octets))
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(kind.__name__) from error
    return value


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    if is_dataclass(value):
        named: dict[str, object] = {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        return {_NAME: type(value).__name__, **named}
    return value


@cache
def _reader(kind: Any) -> _Reader:
    """Return what reads a value of a declared type."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return lambda found: _one_of(inside, found)
    if origin is tuple:
        each = _reader(inside[0])
        return lambda found: tuple(each(one) for one in _exactly(list, found))
    if origin in {Union, types.UnionType}:
        return _of_union(inside)
    return _of_class(kind)


def _of_union(kinds: tuple[Any, ...]) -> _Reader:
    """Return the reader of one of several classes, or of one type that may be None."""
    optional = type(None) in kinds
    plain = [kind for kind in kinds if kind is not type(None)]
    if len(plain) == 1:
        read = _reader(plain[0])
        return lambda found: None if found is None and optional else read(found)
    named = {kind.__name__: _reader(kind) for kind in plain}
    return lambda found: None if found is None and optional else named[found[_NAME]](found)


def _of_class(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    readers = {each.name: _reader(hints[each.name]) for each in fields(kind)}

    def read(found: Any) -> Any:
        if found.keys() - {_NAME} != readers.keys() or found[_NAME] != kind.__name__:
            raise ValueError(kind.__name__)
        return kind(**{name: each(found[name]) for name, each in readers.items()})

    return read


def _exactly(kind: type[Value], found: object) -> Value:
    if type(found) is not kind:
        raise ValueError(kind.__name__)
    return found


def _one_of(allowed: tuple[Any, ...], found: object) -> object:
    if type(found) is not str or found not in allowed:
        raise ValueError(allowed)
    return found


def _text(found: object) -> str:
    text = _exactly(str, found)
    if not text.isascii():
        text.encode("utf-8")  # a lone surrogate could not be stored
    return text


_SIMPLE: Final[dict[Any, _Reader]] = {
    str: _text,
    int: lambda found: _exactly(int, found),
    bool: lambda found: _exactly(bool, found),
    bytes: lambda found: b64decode(_exactly(str, found), validate=True),
    UUID: lambda found: UUID(_exactly(str, found)),
    date: lambda found: date.fromisoformat(_exactly(str, found)),
    datetime: lambda found: datetime.fromisoformat(_exactly(str, found)),
}
