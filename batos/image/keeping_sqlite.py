"""Care of an image on SQLite: counting in RelStorage's tables, and making their file smaller."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from batos.image import sqlite_files
from batos.image.files import size_of
from batos.image.keeping import Held
from batos.image.keeping_tables import Place, Row, Tables, TablesKeeper
from batos.image.log import NEWEST

HELD = """
    SELECT (SELECT count(*) FROM "transaction" WHERE tid > 0 AND tid <= :until),
        count(*), count(DISTINCT zoid), coalesce(sum(state_size), 0),
        (SELECT coalesce(sum(length(chunk)), 0) FROM blob_chunk WHERE tid <= :until)
    FROM object_state WHERE tid <= :until AND state IS NOT NULL"""
BLOBS = "SELECT zoid, tid, sum(length(chunk)) FROM blob_chunk GROUP BY zoid, tid"
GIVE_UP = "DELETE FROM object_state WHERE zoid = ? AND tid = ?"  # its blob goes with it
GIVE_UP_OBJECT = "DELETE FROM current_object WHERE zoid = ?"


class SqliteKeeper(TablesKeeper):
    batch = 5_000  # in about a tenth of a second
    piece = """
        SELECT substr(chunk, :begin + 1, :size) FROM blob_chunk
        WHERE zoid = :zoid AND tid = :tid AND chunk_num = :chunk"""

    @property
    def _blobs(self) -> Path:
        return self._image.where.objects / "blobs"

    def held(self, until: bytes = NEWEST) -> Held:
        ((transactions, records, objects, states, blobs),) = self._rows(HELD, until=int.from_bytes(until, "big"))
        return Held(transactions, records, objects, states + blobs)

    def size(self) -> int:
        return size_of(self._image.where.objects)

    def shrink(self, patience: float) -> str:
        with self._told():
            return sqlite_files.compact(self._image.where.database, patience)

    def blob_sizes(self) -> dict[tuple[bytes, bytes], int]:
        return {(oid.to_bytes(8, "big"), tid.to_bytes(8, "big")): size for oid, tid, size in self._rows(BLOBS)}

    @contextmanager
    def _tables(self, *, packing: bool = False) -> Iterator[Tables]:
        with closing(sqlite_files.connect(self._image.where.database)) as database:
            if packing:
                for pragma in ("secure_delete = ON", "foreign_keys = ON", "synchronous = FULL"):
                    database.execute(f"PRAGMA {pragma}").fetchall()
            yield _SqliteTables(database)


class _SqliteTables:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def rows(self, statement: str, **values: int) -> list[Row]:
        return self._database.execute(statement, values).fetchall()

    def run(self, statement: str, **values: Any) -> None:
        self._database.execute(statement, values)

    @contextmanager
    def writing(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            self._database.execute("ROLLBACK")
            raise

    def keep_others_out(self) -> None:
        """There is one writer at a time anyway."""

    def give_up(self, places: Iterable[Place]) -> None:
        self._database.executemany(GIVE_UP, places)

    def give_up_objects(self, zoids: Iterable[int]) -> None:
        self._database.executemany(GIVE_UP_OBJECT, ((zoid,) for zoid in zoids))
