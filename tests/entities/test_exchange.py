"""Two installations telling each other their bodies."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from edms.core.errors import Conflict, Forbidden, Invalid, Unavailable
from edms.entities import exchange, queries, service
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path / "one")


@pytest.fixture
def peer(tmp_path: Path) -> World:
    return make_world(
        tmp_path / "two", name="north", first_serial=200_000, domains=("health.north.example", "schools.north.example")
    )


def told_by(world: World) -> dict[str, Any]:
    with world.database.work(OPERATOR) as uow:
        told: dict[str, Any] = json.loads(json.dumps(exchange.export_installation(uow, keys=world.keyring)))
    return told


def test_peer_is_taken_over_and_updated(world: World, peer: World) -> None:
    told = told_by(peer)
    with world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, told, keys=world.keyring)
    told["gateway"]["port"] = 2526
    told["entities"][1]["name_ar"] = "دائرة صحة الشمال"
    told["entities"][1]["parent"] = told["entities"][0]["code"]
    with world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, told, keys=world.keyring)
    with world.database.read(OPERATOR) as uow:
        found = queries.entity_by_domain(uow, "health.north.example")
        assert found is not None
        assert (found.name_ar, found.code) == ("دائرة صحة الشمال", peer.entity_a.code)
        assert found.parent_id == queries.entity_by_code(uow, peer.centre.code).id
        server = queries.installations(uow)[1]
        assert (server.name, server.gateway_port, server.is_home) == ("north", 2526, False)
        assert queries.count_entities(uow) == 6
    with pytest.raises(Unavailable, match="not-served-here"), world.database.work(OPERATOR) as uow:
        service.ensure_seal(uow, found.id, keys=world.keyring)


def test_clash_with_our_bodies_is_refused_whole(world: World, peer: World) -> None:
    told = told_by(peer)
    told["entities"][0]["code"] = world.entity_a.code
    told["entities"][1]["mail_domain"] = world.entity_b.mail_domain
    told["entities"][2]["mail_domain"] = "not a domain"
    with pytest.raises(Invalid) as refused, world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, told, keys=world.keyring)
    assert [one.code for one in refused.value.problems] == [
        "entities.code-not-theirs", "entities.duplicate-domain", "entities.bad-domain"
    ]  # fmt: skip
    with world.database.read(OPERATOR) as uow:
        assert len(queries.installations(uow)) == 1


def test_own_file_and_another_root_are_conflicts(world: World, peer: World, tmp_path: Path) -> None:
    ours = told_by(world)
    with pytest.raises(Conflict, match="own-installation"), world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, ours, keys=world.keyring)
    told = told_by(peer)
    impostor = make_world(tmp_path / "three", name="north", first_serial=200_000, domains=("x.example", "y.example"))
    with world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, told, keys=world.keyring)
    theirs = told_by(impostor)
    changed = {**told, "root_certificate": theirs["root_certificate"], "authority": theirs["authority"]}
    with pytest.raises(Conflict, match="root-changed"), world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, changed, keys=world.keyring)
    with world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, changed, keys=world.keyring, replace_root=True)


@pytest.mark.parametrize(
    "harm",
    [
        lambda told: [],
        lambda told: {**told, "format": "diwan-installation/9"},
        lambda told: {**told, "gateway": {"host": "h"}},
        lambda told: {**told, "gateway": {"host": "h", "port": 70_000}},
        lambda told: {**told, "root_certificate": "AAAA"},
        lambda told: {**told, "entities": [1]},
        lambda told: {**told, "authority": {**told["authority"], "issuing_certificate": told["root_certificate"]}},
        lambda told: {**told, "authority": {**told["authority"], "crl": "AAAA"}},
        lambda told: {**told, "authority": {**told["authority"], "url": "file:///etc/passwd"}},
        lambda told: {**told, "authority": []},
        lambda told: {**told, "name": ""},
    ],
)
def test_file_of_another_kind_is_refused(world: World, harm: Any) -> None:
    told = {**told_by(world), "name": "other"}
    with pytest.raises(Invalid) as refused, world.database.work(OPERATOR) as uow:
        exchange.import_installation(uow, harm(deepcopy(told)), keys=world.keyring)
    assert refused.value.problems[0].code == "entities.exchange-format"


def test_only_the_operator_exchanges(world: World) -> None:
    with pytest.raises(Forbidden), world.database.work(world.actor("centre", "centre")) as uow:
        exchange.export_installation(uow, keys=world.keyring)
