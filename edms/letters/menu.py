"""The letters' part of the side menu: places with counts, capped so that a menu never walks over millions."""

from edms.core.actor import Actor
from edms.letters import queries
from edms.letters.rules import DRAFT, ISSUE, KEEP_TEMPLATES, NUMBERED, READ, State
from edms.registry.rules import SEE_REGISTER, Direction
from edms.web.edge import reading
from edms.web.page import Link, Section

CAP = 100


def letters_menu(actor: Actor, *between: Link) -> tuple[Section, ...]:
    """Return the groups of the menu that lead to letters; ``between`` are links that follow «Incoming»."""
    if not actor.may(READ):
        return (Section("My work", (Link("Templates", "/templates"),)),) if actor.may(KEEP_TEMPLATES) else ()
    outgoing = Direction.OUTGOING
    with reading() as uow:
        unread = queries.count(uow, direction=Direction.INCOMING, states=tuple(NUMBERED), unread=True, cap=CAP)
        drafts = queries.count(uow, direction=outgoing, states=(State.DRAFT,), mine=True, cap=CAP)
        tray = queries.count(uow, direction=outgoing, states=(State.SUBMITTED,), to_sign=True, cap=CAP)
        if actor.may(ISSUE):
            tray += queries.count(uow, direction=outgoing, states=(State.SIGNED,), cap=CAP)
    registry = [Link("Incoming", "/incoming", unread), *between, Link("Outgoing", "/outgoing")]
    if actor.may(SEE_REGISTER):
        registry.append(Link("Daily register", "/register"))
    mine = []
    if actor.may(ISSUE):
        mine.append(Link("Signing tray", "/signing", tray, urgent=True))
    if actor.may(DRAFT):
        mine.append(Link("Drafts", "/drafts", drafts))
    if actor.may(DRAFT) or actor.may(KEEP_TEMPLATES):
        mine.append(Link("Templates", "/templates"))
    sections = [Section("Registry", tuple(registry))]
    if mine:
        sections.append(Section("My work", tuple(mine)))
    return tuple(sections)
