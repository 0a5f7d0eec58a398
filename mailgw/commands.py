"""Arguments of MAIL and RCPT parsed from bytes: the path and the ESMTP parameters that we know."""

import re
from collections.abc import Callable

from mailgw.address import Address, AddressError, parse_path
from mailgw.envelope import Limits, MailParameters, RcptParameters
from mailgw.replies import Reply, reply

_ARGUMENT = re.compile(rb"(<[^<>\x00-\x20\x7f]*>)((?: [^ ]+)*) *\Z")
_KEYWORD = re.compile(r"[A-Z0-9][A-Z0-9-]*\Z")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+\Z")
_ORCPT = re.compile(r"(?:rfc822|utf-8);[!-~\u0080-\uffff]+\Z", re.IGNORECASE)
_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})


class Refused(Exception):
    """The command cannot be taken; ``reply`` is the answer."""

    def __init__(self, answer: Reply) -> None:
        super().__init__(answer.name)
        self.reply = answer


def parse_mail(argument: bytes, limits: Limits, *, auth: bool = False) -> tuple[Address | None, MailParameters]:
    """Return the reverse-path and parameters of ``FROM:<…> …``; raises Refused.

    ``auth`` allows the parameter AUTH, which is checked and not kept: who signed in is known (RFC 4954 §5).
    """
    path, words = _split(argument, b"FROM:", "MAIL FROM:<address>")
    if auth:
        _checked(words, "AUTH", lambda value: value == "<>" or bool(_XTEXT.match(value)))
    params = _mail_parameters(words, limits)
    return _path(path, smtputf8=params.smtputf8), params


def parse_rcpt(argument: bytes, *, smtputf8: bool) -> tuple[Address, RcptParameters]:
    """Return the forward-path and parameters of ``TO:<…> …``; raises Refused."""
    path, words = _split(argument, b"TO:", "RCPT TO:<address>")
    params = _rcpt_parameters(words)
    address = _path(path, smtputf8=smtputf8)
    if address is None:
        raise Refused(reply("smtp.address-syntax"))
    return address, params


def _split(argument: bytes, keyword: bytes, usage: str) -> tuple[bytes, dict[str, str | None]]:
    if argument[: len(keyword)].upper() != keyword:
        raise Refused(reply("smtp.syntax", usage=usage))
    rest = argument[len(keyword) :].removeprefix(b" ")
    match = _ARGUMENT.match(rest)
    if not match:
        raise Refused(reply("smtp.address-syntax"))
    words: dict[str, str | None] = {}
    for word in match[2].split():
        name, equals, value = word.decode("utf-8", "replace").partition("=")
        name = name.upper()
        if not _KEYWORD.match(name) or name in words:
            raise Refused(reply("smtp.syntax", usage=usage))
        words[name] = value if equals else None
    return match[1], words


def _path(path: bytes, *, smtputf8: bool) -> Address | None:
    try:
        return parse_path(path, smtputf8=smtputf8)
    except AddressError as error:
        raise Refused(reply(error.code)) from error


def _mail_parameters(words: dict[str, str | None], limits: Limits) -> MailParameters:
    size = _checked(words, "SIZE", lambda value: value.isdecimal() and value.isascii() and len(value) <= 20) or "0"
    if int(size) > limits.message_size:
        raise Refused(reply("smtp.too-big", limit=limits.message_size))
    body = _checked(words, "BODY", lambda value: value.upper() in {"7BIT", "8BITMIME"}) or "7BIT"
    ret = _checked(words, "RET", lambda value: value.upper() in {"FULL", "HDRS"}) or ""
    envid = _checked(words, "ENVID", lambda value: len(value) <= 100 and bool(_XTEXT.match(value))) or ""
    smtputf8 = "SMTPUTF8" in words
    if words.pop("SMTPUTF8", None) is not None:
        raise Refused(reply("smtp.parameter-value", name="SMTPUTF8"))
    _none_left(words)
    return MailParameters(int(size), body.upper(), smtputf8, ret.upper(), envid)


def _rcpt_parameters(words: dict[str, str | None]) -> RcptParameters:
    notify = tuple((_checked(words, "NOTIFY", _valid_notify) or "").upper().split(","))
    orcpt = _checked(words, "ORCPT", lambda value: len(value) <= 500 and bool(_ORCPT.match(value))) or ""
    _none_left(words)
    return RcptParameters(notify if notify != ("",) else (), orcpt)


def _valid_notify(value: str) -> bool:
    words = value.upper().split(",")
    return words == ["NEVER"] or (len(set(words)) == len(words) and _NOTIFY.issuperset(words))


def _checked(words: dict[str, str | None], name: str, valid: Callable[[str], bool]) -> str | None:
    if name not in words:
        return None
    value = words.pop(name)
    if value is None or not valid(value):
        raise Refused(reply("smtp.parameter-value", name=name))
    return value


def _none_left(words: dict[str, str | None]) -> None:
    for name in words:
        raise Refused(reply("smtp.parameter-unknown", name=name))
