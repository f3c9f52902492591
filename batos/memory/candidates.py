"""Candidates: what the text index and the vector index propose for one question.

The two are the arms of a search. Ids below zero are chunks of the reader's own open transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from batos.errors import EmbedderFailed
from batos.image.world import World
from batos.memory.catalog import get_document
from batos.memory.follower import meaning, row
from batos.memory.past import PastPlaces
from batos.memory.question import Question
from batos.memory.ranking import WORDS_WEIGHT, Evidence
from batos.memory.records import MemoryChunk
from batos.memory.sections import Sections, best_of, handed_down
from batos.memory.text import Place, Row, TextIndex
from batos.memory.vectors import Comparison, VectorIndex, checked
from batos.objects.uvm_object import state

log = logging.getLogger(__name__)

Proposals = list[tuple[int, float]]  # ids with their figures, best first

# A filter by document that leaves no more chunks than this is applied before ranking.
MOST_ALLOWED = 20_000
# In a view of the past, so many of what an arm proposes are looked for in the image.
MOST_LOOKED_AT = 6_400
# Of the best candidates, so many bring the turns beside them along.
BRINGING = 40


class Pending:
    """The chunks of the documents that an open transaction has indexed or forgotten, as it sees them now.

    Documents are noted, not chunks: what a savepoint took back is gone from the document too.
    """

    def __init__(self, world: World) -> None:
        self.documents: set[str] = set(world.pending_documents)
        self.chunks: dict[int, MemoryChunk] = {}
        for document_id in sorted(self.documents):
            document = get_document(world, document_id)
            for chunk in document.chunks if document is not None else ():
                # Ids below zero: a chunk that is not committed may have no object id, and must not meet one that has.
                self.chunks[-len(self.chunks) - 1] = chunk

    @property
    def rows(self) -> Iterator[Row]:
        return (row(number, state(chunk)) for number, chunk in self.chunks.items())


class Arms:
    """`vectors` is None to go by words alone; `sections` to do without summaries. `past` is the reader's view where
    that is one of the past, in which chunks that are forgotten by now may still be remembered."""

    def __init__(
        self,
        index: TextIndex,
        vectors: VectorIndex | None,
        question: Question,
        where: Mapping[str, Any],
        pending: Pending,
        *,
        past: World | None = None,
        sections: Sections | None = None,
        words_weight: float = WORDS_WEIGHT,
    ) -> None:
        self._index = index
        self._sections = sections if past is None else None  # those of then are not indexed
        self._words_weight = words_weight
        self._vectors = vectors
        self.question = question
        self.where = where
        self.pending = pending
        self._standing = index if past is None else PastPlaces(past)
        self._groups = (False,) if past is None else (False, True)  # by whether they are of former chunks
        # Who speaks beside a chunk, its day and the summary above it: without these its score is its own.
        matters = past is not None or sections is not None or question.span is not None or bool(pending.documents)
        self._by_place = matters or index.has_speakers()
        self._own_cosines: dict[int, float] = {}
        self._asked: Any = None
        self._ask()
        self.exhausted = False
        """Whether the last evidence held all that there is."""
        self.unplaced: set[int] = set()
        """Candidates that stood nowhere when it was asked where."""

    def _ask(self) -> None:
        """Embed the question, and what is pending."""
        if self._vectors is None:
            return
        embedder = self._vectors.embedder
        try:
            self._asked = checked(embedder, embedder.query(self.question.meaning)[None], 1)[0]
            texts = [meaning(state(chunk)) for chunk in self.pending.chunks.values()]
            if texts:
                found = checked(embedder, embedder.passages(texts), len(texts)) @ self._asked
                self._own_cosines = dict(zip(self.pending.chunks, found.tolist(), strict=True))
        except EmbedderFailed as error:
            log.warning("This search goes by words alone. %s", error)
            self._vectors = None

    def evidence(self, count: int) -> Evidence:
        """What the best `count` chunks of each arm have to say for themselves, and the summaries above them."""
        found = self._proposed(count)
        return found if self._sections is None else self._with_sections(self._sections, found)

    def _with_sections(self, sections: Sections, found: Evidence) -> Evidence:
        scores = sections.scored(self.question.parts, self._asked, self._words_weight)
        if not scores:
            return found
        brought = [(span.document_id, span.first, span.last) for span in best_of(scores)]
        places = {**found.places, **self._index.stretches(brought)}
        cosines = found.cosines
        if cosines is not None and self._vectors is not None:
            with self._vectors.comparing() as matrix:
                cosines = {**cosines, **matrix.cosines(self._asked, [id_ for id_ in places if id_ not in cosines])}
        summarised = {span.document_id for span in scores}
        summarised |= sections.index.summarised({place.document_id for place in places.values()} - summarised)
        handed = handed_down(scores, places.values(), summarised)
        return replace(found, places=places, cosines=cosines, sections=handed)

    def _proposed(self, count: int) -> Evidence:
        document = self.where.get("document_id")
        only = document if isinstance(document, str) else None
        weights: dict[int, float] = {}
        self.exhausted = True
        for former in self._groups:
            ask = partial(self._index.best, self.question.parts, document_id=only, former=former)
            weights.update(self._far_enough(ask(count), count, ask))
        if self._vectors is not None:
            return self._with_cosines(self._vectors, weights, count, only)
        if not self._by_place:
            return Evidence(weights, None, 0.0, {}, {}, self._index.places)
        places = self._places(weights)
        return Evidence(_at(places, weights), None, 0.0, {}, places)

    def _with_cosines(self, vectors: VectorIndex, weights: dict[int, float], count: int, only: str | None) -> Evidence:
        allowed = self._allowed(only)
        cosines: dict[int, float] = {}
        floors: list[float] = []
        for former in self._groups:
            with vectors.comparing(former=former) as matrix:
                if not len(matrix):
                    continue
                floors.append(matrix.floor(self._asked))
                nearest = self._nearest(matrix, count, allowed)
                if not self._by_place:
                    cosines.update(matrix.cosines(self._asked, list(weights.keys() - dict(nearest).keys())))
            if allowed is None:
                nearest = self._far_enough(nearest, count, partial(self._nearest_of, vectors, former))
            cosines.update(nearest)
        if not self._by_place:
            return Evidence(weights, cosines, min(floors, default=0.0), {}, {}, self._index.places)
        cosines.update(self._own_cosines)
        places = self._places({**weights, **cosines})
        if any(place.speaker for place in places.values()):
            best = sorted(cosines, key=lambda id_: -cosines[id_])[:BRINGING] + list(weights)[:BRINGING]
            turns = (place for id_ in best if (place := places.get(id_)) is not None and place.speaker)
            places.update(self._standing.neighbours(turns))
        for former in self._groups:
            with vectors.comparing(former=former) as matrix:
                cosines.update(matrix.cosines(self._asked, [id_ for id_ in places if id_ not in cosines]))
        return Evidence(_at(places, weights), _at(places, cosines), min(floors, default=0.0), {}, places)

    def _places(self, found: Mapping[int, float]) -> dict[int, Place]:
        places = self._standing.places(found)
        if len(places) < len(found):
            self.unplaced.update(found.keys() - places.keys())
        return places

    def _far_enough(self, found: Proposals, count: int, propose: Callable[[int], Proposals]) -> Proposals:
        """What an arm found when it was asked for so many; in a view of the past, what it proposes until `count` of
        them stood somewhere then, or so many have been looked at that it would take too long."""
        size = count
        if isinstance(self._standing, PastPlaces):
            while len(found) == size < MOST_LOOKED_AT and len(self._standing.places(dict(found))) < count:
                size *= 4
                found = propose(size)
        self.exhausted &= len(found) < size
        return found

    def _nearest_of(self, vectors: VectorIndex, former: bool, count: int) -> Proposals:
        with vectors.comparing(former=former) as matrix:
            return matrix.nearest(self._asked, count)

    def _nearest(self, matrix: Comparison, count: int, allowed: list[int] | None) -> Proposals:
        if allowed is None:
            return matrix.nearest(self._asked, count)
        cosines = matrix.cosines(self._asked, allowed)
        self.exhausted &= len(cosines) <= count
        return sorted(cosines.items(), key=lambda pair: (-pair[1], pair[0]))[:count]

    def _allowed(self, only: str | None) -> list[int] | None:
        """The ids that a filter by document leaves; None where it leaves many, or there is none."""
        if only is not None:
            return self._standing.of_document(only)
        under = self.where.get("under")
        return self._standing.within(under, MOST_ALLOWED) if isinstance(under, str) else None


def _at(places: Mapping[int, Place], figures: Mapping[int, float]) -> dict[int, float]:
    return {id_: figure for id_, figure in figures.items() if id_ in places}
