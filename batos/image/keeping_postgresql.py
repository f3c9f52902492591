"""Care of an image on PostgreSQL. RelStorage packs; the server counts, and gives room back when it rewrites its tables.

The files here are copies of blobs, which this machine may lose.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ZODB.serialize import referencesf

from batos.image import postgresql
from batos.image.image import Image
from batos.image.keeping import BlobFile, Held, Scrub, copies_of_blobs
from batos.image.log import NEWEST
from batos.image.storages import telling_storage_errors

HELD = """
    SELECT (SELECT count(*) FROM transaction WHERE tid > 0 AND tid <= %(until)s),
        count(*), count(DISTINCT zoid), coalesce(sum(state_size), 0)::bigint
    FROM object_state WHERE tid <= %(until)s AND state IS NOT NULL"""
# A blob is a large object of the server's; its size is where its end is.
BLOBS = """
    SELECT zoid, tid, sum(lo_lseek64(lo_open(chunk, x'40000'::int), 0, 2))::bigint
    FROM blob_chunk WHERE tid <= %(until)s GROUP BY zoid, tid"""
FACTS = "SELECT tid, username, description, extension FROM transaction WHERE tid > 0"
REWRITE = "UPDATE transaction SET username = %s, description = %s, extension = %s WHERE tid = %s"
# What RelStorage remembers of a pack for the next one.
PACKING_NOTES = ("object_ref", "object_refs_added", "pack_object", "pack_state", "pack_state_tid")
REWRITTEN = ("object_state", "current_object", "blob_chunk", "transaction", "pg_largeobject", *PACKING_NOTES)


class PostgresqlKeeper:
    def __init__(self, image: Image) -> None:
        self._image = image
        self._storage: Any = image.db.storage

    def newest(self) -> bytes:
        ((number,),) = self._rows("SELECT max(tid) FROM transaction")
        return int(number).to_bytes(8, "big")

    def held(self, until: bytes = NEWEST) -> Held:
        number = int.from_bytes(until, "big")
        ((transactions, records, objects, states),) = self._rows(HELD, until=number)
        blobs = sum(size for _, _, size in self._rows(BLOBS, until=number))
        return Held(transactions, records, objects, states + blobs)

    def size(self) -> int:
        ((size,),) = self._rows("SELECT pg_database_size(current_database())")
        return int(size)

    def pack(self, horizon: bytes, scrub: Scrub | None = None) -> None:
        with telling_storage_errors(self._image.where):
            self._storage.pack(int.from_bytes(horizon, "big"), referencesf)
            with self._cursor() as cursor:
                for table in PACKING_NOTES:
                    cursor.execute(f"DELETE FROM {table}")
                if scrub is not None:
                    _scrub(cursor, scrub)
                cursor.connection.commit()
        stored = self.blob_sizes()
        for file in copies_of_blobs(self._image.where.path / "blobs"):
            if file.tid <= horizon and (file.oid, file.tid) not in stored:
                file.path.unlink(missing_ok=True)

    def shrink(self, patience: float) -> str:
        """Rewrite the tables, each of which nobody can use for that while."""
        with telling_storage_errors(self._image.where), self._cursor() as cursor:
            cursor.connection.autocommit = True
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", (f"{max(1, int(patience * 1000))}ms",))
            for table in REWRITTEN:
                try:
                    cursor.execute(f"VACUUM FULL {table}")
                except postgresql.driver().Error as error:
                    said = str(error).splitlines()[0]
                    return f"{table} could not be rewritten ({said}); do this again later, or leave it to the server."
        return ""

    def blob_sizes(self) -> dict[tuple[bytes, bytes], int]:
        rows = self._rows(BLOBS, until=int.from_bytes(NEWEST, "big"))
        return {(oid.to_bytes(8, "big"), tid.to_bytes(8, "big")): size for oid, tid, size in rows}

    def stray_files(self) -> list[Path]:
        stored = self.blob_sizes()
        files: Iterator[BlobFile] = copies_of_blobs(self._image.where.path / "blobs")
        return [file.path for file in files if (file.oid, file.tid) not in stored]

    def _rows(self, statement: str, **values: int) -> list[tuple[Any, ...]]:
        with telling_storage_errors(self._image.where), self._cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """On a connection of its own, with a transaction that is taken back unless it is committed."""
        with closing(postgresql.connect(self._image.where.dsn)) as connection, connection.cursor() as cursor:
            yield cursor


def _scrub(cursor: Any, scrub: Scrub) -> None:
    cursor.execute(FACTS)
    for tid, *stored in cursor.fetchall():
        facts = [fact if fact is None else bytes(fact) for fact in stored]
        scrubbed = [fact if fact is None else scrub(fact) for fact in facts]
        if scrubbed != facts:
            cursor.execute(REWRITE, (*scrubbed, tid))
