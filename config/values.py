"""What one setting may hold: kinds, ranges and choices, and the reading of a value from TOML or from a variable."""

import re
from collections.abc import Callable
from dataclasses import dataclass

Value = str | int | float | bool | tuple[int, ...]

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


@dataclass(frozen=True, slots=True)
class Range:
    """A number, or each number of a list, from ``low`` to ``high``, both included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A text that ``fits``; ``expected`` says in words what does."""

    fits: Callable[[str], bool]
    expected: str


@dataclass(frozen=True, slots=True)
class Secret:
    """Never shown; may be read from a file that a ``..._FILE`` variable names."""


SECRET = Secret()


@dataclass(frozen=True, slots=True)
class Spec:
    """One key: its dotted name, the Python type it becomes, and the rules it obeys."""

    key: str
    kind: type
    rules: tuple[object, ...]

    @property
    def variable(self) -> str:
        """The environment variable of this key."""
        return "DIWAN_" + self.key.upper().replace(".", "_")

    @property
    def secret(self) -> bool:
        """Tell whether the value must not be shown."""
        return SECRET in self.rules

    @property
    def expected(self) -> str:
        """Say in words what this key takes."""
        ranges = [rule for rule in self.rules if isinstance(rule, Range)]
        span = f" from {ranges[0].low:g} to {ranges[0].high:g}" if ranges else ""
        for rule in self.rules:
            if isinstance(rule, Choice):
                return "one of " + ", ".join(rule.words)
            if isinstance(rule, Text):
                return rule.expected
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        return words.get(self.kind, "a list of whole numbers") + span

    def shown(self, value: object) -> str:
        """Return ``value`` as it may be printed: secrets masked, an address without its password."""
        if not self.secret or value in ("", None):
            return str(value).lower() if isinstance(value, bool) else _plain(value)
        address = re.fullmatch(r"([a-z0-9+]+://)(?:([^:@/]*)(?::[^@]*)?@)?(.*)", str(value), re.DOTALL)
        if address is None or self.key != "database.url":
            return "********"
        scheme, user, rest = address.groups()
        return (
            f"{scheme}{user}:********@{rest.partition('?')[0]}" if user is not None else scheme + rest.partition("?")[0]
        )


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def from_toml(spec: Spec, raw: object) -> Value:
    """Return the value of a TOML item; raises ValueError when its type or range is wrong."""
    if spec.kind is tuple:
        if not isinstance(raw, list) or not raw or any(type(item) is not int for item in raw):
            raise ValueError(spec.expected)
        return _checked(spec, tuple(raw))
    if spec.kind is float and type(raw) is int:
        raw = float(raw)
    if not isinstance(raw, str | int | float) or type(raw) is not spec.kind:
        raise ValueError(spec.expected)
    return _checked(spec, raw)


def from_text(spec: Spec, raw: str) -> Value:
    """Return the value of a variable's text; raises ValueError when it cannot be read so or is out of range."""
    try:
        return _checked(spec, _parsed(spec.kind, raw))
    except ValueError as error:
        raise ValueError(spec.expected) from error


def _parsed(kind: type, raw: str) -> Value:
    if kind is str:
        return raw
    if kind is bool:
        word = raw.strip().lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(raw)
        return word in _TRUE
    if kind is tuple:
        return tuple(int(item) for item in raw.replace(",", " ").split())
    return int(raw) if kind is int else float(raw)


def _checked(spec: Spec, value: Value) -> Value:
    """Return ``value`` if every rule of the key allows it; raises ValueError."""
    items = value if isinstance(value, tuple) else (value,)
    for rule in spec.rules:
        match rule:
            case Range(low=low, high=high):
                fine = bool(items) and all(low <= float(item) <= high for item in items)
            case Choice(words=words):
                fine = value in words
            case Text(fits=fits):
                fine = fits(str(value))
            case _:
                fine = True
        if not fine:
            raise ValueError(spec.expected)
    return value
