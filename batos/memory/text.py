"""The text index: one SQLite file with the words of all chunks, derived from the image and never the truth.

It is a `DerivedFile`: merely behind after a crash, and begun anew when it is lost. Knows rows, not objects. The chunks
that are remembered are found by `Words`; what is seldom looked for (chunks that are remembered no longer,
what the system did) by FTS5, which needs no care.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from batos.image.derived import DerivedFile
from batos.memory.query import BODY_WEIGHT, TITLE_WEIGHT, TOKENIZER, prepare

if TYPE_CHECKING:
    from batos.memory.words import Words

# `words_row` is the row that a chunk has in `Words`, whose tables are the last five.
SCHEMA = f"""
    create table chunk (
        id integer primary key, document_id text not null, chunk_index integer not null, speaker text, date text,
        asks integer not null, words_row integer not null
    );
    create index chunk_document on chunk (document_id, chunk_index);
    create table speaker (name text primary key, chunks integer not null) without rowid;
    create table former (id integer primary key);
    create table record (id integer primary key, kind text not null);
    create virtual table record_words using fts5 (title, body, tokenize = '{TOKENIZER}');
    create virtual table former_words using fts5 (title, body, tokenize = '{TOKENIZER}');
    create table segment (
        id integer primary key autoincrement, first integer not null, last integer not null, living integer not null,
        removed integer not null, firsts blob not null, pages blob not null, rows blob not null, ids blob not null,
        sizes blob not null
    );
    create table page (id integer primary key autoincrement, postings blob not null);
    create table sequence (row integer primary key, tokens blob not null);
    create table removed (serial integer primary key autoincrement, row integer not null);
    create table words (generation integer, next integer, living integer, tokens integer);
    insert into words values (0, 0, 0, 0);
"""

COUNT_SPEAKER = "insert into speaker values (?, ?) on conflict (name) do update set chunks = chunks + excluded.chunks"


@dataclass(frozen=True)
class Row:
    """A chunk as the index keeps it. `id` is its object id as a number, or negative if it has none yet.

    `speaker` and `date` (ISO form) are those of a turn of a conversation, None for any other chunk.
    """

    id: int
    document_id: str
    chunk_index: int
    title: str
    body: str
    speaker: str | None = None
    date: str | None = None

    @property
    def asks(self) -> bool:
        """Whether a question is put in it."""
        return "?" in self.body


class Place(NamedTuple):
    """Where a chunk stands."""

    id: int
    document_id: str
    chunk_index: int
    speaker: str | None
    date: str | None
    asks: bool = False


class TextIndex(DerivedFile):
    what = "text index"
    version = 5
    schema = SCHEMA
    tables = (
        "chunk",
        "speaker",
        "former",
        "former_words",
        "record",
        "record_words",
        "segment",
        "page",
        "sequence",
        "removed",
    )

    @cached_property
    def _words(self) -> Words:
        from batos.memory.words import Words  # numpy takes a while to come

        return Words()

    # Reading

    def best(
        self, parts: Sequence[str], limit: int, offset: int = 0, document_id: str | None = None, *, past: bool = False
    ) -> list[tuple[int, float]]:
        """(id, BM25 weight) of the chunks that match any of the FTS5 expressions `parts`, best first; weights are above
        zero.

        With `past`, those of chunks that are remembered no longer.
        """
        with self._using() as database:
            if not past:
                only = self._rows_of(document_id) if document_id is not None else None
                return self._words.best(database, parts, limit, offset, only)
            statement = f"""
                select rowid, -bm25(former_words, {TITLE_WEIGHT}, {BODY_WEIGHT}) as score from former_words
                where former_words match ? order by score desc, rowid limit ? offset ?
            """
            return database.execute(statement, (" OR ".join(parts), limit, offset)).fetchall()

    def _rows_of(self, document_id: str) -> list[int]:
        with self._using() as database:
            found = database.execute("select words_row from chunk where document_id = ?", (document_id,))
            return [row[0] for row in found]

    def best_records(self, parts: Sequence[str], kinds: Iterable[str], limit: int) -> list[tuple[int, float]]:
        """(id, BM25 weight) of what the system did, of these kinds, best first."""
        statement = f"""
            select record.id, -bm25(record_words, {TITLE_WEIGHT}, {BODY_WEIGHT}) as score
            from record_words join record on record.id = record_words.rowid
            where record_words match ? and record.kind in (select value from json_each(?))
            order by score desc, record.id limit ?
        """
        values = (" OR ".join(parts), json.dumps(sorted(kinds)), limit)
        with self._using() as database:
            return database.execute(statement, values).fetchall()

    def places(self, ids: Iterable[int]) -> dict[int, Place]:
        """Where the chunks with these ids stand; those it does not hold are left out."""
        statement = """
            select chunk.id, document_id, chunk_index, speaker, date, asks
            from json_each(?) as wanted cross join chunk on chunk.id = wanted.value
        """
        with self._using() as database:
            return {row[0]: Place._make(row) for row in database.execute(statement, (json.dumps(list(ids)),))}

    def neighbours(self, places: Iterable[Place]) -> dict[int, Place]:
        """The chunks directly before and after these in their documents."""
        statement = """
            select id, document_id, chunk_index, speaker, date, asks from chunk
            where document_id = ? and chunk_index in (?, ?)
        """
        near: dict[int, Place] = {}
        with self._using() as database:
            for place in places:
                values = (place.document_id, place.chunk_index - 1, place.chunk_index + 1)
                near.update((row[0], Place(*row)) for row in database.execute(statement, values))
        return near

    def stretch(self, document_id: str, first: int, last: int) -> dict[int, Place]:
        """The chunks of a document from one number to another."""
        statement = """
            select id, document_id, chunk_index, speaker, date, asks from chunk
            where document_id = ? and chunk_index between ? and ?
        """
        with self._using() as database:
            return {row[0]: Place(*row) for row in database.execute(statement, (document_id, first, last))}

    def all_places(self) -> dict[int, tuple[str, int]]:
        """(document id, chunk index) of every chunk."""
        with self._using() as database:
            rows = database.execute("select id, document_id, chunk_index from chunk")
            return {row[0]: (row[1], row[2]) for row in rows}

    def of_document(self, document_id: str) -> list[int]:
        with self._using() as database:
            return [row[0] for row in database.execute("select id from chunk where document_id = ?", (document_id,))]

    def within(self, beginning: str, most: int) -> list[int] | None:
        """The ids of the chunks of documents whose id begins so; None if they are more than `most`."""
        statement = "select id from chunk where document_id >= ? and document_id < ? limit ?"
        with self._using() as database:
            found = database.execute(statement, (beginning, f"{beginning}\U0010ffff", most + 1)).fetchall()
        return None if len(found) > most else [row[0] for row in found]

    def speakers(self) -> dict[str, int]:
        """Everybody who speaks in a conversation, with the number of turns."""
        with self._using() as database:
            return dict(database.execute("select name, chunks from speaker"))

    def count(self) -> tuple[int, int]:
        """(documents, chunks)"""
        with self._using() as database:
            found = database.execute("select count(distinct document_id), count(*) from chunk").fetchone()
            return int(found[0]), int(found[1])

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        try:
            with super().writing():
                yield
        except BaseException:
            self._words.forget()
            raise

    @contextmanager
    def supposing(self, documents: Iterable[str], rows: Iterable[Row]) -> Iterator[None]:
        """Within the block the index reads as if `documents` had exactly `rows`; nothing of it is kept.

        So chunks that are not committed yet are ranked by the same statistics as all others.
        """
        with self._using() as database:
            database.execute("begin immediate")
            try:
                with self._words.passing(database):
                    for document_id in documents:
                        found = database.execute("select id from chunk where document_id = ?", (document_id,))
                        self.remove([row[0] for row in found])
                    self._add(database, list(rows), merging=False)
                    yield
            finally:
                if database.in_transaction:
                    database.execute("rollback")

    def clear(self) -> None:
        super().clear()
        with self._using() as database:
            self._words.clear(database)

    def add(self, rows: Iterable[Row]) -> None:
        """Inside `writing`: take in rows whose ids it does not hold."""
        with self._using() as database:
            self._add(database, list(rows))

    def _add(self, database: sqlite3.Connection, rows: list[Row], *, merging: bool = True) -> None:
        texts = [(row.id, row.title, row.body) for row in rows]
        numbers = self._words.add(database, texts, merging=merging)
        database.executemany(
            "insert into chunk values (?, ?, ?, ?, ?, ?, ?)",
            (
                (row.id, row.document_id, row.chunk_index, row.speaker, row.date, row.asks, number)
                for row, number in zip(rows, numbers, strict=True)
            ),
        )
        speakers = Counter(row.speaker for row in rows if row.speaker is not None)
        database.executemany(COUNT_SPEAKER, speakers.items())

    def remove(self, ids: Iterable[int]) -> None:
        """Inside `writing`: drop rows; those it does not hold are passed over."""
        statement = """
            select chunk.id, words_row, speaker from json_each(?) as wanted cross join chunk on chunk.id = wanted.value
        """
        with self._using() as database:
            found = database.execute(statement, (json.dumps(list(ids)),)).fetchall()
            if not found:
                return
            self._words.remove(database, [row[1] for row in found])
            database.executemany("delete from chunk where id = ?", ((row[0],) for row in found))
            speakers = Counter(row[2] for row in found if row[2] is not None)
            if speakers:
                database.executemany(
                    "update speaker set chunks = chunks - ? where name = ?",
                    ((number, name) for name, number in speakers.items()),
                )
                database.execute("delete from speaker where chunks = 0")

    def keep_former(self, rows: Iterable[Row]) -> None:
        """Inside `writing`: keep rows that are remembered no longer, for searches as of a time when they were."""
        with self._using() as database:
            for row in rows:
                database.execute("insert or ignore into former values (?)", (row.id,))
                self._insert_words("former_words", row)

    def close(self) -> None:
        super().close()
        self._words.forget()

    def put_record(self, id_: int, kind: str, title: str, body: str) -> None:
        """Inside `writing`: take in, or renew, something that the system did."""
        with self._using() as database:
            database.execute("delete from record_words where rowid = ?", (id_,))
            database.execute("insert or replace into record values (?, ?)", (id_, kind))
            self._insert_words("record_words", Row(id_, "", 0, title, body))

    def drop_former(self, ids: Iterable[int]) -> None:
        """Inside `writing`: the opposite of `keep_former`."""
        statement = "select former.id from json_each(?) as wanted cross join former on former.id = wanted.value"
        with self._using() as database:
            found = database.execute(statement, (json.dumps(list(ids)),)).fetchall()
            database.executemany("delete from former where id = ?", found)
            database.executemany("delete from former_words where rowid = ?", found)

    def _insert_words(self, table: str, row: Row) -> None:
        texts = (row.id, _storable(prepare(row.title)), _storable(prepare(row.body)))
        with self._using() as database:
            database.execute(f"insert into {table} (rowid, title, body) values (?, ?, ?)", texts)


def _storable(text: str) -> str:
    # FTS5 reads a column up to the first null byte.
    return text.replace("\0", " ")
