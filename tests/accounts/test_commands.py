"""``diwan entity``, ``installation`` and ``staff`` on a world: JSON shapes, refusals, exit statuses."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from edms.accounts import commands as accounts
from edms.accounts import entry
from edms.core.errors import Conflict, EdmsError, Invalid, NotFound
from edms.entities import commands as entities
from tests.factories.world import World, make_world

GROUPS: dict[str, click.Command] = {str(one.name): one for one in (*entities.commands, *accounts.commands)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def run(world: World, *words: str, stdin: str = "") -> Any:
    """Return what a command printed as JSON, or raise what it refused with."""
    done = CliRunner().invoke(GROUPS[words[0]], [*words[1:], "--json"], obj=world.parts, input=stdin)
    if isinstance(done.exception, EdmsError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_body_is_added_and_listed(world: World) -> None:
    words = ("--name-ar", "وزارة النقل", "--type", "ministry", "--domain", "mot.gov.example", "--parent")
    made = run(world, "entity", "add", *words, world.entity_a.code)
    assert made["name_ar"] == "وزارة النقل"
    listed = run(world, "entity", "list")
    assert made["code"] in [one["code"] for one in listed]
    assert {one["installation"] for one in listed} == {"home"}
    with pytest.raises(Invalid):
        run(world, "entity", "add", *words, world.entity_a.code)


def test_person_is_added_with_a_password_for_one_use(world: World) -> None:
    made = run(
        world, "staff", "add", "--entity", "moh.gov.example", "--unit", "وحدة", "--post", "كاتب", "--name", "سعاد علي",
        "--login", "suad.ali", "--role", "employee", "--role", "registry",
    )  # fmt: skip
    assert made["roles"] == ["employee", "registry"]
    assert entry.enter(world.database, "suad.ali", made["password"], client="t", address="127.0.0.1")
    listed = run(world, "staff", "list", "--entity", world.entity_a.code)
    assert {"employee", "name", "unit", "post", "may_sign", "clearance", "login", "roles", "active"} == set(listed[0])
    run(world, "staff", "password", "suad.ali", "--stdin", stdin="قارب على ضفة دجلة\n")
    assert entry.enter(world.database, "suad.ali", "قارب على ضفة دجلة", client="t", address="127.0.0.1")


def test_unknown_body_is_refused(world: World) -> None:
    with pytest.raises(NotFound, match="unknown-code"):
        run(world, "staff", "list", "--entity", "nobody.example")
    swapped = world.entity_a.code[1] + world.entity_a.code[0] + world.entity_a.code[2:]
    with pytest.raises(NotFound):
        run(world, "staff", "list", "--entity", swapped)


def test_tables_are_imported(world: World, tmp_path: Path) -> None:
    bodies, people = tmp_path / "bodies.csv", tmp_path / "people.csv"
    bodies.write_text(
        "key,name_ar,name_en,type,parent_key,mail_domain,short_mark,valid_from\nx,جامعة,,branch,,x.example,,2020-01-01\n"
    )
    people.write_text("entity,unit,post,name,login,roles,clearance\nx.example,أ,ب,ج,abc,employee,1\n")
    assert run(world, "entity", "import", str(bodies))["imported"] == 1
    assert run(world, "staff", "import", str(people)) == {"imported": 1, "logins": ["abc"]}
    with pytest.raises(Invalid):
        run(world, "staff", "import", str(bodies))


def test_installations_are_exchanged_by_files(world: World, tmp_path: Path) -> None:
    domains = ("h.north.example", "s.north.example")
    peer = make_world(tmp_path / "peer", name="north", first_serial=200_000, domains=domains)
    told = tmp_path / "north.json"
    CliRunner().invoke(GROUPS["installation"], ["export", "-o", str(told)], obj=peer.parts, catch_exceptions=False)
    assert run(world, "installation", "import", str(told)) == {"name": "north", "entities": 3}
    assert [one["name"] for one in run(world, "installation", "list")] == ["home", "north"]
    with pytest.raises(Conflict, match="own-installation"):
        run(peer, "installation", "import", str(told))
    told.write_text("{")
    with pytest.raises(Invalid):
        run(world, "installation", "import", str(told))


def test_body_is_changed_closed_and_opened_again(world: World) -> None:
    told = ("--by-clerk", "--valid-to", "2030-12-31", "--mark", "و.ص.ب")
    made = run(world, "entity", "set", world.entity_a.code, *told)
    assert (made["registers_by_rule"], made["valid_to"], made["short_mark"]) == (False, "2030-12-31", "و.ص.ب")
    assert made["name_ar"] == world.entity_a.name_ar
    assert run(world, "entity", "set", "moh.gov.example", "--reopen", "--by-rule")["valid_to"] is None
    with pytest.raises(Invalid):
        run(world, "entity", "set", world.entity_a.code, "--valid-to", "2001-01-01")


def test_person_gets_and_loses_roles_and_posts(world: World) -> None:
    changed = run(world, "staff", "set", "employee.a", "--role", "registry", "--clearance", "3")
    assert (changed["roles"], changed["clearance"]) == (["registry"], 3)
    run(world, "staff", "assign", "employee.a", "--unit", "الديوان", "--post", "أمين السجل")
    with pytest.raises(Conflict):
        run(world, "staff", "assign", "employee.a", "--unit", "الديوان", "--post", "أمين السجل")
    assert run(world, "staff", "unassign", "employee.a", "--post", "امين السجل")["ended"] == 1
    with pytest.raises(NotFound):
        run(world, "staff", "unassign", "employee.a", "--post", "أمين السجل")


def test_mail_password_is_made_listed_and_taken_away(world: World) -> None:
    made = run(world, "staff", "app-password", "employee.a", "--name", "Thunderbird")
    user = entry.prove(world.database, "employee.a", made["password"], address="10.0.0.1")
    listed = run(world, "staff", "app-password", "employee.a")
    assert listed["password"] is None
    assert [(one["id"], one["name"]) for one in listed["app_passwords"]] == [(str(user.app_password_id), "Thunderbird")]
    assert listed["app_passwords"][0]["last_used"]
    with pytest.raises(NotFound):
        run(world, "staff", "app-password", "employee.b", "--revoke", str(user.app_password_id))
    assert (
        run(world, "staff", "app-password", "employee.a", "--revoke", str(user.app_password_id))["app_passwords"] == []
    )
    with pytest.raises(EdmsError):
        entry.prove(world.database, "employee.a", made["password"], address="10.0.0.1")
