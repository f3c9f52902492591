"""Connections and transactions of the mission database, on SQLite or PostgreSQL. Knows no tables.

SQLAlchemy brings dialects and pools. Statements go straight to the driver: its execution layer takes longer than SQLite
needs for the whole transaction. They are written once, with `:name` parameters, in what both dialects share.

There are two pools. A *durable* commit is on the disk when it returns, and so is all that was committed before it. A
*relaxed* one may be lost with the power: right for what is merely done again when lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError as EngineError

from batos.errors import (
    ImageBusy,
    ImageCorrupt,
    ImageForeign,
    ImageUnavailable,
    ImageUnwritable,
    TransactionMisuse,
)
from batos.image import postgresql
from batos.image.sqlite_files import SMALL_PAGES
from batos.runtime.schema import migrate

DRIVER = "postgresql+psycopg2"  # the one that RelStorage uses too
BUSY_SECONDS = 15.0
SCHEMA = "missions"  # on PostgreSQL, beside the image's own tables
MIGRATION_LOCK = 0x6261746F73  # any number, the same in every process
# Connections kept open per pool; more are opened under load and closed again.
POOL: dict[str, Any] = {
    "pool_size": 16,
    "max_overflow": -1,
    "pool_use_lifo": True,
    "pool_reset_on_return": None,
}

# SQLite's names for what went wrong, by the error that tells a person what to do about it.
SQLITE_ERRORS: Mapping[str, type[ImageUnavailable]] = {
    "SQLITE_BUSY": ImageBusy,
    "SQLITE_LOCKED": ImageBusy,
    "SQLITE_FULL": ImageUnwritable,
    "SQLITE_READONLY": ImageUnwritable,
    "SQLITE_IOERR": ImageUnwritable,
    "SQLITE_CORRUPT": ImageCorrupt,
    "SQLITE_NOTADB": ImageForeign,
}


class Contended(Exception):
    """Another transaction took the same place first; the caller may try again."""


class Transaction:
    """Statements within one transaction. Parameters are given by name, `:name` in the text."""

    __slots__ = ("_cursor", "_texts", "on_postgresql")

    def __init__(self, cursor: Any, texts: _Texts) -> None:
        self._cursor = cursor
        self._texts = texts
        self.on_postgresql = texts.on_postgresql

    def serialize(self, number: int) -> None:
        """Until the commit, keep out other transactions that give the same number. SQLite has one writer anyway."""
        if self.on_postgresql:
            self.rows("SELECT pg_advisory_xact_lock(:number)", number=number)

    def run(self, statement: str, **values: Any) -> int:
        """Returns how many rows it changed."""
        self._cursor.execute(self._texts[statement], values)
        return int(self._cursor.rowcount)

    def run_each(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self._cursor.executemany(self._texts[statement], rows)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        self._cursor.execute(self._texts[statement], values)
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    def row(self, statement: str, **values: Any) -> tuple[Any, ...] | None:
        found = self.rows(statement, **values)
        return found[0] if found else None


class _Texts(dict[str, str]):
    """Statements as the driver wants them, translated once each."""

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        self.on_postgresql = engine.dialect.name == "postgresql"

    def __missing__(self, statement: str) -> str:
        written = str(text(statement).compile(dialect=self._dialect))
        self[statement] = written
        return written


class Database:
    """An open mission database. Safe from any thread: a transaction has its connection to itself."""

    def __init__(self, url_or_path: str | Path, now: float) -> None:
        """Open, and create or migrate if needed. Raises ImageUnavailable and its kinds, MissingExtra."""
        self.place, engine = _address(url_or_path)
        self.on_postgresql = self.place.startswith("postgresql:")
        self.closed = False
        # SQLite has one writer at a time. Its busy handler sleeps and guesses; a lock wakes the next thread.
        self._turn: AbstractContextManager[Any] = nullcontext() if self.on_postgresql else Lock()
        self._begin = "BEGIN" if self.on_postgresql else "BEGIN IMMEDIATE"
        self._durable, self._relaxed = engine(durable=True), engine(durable=False)
        self._texts = _Texts(self._relaxed)
        self._failures: type[Exception] = self._relaxed.dialect.loaded_dbapi.Error
        self._collision: type[Exception] = self._relaxed.dialect.loaded_dbapi.IntegrityError
        self._watch: Any = None
        self._watch_lock = Lock()
        self._seen_version: int | None = None
        try:
            self._migrate(now)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def write(self, *, durable: bool) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block, or takes everything back if the block raises.

        Raises Contended when a unique index refuses a row, ImageUnavailable and its kinds when the database does.
        """
        with self._turn:
            connection = self._take(self._durable if durable else self._relaxed)
            try:
                cursor = connection.cursor()
                cursor.execute(self._begin)
                yield Transaction(cursor, self._texts)
                cursor.execute("COMMIT")
            except BaseException as error:
                self._take_back(connection)
                self._raise_as_ours(error)
                raise
            finally:
                connection.close()  # goes back to its pool

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Read with one statement, outside any transaction."""
        connection = self._take(self._relaxed)
        try:
            return Transaction(connection.cursor(), self._texts).rows(statement, **values)
        except self._failures as error:
            self._raise_as_ours(error)
            raise
        finally:
            connection.close()

    def row(self, statement: str, **values: Any) -> tuple[Any, ...] | None:
        found = self.rows(statement, **values)
        return found[0] if found else None

    def changed_elsewhere(self) -> bool:
        """Whether anything was committed since this was last asked, by this process or another.

        SQLite counts commits for us; PostgreSQL is not asked, so there the answer is always yes.
        """
        if self.closed or self.on_postgresql:
            return not self.closed
        with self._watch_lock:
            if self._watch is None:
                self._watch = self._take(self._relaxed)
            ((version,),) = self._watch.cursor().execute("PRAGMA data_version").fetchall()
            seen, self._seen_version = self._seen_version, version
            return bool(seen != version)

    def close(self) -> None:
        """Close every connection; later use raises TransactionMisuse. May be called twice."""
        self.closed = True
        with self._watch_lock:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self._durable.dispose()
        self._relaxed.dispose()

    def _take(self, engine: Engine) -> Any:
        if self.closed:
            raise TransactionMisuse(reason=f"The mission database {self.place} is closed.")
        try:
            return engine.raw_connection()
        except (EngineError, self._failures) as error:
            self._raise_as_ours(error)
            raise

    def _take_back(self, connection: Any) -> None:
        try:
            connection.cursor().execute("ROLLBACK")
        except self._failures:  # the failed statement ended the transaction already, or the connection is gone
            with suppress(self._failures):
                connection.invalidate()

    def _raise_as_ours(self, error: BaseException) -> None:
        cause = error.orig if isinstance(error, EngineError) else error
        if isinstance(cause, self._collision):
            raise Contended(str(cause)) from error
        if not isinstance(cause, self._failures):
            return
        if self.on_postgresql:
            raise postgresql.as_unavailable(self.place, cause) or cause from error
        name = getattr(cause, "sqlite_errorname", "")
        kind = next((kind for prefix, kind in SQLITE_ERRORS.items() if name.startswith(prefix)), ImageUnavailable)
        reason = f"its mission database answered {' '.join(str(cause).split()).rstrip('.')!r}."
        raise kind(path=self.place, reason=reason) from error

    def _migrate(self, now: float) -> None:
        try:
            with self._durable.connect() as connection:
                connection.exec_driver_sql(self._begin)
                try:
                    if self.on_postgresql:  # two processes may find the same empty database
                        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
                        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
                    migrate(connection, self.place, now)
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
        except EngineError as error:
            self._raise_as_ours(error)
            raise


def _address(url_or_path: str | Path) -> tuple[str, Callable[..., Engine]]:
    """The database as messages call it, and what makes an engine for it. A path, `sqlite:PATH` or `postgresql:DSN`."""
    written = str(url_or_path)
    if written.startswith("postgresql:"):
        dsn, _ = postgresql.read_address(written)
        return postgresql.shown(dsn), partial(_on_postgresql, postgresql.in_schema(dsn, SCHEMA))
    path = Path(written.removeprefix("sqlite:")).absolute()
    return str(path), partial(_on_sqlite, path)


def _on_postgresql(dsn: str, *, durable: bool) -> Engine:
    # A connection that broke while it was idle, as when the server was started again, is made anew without a word.
    engine = create_engine(f"{DRIVER}://", creator=partial(postgresql.connect, dsn), pool_pre_ping=True, **POOL)
    return _prepared(engine, ["SET synchronous_commit TO " + ("on" if durable else "off")])


def _on_sqlite(path: Path, *, durable: bool) -> Engine:
    connect = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args=connect, paramstyle="named", **POOL)
    level = "FULL" if durable else "NORMAL"
    settings = [SMALL_PAGES, "PRAGMA journal_mode = WAL", f"PRAGMA synchronous = {level}", "PRAGMA secure_delete = ON"]
    return _prepared(engine, settings)


def _prepared(engine: Engine, settings: Sequence[str]) -> Engine:
    """The engine, with `settings` made on each new connection."""

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        """Transactions are ours to begin, so that both dialects begin them alike and reads pin nothing."""
        if isinstance(connection, sqlite3.Connection):
            connection.isolation_level = None
        else:
            connection.autocommit = True
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(setting)
        cursor.close()

    return engine
