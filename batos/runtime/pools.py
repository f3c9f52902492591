"""Connections of the mission database: where they lead, how they are set up, and who keeps the idle ones.

Two engines serve one database, whose connections differ in what their commits promise. Knows no statements.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Engine, create_engine, event

from batos.image import postgresql
from batos.image.sqlite_files import SMALL_PAGES

DRIVER = "postgresql+psycopg2"  # the one that RelStorage uses too
BUSY_SECONDS = 15.0
SCHEMA = "missions"  # on PostgreSQL, beside the image's own tables
# Connections kept open per pool; more are opened under load and closed again.
POOL: dict[str, Any] = {
    "pool_size": 16,
    "max_overflow": -1,
    "pool_use_lifo": True,
    "pool_reset_on_return": None,
}


class Pool(Protocol):
    """Connections of the driver, each lent to one transaction at a time."""

    def take(self) -> Any: ...

    def give(self, connection: Any) -> None: ...

    def close(self) -> None: ...


class EnginePool:
    """SQLAlchemy's own pool: it makes a connection anew that broke while it was idle."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self) -> Any:
        return self._engine.raw_connection()

    def give(self, connection: Any) -> None:
        connection.close()

    def close(self) -> None:
        self._engine.dispose()


class StackPool:
    """Opened by SQLAlchemy, and then ours. A file breaks no connections, so none is looked at before it is lent.

    A connection that fails is still good: what made it fail is over with its transaction.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    def take(self) -> Any:
        with suppress(IndexError):
            return self._idle.pop()
        opened = self._engine.raw_connection()
        connection = opened.driver_connection
        opened.detach()
        return connection

    def give(self, connection: sqlite3.Connection) -> None:
        self._idle.append(connection)
        if self._closed or len(self._idle) > POOL["pool_size"]:
            self._shorten()

    def _shorten(self) -> None:
        with suppress(IndexError):
            self._idle.popleft().close()

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._shorten()
        self._engine.dispose()


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
