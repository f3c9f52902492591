"""Connections and transactions of the mission database, on SQLite or PostgreSQL. Knows no tables.

SQLAlchemy brings the dialects and opens connections. Statements go straight to the driver, and on SQLite connections
come from a pool of our own: its layers take longer than SQLite needs for the whole transaction. Statements are written
once, with `:name` parameters, in what both dialects share.

A *durable* commit is on the disk when it returns, and so is all that was committed before it. A *relaxed* one may be
lost with the power: right for what is merely done again when lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Dialect, Engine, text
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
from batos.runtime.pools import SCHEMA, EnginePools, FilePools, Pools, address
from batos.runtime.schema import migrate

MIGRATION_LOCK = 0x6261746F73  # any number, the same in every process

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

    def run_each(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run it for each of `rows`; returns how many it changed in all."""
        self._cursor.executemany(self._texts[statement], rows)
        return int(self._cursor.rowcount)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        self._cursor.execute(self._texts[statement], values)
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    def row(self, statement: str, **values: Any) -> tuple[Any, ...] | None:
        found = self.rows(statement, **values)
        return found[0] if found else None


class _Texts(dict[str, str]):
    """Statements as the driver wants them, translated once each."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.on_postgresql = dialect.name == "postgresql"

    def __missing__(self, statement: str) -> str:
        written = str(text(statement).compile(dialect=self._dialect))
        self[statement] = written
        return written


class Database:
    """An open mission database. Safe from any thread: a transaction has its connection to itself."""

    def __init__(self, url_or_path: str | Path, now: float) -> None:
        """Open, and create or migrate if needed. Raises ImageUnavailable and its kinds, MissingExtra."""
        self.place, engine = address(url_or_path)
        self.on_postgresql = self.place.startswith("postgresql:")
        self.closed = False
        self._begin = "BEGIN" if self.on_postgresql else "BEGIN IMMEDIATE"
        self._pools: Pools = EnginePools(engine) if self.on_postgresql else FilePools(engine)
        dialect = self._pools.engine.dialect
        self._texts = _Texts(dialect)
        # The second, where SQLite quotes a name that a disk has changed.
        self._failures: tuple[type[Exception], ...] = (dialect.loaded_dbapi.Error, UnicodeDecodeError)
        self._collision: type[Exception] = dialect.loaded_dbapi.IntegrityError
        self._watch: Any = None
        self._watch_lock = Lock()
        self._seen_version: int | None = None
        try:
            self._migrate(self._pools.engine, now)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def write(self, *, durable: bool) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block, or takes everything back if the block raises.

        Raises Contended when a unique index refuses a row, ImageUnavailable and its kinds when the database does.
        """
        connection = self._taken(self._pools.writer, durable)
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
            self._pools.give(connection)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Read with one statement, outside any transaction."""
        connection = self._taken(self._pools.reader)
        try:
            return Transaction(connection.cursor(), self._texts).rows(statement, **values)
        except self._failures as error:
            self._raise_as_ours(error)
            raise
        finally:
            self._pools.give(connection)

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
                self._watch = self._taken(self._pools.watcher)
            ((version,),) = self._watch.cursor().execute("PRAGMA data_version").fetchall()
            seen, self._seen_version = self._seen_version, version
            return bool(seen != version)

    def close(self) -> None:
        """Close every connection; later use raises TransactionMisuse. May be called twice."""
        self.closed = True
        with self._watch_lock:
            if self._watch is not None:
                self._pools.give(self._watch)
                self._watch = None
        self._pools.close()

    def _taken(self, lend: Callable[..., Any], *how: Any) -> Any:
        if self.closed:
            raise TransactionMisuse(reason=f"The mission database {self.place} is closed.")
        try:
            return lend(*how)
        except Exception as error:
            self._raise_as_ours(error)
            raise

    def _take_back(self, connection: Any) -> None:
        try:
            connection.cursor().execute("ROLLBACK")
        except self._failures:  # the failed statement ended the transaction already, or the connection is gone
            if self.on_postgresql:
                with suppress(*self._failures):
                    connection.invalidate()

    def _raise_as_ours(self, error: BaseException) -> None:
        cause = error.orig if isinstance(error, EngineError) else error
        if isinstance(cause, self._collision):
            raise Contended(str(cause)) from error
        if not isinstance(cause, self._failures):
            return
        if self.on_postgresql:
            raise postgresql.as_unavailable(self.place, cause) or cause from error
        name = "SQLITE_CORRUPT" if isinstance(cause, UnicodeDecodeError) else getattr(cause, "sqlite_errorname", "")
        kind = next((kind for prefix, kind in SQLITE_ERRORS.items() if name.startswith(prefix)), ImageUnavailable)
        reason = f"its mission database answered {' '.join(str(cause).split()).rstrip('.')!r}."
        raise kind(path=self.place, reason=reason) from error

    def _migrate(self, engine: Engine, now: float) -> None:
        try:
            with engine.connect() as connection:
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
        except (EngineError, UnicodeDecodeError) as error:
            self._raise_as_ours(error)
            raise
