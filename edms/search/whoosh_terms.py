"""Whoosh as we use it: fields of ready terms, the merge rule, one batch applied, a query compiled."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any
from uuid import UUID

from whoosh import columns as whoosh_columns
from whoosh import formats, query, scoring
from whoosh.fields import FieldType, Schema
from whoosh.index import TOC, FileIndex
from whoosh.reading import SegmentReader
from whoosh.writing import SegmentWriter

from edms.search.index import IndexDocument, SearchQuery
from edms.search.terms import Clause, columns, tag
from edms.search.whoosh_storage import MemoryStorage

_DAY = 4  # bytes of the day (proleptic ordinal) before the id in the key column
_KEY = _DAY + 16
_TIER = 4  # this many segments of about one size become one
_LARGEST = 2_000  # documents of a segment that is not merged any more, so that no write waits long
_BOOST = {"subject": 6.0, "names": 3.0, "body": 1.0}
WEIGHTING = scoring.BM25F()


class _Ordered(FieldType):  # type: ignore[misc]  # Whoosh ships no types
    """A field of ready terms with their places, for words and phrases."""

    def __init__(self) -> None:
        super().__init__(formats.Positions(), None, scorable=True)

    def index(self, value: list[str], **_: object) -> Iterator[tuple[bytes, int, float, bytes]]:
        places: dict[str, list[int]] = {}
        for place, term in enumerate(value):
            places.setdefault(term, []).append(place)
        for term, seen in places.items():
            yield term.encode(), len(seen), float(len(seen)), self.format.encode(seen)


class _Set(FieldType):  # type: ignore[misc]  # Whoosh ships no types
    """A field of ready terms without places."""

    def __init__(self, column: whoosh_columns.Column | None = None) -> None:
        super().__init__(formats.Existence(), None, sortable=column)

    def index(self, value: list[str] | bytes, **_: object) -> Iterator[tuple[bytes, int, float, bytes]]:
        for term in [value] if isinstance(value, bytes) else [term.encode() for term in value]:
            yield term, 1, 1.0, b""


SCHEMA = Schema(
    subject=_Ordered(),
    body=_Ordered(),
    names=_Ordered(),
    marks=_Set(),
    tags=_Set(),
    key=_Set(whoosh_columns.FixedBytesColumn(_KEY)),
)


def open_files(storage: MemoryStorage) -> FileIndex:
    """Open the index in ``storage``, making an empty one when there is none."""
    if not storage.files:
        TOC.create(storage, SCHEMA, "MAIN")
    return FileIndex(storage, SCHEMA)


def apply(storage: MemoryStorage, documents: Iterable[IndexDocument], gone: Collection[UUID]) -> None:
    """Remove ``gone`` and the older copies of ``documents``, then add these, as one Whoosh commit in memory."""
    index = open_files(storage)
    ready = list(documents)
    writer = SegmentWriter(index, limitmb=1 << 20)  # never spills to a file
    reader = index.reader()
    for leaf, offset in reader.leaf_readers():
        for id in {*gone, *(document.id for document in ready)}:
            if ("key", id.bytes) in leaf:
                for row in leaf.postings("key", id.bytes).all_ids():
                    writer.delete_document(row + offset)
    reader.close()
    for document in ready:
        terms = columns(document)
        writer.add_document(
            subject=terms.subject,
            body=terms.body,
            names=terms.names,
            marks=terms.marks,
            tags=terms.tags,
            key=document.id.bytes,
            _stored_key=document.day.toordinal().to_bytes(_DAY, "big") + document.id.bytes,
        )
    writer.commit(mergetype=_merge)


def _merge(writer: SegmentWriter, segments: list[Any]) -> list[Any]:
    """Merge small segments when four of one size have come together: each document is written log4(n) times."""
    kept: list[Any] = []
    tiers: dict[int, list[Any]] = {}
    for segment in segments:
        size = segment.doc_count()
        if size == 0:
            continue
        if size >= _LARGEST:
            kept.append(segment)
        else:
            tiers.setdefault((size.bit_length() - 1) // 2, []).append(segment)
    for same in tiers.values():
        if len(same) < _TIER:
            kept += same
            continue
        for segment in same:
            reader = SegmentReader(writer.storage, writer.schema, segment)
            writer.add_reader(reader)
            reader.close()
    return kept


def compile_clauses(asked: Iterable[Clause]) -> query.Query:
    """Return the scored part of a query."""
    return query.And([_condition(clause) for clause in asked])


def _condition(clause: Clause) -> query.Query:
    ways: list[query.Query] = []
    for field, boost in _BOOST.items():
        if len(clause.phrase) == 1:
            ways.append(query.Term(field, clause.phrase[0], boost=boost))
        else:
            ways.append(query.Phrase(field, list(clause.phrase), boost=boost))
    ways += [query.Term("marks", mark, boost=0.5) for mark in clause.marks]
    if clause.parts:
        ways.append(query.And([query.Term("names", part) for part in clause.parts]))
    if clause.beginning:
        ways.append(query.Prefix("marks", clause.beginning))
    return query.Or(ways)


def compile_filter(asked: SearchQuery) -> query.Query:
    """Return the unscored part of a query: rights and direction."""
    rights = query.Or([query.Term("tags", tag("acl", token)) for token in asked.acl])
    if asked.direction is None:
        return rights
    return query.And([rights, query.Term("tags", tag("direction", asked.direction))])
