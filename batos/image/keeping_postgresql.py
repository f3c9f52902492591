"""Care of an image on PostgreSQL: the server counts, and gives room back when it rewrites its tables.

The files here are copies of blobs, which this machine may lose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from batos.errors import ImageBusy
from batos.image import postgresql
from batos.image.keeping import Held
from batos.image.keeping_tables import Place, Row, Tables, TablesKeeper
from batos.image.log import NEWEST

HELD = """
    SELECT (SELECT count(*) FROM transaction WHERE tid > 0 AND tid <= :until),
        count(*), count(DISTINCT zoid), coalesce(sum(state_size), 0)::bigint
    FROM object_state WHERE tid <= :until AND state IS NOT NULL"""
# A blob is a large object of the server's; its size is where its end is.
BLOBS = """
    SELECT zoid, tid, sum(lo_lseek64(lo_open(chunk, x'40000'::int), 0, 2))::bigint
    FROM blob_chunk WHERE tid <= :until GROUP BY zoid, tid"""
SIZE = "SELECT pg_database_size(current_database())"
PARAMETER = re.compile(r"(?<!:):([a-z]+)")  # but no cast
REWRITTEN = ("object_state", "current_object", "blob_chunk", "transaction", "pg_largeobject")

# The numbers of RelStorage's own locks: one who packs, and one who is given the next transaction's id until it commits.
ONE_PACKS = "SELECT pg_try_advisory_lock(-2)"
ONE_COMMITS = "SELECT pg_advisory_xact_lock(-1)"
PATIENCE = f"SET lock_timeout = '{postgresql.LOCK_SECONDS}s'"
GIVE_UP = """
    DELETE FROM object_state USING unnest(:zoids::bigint[], :tids::bigint[]) AS gone (zoid, tid)
    WHERE object_state.zoid = gone.zoid AND object_state.tid = gone.tid"""
GIVE_UP_OBJECTS = "DELETE FROM current_object WHERE zoid = ANY (:zoids::bigint[])"


class PostgresqlKeeper(TablesKeeper):
    batch = 1_000  # the server has a lock for each blob that goes in one transaction, and some 6,000 of them by default
    piece = """
        SELECT lo_get(chunk, :begin, :size) FROM blob_chunk
        WHERE zoid = :zoid AND tid = :tid AND chunk_num = :chunk"""

    @property
    def _blobs(self) -> Path:
        return self._image.where.path / "blobs"

    def held(self, until: bytes = NEWEST) -> Held:
        number = int.from_bytes(until, "big")
        ((transactions, records, objects, states),) = self._rows(HELD, until=number)
        blobs = sum(size for _, _, size in self._rows(BLOBS, until=number))
        return Held(transactions, records, objects, states + blobs)

    def size(self) -> int:
        ((size,),) = self._rows(SIZE)
        return int(size)

    def shrink(self, patience: float) -> str:
        """Rewrite the tables, each of which nobody can use for that while."""
        with self._told(), closing(postgresql.connect(self._image.where.dsn)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
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

    @contextmanager
    def _tables(self, *, packing: bool = False) -> Iterator[Tables]:
        with closing(postgresql.connect(self._image.where.dsn)) as connection:
            tables = _ServerTables(connection)
            if packing:
                with tables.writing():
                    tables.run(PATIENCE)
                    ((is_alone,),) = tables.rows(ONE_PACKS)
                if not is_alone:
                    raise ImageBusy(path=self._image.where.name, reason="it is being packed from another machine.")
            yield tables


class _ServerTables:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    def rows(self, statement: str, **values: int) -> list[Row]:
        self.run(statement, **values)
        return list(self._cursor.fetchall())

    def run(self, statement: str, **values: Any) -> None:
        self._cursor.execute(PARAMETER.sub(r"%(\1)s", statement), values)

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._connection:
            yield

    def keep_others_out(self) -> None:
        self.run(ONE_COMMITS)

    def give_up(self, places: Iterable[Place]) -> None:
        listed = list(places)
        self.run(GIVE_UP, zoids=[zoid for zoid, _ in listed], tids=[tid for _, tid in listed])

    def give_up_objects(self, zoids: Iterable[int]) -> None:
        self.run(GIVE_UP_OBJECTS, zoids=list(zoids))
