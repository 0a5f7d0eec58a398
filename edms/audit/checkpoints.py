"""The follower of the log that grows its tree and signs how it stands, as long as the witness agrees."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final

from sqlalchemy import select

from crypto.checkpoints import TreeHead, opened, signed
from crypto.errors import CryptoError
from crypto.merkle import Tree, consistency_spans, leaf_hash, unpacked
from edms.audit import log_keys, witness
from edms.audit.log_seal import LogSeal
from edms.audit.models import Checkpoint, Event
from edms.audit.queries import last_seq, latest_checkpoint
from edms.audit.rules import CHECK_LOG, LOG_KEY
from edms.audit.service import record
from edms.audit.tiles import TreeReader
from edms.audit.witness_client import cosignatures
from edms.core.actor import Actor, system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, Invalid

_MOST: Final = 10_000
_WORKER: Final = system_actor("worker")


def follow(database: Database, seal: LogSeal, *, now: bool = False) -> int:
    """Sign a checkpoint if one is due (or ``now``) and return how many entries it takes in, 10,000 at most.

    Reads the entries after the last checkpoint and no others. The witness gets the checkpoint first, so that the
    database never holds one that it does not know. Raises Conflict ``audit.checkpoint-broken``, ``audit.log-shorter``,
    ``audit.log-gap``, ``audit.behind-witness``, ``audit.unlike-witness`` or ``audit.bad-witness`` instead of signing
    what does not go on from what was signed, or what ``cosignatures`` does; Unavailable ``audit.no-witness``.
    """
    with database.read(_WORKER) as uow:
        last, latest = last_seq(uow), latest_checkpoint(uow)
        size = latest.size if latest else 0
        wait = latest is not None and uow.now - latest.at < seal.plan.interval and last - size < seal.plan.entries
        if last == size or (wait and not now):
            return 0
        if latest is None:
            seal.keys.create(LOG_KEY)
        tree = agreed(uow, seal)
        tree = tree.grown(islice(leaves(uow, tree.size, last), _MOST))
        name, newest_key = log_keys.key_name(uow), seal.chain(uow).newest
    head = TreeHead(seal.origin, tree.size, tree.root())
    note = signed(head, newest_key, partial(seal.keys.sign, name))
    prove = partial(_consistency, database, head.size)
    note += cosignatures(seal.plan.places, note, head, known=size, prove=prove)
    if seal.plan.witness:
        witness.append(seal.plan.witness, note)
    with database.work(_WORKER) as uow:
        log_keys.hold(uow)
        if log_keys.key_name(uow) != name:
            raise Conflict("audit.key-changed")
        uow.session.add(Checkpoint(size=tree.size, root=tree.root(), peaks=tree.packed(), note=note, at=uow.now))
    return tree.size - size


def _consistency(database: Database, size: int, old: int) -> list[bytes]:
    """Return the proof that the log of ``size`` entries goes on from that of ``old``."""
    with database.read(_WORKER) as uow:
        return TreeReader(uow, size).hashes(consistency_spans(old, size)) if old != size else []


def agreed(uow: UnitOfWork, seal: LogSeal) -> Tree:
    """Return the tree that the log grows on from: the last checkpoint's, or the witness's when that is further on.

    Raises Conflict as ``follow`` does when signature, log and witness do not agree. Reads what lies between the two;
    the whole log when the witness is behind, which only happens after it was left out of the settings for a time.
    """
    last, tree = last_seq(uow), _signed_tree(uow, seal)
    if tree.size > last:
        raise Conflict("audit.log-shorter", size=tree.size, last=last)
    if seal.plan.witness is None:
        return tree
    head = witness.last_head(seal.plan.witness, seal.origin, seal.chain(uow))
    if head.size > last:
        raise Conflict("audit.behind-witness", size=head.size, last=last)
    begin = tree if head.size >= tree.size else Tree()
    seen = begin.grown(leaves(uow, begin.size, head.size))
    if seen.root() != head.root:
        raise Conflict("audit.unlike-witness", size=head.size)
    if seen.size >= tree.size:
        return seen
    if seen.grown(leaves(uow, seen.size, tree.size)).root() != tree.root():
        raise Conflict("audit.unlike-witness", size=tree.size)
    return tree


def begin_witness(database: Database, seal: LogSeal, actor: Actor) -> TreeHead:
    """Begin the witness file with a checkpoint made now; that it begins is an event of the log.

    Raises Invalid ``audit.witness-unset``, Conflict ``audit.witness-exists``, Unavailable ``audit.no-witness``.
    """
    path = seal.plan.witness
    if path is None:
        raise Invalid("audit.witness-unset")
    if path.exists():
        raise Conflict("audit.witness-exists", file=str(path))
    with database.work(actor) as uow:
        uow.actor.require(CHECK_LOG)
        record(uow, "audit.witness-begun", "log", None)
    seal_now(database, replace(seal, plan=replace(seal.plan, witness=None)))
    with database.read(actor) as uow:
        head, note = newest(uow, seal)
    witness.begin(path, note)
    return head


def seal_now(database: Database, seal: LogSeal) -> None:
    """Sign checkpoints until none of the entries that are there now is without; raises what ``follow`` does."""
    while follow(database, seal, now=True) >= _MOST:
        continue


def newest(uow: UnitOfWork, seal: LogSeal) -> tuple[TreeHead, str]:
    """Return the last checkpoint and its note; Conflict ``audit.checkpoint-broken``, ``audit.no-checkpoint``."""
    latest = latest_checkpoint(uow)
    if latest is None:
        raise Conflict("audit.no-checkpoint")
    tree = _signed_tree(uow, seal)
    return TreeHead(seal.origin, tree.size, tree.root()), latest.note


def leaves(uow: UnitOfWork, after: int, last: int) -> Iterator[bytes]:
    """Yield the leaf hashes of entries ``after`` + 1 to ``last``; Conflict ``audit.log-gap`` where one is missing."""
    wanted = select(Event.seq, Event.entry).where(Event.seq > after, Event.seq <= last).order_by(Event.seq)
    at = after
    with uow.session.execute(wanted, execution_options={"yield_per": 1000}) as found:  # a reader may stop early
        for seq, entry in found:
            if seq != at + 1:
                break
            yield leaf_hash(entry)
            at = seq
    if at != last:
        raise Conflict("audit.log-gap", seq=at + 1)


def _signed_tree(uow: UnitOfWork, seal: LogSeal) -> Tree:
    """Return the tree of the last checkpoint, whose frontier must be what the log's key signed."""
    latest = latest_checkpoint(uow)
    if latest is None:
        return Tree()
    try:
        tree = unpacked(latest.size, latest.peaks)
        head = opened(latest.note, seal.chain(uow))
    except (CryptoError, Conflict) as error:
        raise Conflict("audit.checkpoint-broken", size=latest.size) from error
    if head != TreeHead(seal.origin, tree.size, tree.root()):
        raise Conflict("audit.checkpoint-broken", size=latest.size)
    return tree
