"""Care of an image on SQLite: counting in RelStorage's tables, packing them, and making their file smaller.

RelStorage's own pack is not used. It keeps notes on every reference in the database, as large as what it removes; it
has Python collect its garbage again and again, for which a whole daemon stands still; and it does not notice when what
it is about to remove comes into use again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ZODB.serialize import referencesf

from batos.errors import ImageBusy
from batos.faults import fault
from batos.image import sqlite_files
from batos.image.files import size_of
from batos.image.image import Image
from batos.image.keeping import Held, Scrub, copies_of_blobs
from batos.image.log import NEWEST
from batos.image.reaching import Reading, Version, read_log
from batos.image.storages import telling_storage_errors

HELD = """
    SELECT (SELECT count(*) FROM "transaction" WHERE tid > 0 AND tid <= :until),
        count(*), count(DISTINCT zoid), coalesce(sum(state_size), 0),
        (SELECT coalesce(sum(length(chunk)), 0) FROM blob_chunk WHERE tid <= :until)
    FROM object_state WHERE tid <= :until AND state IS NOT NULL"""

FACTS = 'SELECT tid, username, description, extension FROM "transaction" WHERE tid > 0'
REWRITE = 'UPDATE "transaction" SET username = ?, description = ?, extension = ? WHERE tid = ?'

AFTER = "SELECT state FROM object_state WHERE tid > ? AND state IS NOT NULL"
GIVE_UP = "DELETE FROM object_state WHERE zoid = ? AND tid = ?"  # its blob goes with it
GIVE_UP_OBJECT = "DELETE FROM current_object WHERE zoid = ?"
# Versions know those before them, for an undo that batos does not use; and transactions that hold nothing go.
TIDY = (
    """UPDATE object_state SET prev_tid = 0 WHERE prev_tid > 0 AND tid <= :horizon AND NOT EXISTS (
        SELECT 1 FROM object_state AS former WHERE former.zoid = object_state.zoid
            AND former.tid = object_state.prev_tid)""",
    """DELETE FROM "transaction" WHERE tid > 0 AND tid <= :horizon AND NOT EXISTS (
        SELECT 1 FROM object_state WHERE object_state.tid = "transaction".tid)""",
    'UPDATE "transaction" SET packed = TRUE WHERE tid > 0 AND tid <= :horizon',
)
BATCH = 5_000  # versions given up in one transaction, in about a tenth of a second
PAUSE = 0.02  # seconds between two of them, in which waiting writers have their turn
TRIES = 5


class SqliteKeeper:
    def __init__(self, image: Image) -> None:
        self._image = image
        self._storage: Any = image.db.storage
        self._path = image.where.database
        self._blobs = image.where.objects / "blobs"

    def newest(self) -> bytes:
        ((number,),) = self._rows('SELECT max(tid) FROM "transaction"')
        return int(number).to_bytes(8, "big")

    def held(self, until: bytes = NEWEST) -> Held:
        ((transactions, records, objects, states, blobs),) = self._rows(HELD, until=int.from_bytes(until, "big"))
        return Held(transactions, records, objects, states + blobs)

    def size(self) -> int:
        return size_of(self._image.where.objects)

    def pack(self, horizon: bytes, scrub: Scrub | None = None) -> None:
        with telling_storage_errors(self._image.where), closing(sqlite_files.connect(self._path)) as database:
            for pragma in ("secure_delete = ON", "foreign_keys = ON", "synchronous = FULL"):
                database.execute(f"PRAGMA {pragma}").fetchall()
            for _ in range(TRIES):
                if self._packed(database, read_log(self._image, horizon)):
                    break
            else:
                reason = "what a pack would remove is being used again. Try later."
                raise ImageBusy(path=self._image.path, reason=reason)
            with _writing(database):
                for statement in TIDY:
                    database.execute(statement, {"horizon": int.from_bytes(horizon, "big")})
                if scrub is not None:
                    _scrub(database, scrub)
        self._remove_copies(horizon)

    def _packed(self, database: sqlite3.Connection, reading: Reading) -> bool:
        """Give up what `reading` says. False, and nothing done, if a transaction since then needs some of it.

        The objects that are in no use go all at once, with that question; past versions follow in batches.
        """
        unused = [version for version in reading.gone if version.oid in reading.unused]
        past = [version for version in reading.gone if version.oid not in reading.unused]
        with _writing(database):
            later = database.execute(AFTER, (int.from_bytes(reading.last, "big"),))
            if any(not reading.unused.isdisjoint(referencesf(bytes(state))) for (state,) in later):
                return False
            database.executemany(GIVE_UP_OBJECT, [(_number(oid),) for oid in reading.unused])
            database.executemany(GIVE_UP, map(_place, unused))
        fault("pack.after_unused")
        for version in unused:  # or this process would go on finding them
            self._storage._cache.remove_cached_data(*_place(version))
        for start in range(0, len(past), BATCH):
            with _writing(database):
                database.executemany(GIVE_UP, map(_place, past[start : start + BATCH]))
            time.sleep(PAUSE)
        return True

    def _remove_copies(self, horizon: bytes) -> None:
        """Delete the copies of blobs that are stored no more. Newer ones may be on their way, and are left."""
        stored = self.blob_sizes()
        for file in copies_of_blobs(self._blobs):
            if file.tid <= horizon and (file.oid, file.tid) not in stored:
                file.path.unlink(missing_ok=True)

    def shrink(self, patience: float) -> str:
        with telling_storage_errors(self._image.where):
            return sqlite_files.compact(self._path, patience)

    def blob_sizes(self) -> dict[tuple[bytes, bytes], int]:
        rows = self._rows("SELECT zoid, tid, sum(length(chunk)) FROM blob_chunk GROUP BY zoid, tid")
        return {(oid.to_bytes(8, "big"), tid.to_bytes(8, "big")): size for oid, tid, size in rows}

    def stray_files(self) -> list[Path]:
        stored = self.blob_sizes()
        return [file.path for file in copies_of_blobs(self._blobs) if (file.oid, file.tid) not in stored]

    def _rows(self, statement: str, **values: int) -> list[tuple[Any, ...]]:
        with telling_storage_errors(self._image.where), closing(sqlite_files.connect(self._path)) as database:
            return database.execute(statement, values).fetchall()


def _scrub(database: sqlite3.Connection, scrub: Scrub) -> None:
    for tid, *facts in database.execute(FACTS).fetchall():
        scrubbed = [fact if fact is None else scrub(bytes(fact)) for fact in facts]
        if scrubbed != facts:
            database.execute(REWRITE, (*scrubbed, tid))


@contextmanager
def _writing(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def _number(id_: bytes) -> int:
    return int.from_bytes(id_, "big")


def _place(version: Version) -> tuple[int, int]:
    return _number(version.oid), _number(version.tid)
