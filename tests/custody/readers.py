"""Bodies with readers of reserved letters."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import update

from crypto.recovery import new_officer
from edms.core.actor import Actor
from edms.custody import queries, reserving
from edms.custody.reading_keys import keep_escrow, make_key
from edms.custody.shredding import Shredder
from edms.dispatch.models import OutboxItem
from edms.entities.models import Employee
from edms.entities.service import set_clearance
from edms.letters.rules import Sensitivity
from edms.search.indexes import Indexes
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.world import OPERATOR, PASSWORD, World, make_world

SECRET = "مواقع مخازن الطوارئ"
OFFICER = new_officer("مؤتمن الجهة", b"a passphrase of the officer", memory_kib=8192)
PHRASES = {"head": "سبع نخلات على شاطئ الغراف", "registry": "مطر خفيف فوق جسر الأئمة"}


def with_readers(folder: Path, url: str | None = None) -> World:
    """Body A with two persons who may read the highest class and have reading keys, and an escrow key."""
    made = make_world(folder, url)
    with made.database.work(OPERATOR) as uow:
        set_clearance(uow, uow.session.get_one(Employee, person(made, "registry").employee_id), 3)
    for who, phrase in PHRASES.items():
        make_key(made.database, person(made, who), PASSWORD, phrase, phrase)
    with made.database.work(made.actor("a", "administrator")) as uow:
        keep_escrow(uow, made.entity_a.id, OFFICER[0])
    return made


def person(world: World, who: str) -> Actor:
    return replace(world.actor("a", who), clearance=3)


def key_of(world: World, who: str) -> UUID:
    with world.database.read(person(world, who)) as uow:
        found = queries.own_key(uow)
        assert found is not None
        return found.id


def shredder(world: World) -> Shredder:
    return Shredder(world.database, world.store, world.keyring, world.parts[Indexes])


def top_secret(world: World) -> IssuedLetter:
    letter = issued_letter(world, subject=SECRET, sensitivity=Sensitivity.TOP_SECRET)
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(OutboxItem).values(state="delivered"))
    return letter


def reserve(world: World, letter: IssuedLetter, *readers: str) -> None:
    keys = [key_of(world, who) for who in readers or ("head",)]
    reserving.reserve(shredder(world), person(world, "head"), letter.id, keys)


def opened(world: World, who: str, letter: IssuedLetter, phrase: str = "") -> tuple[str, bytes]:
    found = reserving.open_letter(
        world.database, person(world, who), letter.id, phrase or PHRASES[who], store=world.store, keys=world.keyring
    )
    return found.subject, found.sheet
