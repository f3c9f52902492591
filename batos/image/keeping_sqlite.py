"""Care of an image on SQLite. RelStorage packs; its tables are read here to count, and its file is made smaller."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ZODB.serialize import referencesf

from batos.image import sqlite_files
from batos.image.image import Image
from batos.image.keeping import BlobFile, Held, Scrub
from batos.image.log import NEWEST
from batos.image.storages import telling_storage_errors

HELD = """
    SELECT (SELECT count(*) FROM "transaction" WHERE tid > 0 AND tid <= :until),
        count(*), count(DISTINCT zoid), coalesce(sum(state_size), 0),
        (SELECT coalesce(sum(length(chunk)), 0) FROM blob_chunk WHERE tid <= :until)
    FROM object_state WHERE tid <= :until AND state IS NOT NULL"""

FACTS = 'SELECT tid, username, description, extension FROM "transaction" WHERE tid > 0'
REWRITE = 'UPDATE "transaction" SET username = ?, description = ?, extension = ? WHERE tid = ?'

# What RelStorage remembers of a pack for the next one. It is as large as what was packed, and made again in passing.
PACKING_NOTES = ("object_ref", "object_refs_added", "pack_object", "pack_state", "pack_state_tid")


class SqliteKeeper:
    def __init__(self, image: Image) -> None:
        self._image = image
        self._storage: Any = image.db.storage
        self._path = image.where.database

    def newest(self) -> bytes:
        ((number,),) = self._rows('SELECT max(tid) FROM "transaction"')
        return int(number).to_bytes(8, "big")

    def held(self, until: bytes = NEWEST) -> Held:
        ((transactions, records, objects, states, blobs),) = self._rows(HELD, until=int.from_bytes(until, "big"))
        return Held(transactions, records, objects, states + blobs)

    def pack(self, horizon: bytes, scrub: Scrub | None = None) -> None:
        with telling_storage_errors(self._image.where):
            self._storage.pack(int.from_bytes(horizon, "big"), referencesf)
            with closing(sqlite_files.connect(self._path)) as database:
                database.execute("PRAGMA secure_delete = ON").fetchall()
                database.execute("BEGIN IMMEDIATE")
                for table in PACKING_NOTES:
                    database.execute(f"DELETE FROM {table}")
                if scrub is not None:
                    _scrub(database, scrub)
                database.execute("COMMIT")
        self._remove_copies(horizon)

    def _remove_copies(self, horizon: bytes) -> None:
        """Delete the copies of blobs that are stored no more. Newer ones may be on their way, and are left."""
        stored = self.blob_sizes()
        for file in self._blob_files():
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
        return [file.path for file in self._blob_files() if (file.oid, file.tid) not in stored]

    def _blob_files(self) -> Iterator[BlobFile]:
        """RelStorage's cache keeps the blob `oid` under `oid modulo 997`/`oid divided by 997`."""
        for path in (self._image.where.objects / "blobs").glob("*/*.*.blob"):
            quotient, tid, _ = path.name.split(".")
            oid = int(quotient) * 997 + int(path.parent.name)
            yield BlobFile(path, oid.to_bytes(8, "big"), bytes.fromhex(tid))

    def _rows(self, statement: str, **values: int) -> list[tuple[Any, ...]]:
        with telling_storage_errors(self._image.where), closing(sqlite_files.connect(self._path)) as database:
            return database.execute(statement, values).fetchall()


def _scrub(database: sqlite3.Connection, scrub: Scrub) -> None:
    for tid, *facts in database.execute(FACTS).fetchall():
        scrubbed = [fact if fact is None else scrub(bytes(fact)) for fact in facts]
        if scrubbed != facts:
            database.execute(REWRITE, (*scrubbed, tid))
