"""The sections of the settings: one frozen class per concern, each field with the rule that its value obeys."""

from dataclasses import dataclass, field
from typing import Annotated
from zoneinfo import available_timezones

from config.values import SECRET, Choice, Range, Text

Port = Annotated[int, Range(0, 65535)]
Count = Annotated[int, Range(1, 1_000_000)]
Small = Annotated[int, Range(1, 64)]
Megabytes = Annotated[int, Range(1, 500)]
Seconds = Annotated[int, Range(1, 86_400)]
Poll = Annotated[float, Range(0.01, 3600)]
Host = Annotated[str, Text(lambda text: bool(text) and not set(text) & set(" /@"), "a host name or an address")]


def _is_clock_time(text: str) -> bool:
    hours, colon, minutes = text.partition(":")
    shaped = colon and len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()
    return bool(shaped) and int(hours) < 24 and int(minutes) < 60


ClockTime = Annotated[str, Text(_is_clock_time, "a time of day such as 07:30")]


def _is_url(text: str) -> bool:
    return not text or (
        text.startswith(("http://", "https://")) and not set(text) & set(" ?#") and len(text) > len("https://")
    )


def _is_database(text: str) -> bool:
    return not text or text.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://"))


def _is_mailbox(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return bool(local) and "." in domain and len(local) <= 64 and text.isprintable() and not set(text) & set(" <>,;")


def _are_witnesses(text: str) -> bool:
    words = text.split()
    pairs = list(zip(words[::2], words[1::2], strict=False))
    return len(words) == 2 * len(pairs) and all(_is_url(url) and key.count("+") >= 2 for url, key in pairs)


@dataclass(frozen=True, slots=True)
class Installation:
    """What this installation calls itself."""

    name: Annotated[str, Text(lambda text: bool(text.strip()), "a name that is not empty")]


@dataclass(frozen=True, slots=True)
class Database:
    """The database; use ``Settings.database_url`` for the address in force."""

    url: Annotated[str, Text(_is_database, '"" or sqlite:///PATH or postgresql://...'), SECRET] = field(repr=False)
    pool_size: Annotated[int, Range(1, 200)]


@dataclass(frozen=True, slots=True)
class Keys:
    """The key store; ``Settings.keys_file``, ``.secret_file`` and ``.vault_file`` are the paths in force."""

    file: str
    secret_file: str
    vault_file: str
    passphrase: Annotated[str, SECRET] = field(repr=False)
    token_module: str
    token_label: str
    token_pin: Annotated[str, SECRET] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate authority; use ``Settings.root_file`` for the path in force."""

    root_file: str


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Who says when a letter was sealed; without ``url`` this installation does."""

    url: Annotated[str, Text(_is_url, '"" or an address beginning with http:// or https://')]
    certificate_file: str
    timeout_seconds: Annotated[int, Range(1, 120)]


@dataclass(frozen=True, slots=True)
class Web:
    """The pages; use ``Settings.public_url`` for the address in force."""

    host: Host
    port: Port
    url: Annotated[str, Text(_is_url, '"" or an address beginning with http:// or https://')]
    https: bool
    workers: Small
    threads: Small
    secret: Annotated[str, Text(lambda text: not text or len(text) >= 16, "16 characters or more"), SECRET] = field(
        repr=False
    )


@dataclass(frozen=True, slots=True)
class Gateway:
    """SMTP in."""

    host: Host
    port: Port
    submission_port: Port
    implicit_tls_port: Port
    processes: Small
    loop: Annotated[str, Choice(("auto", "asyncio", "uvloop"))]
    hostname: Host
    max_message_mb: Megabytes
    max_recipients: Annotated[int, Range(100, 10_000)]
    max_connections: Count
    max_connections_per_address: Count
    max_connections_per_entity: Count
    max_connections_per_account: Count
    timeout_seconds: Seconds
    message_timeout_seconds: Seconds
    memory_mb: Annotated[int, Range(16, 100_000)]
    min_free_mb: Annotated[int, Range(0, 10_000_000)]
    tls_certificate: str
    tls_key: str


@dataclass(frozen=True, slots=True)
class Relay:
    """SMTP out."""

    concurrency: Small
    concurrency_per_hop: Annotated[int, Range(2, 5)]
    rest_after: Annotated[int, Range(1, 100)]
    poll_seconds: Poll
    backoff_minutes: Annotated[tuple[int, ...], Range(0, 10_080)]
    warn_hours: Annotated[int, Range(1, 720)]
    give_up_hours: Annotated[int, Range(1, 720)]
    connect_seconds: Seconds
    reply_seconds: Seconds


@dataclass(frozen=True, slots=True)
class Worker:
    """Followers of the event log, and what reading a leaked picture may take."""

    poll_seconds: Poll
    trace_seconds: Annotated[int, Range(10, 3600)]
    trace_memory_mb: Annotated[int, Range(1024, 65_536)]


@dataclass(frozen=True, slots=True)
class Audit:
    """The log's checkpoints; use ``Settings.witness_file`` for the path in force."""

    witness_folder: str
    office: Annotated[str, Text(lambda text: not text or _is_mailbox(text), '"" or an address such as audit@name')]
    office_sender: Annotated[str, Text(lambda text: not text or len(text) == 8, '"" or the code of a body')]
    witnesses: Annotated[str, Text(_are_witnesses, "pairs of the address and the key of a witness")]
    checkpoint_seconds: Seconds
    checkpoint_entries: Annotated[int, Range(1, 10_000)]


@dataclass(frozen=True, slots=True)
class Oversight:
    """From where on reading is unusual."""

    copies_a_day: Count
    odd_acts: Count
    opens: ClockTime
    closes: ClockTime
    working_days: Annotated[tuple[int, ...], Range(1, 7)]
    other_units_a_day: Count
    letters_quickly: Count
    quick_minutes: Annotated[int, Range(1, 1440)]
    printers: Count


@dataclass(frozen=True, slots=True)
class Index:
    """Search."""

    engine: Annotated[str, Choice(("auto", "whoosh", "fts5"))]
    threshold: Annotated[int, Range(0, 10**9)]


@dataclass(frozen=True, slots=True)
class Letters:
    """Limits of a letter."""

    attachment_mb: Megabytes
    letter_mb: Megabytes
    attachments_max: Annotated[int, Range(0, 1000)]
    archive_after_days: Annotated[int, Range(1, 36_500)]
    renew_evidence_days: Annotated[int, Range(1, 1000)]


@dataclass(frozen=True, slots=True)
class Locale:
    """Language, dates and digits."""

    default: Annotated[str, Choice(("ar", "en"))]
    timezone: Annotated[str, Text(lambda text: text in available_timezones(), "an IANA name such as Asia/Baghdad")]
    hijri_adjust: Annotated[int, Range(-2, 2)]
    digits: Annotated[str, Choice(("arab", "latn", "arabext"))]
    months: Annotated[str, Choice(("levant", "gulf", "maghreb"))]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Sessions and sign-in."""

    session_idle_minutes: Annotated[int, Range(1, 1440)]
    session_hours: Annotated[int, Range(1, 168)]
    login_per_minute: Annotated[int, Range(1, 10_000)]


@dataclass(frozen=True, slots=True)
class Logging:
    """The processes' own log."""

    level: Annotated[str, Choice(("debug", "info", "warning", "error"))]
    json: bool


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures for Prometheus."""

    token: Annotated[str, Text(lambda text: not text or len(text) >= 16, "16 characters or more"), SECRET] = field(
        repr=False
    )
