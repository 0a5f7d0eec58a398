"""The authority: an offline root, certificates that are kept and taken back, renewal and the loss of a key."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select, text, update

from config.settings import load
from crypto.certificates import chain_pem, is_issued_by, load_certificate, public_key_of, serial_of
from crypto.errors import TimestampUnavailable
from crypto.remote_timestamps import RemoteTimeStamper
from crypto.revocation import read_crl
from crypto.root_file import RootKey, new_root_key, open_root_file
from crypto.signatures import new_signing_key, public_of
from crypto.timestamp_tokens import time_of
from crypto.timestamps import TimeStamper
from edms.accounts import keeping as accounts
from edms.accounts.models import Account
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from edms.entities import authority, queries, renewing, revoking, service
from edms.entities.models import Installation, IssuedCertificate
from edms.entities.sealing import key_id_of, trust_list
from edms.entities.stamping import OwnTimeStamper
from edms.wiring import parts_of
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def any_world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def root_of(world: World) -> RootKey:
    return open_root_file(world.settings.root_file, world.settings.secret_file.read_bytes())


def person(world: World, who: str = "head") -> tuple[bytes, tuple[bytes, ...]]:
    actor = world.actor("a", who)
    assert actor.employee_id is not None
    with world.database.work(actor) as uow:
        return authority.person_certificate(uow, actor.employee_id, PUBLIC, keys=world.keyring)


def listed(world: World) -> set[str]:
    with world.database.read(OPERATOR) as uow:
        crl = authority.current_crl(uow, keys=world.keyring)
        return set(read_crl(crl, authority.authority_chain(uow)[0]).revoked)


PUBLIC = public_of(new_signing_key())


def test_the_key_store_has_no_root_and_everything_goes_on_without_its_file(world: World) -> None:
    world.settings.root_file.unlink()
    certificate, (issuing, root) = person(world)
    assert is_issued_by(certificate, issuing)
    assert is_issued_by(issuing, root)
    assert not is_issued_by(certificate, root)
    with world.database.work(world.actor("a", "head")) as uow:
        seal = service.ensure_seal(uow, world.entity_a.id, keys=world.keyring)
    assert seal.key_id == key_id_of(seal.certificate)
    assert b"ca-root" not in world.settings.keys_file.read_bytes()
    with pytest.raises(Exception, match=r"keystore\.unknown-name"):
        world.keys.public_key("ca-root")


def test_certificates_name_their_level_and_where_revocation_is_answered(world: World) -> None:
    parsed = load_certificate(person(world)[0])
    policies = parsed.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert policies[0].policy_identifier.dotted_string.endswith(".4")
    points = parsed.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert points[0].full_name is not None
    assert points[0].full_name[0].value == f"{world.settings.public_url}/authority/crl"
    answers = parsed.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert answers[0].access_location.value == f"{world.settings.public_url}/authority/ocsp"
    usage = parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (True, True, False)


def test_names_of_people_and_bodies_do_not_stand_in_the_database(world: World) -> None:
    certificate, _ = person(world)
    with world.database.read(OPERATOR) as uow:
        for table in ("issued_certificates", "entity_seals"):
            rows = uow.session.execute(text(f"SELECT * FROM {table}")).all()
            stored = b"".join(value for row in rows for value in row if isinstance(value, bytes))
            assert world.entity_a.name_ar.encode() not in stored
        assert certificate not in stored


def test_a_person_keeps_one_certificate_for_a_key_until_it_is_revoked(any_world: World) -> None:
    first, _ = person(any_world)
    assert person(any_world)[0] == first
    with any_world.database.work(OPERATOR) as uow:
        authority.revoke(uow, serial_of(first), "keyCompromise")
    second, _ = person(any_world)
    assert second != first
    assert listed(any_world) == {serial_of(first)}


def test_whoever_leaves_a_body_loses_the_certificate_at_once(any_world: World) -> None:
    first, _ = person(any_world)
    actor = any_world.actor("a", "head")
    assert actor.employee_id is not None
    with any_world.database.work(any_world.actor("a", "administrator")) as uow:
        for held in queries.assignments_of(uow, actor.employee_id, uow.today):
            service.end_assignment(uow, held.id)
    assert listed(any_world) == {serial_of(first)}
    with any_world.database.read(OPERATOR) as uow:
        kept = read_crl(queries.home(uow).crl or b"", authority.authority_chain(uow)[0])
        assert set(kept.revoked) == {serial_of(first)}  # in the same transaction: nobody has to ask first
        row = uow.session.scalars(select(IssuedCertificate).where(IssuedCertificate.revoked_at.is_not(None))).one()
        assert row.reason == "affiliationChanged"


def test_whoever_loses_the_account_loses_the_certificate(world: World) -> None:
    first, _ = person(world)
    with world.database.work(world.actor("a", "administrator")) as uow:
        account = uow.session.scalars(select(Account).where(Account.login == "head.a")).one()
        accounts.disable_account(uow, account.id)
    assert listed(world) == {serial_of(first)}


def test_a_revoked_seal_is_replaced_on_need_by_another_key(any_world: World) -> None:
    with any_world.database.work(any_world.actor("a", "head")) as uow:
        first = service.ensure_seal(uow, any_world.entity_a.id, keys=any_world.keyring)
    with any_world.database.work(OPERATOR) as uow:
        authority.revoke(uow, serial_of(first.certificate), "keyCompromise")
    with any_world.database.work(any_world.actor("a", "head")) as uow:
        second = service.ensure_seal(uow, any_world.entity_a.id, keys=any_world.keyring)
        seals = {one.key_id: one for one in trust_list(uow)}
    assert second.key_name != first.key_name
    assert public_key_of(second.certificate) != public_key_of(first.certificate)
    assert seals[first.key_id].revoked_at is not None
    assert seals[second.key_id].revoked_at is None
    assert seals[second.key_id].entity_code == any_world.entity_a.code
    assert seals[second.key_id].public_key == any_world.keys.public_key(second.key_name)
    assert listed(any_world) == {serial_of(first.certificate)}


def test_wrong_revocations_are_refused_and_change_nothing(world: World) -> None:
    certificate, (issuing, root) = person(world)
    with world.database.work(OPERATOR) as uow:
        with pytest.raises(Invalid, match=r"authority\.bad-reason"):
            authority.revoke(uow, serial_of(certificate), "boredom")
        for unknown in ("00", "xyz", serial_of(issuing), serial_of(root)):
            with pytest.raises(NotFound, match=r"authority\.unknown-serial"):
                authority.revoke(uow, unknown, "superseded")
    with pytest.raises(Forbidden), world.database.work(world.actor("a", "administrator")) as uow:
        authority.revoke(uow, serial_of(certificate), "superseded")
    assert listed(world) == set()
    with world.database.work(OPERATOR) as uow:
        authority.revoke(uow, serial_of(certificate).lower(), "superseded")
        with pytest.raises(Conflict, match=r"authority\.revoked-already"):
            authority.revoke(uow, serial_of(certificate), "superseded")


def test_the_list_is_kept_for_twelve_hours_and_made_anew_after_a_revocation(world: World) -> None:
    certificate, _ = person(world)
    kept = []
    for _ in range(2):
        with world.database.work(OPERATOR) as uow:
            kept.append(revoking.keep_crl(uow, keys=world.keyring))
            issuing = authority.authority_chain(uow)[0]
    assert kept[0] == kept[1]
    found = read_crl(kept[0], issuing)
    assert found.next_update - found.made_at == timedelta(hours=24)
    with world.database.work(OPERATOR) as uow:
        uow.now += timedelta(hours=13)
        later = revoking.keep_crl(uow, keys=world.keyring)
    assert read_crl(later, issuing).made_at >= found.made_at + timedelta(hours=13)
    with world.database.work(OPERATOR) as uow:
        authority.revoke(uow, serial_of(certificate), "superseded")
        assert set(read_crl(revoking.keep_crl(uow, keys=world.keyring), issuing).revoked) == {serial_of(certificate)}


def test_letters_are_stamped_by_our_own_clock_unless_told_otherwise(world: World) -> None:
    stamper = world.parts[TimeStamper]
    assert isinstance(stamper, OwnTimeStamper)
    with world.database.read(OPERATOR) as uow:
        now = uow.now
    assert abs(time_of(stamper.token(bytes(32))) - now) < timedelta(seconds=10)


def test_a_clock_whose_certificate_was_revoked_gives_no_time_until_it_is_certified_again(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        authority.revoke(uow, authority.clock_certificate(uow).serial, "keyCompromise")
    with pytest.raises(TimestampUnavailable, match=r"authority\.no-clock"):
        OwnTimeStamper(world.database, world.keyring).token(bytes(32))
    with world.database.work(OPERATOR) as uow:
        renewing.renew(uow, root=root_of(world), keys=world.keyring)
        assert authority.clock_certificate(uow).key_name == "tsa-2"
    OwnTimeStamper(world.database, world.keyring).token(bytes(32))


def test_renewal_keeps_the_key_so_that_all_that_was_issued_still_holds(any_world: World) -> None:
    certificate, (before, root) = person(any_world)
    with any_world.database.work(OPERATOR) as uow:
        uow.now += timedelta(days=4 * 365)
        renewing.renew(uow, root=root_of(any_world), keys=any_world.keyring)
    with any_world.database.read(OPERATOR) as uow:
        after, same = authority.authority_chain(uow)
    assert same == root
    assert public_key_of(after) == public_key_of(before)
    assert load_certificate(after).not_valid_after_utc > load_certificate(before).not_valid_after_utc
    assert is_issued_by(certificate, after)


def test_another_root_cannot_renew(world: World) -> None:
    with pytest.raises(Conflict, match=r"authority\.wrong-root"), world.database.work(OPERATOR) as uow:
        renewing.renew(uow, root=new_root_key(), keys=world.keyring)


def test_a_lost_issuing_key_is_replaced_and_takes_everything_with_it(any_world: World) -> None:
    certificate, (before, root) = person(any_world)
    with any_world.database.work(any_world.actor("a", "head")) as uow:
        seal = service.ensure_seal(uow, any_world.entity_a.id, keys=any_world.keyring)
    with any_world.database.work(OPERATOR) as uow:
        renewing.renew(uow, root=root_of(any_world), keys=any_world.keyring, replace_key=True)
    with any_world.database.read(OPERATOR) as uow:
        home = queries.home(uow)
        assert home.root_crl is not None
        assert set(read_crl(home.root_crl, root).revoked) == {serial_of(before)}
        after, _ = authority.authority_chain(uow)
    assert public_key_of(after) != public_key_of(before)
    with any_world.database.work(any_world.actor("a", "head")) as uow:
        again = service.ensure_seal(uow, any_world.entity_a.id, keys=any_world.keyring)
    assert again.key_name != seal.key_name
    assert is_issued_by(again.certificate, after)
    assert person(any_world)[0] != certificate
    assert listed(any_world) == set()


def test_an_expired_issuing_authority_issues_nothing(world: World) -> None:
    with pytest.raises(Unavailable, match=r"authority\.issuing-expired"), world.database.work(OPERATOR) as uow:
        uow.now += timedelta(days=6 * 365)
        authority.certify_clock(uow, keys=world.keyring)


def test_an_installation_without_an_authority_says_so(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(Installation).values(issuing_certificate=None))
    with world.database.work(OPERATOR) as uow, pytest.raises(Unavailable, match=r"authority\.no-issuing"):
        service.ensure_seal(uow, world.entity_a.id, keys=world.keyring)
    with pytest.raises(TimestampUnavailable, match=r"authority\.no-issuing"):
        OwnTimeStamper(world.database, world.keyring).token(bytes(32))


def test_settings_name_an_outside_clock(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    with world.database.read(OPERATOR) as uow:
        root = queries.home(uow).ca_certificate
    (tmp_path / "tsa.pem").write_bytes(chain_pem(root))
    told = {
        "DIWAN_DATA": str(tmp_path / "data"), "DIWAN_TIMESTAMP_URL": "http://127.0.0.1:9/tsa",
        "DIWAN_TIMESTAMP_CERTIFICATE_FILE": str(tmp_path / "tsa.pem"),
    }  # fmt: skip
    assert isinstance(parts_of(load(None, told))[TimeStamper], RemoteTimeStamper)
    missing = {**told, "DIWAN_TIMESTAMP_CERTIFICATE_FILE": str(tmp_path / "none.pem")}
    with pytest.raises(Unavailable, match=r"core\.no-stamp-roots"):
        parts_of(load(None, missing))[TimeStamper]
