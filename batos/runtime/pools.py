"""Connections of the mission database: where they lead, how they are set up, and who keeps the idle ones.

They differ in what their commits promise: on PostgreSQL there is an engine for either, on SQLite the one connection
that writes is told before each transaction. Knows no statements.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import URL, Engine, create_engine, event

from batos.image import postgresql
from batos.image.sqlite_files import LONG_LOG, SMALL_PAGES

DRIVER = "postgresql+psycopg2"  # the one that RelStorage uses too
BUSY_SECONDS = 15.0
SCHEMA = "missions"  # on PostgreSQL, beside the image's own tables
DURABLE, RELAXED = "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"
# Connections kept open per pool; more are opened under load and closed again.
POOL: dict[str, Any] = {
    "pool_size": 16,
    "max_overflow": -1,
    "pool_use_lifo": True,
    "pool_reset_on_return": None,
}


class Pools(Protocol):
    """Connections of the driver. Who is lent one has it to itself, and gives it back."""

    engine: Engine

    def writer(self, durable: bool) -> Any:
        """One whose commits promise as much."""
        ...

    def reader(self) -> Any: ...

    def watcher(self) -> Any:
        """A reader that nobody writes with."""
        ...

    def give(self, connection: Any) -> None: ...

    def close(self) -> None: ...


class EnginePools:
    """SQLAlchemy's own pools: they make a connection anew that broke while it was idle."""

    def __init__(self, engine: Callable[..., Engine]) -> None:
        self.engine = engine(durable=True)
        self._relaxed = engine(durable=False)

    def writer(self, durable: bool) -> Any:
        return (self.engine if durable else self._relaxed).raw_connection()

    def reader(self) -> Any:
        return self._relaxed.raw_connection()

    watcher = reader

    def give(self, connection: Any) -> None:
        connection.close()

    def close(self) -> None:
        self.engine.dispose()
        self._relaxed.dispose()


class FilePools:
    """Opened by SQLAlchemy, and then ours. A file breaks no connections, so none is looked at before it is lent.

    SQLite has one writer at a time. Its busy handler sleeps and guesses; a lock wakes the next thread. All writers of
    the process have the same connection: what they read it has read before, where another one would find that all it
    has read is out of date. A connection that fails is still good: what made it fail is over with its transaction.
    """

    def __init__(self, engine: Callable[..., Engine]) -> None:
        self.engine = engine(durable=True)
        self._turn = Lock()
        self._writer: sqlite3.Connection | None = None
        self._durable = True  # what the writer's commits promise
        self._readers: deque[sqlite3.Connection] = deque()
        self._closed = False

    def writer(self, durable: bool) -> sqlite3.Connection:
        self._turn.acquire()
        try:
            if self._writer is None:
                self._writer, self._durable = self._opened(), True
            if durable is not self._durable:
                self._writer.execute(DURABLE if durable else RELAXED)
                self._durable = durable
            return self._writer
        except BaseException:
            self._turn.release()
            raise

    def reader(self) -> sqlite3.Connection:
        """The one that writes, if nobody does; it has most at hand."""
        if self._turn.acquire(blocking=False):
            if self._writer is not None:
                return self._writer
            self._turn.release()
        return self.watcher()

    def watcher(self) -> sqlite3.Connection:
        with suppress(IndexError):
            return self._readers.pop()
        return self._opened()

    def _opened(self) -> sqlite3.Connection:
        opened = self.engine.raw_connection()
        connection: sqlite3.Connection = opened.driver_connection  # type: ignore[assignment]
        opened.detach()
        return connection

    def give(self, connection: sqlite3.Connection) -> None:
        if connection is self._writer:
            if self._closed:  # it was closed while this one waited for its turn
                self._writer = None
                connection.close()
            self._turn.release()
            return
        self._readers.append(connection)
        if self._closed or len(self._readers) > POOL["pool_size"]:
            self._shorten()

    def _shorten(self) -> None:
        with suppress(IndexError):
            self._readers.popleft().close()

    def close(self) -> None:
        self._closed = True
        with self._turn:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        while self._readers:
            self._shorten()
        self.engine.dispose()


def address(url_or_path: str | Path) -> tuple[str, Callable[..., Engine]]:
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
    level = DURABLE if durable else RELAXED
    settings = [SMALL_PAGES, "PRAGMA journal_mode = WAL", LONG_LOG, level, "PRAGMA secure_delete = ON"]
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
