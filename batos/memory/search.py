"""Searching what an image remembers: the indexes propose, the image decides.

A search first brings the indexes to the newest commit. Within a transaction it also sees that transaction's own
documents, ranked by the same statistics. Every hit is read from the image: what was forgotten, is not in the reader's
snapshot or does not satisfy `where` is passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from ZODB.POSException import ReadConflictError
from ZODB.TimeStamp import TimeStamp

from batos.errors import EmbedderFailed, UnknownObject
from batos.image.derived import place_of
from batos.image.image import Image
from batos.image.world import World
from batos.memory.candidates import Arms, Pending
from batos.memory.catalog import CATALOG
from batos.memory.embedding import Embedder
from batos.memory.filters import check, satisfies
from batos.memory.follower import catch_up, catch_up_vectors
from batos.memory.own_history import Told, asked_kinds, told_of
from batos.memory.past import is_past, stored
from batos.memory.question import Question, understood
from batos.memory.ranking import WORDS_WEIGHT, Explanation, ranked
from batos.memory.records import MemoryChunk, document_of
from batos.memory.sections import Sections
from batos.memory.text import TextIndex
from batos.memory.validity import facts_of, holds
from batos.memory.vectors import VectorIndex, index_name
from batos.objects.uvm_object import state
from batos.objects.values import as_text, plain

log = logging.getLogger(__name__)

MOST_HITS = 1_000
# Candidates that each index is first asked for; more when a filter leaves too few.
CANDIDATES = 100
# So many chunks that wait for their vectors are embedded by the search itself; while more wait, it goes by words alone.
MOST_EMBEDDED = 32
RERANKED = 50
# A search is made again, at most so often, where others wrote meanwhile what it came upon.
MOST_AGAIN = 10

# (question, texts) -> how well each text answers it, more is better: a cross-encoder, for instance.
Reranker = Callable[[str, Sequence[str]], Sequence[float]]


@dataclass(frozen=True)
class Hit:
    """A chunk that was found. `metadata` is its document's, with `kind`, `media`, `tainted` and its own `heading`, and
    for a turn of a conversation its `speaker` and `date`. `explanation` says where the score comes from."""

    document_id: str
    chunk_index: int
    text: str
    metadata: dict[str, Any]
    score: float
    explanation: Explanation = field(default=Explanation(), compare=False)

    def as_dict(self, *, explained: bool = False) -> dict[str, Any]:
        """The form it has on the bridge: `{"chunk": {document_id, chunk_index, text, metadata}, "score"}`."""
        chunk = {
            "document_id": self.document_id,
            "chunk_index": self.chunk_index,
            "text": self.text,
            "metadata": self.metadata,
        }
        told = {"chunk": chunk, "score": self.score}
        return {**told, "explanation": asdict(self.explanation)} if explained else told


@dataclass(frozen=True)
class MemoryStatistics:
    """`model` is the embedding model's id, None without one; `waiting` the chunks and summaries that it has not
    embedded yet."""

    documents: int
    chunks: int
    model: str | None = None
    waiting: int = 0
    summaries: int = 0


class Searcher:
    """Searches `image`, from any thread. Close it before the image.

    Without an `embedder` a search goes by words alone. `rerank` may put the best fifty into another order.
    `words_weight` is what words weigh beside meaning, from 0 to 1.
    """

    def __init__(
        self,
        image: Image,
        embedder: Embedder | None = None,
        rerank: Reranker | None = None,
        words_weight: float = WORDS_WEIGHT,
    ) -> None:
        self._words_weight = words_weight
        self._image = image
        self.index = TextIndex(place_of(image.where, "text"), image.id)
        self.vectors: VectorIndex | None = None
        if embedder is not None:
            self.vectors = VectorIndex(place_of(image.where, index_name(embedder.model_id)), image.id, embedder)
        self.sections = Sections(image, embedder)
        self.rerank = rerank

    @property
    def embedder(self) -> Embedder | None:
        return self.vectors.embedder if self.vectors is not None else None

    def search(
        self, query: str, limit: int = 5, where: Mapping[str, Any] | None = None, world: World | None = None
    ) -> list[Hit]:
        """The chunks that answer `query` best: best first, equals in the order of their documents.

        `where` keeps hits whose metadata have the given values, or one of them if a list is given; `document_id`,
        `kind`, `media`, `tainted`, `speaker` and `date` count as metadata. Three keys ask for more than equality:
        `under` is the beginning of the document id, `since` and `until` bound `date` (ISO form; inclusive). What
        holds today is found; `valid` asks for another day (ISO form), or for `any`. The kinds `receipt`, `failure` and
        `method` are what the system did itself, found only when asked for. `world` is
        the reader's open transaction or a view of the past; without it, that of this thread, else the newest commit.
        No query is an error; one without words finds nothing. Raises `FilterRefused`.
        """
        check(where or {})
        if limit < 1:
            return []
        asked = as_text(query)
        found: list[Hit] = self._mending(lambda: self._search(asked, min(limit, MOST_HITS), where or {}, world))
        return found

    def catch_up(self) -> int:
        """Bring the indexes to the newest commit ahead of a search; the number of chunk records read."""
        return int(self._mending(lambda: self._catch_up(self._image.newest())))

    def _catch_up(self, newest: bytes) -> int:
        read = self.catch_up_words() if self.index.position != newest else 0
        if self.vectors is not None and self.vectors.position != newest:
            catch_up_vectors(self._image, self.vectors)
        self.sections.catch_up(newest)
        return read

    def catch_up_words(self) -> int:
        """The same for the text index alone."""
        return catch_up(self._image, self.index)

    def embed(self, told: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Have the model embed all chunks that wait; their number. `told` hears how many of how many are done.

        Raises `EmbedderFailed`; what was embedded until then is kept.
        """
        if self.vectors is None:
            return 0
        vectors, above = self.vectors, self.sections.vectors
        self.catch_up()
        chunks = vectors.waiting(former=True)
        total = chunks + (above.waiting() if above is not None else 0)
        embedded = vectors.fill(told=lambda done: told(done, total))
        if above is not None:
            above.fill(told=lambda done: told(chunks + done, total))
        return embedded

    def embed_some(self, most: int) -> int:
        """The same for at most so many; their number."""
        if self.vectors is None:
            return 0
        self.catch_up()
        embedded = self.vectors.fill(most)
        if embedded < most and self.sections.vectors is not None:
            embedded += self.sections.vectors.fill(most - embedded)
        return embedded

    def statistics(self) -> MemoryStatistics:
        self.catch_up()
        waiting = sum(index.waiting() for index in (self.vectors, self.sections.vectors) if index is not None)
        model = self.embedder.model_id if self.embedder is not None else None
        return MemoryStatistics(self.index.documents(), self.index.count(), model, waiting, self.sections.index.count())

    def discard(self, reason: str, *, words: bool = True, vectors: bool = True, summaries: bool = True) -> None:
        """Delete these indexes; the next search makes them again."""
        if words:
            self.index.discard(reason)
        if summaries:
            self.sections.discard(reason)
        if vectors and self.vectors is not None:
            self.vectors.discard(reason)

    def close(self) -> None:
        self.index.close()
        self.sections.close()
        if self.vectors is not None:
            self.vectors.close()

    def _mending(self, work: Callable[[], Any]) -> Any:
        vectors = self.vectors
        if vectors is None:
            return self.index.mending(lambda: self.sections.mending(work))
        return self.index.mending(lambda: vectors.mending(lambda: self.sections.mending(work)))

    def _search(
        self,
        query: str,
        limit: int,
        where: Mapping[str, Any],
        given: World | None,
        *,
        again: int = MOST_AGAIN,
        as_past: bool = False,
    ) -> list[Hit]:
        with self._reader(given) as world:
            if CATALOG not in world:
                return []
            today = _today(world, self._image.clock.now())
            question = understood(query, self.index.speakers(), today)
            if not question.parts:
                return []
            if kinds := asked_kinds(where):
                return self._own_history(world, question.parts, kinds, limit, where)
            pending = Pending(world)
            with self.index.supposing(pending.documents, pending.rows) if pending.documents else nullcontext():
                past = world if as_past or is_past(world) else None
                arms = self._arms(question, where, pending, past)
                count = limit if self.rerank is None else max(limit, RERANKED)
                found, strangers = self._collect(world, arms, count, today)
            overtaken = bool(strangers) and past is None and not self.is_level(world.connection.newest)
        # What a chunk was replaced by is where the chunk was looked for, in the indexes of another time.
        if overtaken and self._is_free(given):
            if again:
                return self._search(query, limit, where, given, again=again - 1)
        elif overtaken and not pending.documents:
            return self._search(query, limit, where, given, as_past=True)
        return self._reranked(query, found)[:limit]

    @contextmanager
    def _reader(self, given: World | None) -> Iterator[World]:
        """A world to read, with the indexes at the newest commit."""
        if self._is_free(given):
            with self._image.reading() as world:
                newest = world.connection.newest
                if self.is_level(newest):
                    yield world
                    return
        else:
            newest = self._image.newest()
        self._catch_up(newest)
        with nullcontext(given) if given is not None else self._image.reading() as world:
            yield world

    def _is_free(self, given: World | None) -> bool:
        """Whether a search may look at any commit: it was given no world, and this thread has none open."""
        return given is None and self._image.current() is None

    def is_level(self, newest: bytes) -> bool:
        """Whether all indexes hold what was committed up to this transaction, and nothing later."""
        vectors = self.vectors is None or self.vectors.position == newest
        return vectors and self.index.position == newest and self.sections.is_level(newest)

    def _own_history(
        self, world: World, parts: Sequence[str], kinds: frozenset[str], limit: int, where: Mapping[str, Any]
    ) -> list[Hit]:
        """The same search over what the system did, by words."""
        hits: list[Hit] = []
        for id_, weight in self.index.best_records(parts, kinds, MOST_HITS):
            told = _told(world, id_)
            if told is not None and satisfies(told.metadata, told.document_id, where):
                explanation = Explanation(words=weight, bm25=weight)
                hits.append(Hit(told.document_id, 0, told.text, told.metadata, weight, explanation))
            if len(hits) == limit:
                break
        return hits

    def _collect(self, world: World, arms: Arms, limit: int, today: date) -> tuple[list[Hit], set[int]]:
        """The best hits, the same text once only unless there are too few others; and the candidates that the world
        does not have."""
        count = max(CANDIDATES, 2 * limit)
        strangers: set[int] = set()
        while True:
            hits: list[Hit] = []
            repeated: list[Hit] = []
            seen: set[str] = set()
            for id_, explanation in ranked(arms.question, arms.evidence(count), self._words_weight):
                chunk = arms.pending.chunks.get(id_) or stored(world, id_)
                hit = _hit(chunk, explanation) if chunk is not None else None
                if hit is None:
                    strangers.add(id_)
                    continue
                if not holds(hit.metadata, arms.where, today):
                    continue
                if not satisfies(hit.metadata, hit.document_id, arms.where):
                    continue
                (repeated if hit.text in seen else hits).append(hit)
                seen.add(hit.text)
                if len(hits) == limit:
                    break
            if len(hits) == limit or arms.exhausted:
                chosen = (hits + repeated)[:limit]
                chosen.sort(key=lambda hit: (-hit.score, hit.document_id, hit.chunk_index))
                return chosen, strangers | arms.unplaced
            count *= 4

    def _arms(self, question: Question, where: Mapping[str, Any], pending: Pending, past: World | None) -> Arms:
        vectors = self._level(self.vectors, former=past is not None)
        above = self.sections if not self.sections.index.is_empty() else None
        if above is not None:
            self._level(above.vectors)
        weight = self._words_weight
        return Arms(self.index, vectors, question, where, pending, past=past, sections=above, words_weight=weight)

    def _level(self, vectors: VectorIndex | None, *, former: bool = False) -> VectorIndex | None:
        """A vector index, if nearly all that it is of have their vectors; the few others get theirs now."""
        if vectors is None or (waiting := vectors.waiting(former=former)) > MOST_EMBEDDED:
            return None
        try:
            if waiting:
                vectors.fill(waiting)
        except EmbedderFailed as error:
            log.warning("This search goes by words alone. %s", error)
            return None
        return vectors

    def _reranked(self, query: str, hits: list[Hit]) -> list[Hit]:
        if self.rerank is None or not hits:
            return hits
        scores = self.rerank(query, [hit.text for hit in hits])
        order = sorted(range(len(hits)), key=lambda place: -scores[place])
        return [replace(hits[place], score=float(scores[place])) for place in order]


def _today(world: World, now: float) -> date:
    """The day on which the reader looks: that of the moment which a view of the past shows."""
    before = getattr(world.connection, "before", None)
    return datetime.fromtimestamp(TimeStamp(before).timeTime() if before is not None else now, UTC).date()


def _told(world: World, number: int) -> Told | None:
    """What the record with this id says the system did; None if it is newer than the reader's snapshot, or gone."""
    try:
        record = world.record(number.to_bytes(8, "big"))
        record._p_activate()
    except (UnknownObject, ReadConflictError, KeyError):
        return None
    cls = type(record)
    return told_of((cls.__module__, cls.__qualname__), vars(record))


def _hit(chunk: MemoryChunk, explanation: Explanation) -> Hit | None:
    """None for a chunk that was forgotten."""
    own, whole = state(chunk), state(document_of(chunk))
    if own["forgotten_at"] is not None or whole["forgotten_at"] is not None:
        return None
    metadata = {
        **plain(whole["metadata"]),
        **{name: whole[name] for name in ("kind", "media", "tainted")},
        "heading": list(own["heading"]),
        **{name: own[name] for name in ("speaker", "date") if own.get(name) is not None},
        **facts_of(chunk),
    }
    return Hit(chunk.document_id, chunk.chunk_index, chunk.text, metadata, explanation.score, explanation)
