"""A home of derived rows in a SQLite file of this machine."""

from __future__ import annotations

import fcntl
import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batos.errors import ImageUnwritable
from batos.image.derived import NOWHERE, Damaged, Layout, Listed
from batos.image.sqlite_files import DAMAGED, LOG_PAGES

log = logging.getLogger(__name__)

BUSY_SECONDS = 30
CACHED = 32_768  # KiB of pages that a connection keeps; SQLite's own default is a sixteenth
PRAGMAS = (
    "journal_mode = wal",
    "synchronous = normal",
    "secure_delete = on",
    f"cache_size = -{CACHED}",
    f"wal_autocheckpoint = {LOG_PAGES}",
)
_INCONSISTENT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)

sqlite3.register_adapter(Listed, json.dumps)


class FileHome:
    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._layout = layout
        self._open: sqlite3.Connection | None = None
        self._inode = 0

    @property
    def name(self) -> str:
        return str(self._path)

    def rows(self) -> sqlite3.Connection:
        if self._open is not None and not self._open.in_transaction and self._replaced():
            self.close()
        if self._open is None:
            self._open = self._connect()
        return self._open

    @contextmanager
    def telling(self) -> Iterator[None]:
        try:
            yield
        except DAMAGED as error:
            if _is_damage(error):
                raise Damaged(str(error)) from error
            if isinstance(error, sqlite3.OperationalError):
                raise ImageUnwritable(path=self._path, reason=f"{error}.") from None
            raise

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def discard(self, reason: str) -> None:
        """Delete the file."""
        with self._alone():
            self.close()
            self._delete(reason)

    def _delete(self, reason: str) -> None:
        if reason:
            log.warning("The %s %s is begun anew: %s", self._layout.what, self._path, reason)
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process opens or deletes the file meanwhile: a new file must not meet the journal of an old one."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise ImageUnwritable(path=self._path, reason=f"{error.strerror or error}.") from None

    def _replaced(self) -> bool:
        """Whether the path no longer leads to the file that is open: somebody deleted it, or another process did."""
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _connect(self) -> sqlite3.Connection:
        with self._alone():
            database = self._prepared()
            if database is None:
                self._delete("it is damaged, from another image, or of another version.")
                database = self._prepared()
            if database is None:
                raise ImageUnwritable(path=self._path, reason=f"the {self._layout.what} cannot be made.")
            self._inode = self._path.stat().st_ino
            return database

    def _prepared(self) -> sqlite3.Connection | None:
        """The open file with its tables, made if it is new; None if what is there is not ours."""
        layout = self._layout
        # Threads share the connection under the lock of whoever has this home.
        database = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                database.execute(f"pragma {pragma}").fetchall()
            database.execute("begin immediate")
            if not database.execute("select 1 from sqlite_master").fetchone():
                born = time.time_ns() // 1_000
                for statement in layout.statements:
                    database.execute(statement.replace("$born", str(born)))
                values = (layout.image, layout.version, NOWHERE, born)
                database.execute("insert into origin values (?, ?, ?, ?)", values)
            found = database.execute("select image, version from origin").fetchone()
            ours = found == (layout.image, layout.version)
            database.execute("commit")
        except DAMAGED as error:
            database.close()
            if _is_damage(error):
                return None
            raise
        if not ours:
            database.close()
        return database if ours else None


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault, and not the disk, a lock or a right."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF in (*_INCONSISTENT, sqlite3.SQLITE_ERROR) or code == sqlite3.SQLITE_IOERR_SHORT_READ
