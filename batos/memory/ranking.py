"""Ranking: what the words and the meaning of a question say about a chunk, joined into one score.

Each of the two is scaled by the best chunk of the search, so that neither scale matters, and added with its weight (the
convex combination of Bruch, Gai and Ingber, 2023; ranks alone, as reciprocal rank fusion takes them, lost to plain BM25
wherever one side was weak). Turns of a conversation hand a share to the turns beside them, most to what follows a
question. Turns of the person whom the question names count for more, so do those that tell what it expects to be told,
and so does whatever is dated in the days that it names; turns that only ask count for less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from batos.memory.expected import ONLY_ASKS
from batos.memory.question import Question
from batos.memory.text import Place

# Measured on conversations (`benchmarks/LOG.md`); each may be moved by a third without losing a hundredth of recall.
WORDS_WEIGHT = 0.4
NEIGHBOUR_SHARE = 0.25
ANSWER_SHARE = 0.45  # what a turn that asks hands to the next one
# A best BM25 weight below this says little: the words are in half of all chunks, or there are only few chunks.
SURE_WEIGHT = 1.0
SPEAKER_FACTOR = 1.4
SPAN_FACTOR = 1.4
ANSWER_FACTOR = 1.25  # for a turn that tells the kind of answer that is expected
ASKING_FACTOR = 0.75  # for one that only asks
NO_FACTORS = 1.0, 1.0, 1.0
SECTION_SHARE = 0.5  # what the summary above hands to a chunk


@dataclass(frozen=True)
class Explanation:
    """Why a chunk has its score: `(words + meaning + section + neighbours) × speaker × span × answer`.

    `words` and `meaning` are the weighted shares of what the best chunk of this search has; `bm25` and `cosine` the
    bare figures behind them, None where the chunk has none. `section` comes from the summary above the chunk.
    """

    words: float = 0.0
    meaning: float = 0.0
    neighbours: float = 0.0
    section: float = 0.0
    speaker: float = 1.0
    span: float = 1.0
    answer: float = 1.0
    bm25: float | None = None
    cosine: float | None = None

    @property
    def score(self) -> float:
        return (self.words + self.meaning + self.section + self.neighbours) * self.speaker * self.span * self.answer

    @property
    def told(self) -> str:
        """In one line, for people."""
        bm25 = f" (BM25 {self.bm25:.2f})" if self.bm25 is not None else ""
        cosine = f" (cosine {self.cosine:.2f})" if self.cosine is not None else ""
        parts = [f"words {self.words:.2f}{bm25}", f"meaning {self.meaning:.2f}{cosine}"]
        added = (("section", self.section), ("neighbours", self.neighbours))
        factors = (("speaker", self.speaker), ("span", self.span), ("answer", self.answer))
        parts += [f"{name} {value:.2f}" for name, value in added if value]
        sum_ = " + ".join(parts)
        return sum_ + "".join(f", {name} ×{value:g}" for name, value in factors if value != 1)


@dataclass(frozen=True)
class Evidence:
    """What the indexes found: BM25 weights and cosines by chunk. `floor` is the cosine of unrelated chunks.

    `cosines` is None where no model is at hand. `sections` are what summaries above the chunks score,
    about from 0 to 1; a chunk that has none above it is not in it. `places` says where the chunks stand; where that
    does not matter to what they score, it is empty, and `located` says it of those that score the same.
    """

    weights: Mapping[int, float]
    cosines: Mapping[int, float] | None
    floor: float
    sections: Mapping[int, float]
    places: Mapping[int, Place]
    located: Callable[[Sequence[int]], Mapping[int, Place]] | None = None


def ranked(
    question: Question, found: Evidence, words_weight: float = WORDS_WEIGHT
) -> Iterator[tuple[int, Explanation]]:
    """The chunks that were found, best first. `words_weight` is 1 to go by words alone and 0 by meaning alone."""
    if found.located is not None:
        yield from _ranked_by_own(found, found.located, words_weight)
        return
    words, meaning = _own_scores(found, words_weight)
    totals = {id_: words.get(id_, 0.0) + meaning.get(id_, 0.0) for id_ in found.places}
    by_place = {(place.document_id, place.chunk_index): place for place in found.places.values() if place.speaker}
    # Without cosines, words count in full and not by their share of the best.
    scale = 1.0 if found.cosines is not None else max(found.weights.values(), default=0.0)
    scored = []
    for id_, place in found.places.items():
        total = totals[id_]
        section = found.sections.get(id_)
        if section is None:
            # What has no summary above it is its own, or a chunk of a short document would lose against all others.
            section = total / scale if found.sections and scale else 0.0
        added = SECTION_SHARE * scale * section, _from_neighbours(place, by_place, totals) if place.speaker else 0.0
        factors = _factors(question, place) if place.speaker or place.date else NO_FACTORS
        score = (total + added[0] + added[1]) * math.prod(factors)
        scored.append((-score, place.document_id, place.chunk_index, id_, added, factors))
    scored.sort()
    for _, _, _, id_, (section, neighbours), factors in scored:
        own = words.get(id_, 0.0), meaning.get(id_, 0.0)
        cosine = None if found.cosines is None else found.cosines.get(id_)
        yield id_, Explanation(*own, neighbours, section, *factors, found.weights.get(id_), cosine)


def _factors(question: Question, place: Place) -> tuple[float, float, float]:
    """By who speaks, of which day it is, and what is told."""
    return (
        SPEAKER_FACTOR if place.speaker and place.speaker == question.likely else 1.0,
        SPAN_FACTOR if question.span is not None and question.span.holds(place.date) else 1.0,
        _answering(question, place),
    )


def _ranked_by_own(
    found: Evidence, located: Callable[[Sequence[int]], Mapping[int, Place]], words_weight: float
) -> Iterator[tuple[int, Explanation]]:
    """The same where nothing is handed to a chunk by what stands around it."""
    words, meaning = _own_scores(found, words_weight)
    totals = [(-words.get(id_, 0.0) - score, id_) for id_, score in meaning.items()]
    totals += [(-score, id_) for id_, score in words.items() if id_ not in meaning]
    totals.sort()
    for _, equals in groupby(totals, itemgetter(0)):
        some = [id_ for _, id_ in equals]
        if len(some) > 1:  # they come in the order of their documents
            places = located(some)
            some = sorted(places, key=lambda id_: places[id_][1:3])
        for id_ in some:
            own = words.get(id_, 0.0), meaning.get(id_, 0.0)
            cosine = None if found.cosines is None else found.cosines.get(id_)
            yield id_, Explanation(*own, bm25=found.weights.get(id_), cosine=cosine)


def _own_scores(found: Evidence, words_weight: float) -> tuple[Mapping[int, float], Mapping[int, float]]:
    """What words and what meaning add to the chunks for which there is such evidence. Where only one of both is there,
    it is taken as it is."""
    if found.cosines is None:
        return found.weights, {}
    best_weight = max((SURE_WEIGHT, *found.weights.values()))
    words = {id_: words_weight * weight / best_weight for id_, weight in found.weights.items()}
    floor, share = found.floor, 1 - words_weight
    room = max(max(found.cosines.values(), default=floor) - floor, 1e-6)
    above = found.cosines.items()
    return words, {id_: share * (cosine - floor) / room if cosine > floor else 0.0 for id_, cosine in above}


def _answering(question: Question, place: Place) -> float:
    expected = ANSWER_FACTOR if place.tells & question.expected else 1.0
    return expected * ASKING_FACTOR if place.tells & ONLY_ASKS else expected


def _from_neighbours(place: Place, by_place: Mapping[tuple[str, int], Place], totals: Mapping[int, float]) -> float:
    """What the turns beside a turn hand to it."""
    total = 0.0
    for step in (-1, 1):
        near = by_place.get((place.document_id, place.chunk_index + step))
        if near is not None:
            total += (ANSWER_SHARE if step < 0 and near.asks else NEIGHBOUR_SHARE) * totals[near.id]
    return total
