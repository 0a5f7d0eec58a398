"""Who may search, which acts change an index, and the sizes of pages; pure."""

from edms.core.actor import permission

SEARCH = permission("search.search", {"employee", "signatory", "registry", "auditor"})
REINDEX = permission("search.reindex", {"system:operator", "system:worker"})

INDEXED_ACTS = ("letters.issued", "letters.registered", "letters.void", "letters.settled", "letters.destroyed")
"""Acts of the event log after which a letter is indexed again."""

FOLLOWER = "search"
"""The follower's name in the table of cursors."""

PAGE_SIZE = 20
MOST_HITS = 1000
"""Rows of the largest page that may be asked for."""

NOTED_FROM = 2
"""Sensitivity from which finding a letter is itself an event."""
