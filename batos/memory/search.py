"""Searching what an image remembers: the text index proposes, the image decides.

A search first brings the index to the newest commit. Within a transaction it also sees that transaction's own
documents, ranked by the same statistics. Every hit is read from the image: what was forgotten, is not in the reader's
snapshot or does not satisfy `where` is passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ZODB.POSException import ReadConflictError

from batos.errors import UnknownObject
from batos.image.image import Image
from batos.image.world import World
from batos.memory.catalog import CATALOG, get_document
from batos.memory.follower import catch_up, row
from batos.memory.query import expression
from batos.memory.records import MemoryChunk, document_of
from batos.memory.text import Match, Row, TextIndex
from batos.objects.uvm_object import state
from batos.objects.values import plain

MOST_HITS = 1_000


@dataclass(frozen=True)
class Hit:
    """A chunk that was found. `metadata` is its document's, with `kind`, `media`, `tainted` and its own `heading`."""

    document_id: str
    chunk_index: int
    text: str
    metadata: dict[str, Any]
    score: float

    def as_dict(self) -> dict[str, Any]:
        """The form it has on the bridge: `{"chunk": {document_id, chunk_index, text, metadata}, "score"}`."""
        chunk = {
            "document_id": self.document_id,
            "chunk_index": self.chunk_index,
            "text": self.text,
            "metadata": self.metadata,
        }
        return {"chunk": chunk, "score": self.score}


@dataclass(frozen=True)
class MemoryStatistics:
    documents: int
    chunks: int


class Searcher:
    """Searches `image`, from any thread. Close it before the image."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self.index = TextIndex(image.path / "index" / "text.sqlite3", image.id)

    def search(
        self, query: str, limit: int = 5, where: Mapping[str, Any] | None = None, world: World | None = None
    ) -> list[Hit]:
        """The chunks that answer `query` best: best first, equals in the order of their documents.

        `where` keeps hits whose metadata have the given values, or one of them if a list is given; `document_id`,
        `kind`, `media` and `tainted` count as metadata. Three keys ask for more than equality: `under` is the beginning
        of the document id, `since` and `until` bound `date` (ISO form; inclusive). `world` is the reader's open
        transaction; without it, that of this thread, else the newest commit. No query is an error; one without words
        finds nothing.
        """
        sought = expression(query)
        if sought is None or limit < 1:
            return []
        return self.index.mending(lambda: self._search(sought, min(limit, MOST_HITS), where or {}, world))

    def catch_up(self) -> int:
        """Bring the index to the newest commit ahead of a search; the number of chunk records read."""
        return catch_up(self._image, self.index)

    def statistics(self) -> MemoryStatistics:
        self.catch_up()
        return MemoryStatistics(*self.index.count())

    def close(self) -> None:
        self.index.close()

    def _search(self, sought: str, limit: int, where: Mapping[str, Any], given: World | None) -> list[Hit]:
        reader: AbstractContextManager[World] = nullcontext(given) if given is not None else self._image.reading()
        with reader as world:
            self.catch_up()
            if CATALOG not in world:
                return []
            pending = _Pending(world)
            with self.index.supposing(pending.documents, pending.rows) if pending.documents else nullcontext():
                hits = []
                for match in self._matches(sought, limit, where):
                    chunk = pending.chunks.get(match.id) or _stored(world, match.id)
                    hit = _hit(chunk, match.score) if chunk is not None else None
                    if hit is not None and satisfies(hit, where):
                        hits.append(hit)
                    if len(hits) == limit:
                        break
        return sorted(hits, key=lambda hit: (-hit.score, hit.document_id, hit.chunk_index))

    def _matches(self, sought: str, limit: int, where: Mapping[str, Any]) -> Iterator[Match]:
        """All matches, best first, fetched in growing batches: most searches need the first one only."""
        document_id = where.get("document_id")
        only = document_id if isinstance(document_id, str) else None
        offset, size = 0, limit * 2 + 10
        while found := self.index.best(sought, size, offset, only):
            yield from found
            if len(found) < size:
                return
            offset, size = offset + size, size * 4


class _Pending:
    """The chunks of the documents that an open transaction has indexed or forgotten, as it sees them now.

    Documents are noted, not chunks: what a savepoint took back is gone from the document too.
    """

    def __init__(self, world: World) -> None:
        self.documents: set[str] = set(world.pending_documents)
        self.chunks: dict[int, MemoryChunk] = {}
        for document_id in sorted(self.documents):
            document = get_document(world, document_id)
            chunks = document.chunks if document is not None else ()
            # Ids below zero: a chunk that is not committed may have no object id, and must not meet one that has.
            self.chunks.update((-len(self.chunks) - number, chunk) for number, chunk in enumerate(chunks, 1))

    @property
    def rows(self) -> Iterator[Row]:
        return (row(number, state(chunk)) for number, chunk in self.chunks.items())


def _stored(world: World, number: int) -> MemoryChunk | None:
    """The chunk with this object id, or None if it is newer than the reader's snapshot or packed away."""
    try:
        found = world.object(number.to_bytes(8, "big"))
    except (UnknownObject, ReadConflictError):  # the latter is how FileStorage says "newer"
        return None
    return found if isinstance(found, MemoryChunk) else None


def _hit(chunk: MemoryChunk, score: float) -> Hit | None:
    """None for a chunk that was forgotten."""
    document = document_of(chunk)
    if chunk.forgotten_at is not None or document.forgotten_at is not None:
        return None
    metadata = {
        **plain(document.metadata),
        "kind": document.kind,
        "media": document.media,
        "tainted": document.tainted,
        "heading": list(chunk.heading),
    }
    return Hit(chunk.document_id, chunk.chunk_index, chunk.text, metadata, score)


def satisfies(hit: Hit, where: Mapping[str, Any]) -> bool:
    """Whether `hit` meets every condition of `where`, as `Searcher.search` describes them."""
    facts = {**hit.metadata, "document_id": hit.document_id}
    return all(_meets(facts, key, wanted) for key, wanted in where.items())


def _meets(facts: Mapping[str, Any], key: str, wanted: Any) -> bool:
    if key == "under":
        return str(facts["document_id"]).startswith(str(wanted))
    if key in ("since", "until"):
        date = str(facts.get("date", ""))
        return bool(date) and (date >= str(wanted) if key == "since" else date[: len(str(wanted))] <= str(wanted))
    fact = facts.get(key)
    if isinstance(wanted, Collection) and not isinstance(wanted, str | bytes | Mapping):
        return any(_equals(fact, one) for one in wanted)
    return _equals(fact, wanted)


def _equals(fact: Any, wanted: Any) -> bool:
    if isinstance(fact, list):
        return wanted == fact or wanted in fact
    return bool(fact == wanted)
