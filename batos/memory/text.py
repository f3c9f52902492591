"""The text index: one SQLite file with an FTS5 table, derived from the image and never the truth.

It is a `DerivedFile`: merely behind after a crash, and begun anew when it is lost. Knows rows, not objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from batos.image.derived import DerivedFile
from batos.memory.query import prepare

# A word in a heading or in the document's id says more than one in the text.
TITLE_WEIGHT, BODY_WEIGHT = 2.0, 1.0

SCHEMA = """
    create table chunk (id integer primary key, document_id text not null, chunk_index integer not null);
    create index chunk_document on chunk (document_id);
    create virtual table words using fts5 (title, body, tokenize = 'porter unicode61 remove_diacritics 2');
"""


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


class TextIndex(DerivedFile):
    what = "text index"
    schema = SCHEMA
    tables = ("chunk", "words")

    # Reading

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


def _storable(text: str) -> str:
    # FTS5 reads a column up to the first null byte.
    return text.replace("\0", " ")
