"""The text index: one SQLite file with an FTS5 table, derived from the image and never the truth.

It is a `DerivedFile`: merely behind after a crash, and begun anew when it is lost. Knows rows, not objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batos.image.derived import DerivedFile
from batos.memory.query import prepare

# A word in a heading or in the document's id says more than one in the text.
TITLE_WEIGHT, BODY_WEIGHT = 2.0, 1.0

SCHEMA = """
    create table chunk (
        id integer primary key, document_id text not null, chunk_index integer not null, speaker text, date text,
        asks integer not null
    );
    create index chunk_document on chunk (document_id, chunk_index);
    create table total (chunks integer);
    insert into total values (0);
    create table speaker (name text primary key, chunks integer not null) without rowid;
    create virtual table words using fts5 (title, body, tokenize = 'porter unicode61 remove_diacritics 2');
    create table former (id integer primary key);
    create table record (id integer primary key, kind text not null);
    create virtual table record_words using fts5 (title, body, tokenize = 'porter unicode61 remove_diacritics 2');
    create virtual table former_words using fts5 (title, body, tokenize = 'porter unicode61 remove_diacritics 2');
"""

COUNT_SPEAKER = "insert into speaker values (?, 1) on conflict (name) do update set chunks = chunks + 1"

# A word in more chunks than this is common. Common words are looked for only as far as rarer ones leave room: each
# chunk that is ranked costs time, and a word that so many hold tells little about any of them.
COMMON = 5_000


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk stands."""

    id: int
    document_id: str
    chunk_index: int
    speaker: str | None
    date: str | None
    asks: bool = False


class TextIndex(DerivedFile):
    what = "text index"
    version = 4
    schema = SCHEMA
    tables = ("chunk", "speaker", "words", "former", "former_words", "record", "record_words")

    def __init__(self, path: Path, image: str) -> None:
        super().__init__(path, image)
        self._frequencies: dict[str, int] = {}
        self._counted_at = 0

    # Reading

    def best(
        self, parts: Sequence[str], limit: int, offset: int = 0, document_id: str | None = None, *, past: bool = False
    ) -> list[tuple[int, float]]:
        """(id, BM25 weight) of the chunks that match any of the FTS5 expressions `parts`, best first; weights are above
        zero.

        With `past`, those of chunks that are remembered no longer.
        """
        words = "former_words" if past else "words"
        only = ""
        if document_id is not None and not past:
            only = "and words.rowid in (select id from chunk where document_id = :document)"
        # Only the interpolated parts are constants of this module.
        statement = f"""
            select rowid, -bm25({words}, {TITLE_WEIGHT}, {BODY_WEIGHT}) as score
            from {words} where {words} match :expression {only}
            order by score desc, rowid limit :limit offset :offset
        """
        telling = parts if past or document_id is not None else self._telling(parts)
        values = {"expression": " OR ".join(telling), "limit": limit, "offset": offset, "document": document_id}
        with self._using() as database:
            return database.execute(statement, values).fetchall()

    def _telling(self, parts: Sequence[str]) -> list[str]:
        """`parts` without common ones, rarest first, where the others are enough to rank by."""
        chunks = self._total()
        if chunks <= COMMON:
            return list(parts)
        if abs(chunks - self._counted_at) > self._counted_at // 10:
            self._frequencies, self._counted_at = {}, chunks
        by_rarity = sorted((self._frequency(part), place, part) for place, part in enumerate(parts))
        kept: list[str] = []
        room = COMMON
        for frequency, _, part in by_rarity:
            if kept and frequency > room:
                break
            kept.append(part)
            room -= frequency
        return kept

    def _frequency(self, part: str) -> int:
        """The number of chunks that match an expression, counted no further than to more than `COMMON`."""
        if part not in self._frequencies:
            statement = "select count(*) from (select 1 from words where words match ? limit ?)"
            with self._using() as database:
                self._frequencies[part] = database.execute(statement, (part, COMMON + 1)).fetchone()[0]
        return self._frequencies[part]

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
            return {row[0]: Place(*row) for row in database.execute(statement, (json.dumps(list(ids)),))}

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

    def _total(self) -> int:
        with self._using() as database:
            return int(database.execute("select chunks from total").fetchone()[0])

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

    def clear(self) -> None:
        super().clear()
        with self._using() as database:
            database.execute("update total set chunks = 0")

    def add(self, rows: Iterable[Row]) -> None:
        """Inside `writing`: take in rows whose ids it does not hold."""
        added = 0
        with self._using() as database:
            for row in rows:
                added += 1
                values = (row.id, row.document_id, row.chunk_index, row.speaker, row.date, row.asks)
                database.execute("insert into chunk values (?, ?, ?, ?, ?, ?)", values)
                self._insert_words("words", row)
                if row.speaker is not None:
                    database.execute(COUNT_SPEAKER, (row.speaker,))
            database.execute("update total set chunks = chunks + ?", (added,))

    def remove(self, ids: Iterable[int]) -> None:
        """Inside `writing`: drop rows; those it does not hold are passed over."""
        with self._using() as database:
            for id_ in ids:
                found = database.execute("select speaker from chunk where id = ?", (id_,)).fetchone()
                if found is None:
                    continue
                database.execute("delete from chunk where id = ?", (id_,))
                database.execute("update total set chunks = chunks - 1")
                database.execute("delete from words where rowid = ?", (id_,))
                if found[0] is not None:
                    database.execute("update speaker set chunks = chunks - 1 where name = ?", found)
                    database.execute("delete from speaker where chunks = 0")

    def keep_former(self, rows: Iterable[Row]) -> None:
        """Inside `writing`: keep rows that are remembered no longer, for searches as of a time when they were."""
        with self._using() as database:
            for row in rows:
                database.execute("insert or ignore into former values (?)", (row.id,))
                self._insert_words("former_words", row)

    def put_record(self, id_: int, kind: str, title: str, body: str) -> None:
        """Inside `writing`: take in, or renew, something that the system did."""
        with self._using() as database:
            database.execute("delete from record_words where rowid = ?", (id_,))
            database.execute("insert or replace into record values (?, ?)", (id_, kind))
            self._insert_words("record_words", Row(id_, "", 0, title, body))

    def drop_former(self, ids: Iterable[int]) -> None:
        """Inside `writing`: the opposite of `keep_former`."""
        with self._using() as database:
            for id_ in ids:
                if database.execute("delete from former where id = ?", (id_,)).rowcount:
                    database.execute("delete from former_words where rowid = ?", (id_,))

    def _insert_words(self, table: str, row: Row) -> None:
        texts = (row.id, _storable(prepare(row.title)), _storable(prepare(row.body)))
        with self._using() as database:
            database.execute(f"insert into {table} (rowid, title, body) values (?, ?, ?)", texts)


def _storable(text: str) -> str:
    # FTS5 reads a column up to the first null byte.
    return text.replace("\0", " ")
