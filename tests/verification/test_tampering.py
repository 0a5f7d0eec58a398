"""No tampering with a sealed letter is ever green; the untouched letter always is, with its evidence or without."""

import random
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from crypto.certificates import Usage, issue_certificate
from crypto.digests import sha256
from crypto.pdf_evidence import extend
from crypto.pdf_signatures import seal_pdf, verify_pdf
from crypto.signatures import new_signing_key, public_of, sign
from crypto.timestamps import TimeStamper
from edms.entities import authority, peers
from edms.entities import queries as entities
from edms.entities import service as entity_service
from edms.entities.models import EntitySeal
from edms.entities.revoking import keep_crl
from edms.entities.sealing import SealInForce
from edms.letters import preserving
from edms.verification import examiner, service
from edms.verification.rules import Answer
from edms.verification.sandbox import Findings
from tests.crypto.stamping import Clock
from tests.crypto.test_pdf_signatures import Authority
from tests.crypto.test_pdf_signatures import authority as fake_authority
from tests.crypto.test_pdf_signatures import letter as bare
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.world import OPERATOR, World
from tests.letters.test_preserving import follow, kept
from tests.verification import forgeries
from tests.verification.forgers import authority_named_like, fake_list, now


@dataclass(frozen=True)
class Judged:
    """What everybody says of a file."""

    genuine: bool
    reasons: tuple[str, ...]
    answer: Answer | None
    level: str = ""


def judged(world: World, pdf: bytes) -> Judged:
    """Ask the examiner and then the register, as the desk does, without a child process."""
    with world.database.read(OPERATOR) as uow:
        trusted, crls = service.roots(uow), peers.crls(uow)
        crls.append(authority.current_crl(uow, keys=world.keyring))
    told = examiner.judge(pdf, [each.ca_certificate for each in trusted], crls=crls)
    if told["kind"] == "not-a-pdf":
        return Judged(False, ("verification.not-a-pdf",), None)
    if told["kind"] != "sealed":
        findings = Findings(told["kind"])
    else:
        moments = {
            name: datetime.fromisoformat(told[name]) if told[name] else None for name in ("signed_at", "stamped_at")
        }
        findings = Findings(**told | moments | {"reasons": tuple(told["reasons"])})
    with world.database.work(OPERATOR) as uow:
        verdict = service.verify_file(uow, pdf, findings, trusted)
    return Judged(findings.genuine, findings.reasons, verdict.answer, findings.level)


def assert_never_green(world: World, pdf: bytes, what: object) -> Judged:
    found = judged(world, pdf)
    assert not found.genuine, what
    assert found.answer is not Answer.AUTHENTIC, what
    return found


@pytest.fixture(scope="module")
def seal(world: World, letter: IssuedLetter) -> SealInForce:
    with world.database.work(OPERATOR) as uow:
        keep_crl(uow, keys=world.keyring)
        return entity_service.ensure_seal(uow, world.entity_a.id, keys=world.keyring)


@pytest.fixture(scope="module")
def evidence(world: World, letter: IssuedLetter) -> tuple[bytes, bytes]:
    """Return the evidence of the letter at B-LT and at B-LTA."""
    follow(world)
    long_term = kept(world, letter.id)[1]
    with world.database.work(OPERATOR) as uow:
        preserving.archive(uow, letter.id)
    follow(world)
    return long_term, kept(world, letter.id)[1]


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory, seal: SealInForce) -> Authority:
    """Return an authority of another key."""
    return fake_authority(tmp_path_factory.mktemp("fake"))


def sealed_by(world: World, seal: SealInForce, pdf: bytes, **given: object) -> bytes:
    values: dict[str, object] = {
        "sign": partial(world.keyring.keys.sign, seal.key_name), "certificate": seal.certificate, "chain": seal.chain,
        "reason": "100001260000000179", "location": seal.entity_code, "when": now(),
        "timestamper": world.parts[TimeStamper],
    }  # fmt: skip
    return seal_pdf(pdf, **values | given).pdf  # type: ignore[arg-type]


# what must stay green


def test_the_untouched_letter_is_green_with_its_evidence_and_without(
    world: World, letter: IssuedLetter, evidence: tuple[bytes, bytes]
) -> None:
    for suffix, level in ((b"", "B-T"), (evidence[0], "B-LT"), (evidence[1], "B-LTA")):
        assert judged(world, letter.pdf + suffix) == Judged(True, (), Answer.AUTHENTIC, level)


# twenty kinds and more of tampering


def test_a_flipped_bit_at_two_hundred_places(world: World, letter: IssuedLetter) -> None:
    chance = random.Random(20261122)
    for place in range(200):
        assert_never_green(world, forgeries.flipped(letter.pdf, chance), place)


def test_a_signers_name_in_capitals(world: World, letter: IssuedLetter) -> None:
    small, capitals = b"home".hex().upper().encode(), b"HOME".hex().upper().encode()
    begin, places = letter.pdf.index(b"/Contents <"), []
    while (begin := letter.pdf.find(small, begin + 1)) >= 0:
        places.append(begin)
    assert len(places) > 8
    for place in places:
        altered = letter.pdf[:place] + capitals + letter.pdf[place + len(capitals) :]
        assert_never_green(world, altered, place)


def test_a_flipped_bit_in_the_evidence(world: World, letter: IssuedLetter, evidence: tuple[bytes, bytes]) -> None:
    chance = random.Random(3)
    for suffix in evidence:
        for place in range(30):
            whole = letter.pdf + forgeries.flipped(suffix, chance)
            assert_never_green(world, whole, (place, len(suffix)))


def test_bytes_and_objects_appended_without_a_table(
    world: World, letter: IssuedLetter, evidence: tuple[bytes, bytes]
) -> None:
    for base in (letter.pdf, letter.pdf + evidence[0], letter.pdf + evidence[1]):
        for number, pdf in enumerate(forgeries.without_table(base)):
            assert_never_green(world, pdf, number)


@pytest.mark.parametrize("kind", forgeries.UPDATES)
def test_an_update_with_a_table(world: World, letter: IssuedLetter, evidence: tuple[bytes, bytes], kind: str) -> None:
    for base in (letter.pdf, letter.pdf + evidence[0], letter.pdf + evidence[1]):
        assert_never_green(world, forgeries.updated(base, forgeries.UPDATES[kind]), kind)


def test_an_update_under_the_evidence(world: World, letter: IssuedLetter, evidence: tuple[bytes, bytes]) -> None:
    """Text is replaced first, and evidence of the forger's own laid over it."""
    changed = forgeries.updated(letter.pdf, forgeries.replace_text)
    stamped = changed + extend(changed, level="T", timestamper=world.parts[TimeStamper])
    assert_never_green(world, stamped, "stamped")


@pytest.mark.parametrize("attack", ["hide", "replace", "hide and replace"])
def test_shadow_attacks(world: World, seal: SealInForce, attack: str) -> None:
    prepared, after = forgeries.shadow(attack)
    sealed = sealed_by(world, seal, prepared)
    assert judged(world, sealed).genuine  # what was sealed was sealed
    assert_never_green(world, after(sealed), attack)


def test_the_signatures_of_two_letters_exchanged(world: World, letter: IssuedLetter) -> None:
    other = issued_letter(world, subject="تحويل مبلغ إلى حساب الوزارة").pdf
    assert_never_green(world, forgeries.with_message(other, forgeries.message_of(letter.pdf)), "into the other")
    assert_never_green(world, forgeries.with_message(letter.pdf, forgeries.message_of(other)), "into the first")


def test_the_signed_ranges_moved(world: World, letter: IssuedLetter) -> None:
    for number, pdf in enumerate(forgeries.wrapped(letter.pdf)):
        assert_never_green(world, pdf, number)


def test_the_signature_removed_or_the_file_saved_anew(world: World, letter: IssuedLetter) -> None:
    assert assert_never_green(world, forgeries.unsigned(letter.pdf), "removed").answer is Answer.UNKNOWN
    assert_never_green(world, forgeries.saved_anew(letter.pdf), "saved anew")


def test_a_second_seal_on_top(world: World, letter: IssuedLetter, fake: Authority) -> None:
    with world.database.work(OPERATOR) as uow:
        theirs = entity_service.ensure_seal(uow, world.entity_b.id, keys=world.keyring)
    over = sealed_by(world, theirs, letter.pdf, field="Second")
    assert "verification.several-seals" in assert_never_green(world, over, "another body").reasons
    assert_never_green(world, fake.seal(letter.pdf, when=now(), field="Second"), "a stranger")


def certified(world: World, usage: Usage, key: bytes, *, days: int = 100, since: timedelta = timedelta(0)) -> bytes:
    """Return a certificate that our own issuing authority gives to a key, naming body A."""
    with world.database.read(OPERATOR) as uow:
        issuing_der, _ = authority.authority_chain(uow)
        home = entities.home(uow)
    return issue_certificate(
        world.keyring.keys, issuing_der, public_key=public_of(key), common_name=world.entity_a.name_ar,
        organization=world.entity_a.name_ar, serial_number_attr=world.entity_a.code, usage=usage,
        not_before=now() - timedelta(minutes=5) - since, days=days, signer=home.issuing_key,
    )  # fmt: skip


def test_an_expired_signer(world: World, letter: IssuedLetter, seal: SealInForce) -> None:
    key = new_signing_key()
    expired = certified(world, "seal", key, days=2, since=timedelta(days=10))
    given = {"sign": partial(sign, key), "certificate": expired}
    late = sealed_by(world, seal, bare(), **given)
    assert assert_never_green(world, late, "expired").reasons == ("verification.expired-signer",)
    backdated = sealed_by(world, seal, bare(), **given, when=now() - timedelta(days=9))
    assert_never_green(world, backdated, "backdated with an honest time-stamp")
    unstamped = sealed_by(world, seal, bare(), **given, when=now() - timedelta(days=9), timestamper=None)
    assert assert_never_green(world, unstamped, "backdated without one").reasons == ("verification.expired-signer",)


def test_a_signer_expired_since_is_proven_by_its_time_stamp(world: World, seal: SealInForce) -> None:
    key = new_signing_key()
    given = {"sign": partial(sign, key), "certificate": certified(world, "seal", key, days=2)}
    with world.database.read(OPERATOR) as uow:
        roots = [entities.home(uow).ca_certificate]

    def at_last(pdf: bytes) -> tuple[bool, tuple[str, ...]]:
        found = verify_pdf(pdf, roots, now=now() + timedelta(days=30))
        assert found is not None
        return found.genuine, found.reasons

    assert at_last(sealed_by(world, seal, bare(), **given)) == (True, ())
    unstamped = sealed_by(world, seal, bare(), **given, timestamper=None)
    assert at_last(unstamped) == (False, ("verification.expired-signer",))
    assert at_last(unstamped + extend(unstamped, level="T", timestamper=world.parts[TimeStamper])) == (True, ())
    wrong = clock_of(world, now() + timedelta(hours=30))
    assert at_last(sealed_by(world, seal, bare(), **given, timestamper=wrong))[1] == ("verification.impossible-time",)


def test_a_revoked_signer(world: World, letter: IssuedLetter) -> None:
    with world.database.work(OPERATOR) as uow:
        theirs = entity_service.ensure_seal(uow, world.entity_b.id, keys=world.keyring)
    earlier, later = (now() + timedelta(seconds=seconds) for seconds in (-20, 20))
    before = sealed_by(world, theirs, bare(), when=earlier, timestamper=clock_of(world, earlier))
    with world.database.work(OPERATOR) as uow:
        row = uow.session.get_one(EntitySeal, theirs.id)
        authority.revoke(uow, row.serial, "keyCompromise")
    after = sealed_by(world, theirs, bare(), when=later, timestamper=clock_of(world, later))
    assert assert_never_green(world, after, "revoked").reasons == ("verification.revoked-signer",)
    backdated = sealed_by(world, theirs, bare(), when=now() - timedelta(days=1), timestamper=None)
    assert assert_never_green(world, backdated, "backdated").reasons == ("verification.revoked-signer",)
    assert judged(world, before).genuine  # its time-stamp proves that it was sealed before


def clock_of(world: World, moment: datetime) -> Clock:
    """Return a time-stamping authority of ours whose clock shows ``moment``."""
    key = new_signing_key()
    with world.database.read(OPERATOR) as uow:
        chain = authority.authority_chain(uow)
        signer = entities.home(uow).issuing_key
    certificate = issue_certificate(
        world.keyring.keys, chain[0], public_key=public_of(key), common_name="clock", organization="clock",
        serial_number_attr=None, usage="tsa", not_before=moment - timedelta(days=1), days=400, signer=signer,
    )  # fmt: skip
    return Clock(key, certificate, chain, moment)


@pytest.mark.parametrize("usage", ["person", "server", "tsa", "ocsp"])
def test_a_certificate_for_another_use(world: World, seal: SealInForce, usage: Usage) -> None:
    key = new_signing_key()
    forged = sealed_by(world, seal, bare(), sign=partial(sign, key), certificate=certified(world, usage, key))
    assert_never_green(world, forged, usage)


def test_fakes_with_our_names(world: World, seal: SealInForce, fake: Authority, tmp_path: Path) -> None:
    with world.database.read(OPERATOR) as uow:
        real_root = entities.home(uow).ca_certificate
    same_name = authority_named_like(real_root, tmp_path)
    for signer in (fake, same_name):
        forged = signer.seal(bare(), when=now())
        assert assert_never_green(world, forged, signer).answer in (Answer.UNKNOWN_KEY, Answer.ALTERED)
    alone = sealed_by(world, seal, bare(), sign=partial(sign, fake.key), certificate=fake.root, chain=[])
    assert_never_green(world, alone, "a root that signs by itself")
    stolen = sealed_by(world, seal, bare(), sign=partial(sign, fake.key))
    assert_never_green(world, stolen, "our certificate, another key")


def test_a_file_cut_at_many_places(world: World, letter: IssuedLetter, evidence: tuple[bytes, bytes]) -> None:
    whole = letter.pdf + evidence[1]
    ends = {len(letter.pdf), len(whole)}
    parts = [at for at in range(0, len(whole), len(whole) // 40) if at not in ends]
    for at in [*parts, len(letter.pdf) - 1, len(letter.pdf) + 1, len(whole) - 1, len(whole) - 7]:
        if letter.pdf + evidence[0] != whole[:at]:
            assert_never_green(world, whole[:at], at)


def test_the_time_stamp_stripped_or_exchanged(world: World, letter: IssuedLetter, fake: Authority) -> None:
    stripped = assert_never_green(world, forgeries.without_token(letter.pdf), "stripped")
    assert "verification.no-time-stamp" in stripped.reasons
    digest = sha256(forgeries.signature_value(letter.pdf))
    foreign = Clock(fake.key, fake.certificate("tsa"), [fake.root], now())
    assert_never_green(world, forgeries.with_token(letter.pdf, foreign.token(digest)), "by a stranger")
    ours = world.parts[TimeStamper]
    assert_never_green(world, forgeries.with_token(letter.pdf, ours.token(sha256(b"another"))), "of another file")
    later = clock_of(world, now() + timedelta(days=3))
    assert_never_green(world, forgeries.with_token(letter.pdf, later.token(digest)), "of another day")


def test_a_renewed_time_stamp_is_another_file(world: World, letter: IssuedLetter) -> None:
    """A token of ours over the same seal proves as much; yet the register knows every byte of its letters."""
    again = world.parts[TimeStamper].token(sha256(forgeries.signature_value(letter.pdf)))
    assert judged(world, forgeries.with_token(letter.pdf, again)).answer is Answer.UNKNOWN


def test_a_weak_digest(world: World, letter: IssuedLetter) -> None:
    assert_never_green(world, forgeries.with_message(letter.pdf, forgeries.weak(forgeries.message_of(letter.pdf))), 1)


def test_a_security_store_poisoned(world: World, letter: IssuedLetter, fake: Authority) -> None:
    ours = world.parts[TimeStamper]
    crl = fake_list(fake)
    for what in (
        {"certificates": [fake.root]}, {"certificates": [fake.certificate()]}, {"crls": [crl]},
    ):  # fmt: skip
        assert_never_green(world, letter.pdf + extend(letter.pdf, level="LT", **what), what)  # type: ignore[arg-type]
        covered = extend(letter.pdf, level="LTA", timestamper=ours, **what)
        assert_never_green(world, letter.pdf + covered, what)


def test_a_stamp_of_a_stranger_behind_the_file(world: World, letter: IssuedLetter, fake: Authority) -> None:
    foreign = Clock(fake.key, fake.certificate("tsa"), [fake.root], now())
    assert_never_green(world, letter.pdf + extend(letter.pdf, level="T", timestamper=foreign), "a stranger's clock")


def test_the_evidence_of_another_letter(world: World, letter: IssuedLetter, evidence: tuple[bytes, bytes]) -> None:
    other = issued_letter(world, subject="كتاب آخر").pdf
    for suffix in evidence:
        assert_never_green(world, other + suffix, len(suffix))
    assert_never_green(world, letter.pdf + evidence[0] + evidence[0], "twice")


# others agree


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig (poppler-utils) is not installed")
def test_pdfsig_agrees_on_a_sample(
    world: World, letter: IssuedLetter, evidence: tuple[bytes, bytes], tmp_path: Path
) -> None:
    def report(pdf: bytes) -> str:
        (tmp_path / "sample.pdf").write_bytes(pdf)
        command = ["pdfsig", "-nocert", str(tmp_path / "sample.pdf")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    for pdf in (letter.pdf, letter.pdf + evidence[0], letter.pdf + evidence[1]):
        assert "Signature is Valid" in report(pdf)
    assert "Total document signed" in report(letter.pdf)
    middle = len(letter.pdf) // 3
    altered = letter.pdf[:middle] + bytes([letter.pdf[middle] ^ 1]) + letter.pdf[middle + 1 :]
    assert "Signature is Valid" not in report(altered)
    assert "Total document signed" not in report(forgeries.updated(letter.pdf, forgeries.replace_text))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_agrees_on_the_message_inside(world: World, letter: IssuedLetter, tmp_path: Path) -> None:
    with world.database.read(OPERATOR) as uow:
        _, root = authority.authority_chain(uow)
    (tmp_path / "root.pem").write_bytes(x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM))
    (tmp_path / "seal.p7s").write_bytes(forgeries.message_of(letter.pdf).dump())
    start, end = forgeries.hole(letter.pdf)
    (tmp_path / "signed").write_bytes(letter.pdf[: start - 1] + letter.pdf[end + 1 :])
    (tmp_path / "altered").write_bytes(letter.pdf[: start - 1] + letter.pdf[end + 1 :] + b" ")

    def verified(name: str) -> bool:
        command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "seal.p7s", "-content", name]
        command += ["-CAfile", "root.pem", "-purpose", "any", "-cades", "-out", "out"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False).returncode == 0

    assert verified("signed")
    assert not verified("altered")
