"""Searching as the signed-in person: what the page and the JSON answer share."""

from edms.search import forms, service
from edms.search.indexes import Indexes
from edms.search.rules import PAGE_SIZE
from edms.web.edge import parts, reading, working
from edms.web.formats import current_locale


def find(asked: forms.Asked, page: int, size: int = PAGE_SIZE) -> service.Results:
    """Search as the signed-in person, and record it when confidential letters were shown."""
    with reading() as uow:
        found = service.search(
            uow, asked.text, indexes=parts()[Indexes], direction=asked.direction, since=asked.since,
            until=asked.until, page=page, size=size, locale=current_locale(),
        )  # fmt: skip
    if found.confidential:
        with working() as uow:
            service.note_found(uow, found)
    return found
