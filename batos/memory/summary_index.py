"""The index of summaries: one SQLite file, derived from the image as the text index is.

A summary above chunks is found by all their words, a higher one by its own. The file also knows which documents have
no summaries that are level with them, and which of its rows to pass over until they have. Vectors of summaries stand in
a vector index of their own (`summary_vectors`), by central sentences as far as a model's window reaches.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batos.image import following
from batos.image.derived import DerivedFile
from batos.image.image import Image
from batos.image.loading import Reference
from batos.image.log import Load, LoggedTransaction
from batos.memory.embedding import Embedder
from batos.memory.extracts import extract
from batos.memory.query import prepare
from batos.memory.records import ContextualSummary, Document
from batos.memory.summaries import LEAST
from batos.memory.turns import said
from batos.memory.vectors import Meaning, VectorIndex

SUMMARY = (ContextualSummary.__module__, ContextualSummary.__name__)
DOCUMENT = (Document.__module__, Document.__name__)
EMBEDDED = 200  # tokens, within the window of every embedding model

SCHEMA = """
    create table summary (
        id integer primary key, document_id text not null, level integer not null, first integer not null,
        last integer not null
    );
    create index summary_document on summary (document_id, level, first);
    create table root (document_id text primary key, id integer not null, hash text not null) without rowid;
    create index root_id on root (id);
    create table document (document_id text primary key, hash text, chunks integer not null) without rowid;
    create virtual table words using fts5 (body, tokenize = 'porter unicode61 remove_diacritics 2');
"""

# Documents whose summaries, or lack of them, are not level with what they hold.
DUE = """
    select document.document_id from document left join root using (document_id)
    where (root.hash is null and document.hash is not null and document.chunks >= :least)
       or (root.hash is not null and root.hash is not document.hash)
    order by document.document_id limit :most
"""
LEVEL = "exists (select 1 from root join document using (document_id, hash) where document_id = summary.document_id)"


@dataclass(frozen=True, slots=True)
class Span:
    """A summary as the index keeps it: it covers the chunks from `first` to `last` of its document."""

    id: int
    document_id: str
    level: int
    first: int
    last: int


class SummaryIndex(DerivedFile):
    what = "index of summaries"
    version = 1
    schema = SCHEMA
    tables = ("summary", "root", "document", "words")

    # Reading

    def best(self, parts: Sequence[str], limit: int) -> dict[int, float]:
        """BM25 weights by id of the summaries that match any of the FTS5 expressions `parts`."""
        statement = """
            select rowid, -bm25(words) as score from words where words match ? order by score desc, rowid limit ?
        """
        with self._using() as database:
            return dict(database.execute(statement, (" OR ".join(parts), limit)))

    def spans(self, ids: Iterable[int]) -> dict[int, Span]:
        """Those of `ids` whose summaries are level with their documents."""
        statement = f"""
            select summary.id, document_id, level, first, last
            from json_each(?) as wanted cross join summary on summary.id = wanted.value where {LEVEL}
        """
        with self._using() as database:
            return {row[0]: Span(*row) for row in database.execute(statement, (json.dumps(list(ids)),))}

    def summarised(self, documents: Iterable[str]) -> set[str]:
        """Those of these documents that have summaries."""
        statement = "select document_id from json_each(?) as wanted join root on document_id = wanted.value"
        with self._using() as database:
            return {row[0] for row in database.execute(statement, (json.dumps(list(documents)),))}

    def above(self, document_id: str, chunk_index: int) -> list[Span]:
        """The summaries over a chunk, from the lowest up."""
        statement = f"""
            select id, document_id, level, first, last from summary
            where document_id = ? and first <= ? and last >= ? and {LEVEL} order by level
        """
        with self._using() as database:
            values = (document_id, chunk_index, chunk_index)
            return [Span(*row) for row in database.execute(statement, values)]

    def due(self, most: int) -> list[str]:
        """At most so many documents whose summaries have to be refreshed."""
        with self._using() as database:
            return [row[0] for row in database.execute(DUE, {"least": LEAST, "most": most})]

    def count(self) -> int:
        with self._using() as database:
            return int(database.execute("select count(*) from summary").fetchone()[0])

    def ids(self) -> set[int]:
        with self._using() as database:
            return {row[0] for row in database.execute("select id from summary")}

    # Writing

    def put_document(self, document_id: str, digest: str | None, chunks: int) -> None:
        """Inside `writing`. `digest` is None for a document that was forgotten."""
        with self._using() as database:
            database.execute("insert or replace into document values (?, ?, ?)", (document_id, digest, chunks))

    def put(self, span: Span, document_hash: str | None, text: str) -> None:
        """Inside `writing`: take in a summary; `document_hash` is None unless it is a root."""
        with self._using() as database:
            values = (span.id, span.document_id, span.level, span.first, span.last)
            database.execute("insert into summary values (?, ?, ?, ?, ?)", values)
            database.execute("insert into words (rowid, body) values (?, ?)", (span.id, text.replace("\0", " ")))
            if document_hash is not None:
                row = (span.document_id, span.id, document_hash)
                database.execute("insert or replace into root values (?, ?, ?)", row)

    def remove(self, ids: Iterable[int]) -> None:
        """Inside `writing`: drop summaries; those it does not hold are passed over."""
        with self._using() as database:
            for id_ in ids:
                if database.execute("delete from summary where id = ?", (id_,)).rowcount:
                    database.execute("delete from words where rowid = ?", (id_,))
                    database.execute("delete from root where id = ?", (id_,))


def summary_vectors(folder: Path, image: str, embedder: Embedder) -> VectorIndex:
    """The vectors of summaries, which stand in a file of their own beside those of chunks."""
    return VectorIndex(folder, image, embedder, of="summaries")


def catch_up_summaries(image: Image, index: SummaryIndex) -> int:
    """Bring the index to the newest commit; the number of records read."""
    with image.records() as load:
        return following.catch_up(image, index, lambda: _Intake(load, _Spans(index)))


def catch_up_summary_vectors(image: Image, index: VectorIndex) -> int:
    """The same for the vectors of summaries, which then wait for the model."""
    with image.records() as load:
        return following.catch_up(image, index, lambda: _Intake(load, _Meanings(load, index)))


class _Intake:
    """Takes summaries, and documents, off the log."""

    def __init__(self, load: Load, writer: _Spans | _Meanings) -> None:
        self._writer = writer
        self._states: dict[int, Mapping[str, Any]] = {}
        self._documents: dict[str, Mapping[str, Any]] = {}
        self._load = load

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
        self._writer.write(states, documents, self._load)


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
        for id_, slots in states.items():
            if slots["forgotten_at"] is None:
                span = Span(id_, slots["document_id"], slots["level"], slots["first"], slots["last"])
                text = "\n".join((slots["text"], *_beneath(slots, load)))
                self._index.put(span, slots["document_hash"], prepare(text))


class _Meanings:
    def __init__(self, load: Load, index: VectorIndex) -> None:
        self._index = index

    def write(
        self, states: Mapping[int, Mapping[str, Any]], documents: Mapping[str, Mapping[str, Any]], load: Load
    ) -> None:
        self._index.remove(states)
        kept = {id_: slots for id_, slots in states.items() if slots["forgotten_at"] is None}
        self._index.add(
            Meaning(id_, extract(_beneath(slots, load), EMBEDDED) or slots["text"]) for id_, slots in kept.items()
        )


def _beneath(slots: Mapping[str, Any], load: Load) -> list[str]:
    """The texts of the chunks directly below a summary; none for a higher one, and for chunks that are packed away."""
    return [_said(found[0].state) for child in slots["children"] if (found := _chunk(slots, child, load)) is not None]


def _chunk(slots: Mapping[str, Any], child: Any, load: Load) -> Any:
    return load(child.oid, None) if slots["level"] == 1 and isinstance(child, Reference) else None


def _said(chunk: Mapping[str, Any]) -> str:
    text = str(chunk["text"]).strip()
    return f"{chunk['speaker']}: {said(text)}" if chunk.get("speaker") is not None else text
