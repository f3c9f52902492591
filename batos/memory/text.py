"""The text index: the words of all chunks, derived from the image and never the truth.

It is `Derived`: merely behind after a crash, and begun anew when it is lost. Knows rows, not objects. Chunks that are
remembered, chunks that are remembered no longer, and what the system did have words of their own, each ranked among its
like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from batos.image.derived import ONE_OF, Derived, Listed, Rows
from batos.memory.expected import told
from batos.memory.lexical.tables import Text, schema, tables
from batos.memory.turns import said

if TYPE_CHECKING:
    from batos.memory.lexical.words import Words

# `words_row` is the row that a text has in the words of its kind.
SCHEMA = f"""
    create table chunk (
        id integer primary key, document_id text not null, chunk_index integer not null, speaker text, date text,
        asks integer not null, tells integer not null, words_row integer not null
    );
    create index chunk_document on chunk (document_id, chunk_index);
    create table speaker (name text primary key, chunks integer not null) without rowid;
    create table former (id integer primary key, words_row integer not null);
    create table record (id integer primary key, kind text not null, words_row integer not null);
    {schema()}{schema("former_")}{schema("record_")}"""

COUNT_SPEAKER = """
    insert into speaker values (?, ?) on conflict (name) do update set chunks = speaker.chunks + excluded.chunks
"""
COLUMNS = "id, chunk.document_id, chunk.chunk_index, speaker, date, asks, tells, words_row"  # those of a `Place`
SIFTED = 1_000  # of what the system did, so many are looked at together for their kind


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

    @property
    def tells(self) -> int:
        """What a turn tells (`expected`). A chunk of a document is long, and tells nearly all of them."""
        return told(said(self.body)) if self.speaker is not None else 0

    @property
    def place(self) -> Place:
        return Place(self.id, self.document_id, self.chunk_index, self.speaker, self.date, self.asks, self.tells)

    @property
    def text(self) -> Text:
        return self.id, self.title, self.body


class Record(NamedTuple):
    """Something that the system did, of a `kind` of its own."""

    id: int
    kind: str
    title: str
    body: str


class Place(NamedTuple):
    """Where a chunk stands."""

    id: int
    document_id: str
    chunk_index: int
    speaker: str | None
    date: str | None
    asks: bool = False
    tells: int = 0
    row: int = -1  # of its words, where that is known


class TextIndex(Derived):
    what = "text index"
    version = 8
    schema = SCHEMA
    tables = (
        "chunk",
        "speaker",
        "former",
        "record",
        *tables(),
        *tables("former_"),
        *tables("record_"),
    )

    @cached_property
    def _all_words(self) -> tuple[Words, Words, Words]:
        from batos.memory.lexical.text_tokens import TextTokens  # numpy takes a while to come
        from batos.memory.lexical.words import Words

        tokens = TextTokens()
        return Words("", tokens), Words("former_", tokens), Words("record_", tokens)

    @property
    def _words(self) -> Words:
        return self._all_words[0]

    @property
    def _former(self) -> Words:
        return self._all_words[1]

    @property
    def _records(self) -> Words:
        return self._all_words[2]

    # Reading

    def best(
        self, parts: Sequence[str], limit: int, offset: int = 0, document_id: str | None = None, *, former: bool = False
    ) -> list[tuple[int, float]]:
        """(id, BM25 weight) of the chunks that match any of the FTS5 expressions `parts`, best first; weights are above
        zero.

        With `former`, those of chunks that are remembered no longer, of whatever document.
        """
        with self._using() as database:
            if former:
                return self._former.best(database, parts, limit, offset)
            only = self._rows_of(document_id) if document_id is not None else None
            return self._words.best(database, parts, limit, offset, only)

    def _rows_of(self, document_id: str) -> list[int]:
        with self._using() as database:
            found = database.execute("select words_row from chunk where document_id = ?", (document_id,))
            return [row[0] for row in found]

    def best_records(self, parts: Sequence[str], kinds: Collection[str], limit: int) -> list[tuple[int, float]]:
        """(id, BM25 weight) of what the system did, of these kinds, best first."""
        statement = f"select id, kind from record where id {ONE_OF}"
        found: list[tuple[int, float]] = []
        offset = 0
        with self._using() as database:
            while len(found) < limit and (some := self._records.best(database, parts, SIFTED, offset)):
                kind = dict(database.execute(statement, (Listed(id_ for id_, _ in some),)).fetchall())
                found += [(id_, weight) for id_, weight in some if kind[id_] in kinds]
                offset += len(some)
        return found[:limit]

    def places(self, ids: Iterable[int]) -> dict[int, Place]:
        """Where the chunks with these ids stand; those it does not hold are left out."""
        statement = f"select {COLUMNS} from chunk where id {ONE_OF}"
        with self._using() as database:
            return self._words.told(database, ids, statement, Place._make)

    def neighbours(self, places: Iterable[Place]) -> dict[int, Place]:
        """The chunks directly before and after these in their documents."""
        beside = {(place.document_id, place.chunk_index + step) for place in places for step in (-1, 1)}
        return self.stretches([(document_id, number, number) for document_id, number in sorted(beside)])

    def stretches(self, spans: Sequence[tuple[str, int, int]]) -> dict[int, Place]:
        """The chunks of each of these documents from one number to another."""
        if not spans:
            return {}
        # One statement, because on a server each takes its way.
        statement = f"""
            with wanted (document_id, first, last) as (values {", ".join(["(?, ?, ?)"] * len(spans))})
            select {COLUMNS} from wanted join chunk
            on chunk.document_id = wanted.document_id and chunk.chunk_index between wanted.first and wanted.last
        """
        with self._using() as database:
            rows = database.execute(statement, [value for span in spans for value in span])
            return {row[0]: Place._make(row) for row in rows}

    def differing(self, rows: Iterable[Row]) -> int:
        """In how many chunks it differs from these, which are to be all: in their words, in where they stand, or that
        there are others."""
        with self._using() as database:
            known = database.execute(f"select {COLUMNS} from chunk").fetchall()
            held = {row[0]: row[-1] for row in known}
            places = {row[0]: Place(*row[:-1]) for row in known}
            wrong: set[int] = set()
            wanted: set[int] = set()

            def texts() -> Iterator[Text]:
                for row in rows:
                    wanted.add(row.id)
                    if places.get(row.id) != row.place:
                        wrong.add(row.id)
                    yield row.text

            wrong.update(self._words.differing(database, held, texts()))
            return len(wrong) + len(held.keys() - wanted)

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
            return dict(database.execute("select name, chunks from speaker").fetchall())

    def has_speakers(self) -> bool:
        """Whether anybody speaks in a conversation."""
        with self._using() as database:
            return database.execute("select 1 from speaker limit 1").fetchone() is not None

    def documents(self) -> int:
        """The number of documents that have chunks."""
        with self._using() as database:
            return int(database.execute("select count(distinct document_id) from chunk").fetchone()[0])

    # Writing

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
            for one in self._all_words:
                one.clear(database)

    def add(self, rows: Sequence[Row]) -> None:
        """Inside `writing`: take in rows whose ids it does not hold."""
        if rows:
            with self._using() as database:
                self._add(database, rows)

    def _add(self, database: Rows, rows: Sequence[Row], *, merging: bool = True) -> None:
        numbers = self._words.add(database, [row.text for row in rows], merging=merging)
        database.executemany(
            "insert into chunk values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (row.id, row.document_id, row.chunk_index, row.speaker, row.date, int(row.asks), row.tells, number)
                for row, number in zip(rows, numbers, strict=True)
            ],
        )
        if speakers := Counter(row.speaker for row in rows if row.speaker is not None):
            database.executemany(COUNT_SPEAKER, list(speakers.items()))

    def remove(self, ids: Iterable[int]) -> None:
        """Inside `writing`: drop rows; those it does not hold are passed over."""
        statement = f"select id, words_row, speaker from chunk where id {ONE_OF}"
        with self._using() as database:
            found = database.execute(statement, (Listed(ids),)).fetchall()
            if not found:
                return
            self._words.remove(database, [row[1] for row in found])
            database.executemany("delete from chunk where id = ?", [(row[0],) for row in found])
            speakers = Counter(row[2] for row in found if row[2] is not None)
            if speakers:
                database.executemany(
                    "update speaker set chunks = chunks - ? where name = ?",
                    [(number, name) for name, number in speakers.items()],
                )
                database.execute("delete from speaker where chunks = 0")

    def keep_former(self, rows: Sequence[Row]) -> None:
        """Inside `writing`: keep rows that are remembered no longer, for searches as of a time when they were. It holds
        none of them yet."""
        if not rows:
            return
        with self._using() as database:
            numbers = self._former.add(database, [row.text for row in rows])
            values = [(row.id, number) for row, number in zip(rows, numbers, strict=True)]
            database.executemany("insert into former values (?, ?)", values)

    def drop_former(self, ids: Iterable[int]) -> None:
        """Inside `writing`: the opposite of `keep_former`; those it does not hold are passed over."""
        self._drop("former", self._former, ids)

    def put_records(self, records: Sequence[Record]) -> None:
        """Inside `writing`: take in, or renew, what the system did."""
        if not records:
            return
        with self._using() as database:
            self._drop("record", self._records, [record.id for record in records])
            numbers = self._records.add(database, [(record.id, record.title, record.body) for record in records])
            values = [(record.id, record.kind, number) for record, number in zip(records, numbers, strict=True)]
            database.executemany("insert into record values (?, ?, ?)", values)

    def _drop(self, table: str, of: Words, ids: Iterable[int]) -> None:
        with self._using() as database:
            statement = f"select id, words_row from {table} where id {ONE_OF}"
            found = database.execute(statement, (Listed(ids),)).fetchall()
            if not found:
                return
            of.remove(database, [row[1] for row in found])
            database.executemany(f"delete from {table} where id = ?", [(row[0],) for row in found])

    def _forget(self) -> None:
        for one in self._all_words if "_all_words" in self.__dict__ else ():
            one.forget()
