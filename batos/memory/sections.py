"""Sections: what summaries say of a question, handed down to the chunks below them.

Summaries are searched as chunks are, by words and by meaning, and joined in the same way. The best bring chunks along
that no index proposed; every chunk has the score of the summary directly above it, or a part of the next one's, and
that has a share of the one above itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from batos.image.derived import place_of
from batos.image.image import Image
from batos.memory.embedding import Embedder
from batos.memory.ranking import SURE_WEIGHT
from batos.memory.summary_index import (
    Span,
    SummaryIndex,
    catch_up_summaries,
    catch_up_summary_vectors,
)
from batos.memory.text import Place
from batos.memory.vectors import VectorIndex, index_name

CANDIDATES = 60  # summaries that each of the two indexes is asked for
EXPANDED = 8  # summaries whose chunks come along
ABOVE_SHARE = 0.25
REACH = 4  # chunks beyond its ends where nothing of a summary's score is left


class Sections:
    """The indexes of an image's summaries. Without an `embedder` they are found by words alone."""

    def __init__(self, image: Image, embedder: Embedder | None) -> None:
        self._image = image
        self.index = SummaryIndex(place_of(image.where, "summaries"), image.id)
        self.vectors: VectorIndex | None = None
        if embedder is not None:
            place = place_of(image.where, index_name(embedder.model_id, of="summaries"))
            self.vectors = VectorIndex(place, image.id, embedder)

    def catch_up(self, newest: bytes) -> None:
        """Bring the indexes to the newest commit, which is `newest` as far as is known."""
        if self.index.position != newest:
            catch_up_summaries(self._image, self.index)
        if self.vectors is not None and self.vectors.position != newest:
            catch_up_summary_vectors(self._image, self.vectors)

    def is_level(self, newest: bytes) -> bool:
        return self.index.position == newest and (self.vectors is None or self.vectors.position == newest)

    def mending(self, work: Callable[[], Any]) -> Any:
        vectors = self.vectors
        if vectors is None:
            return self.index.mending(work)
        return self.index.mending(lambda: vectors.mending(work))

    def discard(self, reason: str) -> None:
        self.index.discard(reason)
        if self.vectors is not None:
            self.vectors.discard(reason)

    def close(self) -> None:
        self.index.close()
        if self.vectors is not None:
            self.vectors.close()

    def scored(self, parts: Sequence[str], asked: Any, words_weight: float) -> Mapping[Span, float]:
        """The best summaries above chunks with their scores: from 0 to 1, and a share of that of their own summary.

        `asked` is the question's vector, None to go by words alone.
        """
        weights = self.index.best(parts, CANDIDATES)
        cosines: dict[int, float] = {}
        floor = 0.0
        if self.vectors is not None and asked is not None:
            with self.vectors.comparing() as matrix:
                floor = matrix.floor(asked)
                cosines = dict(matrix.nearest(asked, CANDIDATES))
                cosines.update(matrix.cosines(asked, [id_ for id_ in weights if id_ not in cosines]))
        if not cosines:
            words_weight = 1.0
        best_weight = max((SURE_WEIGHT, *weights.values()))
        room = max(max(cosines.values(), default=floor) - floor, 1e-6)
        own = {
            span: words_weight * weights.get(id_, 0.0) / best_weight
            + (1 - words_weight) * max(0.0, cosines.get(id_, floor) - floor) / room
            for id_, span in self.index.spans({**weights, **cosines}).items()
        }
        return _with_share_from_above(own)


def best_of(scores: Mapping[Span, float]) -> list[Span]:
    """The summaries whose chunks are candidates even where no index proposed them."""
    return sorted(scores, key=lambda span: (-scores[span], span.id))[:EXPANDED]


def handed_down(scores: Mapping[Span, float], places: Iterable[Place], summarised: Container[str]) -> dict[int, float]:
    """The score of the summary above each of these chunks, where it has one, as the `summarised` documents have; or a
    part of that of a summary which ends shortly before it or begins shortly after, where that is more: what is talked
    about does not end where a summary does.
    """
    by_document: defaultdict[str, list[Span]] = defaultdict(list)
    for span in scores:
        by_document[span.document_id].append(span)
    found: dict[int, float] = {}
    for place in places:
        # What is not committed yet has no summary above it.
        if place.document_id not in summarised or place.id < 0:
            continue
        score = 0.0
        for span in by_document.get(place.document_id, ()):
            beyond = max(span.first - place.chunk_index, place.chunk_index - span.last, 0)
            if beyond < REACH:
                score = max(score, scores[span] * (1 - beyond / REACH))
        found[place.id] = score
    return found


def _with_share_from_above(own: Mapping[Span, float]) -> dict[Span, float]:
    higher: defaultdict[tuple[str, int], list[Span]] = defaultdict(list)
    for span in own:
        higher[span.document_id, span.level].append(span)

    def score(span: Span) -> float:
        above = higher.get((span.document_id, span.level + 1), ())
        share = next((score(one) for one in above if one.first <= span.first and span.last <= one.last), 0.0)
        return own[span] + ABOVE_SHARE * share

    return {span: score(span) for span in own if span.level == 1}
