"""The one place where settings become parts; the web side, the command line and the gateway all start from it."""

from datetime import time, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

from config.settings import Settings
from crypto.certificates import Pointers, read_pem
from crypto.cosignatures import witness_key
from crypto.errors import KeyUnavailable, SignatureInvalid
from crypto.keystore import KeyStore
from crypto.keystore_file import FileKeyStore
from crypto.root_file import RootKey, open_root_file
from crypto.timestamps import StampRoots, TimeStamper
from edms.accounts.rules import LetterKinds, MailServer
from edms.accounts.rules import Limits as AccessLimits
from edms.audit.log_seal import LogSeal
from edms.audit.rules import AuditOffice, LogPlan, WitnessPlace
from edms.content.store import ContentStore, DiskStore
from edms.core.actor import system_actor
from edms.core.calendar import Digits, MonthNames
from edms.core.confinement import hide_memory
from edms.core.database import Database
from edms.core.errors import Unavailable
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.entities.peer_lists import PeerLists
from edms.entities.queries import home
from edms.entities.renewing import RootAccess
from edms.entities.stamping import OwnTimeStamper
from edms.letters.attachments import Limits
from edms.letters.preserving import PreservationPlan
from edms.letters.printing_plan import Printing
from edms.letters.wording import KINDS
from edms.oversight.rules import Thresholds
from edms.registry.service import TurnQueue
from edms.search.indexes import Indexes
from edms.verification.leak_rules import ReadingLimits


def load_judges() -> None:
    """Load what judges messages of others; a program of many threads calls this first (``crypto.asn1_tables``)."""
    import_module("crypto.cms_judging")
    import_module("crypto.remote_timestamps")


def parts_of(settings: Settings) -> Parts:
    """Return the parts of an installation; each is opened on first use, so that `config show` opens none.

    From here on this process can hold keys, so nobody but root may look into its memory.
    """
    hide_memory()
    parts = Parts()
    parts.put(Settings, settings)
    parts.put(TurnQueue, TurnQueue())
    parts.put(ContentStore, DiskStore(settings.content_folder))
    parts.put(
        Limits, Limits(settings.letters.attachment_mb, settings.letters.letter_mb, settings.letters.attachments_max)
    )
    parts.put(AccessLimits, access_limits(settings))
    parts.put(
        PreservationPlan,
        PreservationPlan(
            timedelta(days=settings.letters.archive_after_days), timedelta(days=settings.letters.renew_evidence_days)
        ),
    )
    parts.put(LetterKinds, LetterKinds(KINDS))
    gateway = settings.gateway
    parts.put(MailServer, MailServer(gateway.hostname, gateway.submission_port, gateway.implicit_tls_port))
    parts.put(
        Printing,
        Printing(
            verify_url=f"{settings.public_url}/verify",
            timezone=settings.locale.timezone,
            digits=cast("Digits", settings.locale.digits),
            hijri_adjust=settings.locale.hijri_adjust,
            months=cast("MonthNames", settings.locale.months),
        ),
    )
    parts.offer(KeyStore, lambda: open_key_store(settings))
    pointers = Pointers(f"{settings.public_url}/authority")
    parts.offer(Keyring, lambda: Keyring(parts[KeyStore], pointers=pointers, vault_file=settings.vault_file))
    parts.put(RootAccess, RootAccess(settings.root_file, partial(open_root, settings)))
    told = settings.audit
    parts.put(
        LogPlan,
        LogPlan(
            timedelta(seconds=told.checkpoint_seconds), told.checkpoint_entries, settings.witness_file,
            witness_places(told.witnesses),
        ),
    )  # fmt: skip
    parts.offer(LogSeal, lambda: log_seal(parts))
    parts.put(Thresholds, thresholds(settings))
    parts.put(ReadingLimits, ReadingLimits(settings.worker.trace_seconds, settings.worker.trace_memory_mb))
    parts.put(AuditOffice, AuditOffice(told.office, told.office_sender))
    parts.offer(PeerLists, lambda: PeerLists(parts[Database], parts[Keyring]))
    parts.offer(OwnTimeStamper, lambda: OwnTimeStamper(parts[Database], parts[Keyring]))
    parts.offer(StampRoots, lambda: stamp_roots(settings))
    parts.offer(TimeStamper, lambda: time_stamper(settings, parts))
    parts.offer(
        Indexes,
        lambda: Indexes(
            settings.index_folder, parts[Keyring], engine=settings.index.engine, threshold=settings.index.threshold
        ),
    )
    parts.offer(
        Database,
        lambda: Database(
            settings.database_url,
            sealer=parts[Keyring],
            pool_size=settings.database.pool_size,
            timezone=settings.locale.timezone,
        ),
    )
    return parts


def access_limits(settings: Settings) -> AccessLimits:
    """Return how long sessions live and how often somebody may try to sign in.

    ``login_per_minute`` is the limit of a name from one address; a name from everywhere may be tried four times as
    often, an address may try six times as often, for one name or many.
    """
    told = settings.accounts
    return AccessLimits(
        idle=timedelta(minutes=told.session_idle_minutes),
        absolute=timedelta(hours=told.session_hours),
        pair_per_minute=told.login_per_minute,
        login_per_minute=4 * told.login_per_minute,
        address_per_minute=6 * told.login_per_minute,
    )


def log_seal(parts: Parts) -> LogSeal:
    """Return what seals the log: it is named after the installation's own row."""
    with parts[Database].read(system_actor("operator")) as uow:
        return LogSeal(f"diwan/{home(uow).id}", parts[KeyStore], parts[LogPlan])


def witness_places(text: str) -> tuple[WitnessPlace, ...]:
    """Return the witnesses that the settings name; Unavailable ``core.bad-witness-key`` for a key that is none."""
    words = text.split()
    try:
        return tuple(WitnessPlace(url, witness_key(key)) for url, key in zip(words[::2], words[1::2], strict=True))
    except SignatureInvalid as error:
        raise Unavailable("core.bad-witness-key") from error


def thresholds(settings: Settings) -> Thresholds:
    """Return from where on reading is unusual."""
    told = settings.oversight
    return Thresholds(
        copies=told.copies_a_day, odd=told.odd_acts, opens=time.fromisoformat(told.opens),
        closes=time.fromisoformat(told.closes), working_days=frozenset(told.working_days),
        other_units=told.other_units_a_day, letters=told.letters_quickly, window=timedelta(minutes=told.quick_minutes),
        printers=told.printers,
    )  # fmt: skip


def stamp_roots(settings: Settings) -> StampRoots:
    """Return whom outside time-stamps are believed from: the certificates in ``timestamp.certificate_file``.

    Raises Unavailable ``core.no-stamp-roots`` when the file is named and is none of certificates.
    """
    if not settings.timestamp.certificate_file:
        return StampRoots(())
    try:
        return StampRoots(tuple(read_pem(Path(settings.timestamp.certificate_file).read_bytes())))
    except (OSError, SignatureInvalid) as error:
        raise Unavailable("core.no-stamp-roots", file=settings.timestamp.certificate_file) from error


def time_stamper(settings: Settings, parts: Parts) -> TimeStamper:
    """Return what letters are time-stamped by: the outside authority that the settings name, else our own."""
    told = settings.timestamp
    if told.url:
        from crypto.remote_timestamps import RemoteTimeStamper

        return RemoteTimeStamper(told.url, told.timeout_seconds, parts[StampRoots].roots)
    return parts[OwnTimeStamper]


def open_key_store(settings: Settings) -> KeyStore:
    """Open the token or the sealed key file that the settings name.

    Raises Unavailable ``core.no-token``, ``core.no-installation`` or ``core.keys-sealed``.
    """
    told = settings.keys
    if told.token_module:
        from crypto.keystore_pkcs11 import Pkcs11KeyStore

        lock = settings.run_folder / "token.lock"
        try:
            return Pkcs11KeyStore(Path(told.token_module), token=told.token_label, pin=told.token_pin, lock=lock)
        except KeyUnavailable as error:
            raise Unavailable("core.no-token", token=told.token_label, reason=error.code) from error
    if not settings.keys_file.is_file():
        raise Unavailable("core.no-installation", data=str(settings.data))
    try:
        return FileKeyStore(settings.keys_file, key_secret(settings.keys.passphrase, settings.secret_file))
    except KeyUnavailable as error:
        raise Unavailable("core.keys-sealed", file=str(settings.keys_file)) from error


def open_root(settings: Settings, path: Path, secret: bytes | None) -> RootKey:
    """Open the root's file by ``secret``, else by what opens the key file; Unavailable ``core.root-sealed``."""
    found = key_secret(settings.keys.passphrase, settings.secret_file) if secret is None else secret
    try:
        return open_root_file(path, found)
    except KeyUnavailable as error:
        raise Unavailable("core.root-sealed", file=str(path), reason=error.code) from error


def key_secret(passphrase: str, secret_file: Path) -> bytes:
    """Return what opens the key file: the passphrase, else the secret file's bytes."""
    if passphrase:
        return passphrase.encode()
    try:
        return secret_file.read_bytes()
    except OSError as error:
        raise Unavailable("core.no-secret", file=str(secret_file)) from error
