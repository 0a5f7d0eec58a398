"""Three of five officers recover a secret: every three do, no two do, and what was altered says so."""

import base64
import json
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from crypto.errors import KeyUnavailable
from crypto.recovery import (
    Officer,
    OfficerKey,
    make_recovery,
    new_officer,
    note_of,
    open_officer,
    read_officer,
    recover,
)

SECRET = b"what opens the key file" * 40
PASSPHRASES = [f"عبارة الضابط {number} الطويلة".encode() for number in range(6)]


@cache
def made() -> tuple[list[Officer], list[OfficerKey], list[str], str]:
    """Five officers and a stranger, and a recovery file for the five."""
    pairs = [new_officer(f"ضابط {n}", PASSPHRASES[n], memory_kib=64) for n in range(6)]
    keys = [open_officer(text, PASSPHRASES[n]) for n, (_, text) in enumerate(pairs)]
    officers = [read_officer(officer.text()) for officer, _ in pairs]
    return officers, keys, [text for _, text in pairs], make_recovery(officers[:5], SECRET, note={"made": "2026-11-29"})


@pytest.mark.parametrize("chosen", list(combinations(range(5), 3)))
def test_every_three_officers_recover_the_secret(chosen: tuple[int, ...]) -> None:
    _, keys, _, file = made()
    assert recover(file, [keys[one] for one in reversed(chosen)]) == SECRET


@pytest.mark.parametrize("chosen", list(combinations(range(5), 2)))
def test_no_two_officers_recover_anything(chosen: tuple[int, ...]) -> None:
    _, keys, _, file = made()
    two = [keys[one] for one in chosen]
    with pytest.raises(KeyUnavailable, match=r"recovery\.too-few"):
        recover(file, two)
    with pytest.raises(KeyUnavailable, match=r"recovery\.too-few"):
        recover(file, [*two, two[0]])  # the same officer twice is not a third
    with pytest.raises(KeyUnavailable, match=r"recovery\.stranger"):
        recover(file, [*two, keys[5]])


def test_two_shares_open_none_of_the_ten_wraps() -> None:
    """Not for want of asking: with two true shares and any third, each wrap stays closed."""
    from crypto import recovery
    from crypto.encryption import unwrap_key
    from crypto.errors import DecryptionError
    from crypto.recipients import unwrap_with

    _, keys, _, file = made()
    told = json.loads(file)
    number = bytes.fromhex(told["id"])
    shares = [
        unwrap_with(
            keys[one].private, base64.b64decode(told["officers"][one]["share"]),
            recovery._share_context(number, one, keys[one].fingerprint),
        )
        for one in (0, 1)
    ]  # fmt: skip
    assert len(told["wraps"]) == 10
    for chosen in combinations(range(5), 3):
        for third in (bytes(32), shares[0], shares[1]):
            kek = recovery._kek(number, chosen, [*shares, third])
            with pytest.raises(DecryptionError):
                unwrap_key(
                    kek, base64.b64decode(told["wraps"][recovery._set_name(chosen)]),
                    recovery._wrap_context(number, chosen),
                )  # fmt: skip


def altered(change: Any) -> str:
    told = json.loads(made()[3])
    change(told)
    return json.dumps(told)


def _flip(text: str) -> str:
    octets = bytearray(base64.b64decode(text))
    octets[len(octets) // 2] ^= 1
    return base64.b64encode(octets).decode()


CHANGES: dict[str, Any] = {
    "sealed": lambda told: told.update(sealed=_flip(told["sealed"])),
    "note": lambda told: told["note"].update(made="2020-01-01"),
    "name": lambda told: told["officers"][4].update(name="غريب"),
    "wrap": lambda told: told["wraps"].update({"1-2-3": _flip(told["wraps"]["1-2-3"])}),
    "other wrap": lambda told: told["wraps"].update({"3-4-5": _flip(told["wraps"]["3-4-5"])}),
    "wrap gone": lambda told: told["wraps"].pop("1-2-3"),
    "wraps exchanged": lambda told: told["wraps"].update({"1-2-3": told["wraps"]["1-2-4"]}),
    "share": lambda told: told["officers"][0].update(share=_flip(told["officers"][0]["share"])),
    "shares exchanged": lambda told: told["officers"][0].update(share=told["officers"][1]["share"]),
    "share of nobody": lambda told: told["officers"][4].update(share=told["officers"][3]["share"]),
    "id": lambda told: told.update(id="00" * 16),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_altered_file_is_refused(what: str) -> None:
    keys = made()[1]
    with pytest.raises(KeyUnavailable, match=r"recovery\.altered"):
        recover(altered(CHANGES[what]), keys[:3])


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"form": "diwan-recovery/1"}', "x" * 100])
def test_what_is_no_recovery_file_is_refused(text: str) -> None:
    with pytest.raises(KeyUnavailable, match=r"recovery\.not-a-file"):
        recover(text, made()[1][:3])
    with pytest.raises(KeyUnavailable, match=r"recovery\.not-an-officer"):
        read_officer(text)
    with pytest.raises(KeyUnavailable, match=r"recovery\.not-an-officer"):
        open_officer(text, PASSPHRASES[0])


def test_a_wrong_passphrase_opens_no_officers_file() -> None:
    with pytest.raises(KeyUnavailable, match=r"keystore\.wrong-secret"):
        open_officer(made()[2][0], PASSPHRASES[1])
    with pytest.raises(KeyUnavailable, match=r"recovery\.short-passphrase"):
        new_officer("a", b"short", memory_kib=64)


def test_a_recovery_file_takes_five_different_officers() -> None:
    officers = made()[0]
    for wrong in (officers[:4], officers, [*officers[:4], officers[0]]):
        with pytest.raises(KeyUnavailable, match=r"recovery\.five-officers"):
            make_recovery(wrong, SECRET, note={})


def test_the_files_can_be_printed_and_hold_no_secret() -> None:
    officers, keys, texts, file = made()
    for text in (*texts, file, officers[0].text()):
        assert text.isascii() or all(each.isprintable() or each == "\n" for each in text)
        assert base64.b64encode(SECRET)[:40].decode() not in text
    assert all(base64.b64encode(key.private)[:40].decode() not in text for key in keys for text in texts)
    assert note_of(file)["made"] == "2026-11-29"
    assert [one["fingerprint"] for one in note_of(file)["officers"]] == [one.fingerprint for one in officers[:5]]
