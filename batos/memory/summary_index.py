"""The index of summaries, derived from the image as the text index is.

A summary above chunks is found by all their words, a higher one by its own. The index also knows which documents have
no summaries that are level with them, and which of its rows to pass over until they have. Vectors of summaries stand in
a vector index of their own, by central sentences as far as a model's window reaches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from batos.image import following
from batos.image.derived import NOWHERE, ONE_OF, Derived, Listed, Rows
from batos.image.image import Image
from batos.image.loading import Reference
from batos.image.log import Load, LoggedTransaction
from batos.memory.extracts import extract
from batos.memory.lexical.tables import Text, schema, tables
from batos.memory.records import ContextualSummary, Document
from batos.memory.summaries import LEAST
from batos.memory.turns import said
from batos.memory.vectors import Meaning, VectorIndex

if TYPE_CHECKING:
    from batos.memory.lexical.words import Words

SUMMARY = (ContextualSummary.__module__, ContextualSummary.__name__)
DOCUMENT = (Document.__module__, Document.__name__)
EMBEDDED = 200  # tokens, within the window of every embedding model

SCHEMA = f"""
    create table summary (
        id integer primary key, document_id text not null, level integer not null, first integer not null,
        last integer not null, words_row integer not null
    );
    create index summary_document on summary (document_id, level, first);
    create table root (document_id text primary key, id integer not null, hash text not null) without rowid;
    create index root_id on root (id);
    create table document (document_id text primary key, hash text, chunks integer not null) without rowid;
    {schema()}"""

# Documents whose summaries, or lack of them, are not level with what they hold.
DUE = """
    select document.document_id from document left join root using (document_id)
    where (root.hash is null and document.hash is not null and document.chunks >= ?)
       or (root.hash is not null and (document.hash is null or root.hash <> document.hash))
    order by document.document_id limit ?
"""
PUT_DOCUMENT = """
    insert into document values (?, ?, ?)
    on conflict (document_id) do update set hash = excluded.hash, chunks = excluded.chunks
"""
PUT_ROOT = """
    insert into root values (?, ?, ?) on conflict (document_id) do update set id = excluded.id, hash = excluded.hash
"""
LEVELS = """
    select root.document_id, coalesce(document.hash = root.hash, false) from root left join document using (document_id)
"""
NO_LEVELS: tuple[tuple[Rows | None, bytes], dict[str, bool | None]] = (None, NOWHERE), {}
MOST_LEVELS = 50_000  # documents of which it is kept whether summaries are level


class Span(NamedTuple):
    """A summary as the index keeps it: it covers the chunks from `first` to `last` of its document."""

    id: int
    document_id: str
    level: int
    first: int
    last: int
    row: int = -1  # of its words, where that is known


@dataclass(frozen=True, slots=True)
class Summarised:
    """A summary with the words that it is found by; `document_hash` is None unless it is a root."""

    span: Span
    document_hash: str | None
    text: str


class SummaryIndex(Derived):
    what = "index of summaries"
    version = 3
    schema = SCHEMA
    tables = ("summary", "root", "document", *tables())

    # (through which home and up to what transaction, whether summaries are level by document)
    _levels: tuple[tuple[Rows | None, bytes], dict[str, bool | None]] = NO_LEVELS

    @cached_property
    def _words(self) -> Words:
        from batos.memory.lexical.words import Words  # numpy takes a while to come

        return Words()

    # Reading

    def best(self, parts: Sequence[str], limit: int) -> dict[int, float]:
        """BM25 weights by id of the summaries that match any of the FTS5 expressions `parts`."""
        with self._using() as database:
            return dict(self._words.best(database, parts, limit))

    def spans(self, ids: Iterable[int]) -> dict[int, Span]:
        """Those of `ids` whose summaries are level with their documents."""
        statement = f"select id, document_id, level, first, last, words_row from summary where id {ONE_OF}"
        with self._using() as database:
            found = self._words.told(database, ids, statement, Span._make)
            level = self._level(database, {span.document_id for span in found.values()})
        return {id_: span for id_, span in found.items() if level.get(span.document_id)}

    def summarised(self, documents: Collection[str]) -> set[str]:
        """Those of these documents that have summaries."""
        with self._using() as database:
            level = self._level(database, documents)
        return {document_id for document_id in documents if level[document_id] is not None}

    def _level(self, database: Rows, documents: Collection[str]) -> Mapping[str, bool | None]:
        """Whether the summaries of these documents, and of others, are level with them; None for one that has none."""
        # It holds until another transaction is taken in.
        state = database, self.position
        if self._levels[0] != state or len(self._levels[1]) + len(documents) > MOST_LEVELS:
            self._levels = state, {}
        known = self._levels[1] if not database.in_transaction else {}
        unknown = Listed(document_id for document_id in documents if document_id not in known)
        if unknown:
            known.update(dict.fromkeys(unknown))
            known.update(database.execute(f"{LEVELS} where root.document_id {ONE_OF}", (unknown,)).fetchall())
        return known

    def due(self, most: int) -> list[str]:
        """At most so many documents whose summaries have to be refreshed."""
        with self._using() as database:
            return [row[0] for row in database.execute(DUE, (LEAST, most))]

    def differing(self, texts: Iterable[Text]) -> int:
        """In how many summaries it differs from these, which are to be all: in words, or that there are others."""
        given = list(texts)
        with self._using() as database:
            held = dict(database.execute("select id, words_row from summary").fetchall())
            wrong = set(self._words.differing(database, held, given))
        return len(wrong) + len(held.keys() - {id_ for id_, _, _ in given})

    # Writing

    def clear(self) -> None:
        super().clear()
        with self._using() as database:
            self._words.clear(database)

    def put_document(self, document_id: str, digest: str | None, chunks: int) -> None:
        """Inside `writing`. `digest` is None for a document that was forgotten."""
        with self._using() as database:
            database.execute(PUT_DOCUMENT, (document_id, digest, chunks))

    def add(self, summaries: Sequence[Summarised]) -> None:
        """Inside `writing`: take in summaries that it does not hold."""
        with self._using() as database:
            texts = [(one.span.id, "", one.text) for one in summaries]
            for one, number in zip(summaries, self._words.add(database, texts), strict=True):
                span = one.span
                values = (span.id, span.document_id, span.level, span.first, span.last, number)
                database.execute("insert into summary values (?, ?, ?, ?, ?, ?)", values)
                if one.document_hash is not None:
                    database.execute(PUT_ROOT, (span.document_id, span.id, one.document_hash))

    def remove(self, ids: Iterable[int]) -> None:
        """Inside `writing`: drop summaries; those it does not hold are passed over."""
        statement = f"select id, words_row from summary where id {ONE_OF}"
        with self._using() as database:
            found = database.execute(statement, (Listed(ids),)).fetchall()
            self._words.remove(database, [row[1] for row in found])
            for table in ("summary", "root"):
                database.executemany(f"delete from {table} where id = ?", [(row[0],) for row in found])

    def _forget(self) -> None:
        self._levels = NO_LEVELS
        if "_words" in self.__dict__:
            self._words.forget()


def catch_up_summaries(image: Image, index: SummaryIndex) -> int:
    """Bring the index to the newest commit; the number of records read."""
    return following.catch_up(image, index, lambda: _Intake(image, _Spans(index)))


def catch_up_summary_vectors(image: Image, index: VectorIndex) -> int:
    """The same for the vectors of summaries, which then wait for the model."""
    return following.catch_up(image, index, lambda: _Intake(image, _Meanings(index)))


class _Intake:
    """Takes summaries, and documents, off the log."""

    def __init__(self, image: Image, writer: _Spans | _Meanings) -> None:
        self._image = image
        self._writer = writer
        self._states: dict[int, Mapping[str, Any]] = {}
        self._documents: dict[str, Mapping[str, Any]] = {}

    def take(self, logged: LoggedTransaction) -> int:
        taken = 0
        for record in logged.records:
            if record.kind == SUMMARY:
                self._states[int.from_bytes(record.oid, "big")] = record.load().state
                taken += 1
            elif record.kind == DOCUMENT and isinstance(self._writer, _Spans):
                slots = record.load().state
                self._documents[slots["document_id"]] = slots
                taken += 1
        return taken

    def write(self) -> None:
        states, self._states = self._states, {}
        documents, self._documents = self._documents, {}
        if states or documents:
            with self._image.records() as load:
                self._writer.write(states, documents, load)


class _Spans:
    def __init__(self, index: SummaryIndex) -> None:
        self._index = index

    def write(
        self, states: Mapping[int, Mapping[str, Any]], documents: Mapping[str, Mapping[str, Any]], load: Load
    ) -> None:
        for document_id, slots in documents.items():
            digest = slots["content_hash"] if slots.get("forgotten_at") is None else None
            self._index.put_document(document_id, digest, len(slots.get("chunks", ())))
        self._index.remove(states)
        self._index.add(
            [_summarised(id_, slots, load) for id_, slots in states.items() if slots["forgotten_at"] is None]
        )


def _summarised(id_: int, slots: Mapping[str, Any], load: Load) -> Summarised:
    span = Span(id_, slots["document_id"], slots["level"], slots["first"], slots["last"])
    return Summarised(span, slots["document_hash"], found_by(slots["text"], _beneath(slots, load)))


class _Meanings:
    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    def write(
        self, states: Mapping[int, Mapping[str, Any]], documents: Mapping[str, Mapping[str, Any]], load: Load
    ) -> None:
        kept = {id_: slots for id_, slots in states.items() if slots["forgotten_at"] is None}
        self._index.remove(states.keys() - kept.keys())
        self._index.put(
            [Meaning(id_, embedded_by(slots["text"], _beneath(slots, load))) for id_, slots in kept.items()]
        )


def found_by(text: str, beneath: Sequence[str]) -> str:
    """What words a summary with this text is found by; `beneath` are the texts of the chunks directly below it."""
    return "\n".join((text, *beneath))


def embedded_by(text: str, beneath: Sequence[str]) -> str:
    """What its vector is of: as much of the chunks as every model takes in."""
    return extract(beneath, EMBEDDED) or text


def _beneath(slots: Mapping[str, Any], load: Load) -> list[str]:
    """The texts of the chunks directly below a summary; none for a higher one, and for chunks that are packed away."""
    return [_said(found[0].state) for child in slots["children"] if (found := _chunk(slots, child, load)) is not None]


def _chunk(slots: Mapping[str, Any], child: Any, load: Load) -> Any:
    return load(child.oid, None) if slots["level"] == 1 and isinstance(child, Reference) else None


def _said(chunk: Mapping[str, Any]) -> str:
    text = str(chunk["text"]).strip()
    return f"{chunk['speaker']}: {said(text)}" if chunk.get("speaker") is not None else text
