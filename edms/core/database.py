"""The database and the unit of work: the ONE place that begins, commits and rolls back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    Executable,
    MetaData,
    Row,
    Uuid,
    create_engine,
    event,
    insert,
    make_url,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from edms.core.actor import Actor
from edms.core.clock import Clock, utc_now
from edms.core.columns import SEALER, Sealer, UtcDateTime, seal_row
from edms.core.errors import Conflict, Unavailable
from edms.core.turnstile import Turnstile


class Base(DeclarativeBase):
    """Base of all tables; constraints get predictable names so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {UUID: Uuid(), datetime: UtcDateTime()}


class UnitOfWork:
    """One transaction of one actor; services flush through it, only the edge that opened it commits.

    ``now`` is in UTC; ``today`` is the day that the wall calendar of the installation shows at that moment: the day
    that letters, numbers and posts go by.
    """

    def __init__(self, session: Session, actor: Actor, now: datetime, today: date, zone: ZoneInfo) -> None:
        self.session = session
        self.actor = actor
        self.now = now
        self.today = today
        self._zone = zone
        self.info: dict[str, Any] = {}
        self._before: dict[str, Callable[[], None]] = {}
        self._after: list[Callable[[], None]] = []

    def flush(self) -> None:
        """Send pending changes to the database inside the transaction."""
        self.session.flush()

    def insert(self, rows: Sequence[Base]) -> None:
        """Insert new rows now, table by table in the order given, one statement for each table.

        It is the quick way for many rows that nobody changes any more in this unit of work: they get their defaults and
        their sealed values, and stay outside the session.
        """
        tables: dict[type[Base], list[dict[str, Any]]] = {}
        for row in rows:
            values = row.__dict__
            for name, default in _defaults(type(row)):
                if name not in values:
                    values[name] = default() if callable(default) else default
            seal_row(row, self.session)
            tables.setdefault(type(row), []).append(values)
        for kind, found in tables.items():
            self.insert_values(kind, found)

    def insert_values(self, kind: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows given by the values of their columns, in one statement; columns that none has stay empty."""
        if not rows:
            return
        used = tuple(name for name in _columns(kind) if any(row.get(name) is not None for row in rows))
        connection = self.session.connection()
        plan = _insertion(kind, used, connection.dialect)
        connection.exec_driver_sql(plan.statement, [plan.bound(row) for row in rows])

    def rows(self, statement: Executable, **values: Any) -> Sequence[Row[Any]]:
        """Return the rows of a statement about columns, past the session; what is pending in it is not sent before.

        Made once, with ``bindparam`` where ``values`` go, a statement costs a third of one that is put together anew.
        """
        return self.session.connection().execute(statement, values).all()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block did, what it asked for before or after the commit too, when it raises; then raise on."""
        info = _copied(self.info)
        before, after = dict(self._before), self._after[:]
        try:
            with _translated(), self.session.begin_nested():
                yield
        except BaseException:
            self.info, self._before, self._after = info, before, after
            raise

    def hours_of(self, day: date) -> tuple[datetime, datetime]:
        """Return when a day of the wall calendar begins and ends (the end is the next day's begin)."""
        begin = datetime.combine(day, time(), self._zone)
        return begin, datetime.combine(day + timedelta(days=1), time(), self._zone)

    def before_commit(self, key: str, action: Callable[[], None]) -> None:
        """Run ``action`` once, just before the commit (``key`` keeps it from being added twice)."""
        self._before.setdefault(key, action)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run ``action`` after a successful commit."""
        self._after.append(action)

    def commit(self) -> None:
        """Run what was asked for before the commit, commit, then what follows it (called by the edge alone)."""
        for action in self._before.values():
            action()
        self.session.commit()
        for action in self._after:
            action()


def _copied(value: Any) -> Any:
    """Copy the lists and mappings of what services keep for the commit, not what is in them."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return value[:] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class _Insertion:
    """An INSERT as the driver takes it: SQLAlchemy's text and conversions, worked out once and not for each statement.

    ``columns`` are, in the order of the text, a name, what converts its value, and what makes its default.
    """

    statement: str
    columns: tuple[tuple[str, Callable[[Any], Any] | None, Callable[[], Any] | None], ...]
    positional: bool

    def bound(self, row: Mapping[str, Any]) -> Any:
        """Return the parameters of one row."""
        found = {}
        for name, convert, default in self.columns:
            value = default() if default else row.get(name)
            found[name] = convert(value) if convert else value
        return tuple(found.values()) if self.positional else found


@cache
def _insertion(kind: type[Base], names: tuple[str, ...], dialect: Dialect) -> _Insertion:
    compiled = insert(kind.__table__).compile(dialect=dialect, column_keys=list(names))  # type: ignore[arg-type]
    defaults = {name: (default if callable(default) else partial(lambda one: one, default))
                for name, default in _defaults(kind) if name not in names}  # fmt: skip
    columns = tuple(
        (name, bind.type.dialect_impl(dialect).bind_processor(dialect), defaults.get(name))
        for name, bind in compiled.binds.items()
    )  # fmt: skip
    return _Insertion(str(compiled), columns, bool(compiled.positional))


@cache
def _columns(kind: type[Base]) -> tuple[str, ...]:
    return tuple(column.key for column in kind.__table__.columns)


@cache
def _defaults(kind: type[Base]) -> tuple[tuple[str, Any], ...]:
    """Return the columns that have a default, each with its value or a function that makes one."""
    found = []
    for column in kind.__table__.columns:
        default: Any = column.default
        if default is not None:
            found.append((column.key, partial(default.arg, None) if default.is_callable else default.arg))
    return tuple(found)


class Database:
    """An engine with our rules: SQLite in WAL with full sync behind a fair writer queue, or PostgreSQL.

    ``sealer`` encrypts sealed columns; a database without one can only be migrated. ``timezone`` (an IANA name) is
    where the installation's days begin.
    """

    def __init__(
        self, url: str, *, sealer: Sealer | None = None, pool_size: int = 20, clock: Clock = utc_now,
        timezone: str = "Asia/Baghdad",
    ) -> None:  # fmt: skip
        self.url = url
        self._sealer = sealer
        self._clock = clock
        self._zone = ZoneInfo(timezone)
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": pool_size, "pool_timeout": 60}
        if self.is_sqlite:
            path = Path(str(parsed.database))
            path.parent.mkdir(parents=True, exist_ok=True)
            self._turnstile: Turnstile | None = Turnstile(path.with_name(path.name + ".writer"))
            options["connect_args"] = {"timeout": 60, "check_same_thread": False}
        else:
            self._turnstile = None
            options["pool_pre_ping"] = True
        self.engine = create_engine(parsed, **options)
        if self.is_sqlite:
            _tune_sqlite(self.engine)
        self._writing = self.engine.execution_options(diwan_write=True)
        self._reading = self.engine.execution_options(**({} if self.is_sqlite else {"postgresql_readonly": True}))

    @contextmanager
    def work(self, actor: Actor) -> Iterator[UnitOfWork]:
        """Open a writing unit of work; commit on a clean exit, else roll back.

        Raises Conflict when a constraint refuses the change, Unavailable when the database cannot serve.
        """
        with _translated(), self._turn(), Session(self._writing, expire_on_commit=False) as session:
            uow = self._unit(session, actor)
            yield uow
            uow.commit()

    @contextmanager
    def read(self, actor: Actor) -> Iterator[UnitOfWork]:
        """Open a reading unit of work on one snapshot; any attempt to write raises."""
        with _translated(), Session(self._reading, autoflush=False) as session:
            event.listen(session, "before_flush", _refuse_flush)
            yield self._unit(session, actor)

    def today(self) -> date:
        """Return the day that the wall calendar of the installation shows now."""
        return self._clock().astimezone(self._zone).date()

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _turn(self) -> AbstractContextManager[None]:
        return self._turnstile.pass_through() if self._turnstile else nullcontext()

    def _unit(self, session: Session, actor: Actor) -> UnitOfWork:
        session.info[SEALER] = self._sealer
        now = self._clock()
        return UnitOfWork(session, actor, now, now.astimezone(self._zone).date(), self._zone)


def _refuse_flush(session: Session, *_: object) -> None:
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("a reading unit of work may not change rows")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict("database.conflict") from error
    except OperationalError as error:
        raise Unavailable("database.unavailable") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("database.unavailable") from error
        raise


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=60000",
            "cache_size=-32000",
            "temp_store=MEMORY",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = bool(connection.get_execution_options().get("diwan_write"))
        if connection.info.get("diwan_write") != write:
            connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if write else 'ON'}")
            connection.info["diwan_write"] = write
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
