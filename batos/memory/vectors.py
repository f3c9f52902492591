"""The vector index: a vector for each chunk, derived from the image and never the truth.

It follows the transaction log as the text index does. A chunk that it has read and that no model has seen yet waits in
it with its text, so an embedding that was interrupted goes on where it was. Chunks that are remembered no longer keep
their vectors, apart from the others, for searches as of a time when they were. An index belongs to one model; another
model has another one. What a search computes with is held in memory (`Matrix`) and renewed by what changed since, or is
the server's own where that has pgvector (`nearby`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from batos.errors import EmbedderFailed
from batos.image.derived import ONE_OF, Derived, Listed, Place, Rows, Schema
from batos.memory.embedding import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from batos.memory.embedding import Vectors
    from batos.memory.matrix import Matrix
    from batos.memory.nearby import Nearby

# The chunks that one write transaction gives vectors to.
BATCH = 256

# `former` is 1 for a chunk that is remembered no longer. `serial` counts what was given a vector, what was dropped, and
# what went over from one to the other; `cleared` is where it stood when all was dropped.
SCHEMA = """
    create table passage (
        id integer primary key, former integer not null, digest blob not null, serial integer, value blob, text blob
    );
    create index passage_digest on passage (digest) where value is not null;
    create unique index passage_serial on passage (former, serial) where value is not null;
    create index passage_waiting on passage (former, id) where value is null;
    create table gone (serial integer primary key, id integer not null);
    create table count (serial integer, cleared integer);
    insert into count values ($born, $born);
"""
READ_AT_ONCE = 4_096
FILLED = """
    select id, value, serial from passage where former = ? and value is not null and serial > ? order by serial limit ?
"""


@dataclass(frozen=True)
class Meaning:
    """What a chunk is embedded by. `id` is its object id as a number."""

    id: int
    text: str


class Comparison(Protocol):
    """The vectors of an index, to be compared with that of a question."""

    def __len__(self) -> int: ...

    def nearest(self, question: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
        """The `count` ids with the largest cosines, and these; largest first, equals by id."""

    def cosines(self, question: NDArray[np.float32], ids: Sequence[int]) -> dict[int, float]:
        """The cosines of those of `ids` that have vectors."""

    def floor(self, question: NDArray[np.float32]) -> float:
        """The lowest cosine among vectors spread over all."""


class VectorIndex(Derived):
    """`embedder` decides the place: vectors of other models are in other places (`index_name`)."""

    what = "vector index"
    version = 3
    schema = SCHEMA
    tables = ("passage", "gone")

    def __init__(self, place: Place, image: str, embedder: Embedder) -> None:
        super().__init__(place, image)
        self.embedder = embedder
        self._matrices: dict[bool, Matrix] = {}  # by whether they are of former chunks
        self._held: Rows | None = None  # through which the matrices were read
        self._nearby: Nearby | None = None

    # Reading

    def count(self) -> int:
        """The number of chunks that are remembered."""
        with self._using() as database:
            return int(database.execute("select count(*) from passage where former = 0").fetchone()[0])

    def waiting(self, *, former: bool = False) -> int:
        """The number of chunks that have no vector yet; with `former`, those that are remembered no longer among
        them."""
        with self._using() as database:
            statement = "select count(*) from passage where value is null and former <= ?"
            return int(database.execute(statement, (int(former),)).fetchone()[0])

    def differing(self, meanings: Iterable[Meaning]) -> int:
        """In how many chunks it differs from these, which are to be all: in what they are embedded by, or that there
        are others."""
        with self._using() as database:
            rows = database.execute("select id, digest from passage where former = 0").fetchall()
            held: dict[int, bytes] = dict(rows)
        wanted = {meaning.id: _digest(meaning) for meaning in meanings}
        return sum(held.get(id_) != digest for id_, digest in wanted.items()) + len(held.keys() - wanted.keys())

    @contextmanager
    def comparing(self, *, former: bool = False) -> Iterator[Comparison]:
        """The vectors as they stand now; with `former`, those of chunks that are remembered no longer, always in
        memory. Other threads wait, so nothing but comparing belongs into the block."""
        with self._using() as database:
            served = self._served(database)
            if served is None or former:
                yield self._level_matrix(database, former)
            else:
                served.level()
                yield served

    def _served(self, database: Rows) -> Nearby | None:
        """What compares on the server, if anything does there; looked for once on each connection."""
        if self._held is not database:
            self._matrices, self._held, self._nearby = {}, database, None
            if isinstance(self.place, Schema):
                from batos.memory.nearby import opened

                self._nearby = opened(database, self.embedder.dimension)
        return self._nearby

    def _level_matrix(self, database: Rows, former: bool) -> Matrix:
        from batos.memory.matrix import Matrix

        newest, cleared = database.execute("select serial, cleared from count").fetchone()
        matrix = self._matrices.get(former)
        if matrix is None or matrix.serial < cleared:
            matrix = self._matrices[former] = Matrix(self.embedder.dimension)
            matrix.serial = cleared
        if newest > matrix.serial:
            self._renew(database, matrix, former)
            matrix.serial = newest
        return matrix

    def _renew(self, database: Rows, matrix: Matrix, former: bool) -> None:
        for (id_,) in database.execute("select id from gone where serial > ?", (matrix.serial,)):
            matrix.remove(id_)
        reached = matrix.serial
        while batch := database.execute(FILLED, (int(former), reached, READ_AT_ONCE)).fetchall():
            matrix.add([row[0] for row in batch], b"".join(row[1] for row in batch))
            reached = batch[-1][2]

    # Writing

    def put(self, meanings: Sequence[Meaning], *, former: bool = False) -> None:
        """Inside `writing`: take in chunks, or renew them; `former` ones are remembered no longer. One whose text it
        knows has its vector at once."""
        with self._using() as database:
            statement = f"select id, digest, former from passage where id {ONE_OF}"
            found = database.execute(statement, (Listed(meaning.id for meaning in meanings),))
            held = {id_: (digest, bool(was)) for id_, digest, was in found.fetchall()}
            for meaning in meanings:
                digest = _digest(meaning)
                known, was_former = held.get(meaning.id, (None, former))
                if known == digest and was_former != former:
                    self._go_over(database, meaning.id, former)
                elif known != digest:
                    if known is not None:
                        self.remove([meaning.id])
                    self._add(database, meaning, digest, former)

    def _add(self, database: Rows, meaning: Meaning, digest: bytes, former: bool) -> None:
        known = database.execute(
            "select value from passage where digest = ? and value is not null limit 1", (digest,)
        ).fetchone()
        serial = self._next(database) if known else None
        text = None if known else _encoded(meaning)
        row = (meaning.id, int(former), digest, serial, known and known[0], text)
        database.execute("insert into passage values (?, ?, ?, ?, ?, ?)", row)

    def _go_over(self, database: Rows, id_: int, former: bool) -> None:
        """From the chunks that are remembered to the others, or back."""
        database.execute("insert into gone values (?, ?)", (self._next(database), id_))
        statement = "update passage set former = ?, serial = case when value is not null then ? end where id = ?"
        database.execute(statement, (int(former), self._next(database), id_))

    def remove(self, ids: Iterable[int]) -> None:
        """Inside `writing`: drop chunks; those it does not hold are passed over."""
        with self._using() as database:
            for id_ in ids:
                if database.execute("delete from passage where id = ?", (id_,)).rowcount:
                    database.execute("insert into gone values (?, ?)", (self._next(database), id_))

    def clear(self) -> None:
        super().clear()
        with self._using() as database:
            database.execute("update count set serial = serial + 1, cleared = serial + 1")

    def _forget(self) -> None:
        self._matrices, self._held, self._nearby = {}, None, None

    def fill(self, most: int | None = None, told: Callable[[int], None] = lambda _: None) -> int:
        """Have the model embed chunks that wait, at most `most`, those that are remembered first; the number that got
        vectors.

        The model works outside every transaction. `told` hears how many are done. Raises `EmbedderFailed`.
        """
        done = 0
        while most is None or done < most:
            rows = self._next_waiting(BATCH if most is None else min(BATCH, most - done))
            if not rows:
                break
            vectors = packed(self.embedder, [text.decode() for _, _, text in rows])
            with self.writing(), self._using() as database:
                for (id_, digest, _), value in zip(rows, vectors, strict=True):
                    self._store(database, id_, digest, value)
            with self._using() as database:
                if (served := self._served(database)) is not None:
                    served.level()
            done += len(rows)
            told(done)
        return done

    def _next_waiting(self, number: int) -> list[tuple[int, bytes, bytes]]:
        with self._using() as database:
            statement = "select id, digest, text from passage where value is null order by former, id limit ?"
            found: list[tuple[int, bytes, bytes]] = database.execute(statement, (number,)).fetchall()
        return found

    def _store(self, database: Rows, id_: int, digest: bytes, value: bytes) -> None:
        # The chunk may have been changed or forgotten while the model worked, or embedded by another process.
        known = database.execute("select digest, value from passage where id = ?", (id_,)).fetchone()
        if known == (digest, None):
            values = (self._next(database), value, id_)
            database.execute("update passage set serial = ?, value = ?, text = null where id = ?", values)

    def _next(self, database: Rows) -> int:
        return int(database.execute("update count set serial = serial + 1 returning serial").fetchone()[0])


def _encoded(meaning: Meaning) -> bytes:
    return meaning.text.encode("utf-8", "replace")


def _digest(meaning: Meaning) -> bytes:
    return hashlib.sha256(_encoded(meaning)).digest()[:16]


def index_name(model_id: str, of: str = "vectors") -> str:
    """The name of a model's index of these. Names that differ in signs only must not meet."""
    plain = "".join(sign if sign.isalnum() or sign in "-." else "-" for sign in model_id)[:60]
    return f"{of}-{plain}-{hashlib.sha256(model_id.encode()).hexdigest()[:8]}"


def packed(embedder: Embedder, texts: Sequence[str]) -> list[bytes]:
    """The vectors of `texts` as they are kept: 16-bit floats. Raises `EmbedderFailed` for any of a wrong shape."""
    import numpy as np

    vectors = checked(embedder, embedder.passages(texts), len(texts))
    return [row.tobytes() for row in vectors.astype(np.float16)]


def checked(embedder: Embedder, vectors: Vectors, count: int) -> Vectors:
    import numpy as np

    if vectors.shape != (count, embedder.dimension) or not np.isfinite(vectors).all():
        reason = f"it gave the shape {vectors.shape} where ({count}, {embedder.dimension}) was to come."
        raise EmbedderFailed(model=embedder.model_id, reason=reason)
    return vectors
