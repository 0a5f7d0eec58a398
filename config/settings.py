"""Frozen settings, one class per concern, read from defaults, a TOML file, variables and secret files."""

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from config.sections import (
    Accounts,
    Audit,
    Authority,
    Database,
    Gateway,
    Index,
    Installation,
    Keys,
    Letters,
    Locale,
    Logging,
    Metrics,
    Oversight,
    Relay,
    Timestamp,
    Web,
    Worker,
)
from config.values import Spec, Text, Value, from_text, from_toml

DEFAULTS = Path(__file__).with_name("defaults.toml")
CONFIG_VARIABLE = "DIWAN_CONFIG"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one installation; ``data`` is absolute."""

    data: Path
    installation: Installation
    database: Database
    keys: Keys
    authority: Authority
    timestamp: Timestamp
    web: Web
    gateway: Gateway
    relay: Relay
    worker: Worker
    audit: Audit
    oversight: Oversight
    index: Index
    letters: Letters
    locale: Locale
    accounts: Accounts
    logging: Logging
    metrics: Metrics
    sources: Mapping[str, str] = field(repr=False, compare=False)

    @property
    def database_url(self) -> str:
        """The address in force, as SQLAlchemy takes it."""
        scheme, separator, rest = self.database.url.partition("://")
        if scheme in {"postgres", "postgresql"}:
            return f"postgresql+psycopg{separator}{rest}"
        return self.database.url or f"sqlite:///{self.data / 'diwan.sqlite3'}"

    @property
    def keys_file(self) -> Path:
        """The sealed key file."""
        return Path(self.keys.file).absolute() if self.keys.file else self.data / "keys.diwan"

    @property
    def secret_file(self) -> Path:
        """The file that opens the key file, outside the data folder."""
        return Path(self.keys.secret_file or f"{self.data}.secret").absolute()

    @property
    def vault_file(self) -> Path:
        """The secrets by which letters can be destroyed, outside the data folder and its backups."""
        return Path(self.keys.vault_file or f"{self.data}.vault").absolute()

    @property
    def root_file(self) -> Path:
        """The sealed key of the root authority, outside the data folder and best on no machine at all."""
        return Path(self.authority.root_file or f"{self.data}.root").absolute()

    @property
    def witness_file(self) -> Path | None:
        """The file of checkpoints on another disk, or None where no witness is kept."""
        folder = self.audit.witness_folder
        return Path(folder).absolute() / "diwan-log.witness" if folder else None

    @property
    def content_folder(self) -> Path:
        """The encrypted files."""
        return self.data / "content"

    @property
    def index_folder(self) -> Path:
        """The encrypted indexes, one per entity."""
        return self.data / "index"

    @property
    def run_folder(self) -> Path:
        """Process ids and addresses of what runs now."""
        return self.data / "run"

    @property
    def public_url(self) -> str:
        """The address people reach the pages by, without a slash at the end."""
        host = f"[{self.web.host}]" if ":" in self.web.host else self.web.host
        return self.web.url.rstrip("/") or f"{'https' if self.web.https else 'http'}://{host}:{self.web.port}"

    def describe(self) -> list[tuple[str, str, str]]:
        """Return (key, value as it may be shown, where it came from) of every key in the order of defaults.toml."""
        return [(spec.key, spec.shown(_look_up(self, spec.key)), self.sources[spec.key]) for spec in SPECS.values()]


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` holds one line for each finding."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


_SECTIONS: dict[str, Any] = {
    name: kind for name, kind in get_type_hints(Settings).items() if name not in {"data", "sources"}
}
_DATA_SPEC = Spec(
    "data", str, (Text(lambda text: bool(text.strip()) and "?" not in text, "the path of a folder, without ?"),)
)


def _kind(annotation: Any) -> tuple[Any, tuple[object, ...]]:
    plain, *rules = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    return get_origin(plain) or plain, tuple(rules)


def _all_specs() -> Iterator[Spec]:
    yield _DATA_SPEC
    for section, cls in _SECTIONS.items():
        for name, annotation in get_type_hints(cls, include_extras=True).items():
            yield Spec(f"{section}.{name}", *_kind(annotation))


SPECS: Mapping[str, Spec] = {spec.key: spec for spec in _all_specs()}
_VARIABLES: Mapping[str, Spec] = {spec.variable: spec for spec in SPECS.values()}
_FILE_VARIABLES: Mapping[str, Spec] = {f"{spec.variable}_FILE": spec for spec in SPECS.values() if spec.secret}


def _look_up(settings: Settings, key: str) -> object:
    section, _, name = key.rpartition(".")
    return getattr(getattr(settings, section) if section else settings, name)


@dataclass(slots=True)
class _Reading:
    """Values gathered so far, where each came from, and what was wrong on the way."""

    values: dict[str, Value]
    sources: dict[str, str]
    problems: list[str]

    def take(self, spec: Spec, raw: object, source: str, read: Callable[[], Value]) -> None:
        try:
            self.values[spec.key] = read()
            self.sources[spec.key] = source
        except ValueError as error:
            shown = "********" if spec.secret else repr(raw)
            self.problems.append(f"{spec.key} is {shown} ({source}); expected {error}")

    def unknown(self, name: str, source: str, known: Iterator[str] | Mapping[str, Spec]) -> None:
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        self.problems.append(f"unknown setting {name} ({source}){hint}")


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings: defaults.toml, then the TOML file, then ``DIWAN_...`` variables and secret files.

    The file is ``path``, else the one ``DIWAN_CONFIG`` names, else ``diwan.toml`` in the data folder if there is one.
    For ``--data DIR`` pass ``{**environ, "DIWAN_DATA": DIR}``. Raises SettingsError with every problem found.
    """
    reading = _Reading({}, {}, [])
    _read_toml(reading, DEFAULTS, "default")
    named = path or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    inside = Path(environ.get("DIWAN_DATA") or str(reading.values["data"])).expanduser() / "diwan.toml"
    chosen = named or (inside if inside.is_file() else None)
    if chosen is not None:
        _read_toml(reading, chosen, f"file {chosen}")
        if named is None and reading.sources["data"] != "default":
            reading.problems.append(f"data cannot be set in the data folder's own file ({chosen})")
    _read_environment(reading, environ)
    settings = _built(reading)
    problems = (*reading.problems, *_contradictions(settings))
    if problems:
        raise SettingsError(problems)
    return settings


def _read_toml(reading: _Reading, path: Path, source: str) -> None:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:  # TOML errors and bad UTF-8 are ValueErrors
        reading.problems.append(f"cannot read {path}: {error}")
        return
    for key, raw in _flat(found):
        spec = SPECS.get(key)
        if spec is not None:
            reading.take(spec, raw, source, partial(from_toml, spec, raw))
        elif key in _SECTIONS:
            reading.problems.append(f"{key} is {raw!r} ({source}); expected a section [{key}]")
        else:
            reading.unknown(key, source, SPECS)


def _flat(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield each item of the file with its dotted key; a table under an unknown name yields its keys too."""
    for name, value in table.items():
        if isinstance(value, dict) and name != "data":
            yield from ((f"{name}.{inner}", raw) for inner, raw in value.items())
            if not value and name not in _SECTIONS:
                yield name, value
        else:
            yield name, value


def _read_environment(reading: _Reading, environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith("DIWAN_") or name == CONFIG_VARIABLE:
            continue
        raw, source = environ[name], f"variable {name}"
        if name in _VARIABLES:
            spec = _VARIABLES[name]
            reading.take(spec, raw, source, partial(from_text, spec, raw))
        elif name in _FILE_VARIABLES:
            spec = _FILE_VARIABLES[name]
            if spec.variable in environ:
                reading.problems.append(f"{spec.variable} and {name} are both set; keep one")
            reading.take(spec, raw, f"secret file {raw}", partial(_secret, spec, raw))
        else:
            reading.unknown(name, "environment", {**_VARIABLES, **_FILE_VARIABLES, CONFIG_VARIABLE: _DATA_SPEC})


def _secret(spec: Spec, path: str) -> Value:
    """Return what a secret file holds, without its last line end; raises ValueError."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ValueError(f"a readable text file, but {path}: {error}") from error
    return from_text(spec, text.removesuffix("\n").removesuffix("\r"))


def _built(reading: _Reading) -> Settings:
    """Make the frozen values; a wrong one keeps its default, for the caller refuses the whole anyway."""
    given: dict[str, dict[str, Value]] = {section: {} for section in _SECTIONS}
    for key, value in reading.values.items():
        section, _, name = key.partition(".")
        given.get(section, {})[name] = value
    sections = {section: cls(**given[section]) for section, cls in _SECTIONS.items()}
    data = Path(str(reading.values["data"])).expanduser().absolute()
    return Settings(data=data, sources=reading.sources, **sections)


def _contradictions(settings: Settings) -> Iterator[str]:
    """Yield what is wrong between two settings that are each right alone."""
    gateway = settings.gateway
    ports = [settings.web.port, gateway.port, gateway.submission_port, gateway.implicit_tls_port]
    used = [port for port in ports if port]
    if len(used) != len(set(used)):
        yield "web.port, gateway.port, gateway.submission_port and gateway.implicit_tls_port must differ"
    if settings.letters.letter_mb < settings.letters.attachment_mb:
        yield f"letters.letter_mb is {settings.letters.letter_mb}; expected at least letters.attachment_mb"
    if settings.letters.letter_mb * 1.4 > settings.gateway.max_message_mb:
        yield (
            f"letters.letter_mb is {settings.letters.letter_mb}; expected at most gateway.max_message_mb / 1.4, "
            f"{settings.gateway.max_message_mb / 1.4:.0f}, as attachments grow on the wire"
        )
    if settings.vault_file.is_relative_to(settings.data):
        yield f"keys.vault_file is {settings.vault_file}; expected a path outside the data folder {settings.data}"
    if settings.secret_file.is_relative_to(settings.data):
        yield f"keys.secret_file is {settings.secret_file}; expected a path outside the data folder {settings.data}"
    if settings.root_file.is_relative_to(settings.data):
        yield f"authority.root_file is {settings.root_file}; expected a path outside the data folder {settings.data}"
    if bool(settings.audit.office) != bool(settings.audit.office_sender):
        yield "audit.office and audit.office_sender are given together or not at all"
    if settings.timestamp.url and not settings.timestamp.certificate_file:
        yield "timestamp.certificate_file is missing; expected the root certificate that timestamp.url answers under"
    if bool(settings.gateway.tls_certificate) != bool(settings.gateway.tls_key):
        yield "gateway.tls_certificate and gateway.tls_key are given together or not at all"
