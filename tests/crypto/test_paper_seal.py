"""The seal on paper: what is written reads back, what is not ours is refused, and nothing else ever happens."""

import contextlib
import doctest
import random
from dataclasses import replace
from datetime import date

import cbor2
import pytest
import segno
import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

import crypto.base45
from crypto.base45 import ALPHABET, decode, encode
from crypto.errors import SealInvalid
from crypto.paper_seal import ROOM, SealClaims, fitted, make_seal, plan_seal, read_seal, to_be_signed, verify_seal
from crypto.paper_text import MAGIC, MOST_BYTES, pack, unpack
from tests.shared_data import official_texts

KEY = ec.generate_private_key(ec.SECP256R1())
KEY_ID = bytes.fromhex("0102030405060708")
KEYS = {KEY_ID: KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)}
SUBJECT = "تعميم بشأن ضوابط الدوام الرسمي للموظفين في الدوائر كافة خلال شهر رمضان المبارك"
CLAIMS = SealClaims(
    "100234260001234571", date(2026, 11, 22), bytes(range(16)), SUBJECT, "10023496", ("10023496",) * 3, 2, 0, 12345,
    "م.ن/د/٤/١٢٨٧", recipient_count=12,
)  # fmt: skip


def sign(data: bytes) -> bytes:
    return KEY.sign(data, ec.ECDSA(hashes.SHA256()))


def sealed(claims: SealClaims) -> str:
    return make_seal(claims, sign=sign, key_id=KEY_ID)


def middle(text: str, length: int) -> str:
    start = (len(text) - length) // 2
    return text[start : start + length].strip()


def refusal(text: str, keys: dict[bytes, bytes] = KEYS) -> str:
    with pytest.raises(SealInvalid) as caught:
        verify_seal(text, keys)
    return caught.value.code


def test_the_examples_of_base45_hold() -> None:
    assert doctest.testmod(crypto.base45).failed == 0
    assert [encode(each) for each in (b"AB", b"Hello!!", b"base-45")] == ["BB8", "%69 VD92EX0", "UJCLQE7W581"]
    assert decode("QED8WEX0") == b"ietf!"


@given(st.binary(max_size=60))
def test_base45_reads_back(data: bytes) -> None:
    assert decode(encode(data)) == data


@pytest.mark.parametrize("text", ["GGW", ":::", "A", "AAAA", "a", "ZZ", "é00", ":::A"])
def test_what_is_no_base45_is_refused(text: str) -> None:
    with pytest.raises(SealInvalid):
        decode(text)


def test_the_signed_bytes_are_those_of_the_published_example() -> None:
    """The example of RFC 9052 appendix C.2.1: ES256 by the key "11"."""
    message = cbor2.loads(bytes.fromhex(
        "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c08"
        "3106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36"
    )).value  # fmt: skip
    key = ec.EllipticCurvePublicNumbers(
        0xBAC5B11CAD8F99F9C72B05CF4B9E26D244DC189F745228255A219A86D6A09EFF,
        0x20138BF82DC1B6D562BE0FA54AB7804A3A64B6D72CCFED6B6FB6ED28BBFC117E,
        ec.SECP256R1(),
    ).public_key()
    numbers = int.from_bytes(message[3][:32], "big"), int.from_bytes(message[3][32:], "big")
    key.verify(encode_dss_signature(*numbers), to_be_signed(message[0], message[2]), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(encode_dss_signature(*numbers), to_be_signed(message[0], b"x"), ec.ECDSA(hashes.SHA256()))


def test_a_seal_reads_back_and_is_proven() -> None:
    claims = replace(CLAIMS, text="نرجو التفضل بالاطلاع\nواتخاذ ما يلزم.")
    text = sealed(claims)
    assert text.startswith("AT1:")
    assert set(text) <= set(ALPHABET)
    assert verify_seal(text, KEYS) == claims
    assert (read_seal(text).claims, read_seal(text).key_id) == (claims, KEY_ID)


@pytest.mark.parametrize(("room", "version"), list(zip(ROOM, (12, 16, 20), strict=True)))
def test_the_rooms_are_those_of_the_symbols(room: tuple[float, int], version: int) -> None:
    side, characters = room
    assert [segno.make_qr("A" * n, error="m").version for n in (characters, characters + 1)] == [version, version + 1]
    assert side / (version * 4 + 17 + 8) >= 0.45


def test_most_texts_of_500_letters_fit_into_41_mm_and_of_1000_into_48() -> None:
    unseen = official_texts(10_000)[::5]  # the dictionary was trained on the others
    texts = [text for text in unseen if len(text) > 2200][:60]
    sides = {n: sorted(plan_seal(replace(CLAIMS, text=middle(text, n))) for text in texts) for n in (500, 1000)}
    assert sides[500][len(texts) // 2] <= 41
    assert sides[1000][len(texts) // 2] <= 48
    assert all(side <= 48 for side in sides[500])


def test_a_text_without_room_is_left_out_and_the_subject_shortened() -> None:
    claims, side = fitted(replace(CLAIMS, text=random.Random(1).randbytes(900).hex(), number="م.ن/د/٤/١٢٨٧" * 4))
    assert (claims.text, side) == (None, ROOM[0][0])
    assert claims.subject.endswith("…")
    assert SUBJECT.startswith(claims.subject[:-1])
    assert verify_seal(sealed(claims), KEYS) == claims


def test_the_room_does_not_depend_on_what_a_letter_gets_at_its_issue() -> None:
    for length in range(200, 700, 7):
        claims = replace(CLAIMS, text=SUBJECT * 20, pages=0, number="", status_index=0)
        claims = replace(claims, text=(claims.text or "")[:length])
        assert plan_seal(claims) == plan_seal(
            replace(claims, pages=999, number="م.ن/د/٤/١٢٨٧", status_index=99_999_999)
        )


def test_another_key_and_a_changed_seal_prove_nothing() -> None:
    text = sealed(CLAIMS)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    spki = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert refusal(text, {}) == "crypto.seal-unknown-key"
    assert refusal(text, {KEY_ID: spki}) == "crypto.seal-forged"
    for place in range(4, len(text)):
        changed = text[:place] + ("7" if text[place] != "7" else "8") + text[place + 1 :]
        assert refusal(changed) in {"crypto.seal-broken", "crypto.seal-forged", "crypto.seal-unknown-key"}


@settings(max_examples=150)
@given(st.one_of(st.text(max_size=80), st.binary(max_size=300).map(lambda data: "AT1:" + encode(data))))
def test_nothing_but_our_refusal_comes_of_foreign_symbols(text: str) -> None:
    with pytest.raises(SealInvalid):
        verify_seal(text, KEYS)


def test_other_forms_of_the_same_seal_are_refused() -> None:
    data = decode(sealed(CLAIMS).removeprefix("AT1:"))
    protected, _, payload, signature = cbor2.loads(data).value
    parts = [protected, {}, payload, signature]
    longer = cbor2.loads(payload) | {99: 1}
    for other in (
        cbor2.dumps(parts), b"\xd2" + cbor2.dumps([*parts, 1]),
        b"\xd2\x9f" + b"".join(map(cbor2.dumps, parts)) + b"\xff",
        b"\xd2" + cbor2.dumps([protected, {4: b"x"}, payload, signature]), data + b"\0",
        b"\xd2" + cbor2.dumps([protected, {}, cbor2.dumps(longer, canonical=True), signature]),
        b"\xd2" + cbor2.dumps([cbor2.dumps({1: -7}), {}, payload, signature]),
        b"\xd2" + cbor2.dumps([protected, {}, payload, bytes(64)]),
        b"\xd2" + cbor2.dumps([protected, {}, payload, signature[:63]]),
    ):  # fmt: skip
        assert refusal("AT1:" + encode(other)).startswith("crypto.seal-")
    assert refusal("AT2:" + encode(data)) == "crypto.not-a-seal"
    assert refusal("AT1:" + encode(data) + "0" * 2000) == "crypto.not-a-seal"


@given(st.text(st.characters(codec="utf-8"), max_size=600))
def test_texts_pack_and_unpack(text: str) -> None:
    assert unpack(pack(text)) == text


def test_unpacking_is_bounded_and_raises_nothing_else() -> None:
    with pytest.raises(SealInvalid):
        pack("ا" * MOST_BYTES)
    bomb = zstandard.ZstdCompressor().compress(bytes(50_000_000))
    nameless = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(50_000_000))
    rng = random.Random(1)
    noise = [bytes([1]) + rng.randbytes(rng.randrange(60)) for _ in range(300)]
    damaged = [bytes([*pack(SUBJECT)[:n], 255]) for n in range(1, 40)]
    for data in (b"", b"\x02abc", b"\x01" + bomb[len(MAGIC) :], b"\x01" + nameless[len(MAGIC) :], *noise, *damaged):
        with contextlib.suppress(SealInvalid):  # any other exception fails the test
            assert len(unpack(data).encode()) <= MOST_BYTES


def test_the_published_dictionary_never_changes() -> None:
    packed = bytes.fromhex(PUBLISHED)
    assert unpack(packed) == SUBJECT


PUBLISHED = "0120907d010020d885b1830ffcaf5167077325e3c874cbf665c54dda7a8f66690588dc3be707f7065c5bb88650199dba515cb9180f"
