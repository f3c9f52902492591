"""A file that is derived from the image and never the truth: SQLite, behind the image at times, made again when lost.

What it holds and the transaction up to which that holds are written together, so a crash leaves a file that is merely
behind. A file that is missing, damaged, from another image or of another version is begun anew. Several threads share
one `DerivedFile`, several processes one file. Knows no objects, and not what its tables are for.
"""

from __future__ import annotations

import fcntl
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from batos.errors import ImageUnwritable
from batos.image.sqlite_files import DAMAGED

Result = TypeVar("Result")

log = logging.getLogger(__name__)

NOWHERE = b"\0" * 8
BUSY_SECONDS = 30

ORIGIN = "create table origin (image text, version integer, position blob)"
_INCONSISTENT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)


class DerivedFile:
    """`image` is the identity of the image that the rows come from."""

    what = "index"  # as messages call it
    version = 1  # part of the identity of a file: raised whenever rows would be written differently
    schema = ""
    tables: tuple[str, ...] = ()  # those that hold rows

    def __init__(self, path: Path, image: str) -> None:
        self.path = path
        self._image = image
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None
        self._inode = 0

    @property
    def position(self) -> bytes:
        """The id of the last transaction that the rows hold; `NOWHERE` for a new file."""
        with self._using() as database:
            return bytes(database.execute("select position from origin").fetchone()[0])

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The block's changes are kept together, or not at all; other writers wait, in this process and in others."""
        with self._using() as database:
            database.execute("begin immediate")
            try:
                yield
                database.execute("commit")
            except BaseException:
                if database.in_transaction:
                    database.execute("rollback")
                raise

    def move_to(self, position: bytes) -> None:
        """Inside `writing`: the rows now hold everything up to this transaction."""
        with self._using() as database:
            database.execute("update origin set position = ?", (position,))

    def clear(self) -> None:
        """Inside `writing`: drop every row and begin at the first transaction again."""
        with self._using() as database:
            for table in self.tables:
                database.execute(f"delete from {table}")
        self.move_to(NOWHERE)

    # The file

    def mending(self, work: Callable[[], Result]) -> Result:
        """What `work` returns. Where it meets a damaged file, that is begun anew, and the work done again."""
        try:
            return work()
        except DAMAGED as error:
            if not is_damage(error):
                raise
            self.discard(f"{error}.")
            return work()

    def close(self) -> None:
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def discard(self, reason: str = "") -> None:
        """Delete the file; the next use begins a new one. What nobody wanted has a reason, which is logged."""
        with self._lock, self._alone():
            self.close()
            self._delete(reason)

    def _delete(self, reason: str) -> None:
        if reason:
            log.warning("The %s %s is begun anew: %s", self.what, self.path, reason)
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process opens or deletes the file meanwhile: a new file must not meet the journal of an old one."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise ImageUnwritable(path=self.path, reason=f"{error.strerror or error}.") from None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection()
            except sqlite3.OperationalError as error:
                if is_damage(error):
                    raise
                raise ImageUnwritable(path=self.path, reason=f"{error}.") from None

    def _connection(self) -> sqlite3.Connection:
        if self._open is not None and not self._open.in_transaction and self._replaced():
            self.close()
        if self._open is None:
            self._open = self._connect()
        return self._open

    def _replaced(self) -> bool:
        """Whether the path no longer leads to the file that is open: somebody deleted it, or another process did."""
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _connect(self) -> sqlite3.Connection:
        with self._alone():
            database = self._prepared()
            if database is None:
                self._delete("it is damaged, from another image, or of another version.")
                database = self._prepared()
            if database is None:
                raise ImageUnwritable(path=self.path, reason=f"the {self.what} cannot be made.")
            self._inode = self.path.stat().st_ino
            return database

    def _prepared(self) -> sqlite3.Connection | None:
        """The open file with its tables, made if it is new; None if what is there is not ours."""
        # Threads share the connection under our lock.
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = wal", "synchronous = normal", "secure_delete = on"):
                database.execute(f"pragma {pragma}").fetchall()
            database.execute("begin immediate")
            if not database.execute("select 1 from sqlite_master").fetchone():
                for statement in (ORIGIN, *self.schema.split(";")[:-1]):
                    database.execute(statement)
                database.execute("insert into origin values (?, ?, ?)", (self._image, self.version, NOWHERE))
            found = database.execute("select image, version from origin").fetchone()
            ours = found == (self._image, self.version)
            database.execute("commit")
        except DAMAGED as error:
            database.close()
            if is_damage(error):
                return None
            raise
        if not ours:
            database.close()
        return database if ours else None


def is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault, and not the disk, a lock or a right."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF in (*_INCONSISTENT, sqlite3.SQLITE_ERROR) or code == sqlite3.SQLITE_IOERR_SHORT_READ
