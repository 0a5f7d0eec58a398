"""Keys by which bodies' mail is signed: made once, sealed, changed, told by others."""

from pathlib import Path

import pytest
from sqlalchemy import select

from crypto.dkim_keys import dkim_record, new_dkim_key
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.entities import dkim_keys, queries
from edms.entities.models import DkimKey, Entity, Installation
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def far_body(world: World) -> Entity:
    """Move body B behind a server of its own."""
    with world.database.work(OPERATOR) as uow:
        server = Installation(
            name="far", is_home=False, gateway_host="mail.far.example", gateway_port=25, ca_certificate=b""
        )
        uow.session.add(server)
        uow.flush()
        body = queries.entity(uow, world.entity_b.id)
        body.installation_id = server.id
    return body


def test_keys_are_made_when_first_asked_for_and_kept_sealed(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        assert dkim_keys.held_signing_keys(uow, [world.entity_a.id]) == {}
        made = dkim_keys.signing_keys(uow, world.entity_a.id)
    assert [(key.selector, key.algorithm) for key in made] == [("diwan-1-ed25519", "ed25519"), ("diwan-1-rsa", "rsa")]
    assert {key.domain for key in made} == {world.entity_a.mail_domain}
    with world.database.read(OPERATOR) as uow:
        assert dkim_keys.signing_keys(uow, world.entity_a.id) == made
        sealed = uow.session.scalars(select(DkimKey.private_key_sealed)).all()
    assert all(key.private not in (one or b"") for key in made for one in sealed)


def test_new_keys_sign_and_old_ones_stay_until_they_are_revoked(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        body = queries.entity(uow, world.entity_a.id)
        dkim_keys.signing_keys(uow, body.id)
        dkim_keys.rotate_keys(uow, body)
        assert [key.selector for key in dkim_keys.signing_keys(uow, body.id)] == ["diwan-2-ed25519", "diwan-2-rsa"]
        assert [row.revoked_at for row in dkim_keys.dkim_keys_of(uow, body.id)] == [None] * 4
        dkim_keys.revoke_key(uow, body, "diwan-2-RSA")
        assert [key.selector for key in dkim_keys.signing_keys(uow, body.id)] == ["diwan-2-ed25519", "diwan-1-rsa"]
        with pytest.raises(NotFound, match="unknown-dkim-key"):
            dkim_keys.revoke_key(uow, body, "diwan-2-rsa")


def test_an_owners_key_is_taken_as_told(world: World) -> None:
    _, public = new_dkim_key("rsa")
    record = dkim_record("rsa", public).encode()
    body = far_body(world)
    with world.database.work(OPERATOR) as uow:
        assert dkim_keys.signing_keys(uow, body.id) == ()
        row = dkim_keys.add_key(uow, body, " Mail2026 ", record)
        assert (row.selector, row.algorithm, row.public_key) == ("mail2026", "rsa", public)
        assert dkim_keys.add_key(uow, body, "mail2026", record) is row
        other = dkim_record("rsa", new_dkim_key("rsa")[1]).encode()
        with pytest.raises(Conflict, match="dkim-selector-taken"):
            dkim_keys.add_key(uow, body, "mail2026", other)
        for selector, told in (("a.b", record), ("", record), ("x", b"none")):
            with pytest.raises(Invalid, match="bad-dkim"):
                dkim_keys.add_key(uow, body, selector, told)
        with pytest.raises(Conflict, match="served-elsewhere"):
            dkim_keys.rotate_keys(uow, body)
        with pytest.raises(Conflict, match="served-here"):
            dkim_keys.add_key(uow, queries.entity(uow, world.entity_a.id), "x", record)


def test_only_the_centre_keeps_keys(world: World) -> None:
    with world.database.work(world.actor("a", "administrator")) as uow:
        body = queries.entity(uow, world.entity_a.id)
        with pytest.raises(Forbidden):
            dkim_keys.rotate_keys(uow, body)
        with pytest.raises(Forbidden):
            dkim_keys.revoke_key(uow, body, "x")
