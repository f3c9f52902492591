"""Packing RelStorage's tables, on SQLite and on a server alike.

RelStorage's own pack is not used. It keeps notes on every reference in the database, as large as what it removes; it
has Python collect its garbage again and again, for which a whole daemon stands still; and it does not notice when what
it is about to remove comes into use again.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ZODB.serialize import referencesf

from batos.errors import ImageBusy
from batos.faults import fault
from batos.image.image import Image
from batos.image.keeping import PIECE, BlobFile, Scrub, copies_of_blobs
from batos.image.reaching import Reading, Version, read_log
from batos.image.storages import telling_storage_errors

NEWEST_TRANSACTION = 'SELECT max(tid) FROM "transaction"'
AFTER = "SELECT state FROM object_state WHERE tid > :last AND state IS NOT NULL"
# Versions know those before them, for an undo that batos does not use; and transactions that hold nothing go.
TIDY = (
    """UPDATE object_state SET prev_tid = 0 WHERE prev_tid > 0 AND tid <= :horizon AND NOT EXISTS (
        SELECT 1 FROM object_state AS former WHERE former.zoid = object_state.zoid
            AND former.tid = object_state.prev_tid)""",
    """DELETE FROM "transaction" WHERE tid > 0 AND tid <= :horizon AND NOT EXISTS (
        SELECT 1 FROM object_state WHERE object_state.tid = "transaction".tid)""",
    'UPDATE "transaction" SET packed = TRUE WHERE tid > 0 AND tid <= :horizon AND NOT packed',
)
FACTS = 'SELECT tid, username, description, extension FROM "transaction" WHERE tid > 0'
REWRITE = """
    UPDATE "transaction" SET username = :username, description = :description, extension = :extension
    WHERE tid = :tid"""
CHUNKS = "SELECT chunk_num FROM blob_chunk WHERE zoid = :zoid AND tid = :tid ORDER BY chunk_num"
PAUSE = 0.02  # seconds between two batches, in which waiting writers have their turn
TRIES = 5

Row = tuple[Any, ...]
Place = tuple[int, int]  # (zoid, tid) of a version


class Tables(Protocol):
    """RelStorage's tables on one connection. Statements name their parameters as `:name`."""

    def rows(self, statement: str, **values: int) -> list[Row]: ...

    def run(self, statement: str, **values: Any) -> None: ...

    def writing(self) -> AbstractContextManager[None]:
        """A transaction."""

    def keep_others_out(self) -> None:
        """Until this transaction ends nobody else commits to the image."""

    def give_up(self, places: Iterable[Place]) -> None:
        """Delete versions, and the blobs of each."""

    def give_up_objects(self, zoids: Iterable[int]) -> None:
        """Delete what says which version of these is current."""


class TablesKeeper(ABC):
    """`batch` is how many versions are given up in one transaction, `piece` the statement that reads `:size` bytes of
    a chunk of a blob from its byte `:begin` on."""

    batch: int
    piece: str

    def __init__(self, image: Image) -> None:
        self._image = image
        self._storage: Any = image.db.storage

    @abstractmethod
    def _tables(self, *, packing: bool = False) -> AbstractContextManager[Tables]:
        """The tables on a connection of their own. Raises `ImageBusy` when another one packs them."""

    @abstractmethod
    def blob_sizes(self) -> dict[tuple[bytes, bytes], int]: ...

    @property
    @abstractmethod
    def _blobs(self) -> Path:
        """The folder with the copies of blobs."""

    def newest(self) -> bytes:
        with self._told(), self._tables() as tables:
            ((number,),) = tables.rows(NEWEST_TRANSACTION)
        return int(number).to_bytes(8, "big")

    def pack(self, horizon: bytes, scrub: Scrub | None = None) -> None:
        with self._told(), self._tables(packing=True) as tables:
            for _ in range(TRIES):
                if self._packed(tables, read_log(self._image, horizon)):
                    break
            else:
                reason = "what a pack would remove is being used again. Try later."
                raise ImageBusy(path=self._image.where.name, reason=reason)
            with tables.writing():
                for statement in TIDY:
                    tables.run(statement, horizon=_number(horizon))
                if scrub is not None:
                    _scrub(tables, scrub)
        self._remove_copies(horizon)

    def _packed(self, tables: Tables, reading: Reading) -> bool:
        """Give up what `reading` says. False, and nothing done, if a transaction since then needs some of it.

        The objects that are in no use go all at once, with that question. Blobs among them refer to nothing, and past
        versions are referred to by nothing: they follow in batches.
        """
        unused = reading.unused - {oid for oid, _ in self.blob_sizes()}
        following = [version for version in reading.gone if version.oid not in unused]
        last = {version.oid: version for version in following if version.oid in reading.unused}
        with tables.writing():
            tables.keep_others_out()
            later = tables.rows(AFTER, last=_number(reading.last))
            if any(not reading.unused.isdisjoint(referencesf(bytes(state))) for (state,) in later):
                return False
            tables.give_up_objects(map(_number, unused))
            tables.give_up(_place(version) for version in reading.gone if version.oid in unused)
        fault("pack.after_unused")
        for start in range(0, len(following), self.batch):
            batch = following[start : start + self.batch]
            with tables.writing():
                tables.give_up_objects(_number(version.oid) for version in batch if last.get(version.oid) == version)
                tables.give_up(map(_place, batch))
            time.sleep(PAUSE)
        for version in reading.gone:
            if version.oid in reading.unused:  # or this process would go on finding them
                self._storage._cache.remove_cached_data(*_place(version))
        return True

    def _remove_copies(self, horizon: bytes) -> None:
        """Delete the copies of blobs that are stored no more. Newer ones may be on their way, and are left."""
        stored = self.blob_sizes()
        for file in self.copies():
            if file.tid <= horizon and (file.oid, file.tid) not in stored:
                file.path.unlink(missing_ok=True)

    def copies(self) -> Iterator[BlobFile]:
        return copies_of_blobs(self._blobs)

    def stray_files(self) -> list[Path]:
        stored = self.blob_sizes()
        return [file.path for file in self.copies() if (file.oid, file.tid) not in stored]

    def blob(self, oid: bytes, tid: bytes) -> Iterator[bytes]:
        place = {"zoid": _number(oid), "tid": _number(tid)}
        with self._told(), self._tables() as tables:
            for (chunk,) in tables.rows(CHUNKS, **place):
                begin = 0
                while piece := self._read(tables, chunk, begin, place):
                    yield piece
                    begin += len(piece)

    def _read(self, tables: Tables, chunk: int, begin: int, place: dict[str, int]) -> bytes:
        ((piece,),) = tables.rows(self.piece, chunk=chunk, begin=begin, size=PIECE, **place)
        return bytes(piece or b"")  # SQLite has NULL for a part of nothing

    def _told(self) -> AbstractContextManager[None]:
        return telling_storage_errors(self._image.where)

    def _rows(self, statement: str, **values: int) -> list[Row]:
        with self._told(), self._tables() as tables:
            return tables.rows(statement, **values)


def _scrub(tables: Tables, scrub: Scrub) -> None:
    for tid, *stored in tables.rows(FACTS):
        facts = [fact if fact is None else bytes(fact) for fact in stored]
        scrubbed = [fact if fact is None else scrub(fact) for fact in facts]
        if scrubbed != facts:
            username, description, extension = scrubbed
            tables.run(REWRITE, tid=tid, username=username, description=description, extension=extension)


def _number(id_: bytes) -> int:
    return int.from_bytes(id_, "big")


def _place(version: Version) -> Place:
    return _number(version.oid), _number(version.tid)
