"""The text index: one SQLite file with an FTS5 table, derived from the image and never the truth.

Rows and the transaction up to which they hold are written together, so a crash leaves an index that is merely behind. A
file that is missing, damaged, from another image or from another version of this module is begun anew. Several
threads share one `TextIndex`, several processes one file. Knows rows, not objects.
"""

from __future__ import annotations

import fcntl
import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batos.errors import ImageUnwritable
from batos.memory.query import prepare

log = logging.getLogger(__name__)

# Part of the identity of a file: raise it whenever rows would be written differently.
VERSION = 1
NOWHERE = b"\0" * 8
BUSY_SECONDS = 30

# A word in a heading or in the document's id says more than one in the text.
TITLE_WEIGHT, BODY_WEIGHT = 2.0, 1.0

SCHEMA = """
    create table origin (image text, version integer, position blob);
    create table chunk (id integer primary key, document_id text not null, chunk_index integer not null);
    create index chunk_document on chunk (document_id);
    create virtual table words using fts5 (title, body, tokenize = 'porter unicode61 remove_diacritics 2');
"""
_INCONSISTENT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)


@dataclass(frozen=True)
class Row:
    """A chunk as the index keeps it. `id` is its object id as a number, or negative if it has none yet."""

    id: int
    document_id: str
    chunk_index: int
    title: str
    body: str


@dataclass(frozen=True)
class Match:
    """`score` is the BM25 weight, above zero; more is better."""

    id: int
    document_id: str
    chunk_index: int
    score: float


class TextIndex:
    """`image` is the identity of the image that the rows come from."""

    def __init__(self, path: Path, image: str) -> None:
        self.path = path
        self._image = image
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None
        self._inode = 0

    # Reading

    @property
    def position(self) -> bytes:
        """The id of the last transaction that the rows hold; `NOWHERE` for a new file."""
        with self._using() as database:
            return bytes(database.execute("select position from origin").fetchone()[0])

    def best(self, expression: str, limit: int, offset: int = 0, document_id: str | None = None) -> list[Match]:
        """The rows that match the FTS5 `expression`, best first."""
        only = "and chunk.document_id = :document" if document_id is not None else ""
        # Only the interpolated parts are constants of this module.
        statement = f"""
            select chunk.id, chunk.document_id, chunk_index, -bm25(words, {TITLE_WEIGHT}, {BODY_WEIGHT}) as score
            from words join chunk on chunk.id = words.rowid
            where words match :expression {only}
            order by score desc, chunk.id limit :limit offset :offset
        """
        values = {"expression": expression, "limit": limit, "offset": offset, "document": document_id}
        with self._using() as database:
            return [Match(*row) for row in database.execute(statement, values)]

    def count(self) -> tuple[int, int]:
        """(documents, chunks)"""
        with self._using() as database:
            found = database.execute("select count(distinct document_id), count(*) from chunk").fetchone()
            return int(found[0]), int(found[1])

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

    @contextmanager
    def supposing(self, documents: Iterable[str], rows: Iterable[Row]) -> Iterator[None]:
        """Within the block the index reads as if `documents` had exactly `rows`; nothing of it is kept.

        So chunks that are not committed yet are ranked by the same statistics as all others.
        """
        with self._using() as database:
            database.execute("begin immediate")
            try:
                for document_id in documents:
                    found = database.execute("select id from chunk where document_id = ?", (document_id,)).fetchall()
                    self.remove(row[0] for row in found)
                self.add(rows)
                yield
            finally:
                if database.in_transaction:
                    database.execute("rollback")

    def add(self, rows: Iterable[Row]) -> None:
        """Inside `writing`: take in rows whose ids it does not hold."""
        with self._using() as database:
            for row in rows:
                database.execute("insert into chunk values (?, ?, ?)", (row.id, row.document_id, row.chunk_index))
                texts = (row.id, _storable(prepare(row.title)), _storable(prepare(row.body)))
                database.execute("insert into words (rowid, title, body) values (?, ?, ?)", texts)

    def remove(self, ids: Iterable[int]) -> None:
        """Inside `writing`: drop rows; those it does not hold are passed over."""
        with self._using() as database:
            for id_ in ids:
                if database.execute("delete from chunk where id = ?", (id_,)).rowcount:
                    database.execute("delete from words where rowid = ?", (id_,))

    def move_to(self, position: bytes) -> None:
        """Inside `writing`: the rows now hold everything up to this transaction."""
        with self._using() as database:
            database.execute("update origin set position = ?", (position,))

    def clear(self, reason: str) -> None:
        """Inside `writing`: drop every row and begin at the first transaction again."""
        log.warning("The text index %s is rebuilt: %s", self.path, reason)
        with self._using() as database:
            database.execute("delete from chunk")
            database.execute("delete from words")
        self.move_to(NOWHERE)

    # The file

    def close(self) -> None:
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def discard(self, reason: str) -> None:
        """Delete the file; the next use begins a new one."""
        with self._lock, self._alone():
            self.close()
            self._delete(reason)

    def _delete(self, reason: str) -> None:
        log.warning("The text index %s is begun anew: %s", self.path, reason)
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
                raise ImageUnwritable(path=self.path, reason="the text index cannot be made.")
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
                for statement in SCHEMA.split(";")[:-1]:
                    database.execute(statement)
                database.execute("insert into origin values (?, ?, ?)", (self._image, VERSION, NOWHERE))
            ours = database.execute("select image, version from origin").fetchone() == (self._image, VERSION)
            database.execute("commit")
        except sqlite3.DatabaseError as error:
            database.close()
            if is_damage(error):
                return None
            raise
        if not ours:
            database.close()
        return database if ours else None


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault, and not the disk, a lock or a right."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF in (*_INCONSISTENT, sqlite3.SQLITE_ERROR) or code == sqlite3.SQLITE_IOERR_SHORT_READ


def _storable(text: str) -> str:
    # FTS5 reads a column up to the first null byte.
    return text.replace("\0", " ")
