"""Letterheads of some of the demonstration's bodies, so that its letters look as different as those of a real state."""

from dataclasses import dataclass
from typing import Final

from edms.core.actor import system_actor
from edms.core.database import Database
from edms.demo.bodies import Body
from edms.demo.emblems import Frame, emblem_svg
from edms.entities import queries as entities
from edms.letters import letterheads
from edms.letters.letterheads import LetterheadChange, Look

_OPERATOR: Final = system_actor("operator")
_STATE: Final = ("جمهورية العراق", "Republic of Iraq")


@dataclass(frozen=True, slots=True)
class Dress:
    """How one body of the demonstration looks; ``places`` are where it sits in Arabic and in English."""

    device: str
    frame: Frame
    colour: str
    places: tuple[str, str]
    pattern: str = "{mark}/{number}"
    kashida: bool = False


DRESSES: Final[dict[str, Dress]] = {
    "cabinet": Dress("columns", "star", "#7a1f2b", ("بغداد – المنطقة الحكومية", "Baghdad, Government Zone")),
    "moi": Dress("shield", "wreath", "#1f3b6d", ("بغداد – شارع الستين", "Baghdad, Sixty Street"), "{mark}/٤/{number}"),
    "mod": Dress("shield", "star", "#2f4a2c", ("بغداد – باب المعظم", "Baghdad, Bab Al-Muadham")),
    "mofa": Dress("globe", "seal", "#14506b", ("بغداد – الصالحية", "Baghdad, Salhiya")),
    "mof": Dress("coins", "seal", "#5a4212", ("بغداد – شارع الجمهورية", "Baghdad, Jumhuriya Street")),
    "oil": Dress("derrick", "wreath", "#3d3a36", ("بغداد – شارع فلسطين", "Baghdad, Palestine Street")),
    "mop": Dress("columns", "seal", "#0d4c42", ("بغداد – الكرادة", "Baghdad, Karrada"), "{mark}/د/٤/{number}"),
    "moe": Dress("book", "wreath", "#0b4a8f", ("بغداد – الوزيرية", "Baghdad, Waziriya"), kashida=True),
    "moh": Dress("staff", "wreath", "#0a5f63", ("بغداد – باب المعظم", "Baghdad, Bab Al-Muadham")),
    "moj": Dress("scales", "star", "#4b2a63", ("بغداد – حي القادسية", "Baghdad, Qadisiya")),
    "moa": Dress("wheat", "wreath", "#2c5a1e", ("بغداد – الكرادة الشرقية", "Baghdad, East Karrada")),
    "mowr": Dress("drop", "seal", "#0f4f7d", ("بغداد – شارع فلسطين", "Baghdad, Palestine Street")),
    "mim": Dress("gear", "star", "#6b2d12", ("بغداد – شارع النضال", "Baghdad, Nidhal Street")),
    "moelc": Dress("bolt", "seal", "#7a3d00", ("بغداد – الجادرية", "Baghdad, Jadriya")),
}


def dress(database: Database, bodies: tuple[Body, ...]) -> int:
    """Give its letterhead to each body that we drew one for and that has none yet; return how many were given."""
    with database.read(_OPERATOR) as uow:
        found = [(body, entities.entity_by_domain(uow, body.mail_domain)) for body in bodies if body.key in DRESSES]
        bare = [(body, each.id) for body, each in found if each and letterheads.look_of(uow, each.id) == Look()]
    for body, entity_id in bare:
        with database.work(_OPERATOR) as uow:
            letterheads.set_letterhead(uow, entity_id, _change(DRESSES[body.key], body))
    return len(bare)


def _change(worn: Dress, body: Body) -> LetterheadChange:
    place_ar, place_en = worn.places
    mail = f"diwan@{body.mail_domain}"
    return LetterheadChange(
        top_ar=_STATE[0],
        top_en=_STATE[1],
        contact_ar=f"{place_ar} – هاتف: ٠٠٠٠ ٠٠٠ – البريد الإلكتروني: {mail}",
        contact_en=f"{place_en} – Tel. 000 0000 – {mail}",
        colour=worn.colour,
        kashida=worn.kashida,
        emblem=emblem_svg(worn.device, worn.frame, worn.colour).encode(),
        pattern=worn.pattern,
    )
