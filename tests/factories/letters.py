"""Letters of the world at every stage, made through the services as the edges do."""

from datetime import date
from typing import Any
from uuid import UUID

from crypto.timestamps import TimeStamper
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import Actor, system_actor
from edms.dispatch.models import OutboundPackage
from edms.dispatch.package import LetterPackage, PackagePart, PackageRecipient
from edms.entities import queries as entities
from edms.letters import body as bodies
from edms.letters import issuing, queries, receiving, service
from edms.letters.attachments import Limits
from edms.letters.checks import AddresseeText, LetterText
from edms.letters.issuing import Issued
from edms.letters.models import Letter
from edms.letters.printing_plan import Printing
from edms.letters.rules import AddresseeRole, Kind, Precedence, Sensitivity
from edms.registry.service import TurnQueue
from tests.factories.world import World

BODY = """تهديكم وزارتنا أطيب تحياتها.

إشارةً إلى كتابكم ذي العدد ت/٤/١٢٨٧ في ٢٠٢٦/٣/١٥، يرجى تزويدنا بالبيانات المطلوبة."""
SUBJECT = "تزويدنا ببيانات المراكز الصحية"


def letter_text(world: World, *, to: tuple[UUID, ...] | None = None, **given: Any) -> LetterText:
    """What an employee of body A writes to body B; every field may be given otherwise."""
    with world.database.read(world.actor("a", "head")) as uow:
        signer = entities.signing_posts(uow, world.entity_a.id)[0].id
    addressees = tuple(AddresseeText(each) for each in (to if to is not None else (world.entity_b.id,)))
    copies = tuple(AddresseeText(each, AddresseeRole.COPY, "للعلم") for each in given.pop("copies", ()))
    values: dict[str, Any] = {
        "kind": Kind.LETTER,
        "subject": SUBJECT,
        "body": bodies.from_markup(given.pop("markup", BODY)),
        "sensitivity": Sensitivity.ORDINARY,
        "precedence": Precedence.ORDINARY,
        "signer_post_id": signer,
    }
    return LetterText(addressees=addressees + copies, **(values | given))


def drafted(world: World, *, by: Actor | None = None, files: dict[str, bytes] | None = None, **given: Any) -> UUID:
    """A draft of body A's employee, with attachments."""
    with world.database.work(by or world.actor("a", "employee")) as uow:
        letter = service.draft(uow, letter_text(world, **given))
        limits = world.parts[Limits]
        for name, data in (files or {}).items():
            service.attach(uow, letter.id, name, data, limits=limits, store=world.store, keys=world.keyring)
        return letter.id


def submitted(world: World, *, by: Actor | None = None, **given: Any) -> UUID:
    """A letter that waits for the head's signature."""
    letter_id = drafted(world, by=by, **given)
    with world.database.work(by or world.actor("a", "employee")) as uow:
        service.submit(uow, letter_id)
    return letter_id


def signed(world: World, **given: Any) -> UUID:
    """A letter that the head has signed."""
    letter_id = submitted(world, **given)
    with world.database.work(world.actor("a", "head")) as uow:
        service.sign(uow, letter_id, keys=world.keyring)
    return letter_id


def issued(world: World, **given: Any) -> Issued:
    """A letter that body A has numbered and sealed."""
    return issue(world, signed(world, **given))


def issue(world: World, letter_id: UUID, by: Actor | None = None) -> Issued:
    """Number and seal a signed letter."""
    return issuing.issue(
        world.database,
        by or world.actor("a", "head"),
        letter_id,
        turns=world.parts[TurnQueue],
        store=world.parts[ContentStore],
        keys=world.keyring,
        printing=world.parts[Printing],
        stamper=world.parts[TimeStamper],
    )


def package_of(world: World, letter_id: UUID) -> tuple[LetterPackage, list[UUID]]:
    """What leaves for the addressees of an issued letter, and its stored files, without going over the wire."""
    operator = system_actor("operator")
    with world.database.read(operator) as uow:
        letter = uow.session.get_one(Letter, letter_id)
        meta = uow.session.get_one(OutboundPackage, letter.package_id).meta
        files = [UUID(part["file_id"]) for part in meta["parts"]]
        parts = tuple(
            PackagePart(
                part["role"],
                part["name"],
                part["media_type"],
                part["size"],
                part["sha256"],
                content.read(uow, file_id, entity_id=letter.entity_id, store=world.store, keys=world.keyring),
            )
            for part, file_id in zip(meta["parts"], files, strict=True)
        )
        assert letter.package_id is not None
        fields = {
            name: meta[name]
            for name in (
                "document_code",
                "number",
                "hijri",
                "sender_code",
                "sender_unit",
                "subject",
                "kind",
                "sensitivity",
                "precedence",
                "verification_code",
                "signer_name",
                "signer_post",
                "signer_code",
                "body_text",
            )
        }
        return LetterPackage(
            package_id=letter.package_id,
            letter_id=letter.id,
            date=date.fromisoformat(meta["date"]),
            parts=parts,
            recipients=tuple(PackageRecipient(*each) for each in meta["recipients"]),
            references=tuple(meta["references"]),
            **fields,
        ), files


def received(world: World, **given: Any) -> UUID:
    """A letter from body A that body B has registered."""
    return receive(world, issued(world, **given).letter_id)


def receive(world: World, letter_id: UUID, into: UUID | None = None) -> UUID:
    """Register an issued letter of body A at body B (or ``into``)."""
    package, files = package_of(world, letter_id)
    receiver = into or world.entity_b.id
    with world.database.work(system_actor("gateway")) as uow:
        for file_id in files:
            content.share(uow, file_id, holder=world.entity_a.id, entities=[receiver], keys=world.keyring)
        letter, _ = receiving.receive(
            uow,
            package,
            entity_id=receiver,
            sender_id=world.entity_a.id,
            files=files,
        )
        return letter.id


def letter(world: World, letter_id: UUID, as_: Actor | None = None) -> Letter:
    """A letter's row as an actor (default: body A's head) finds it."""
    with world.database.read(as_ or world.actor("a", "head")) as uow:
        return queries.letter(uow, letter_id)
