"""Vectors compared by the server: a table with an index of pgvector's, for images on PostgreSQL that have it.

The table follows the vectors of a `VectorIndex` in the same schema, by the number of the last change, as a `Matrix` in
memory does. It is used wherever the extension is in the image's database (`create extension vector`, 0.7 or later, by
who may); then no process holds the vectors in memory. Written after pgvector's own documentation (its README, 0.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batos.image.derived import ONE_OF, Listed, Rows
from batos.memory.matrix import Matrix
from batos.memory.vectors import FILLED

EXTENSION = "select 1 from pg_extension where extname = 'vector' and string_to_array(extversion, '.')::int[] >= '{0,7}'"
MOST_DIMENSIONS = 4_000  # of a 16-bit vector with an index
# Candidates that the index is walked with: more find more. 1,000 is pgvector's limit; beyond it all are compared.
LEAST_WALKED, MOST_WALKED = 200, 1_000
SAMPLED = 512  # vectors that stand for all
RESAMPLED = 0.1  # when so large a part of all has changed
READ_AT_ONCE = 1_000

COSINE = "1 - (value::vector <=> ?::vector)"


def opened(database: Rows, dimension: int) -> Nearby | None:
    """The table, made and filled if need be; None where the server has no pgvector that fits."""
    if dimension > MOST_DIMENSIONS or database.execute(EXTENSION).fetchone() is None:
        return None
    found = Nearby(database, dimension)
    found.prepare()
    return found


class Nearby:
    """A comparison (`vectors.Comparison`) through one connection."""

    def __init__(self, database: Rows, dimension: int) -> None:
        self._database = database
        self._dimension = dimension
        self._walked = 0
        self._sample = Matrix(dimension)
        self._sampled_at = (-1, 0)  # (changes, vectors) when the sample was taken

    # Following

    def prepare(self) -> None:
        """Make the table where there is none. Its index is made when it is full, which takes a part of the time."""
        database = self._database
        if database.execute("select to_regclass('nearby')").fetchone()[0] is not None:
            return
        database.execute("begin immediate")
        try:
            if database.execute("select to_regclass('nearby')").fetchone()[0] is None:
                database.execute(
                    f"create table nearby (id bigint primary key, value halfvec({self._dimension}) not null)"
                )
                database.execute("create table nearby_level (serial bigint)")
                database.execute("insert into nearby_level select cleared from count")
                self._renew()
                database.execute("create index nearby_value on nearby using hnsw (value halfvec_cosine_ops)")
            database.execute("commit")
        finally:
            if database.in_transaction:
                database.execute("rollback")

    def level(self) -> None:
        """Bring the table to the vectors as they stand."""
        behind = "select 1 from count, nearby_level where count.serial <> nearby_level.serial"
        if self._database.execute(behind).fetchone() is None:
            return
        self._database.execute("begin immediate")
        try:
            self._renew()
            self._database.execute("commit")
        finally:
            if self._database.in_transaction:
                self._database.execute("rollback")

    def _renew(self) -> None:
        database = self._database
        (reached,) = database.execute("select serial from nearby_level").fetchone()
        newest, cleared = database.execute("select serial, cleared from count").fetchone()
        if reached < cleared:
            database.execute("delete from nearby")
            reached = cleared
        database.execute("delete from nearby where id in (select id from gone where serial > ?)", (reached,))
        while batch := database.execute(FILLED, (0, reached, READ_AT_ONCE)).fetchall():
            database.executemany(
                "insert into nearby values (?, ?::halfvec) on conflict (id) do update set value = excluded.value",
                [(id_, _written(np.frombuffer(value, np.float16))) for id_, value, _ in batch],
            )
            reached = batch[-1][2]
        database.execute("update nearby_level set serial = ?", (newest,))

    # Comparing

    def __len__(self) -> int:
        return int(self._database.execute("select count(*) from nearby").fetchone()[0])

    def nearest(self, question: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
        asked = _written(question)
        # The sum with zero keeps the server from using the index, which finds no more than it is walked with.
        order = "value <=> ?::halfvec" if count <= MOST_WALKED else "(value <=> ?::halfvec) + 0"
        self._walk(min(max(count, LEAST_WALKED), MOST_WALKED))
        statement = f"select id, {COSINE} from nearby order by {order} limit ?"
        rows = self._database.execute(statement, (asked, asked, count)).fetchall()
        return sorted(((id_, float(cosine)) for id_, cosine in rows), key=lambda pair: (-pair[1], pair[0]))

    def _walk(self, candidates: int) -> None:
        if candidates != self._walked:
            self._database.execute(f"set hnsw.ef_search = {candidates}")
            self._walked = candidates

    def cosines(self, question: NDArray[np.float32], ids: Sequence[int]) -> dict[int, float]:
        statement = f"select id, {COSINE} from nearby where id {ONE_OF}"
        rows: list[Any] = self._database.execute(statement, (_written(question), Listed(ids))).fetchall()
        return {id_: float(cosine) for id_, cosine in rows}

    def floor(self, question: NDArray[np.float32]) -> float:
        self._resample()
        return self._sample.floor(question)

    def _resample(self) -> None:
        """Hold some vectors in memory, taken from pages all over the table."""
        (serial,) = self._database.execute("select serial from nearby_level").fetchone()
        changes, vectors = self._sampled_at
        if 0 <= serial - changes <= RESAMPLED * vectors:
            return
        held = len(self)
        share = 100 if held <= SAMPLED else max(100 * SAMPLED / held, 0.001)
        statement = f"""
            select id, value from passage where value is not null
            and id in (select id from nearby tablesample system ({share:.3f}) repeatable (1)) limit {SAMPLED}
        """
        rows = self._database.execute(statement).fetchall()
        self._sample = Matrix(self._dimension)
        self._sample.add([id_ for id_, _ in rows], b"".join(value for _, value in rows))
        self._sampled_at = (serial, held)


def _written(vector: NDArray[Any]) -> str:
    """A vector as pgvector reads it."""
    return f"[{','.join(map(str, vector.tolist()))}]"
