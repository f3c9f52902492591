"""The vector index: one SQLite file with a vector for each chunk, derived from the image and never the truth.

It follows the transaction log as the text index does. A chunk that it has read and that no model has seen yet waits in
it with its text, so an embedding that was interrupted goes on where it was. A file belongs to one model; another model
has another file. What a search computes with is held in memory (`Matrix`) and renewed by what changed since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batos.errors import EmbedderFailed
from batos.image.derived import DerivedFile
from batos.memory.embedding import Embedder

if TYPE_CHECKING:
    from batos.memory.embedding import Vectors
    from batos.memory.matrix import Matrix

# The chunks that one write transaction of the file gives vectors to.
BATCH = 256

SCHEMA = """
    create table passage (id integer primary key, digest blob not null, serial integer, value blob, text text);
    create index passage_digest on passage (digest) where value is not null;
    create unique index passage_serial on passage (serial) where value is not null;
    create index passage_waiting on passage (id) where value is null;
    create table gone (serial integer primary key, id integer not null);
    create table count (serial integer);
    insert into count values (0);
"""


@dataclass(frozen=True)
class Meaning:
    """What a chunk is embedded by. `id` is its object id as a number."""

    id: int
    text: str


class VectorIndex(DerivedFile):
    """`embedder` decides the file: vectors of other models are in other files, and so are those of something else than
    chunks, which `of` names."""

    what = "vector index"
    version = 1
    schema = SCHEMA
    tables = ("passage", "gone")

    def __init__(self, folder: Path, image: str, embedder: Embedder, of: str = "vectors") -> None:
        super().__init__(folder / file_name(embedder.model_id, of), image)
        self.embedder = embedder
        self._matrix: Matrix | None = None
        self._held: Any = None  # the connection that the matrix was read through

    # Reading

    def waiting(self) -> int:
        """The number of chunks that have no vector yet."""
        with self._using() as database:
            return int(database.execute("select count(*) from passage where value is null").fetchone()[0])

    def count(self) -> int:
        with self._using() as database:
            return int(database.execute("select count(*) from passage").fetchone()[0])

    def ids(self) -> set[int]:
        with self._using() as database:
            return {row[0] for row in database.execute("select id from passage")}

    @contextmanager
    def comparing(self) -> Iterator[Matrix]:
        """The vectors as they stand in the file now. Other threads wait, so nothing but comparing belongs into the
        block."""
        with self._using():
            yield self._level_matrix()

    def _level_matrix(self) -> Matrix:
        from batos.memory.matrix import Matrix

        with self._using() as database:
            if self._matrix is None or self._held is not database:
                self._matrix, self._held = Matrix(self.embedder.dimension), database
            matrix = self._matrix
            newest = int(database.execute("select serial from count").fetchone()[0])
            if newest < matrix.serial:  # the file was cleared
                self._matrix = matrix = Matrix(self.embedder.dimension)
            if newest > matrix.serial:
                self._renew(database, matrix)
                matrix.serial = newest
            return matrix

    def _renew(self, database: Any, matrix: Matrix) -> None:
        for (id_,) in database.execute("select id from gone where serial > ?", (matrix.serial,)):
            matrix.remove(id_)
        rows = database.execute(
            "select id, value from passage where value is not null and serial > ? order by serial", (matrix.serial,)
        )
        while batch := rows.fetchmany(4_096):
            matrix.add([row[0] for row in batch], b"".join(row[1] for row in batch))

    # Writing

    def add(self, meanings: Iterable[Meaning]) -> None:
        """Inside `writing`: take in chunks it does not hold. One whose text it knows has its vector at once."""
        with self._using() as database:
            for meaning in meanings:
                digest = hashlib.sha256(meaning.text.encode("utf-8", "replace")).digest()[:16]
                known = database.execute(
                    "select value from passage where digest = ? and value is not null limit 1", (digest,)
                ).fetchone()
                serial = self._next(database) if known else None
                row = (meaning.id, digest, serial, known and known[0], None if known else meaning.text)
                database.execute("insert into passage values (?, ?, ?, ?, ?)", row)

    def remove(self, ids: Iterable[int]) -> None:
        """Inside `writing`: drop chunks; those it does not hold are passed over."""
        with self._using() as database:
            for id_ in ids:
                if database.execute("delete from passage where id = ?", (id_,)).rowcount:
                    database.execute("insert into gone values (?, ?)", (self._next(database), id_))

    def clear(self) -> None:
        super().clear()
        with self._using() as database:
            database.execute("update count set serial = 0")
        self._matrix = None

    def fill(self, most: int | None = None, told: Callable[[int], None] = lambda _: None) -> int:
        """Have the model embed chunks that wait, at most `most`; the number that got vectors.

        The model works outside every transaction. `told` hears how many are done. Raises `EmbedderFailed`.
        """
        done = 0
        while most is None or done < most:
            rows = self._next_waiting(BATCH if most is None else min(BATCH, most - done))
            if not rows:
                break
            vectors = packed(self.embedder, [text for _, _, text in rows])
            with self.writing(), self._using() as database:
                for (id_, digest, _), value in zip(rows, vectors, strict=True):
                    self._store(database, id_, digest, value)
            done += len(rows)
            told(done)
        return done

    def _next_waiting(self, number: int) -> list[tuple[int, bytes, str]]:
        with self._using() as database:
            return database.execute(
                "select id, digest, text from passage where value is null order by id limit ?", (number,)
            ).fetchall()

    def _store(self, database: Any, id_: int, digest: bytes, value: bytes) -> None:
        # The chunk may have been changed or forgotten while the model worked, or embedded by another process.
        known = database.execute("select digest, value from passage where id = ?", (id_,)).fetchone()
        if known == (digest, None):
            values = (self._next(database), value, id_)
            database.execute("update passage set serial = ?, value = ?, text = null where id = ?", values)

    def _next(self, database: Any) -> int:
        return int(database.execute("update count set serial = serial + 1 returning serial").fetchone()[0])


def file_name(model_id: str, of: str = "vectors") -> str:
    """The name of a model's file. Names that differ in signs only must not meet."""
    plain = "".join(sign if sign.isalnum() or sign in "-." else "-" for sign in model_id)[:60]
    return f"{of}-{plain}-{hashlib.sha256(model_id.encode()).hexdigest()[:8]}.sqlite3"


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
