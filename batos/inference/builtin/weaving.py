"""Purpose `weave`: one answer out of what the facets said, every sentence found in an offered chunk and cited.

Whether the question is answered at all is checked, not felt: the share of its content words (stemmed, synonyms at their
credit) that the cited sentences and the headings above them cover, all together and the best one by itself. The two
thresholds, the texts and the limits are data, in `weaving.toml`.

A sentence of a partial response that stands in no offered chunk is left out; how many were is told in the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from batos.inference.builtin.facets import repeats
from batos.inference.builtin.routing import parts
from batos.inference.builtin.scoring import Question, Scale, context, features, nearness
from batos.inference.builtin.sentences import Chunk, Passage, offered_chunks, passages, squeezed
from batos.inference.builtin.words import content_stems, read_table
from batos.inference.citations import cited, without_marks
from batos.inference.port import Answer, Request


class _Says(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    nothing_read: str
    not_covered: str
    not_together: str
    no_passage: str
    no_words: str
    of_part: str


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sentences: int = Field(ge=1)
    characters: int = Field(ge=1)
    floor: float = Field(ge=0, le=1)
    vote: float = Field(ge=0)
    absent: float = Field(ge=1)
    covered_together: float = Field(gt=0, le=1)
    covered_by_one: float = Field(gt=0, le=1)
    meaning: float = Field(ge=0, le=1)
    says: _Says


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    return _Rules.model_validate(read_table("weaving.toml"))


@dataclass(frozen=True)
class Coverage:
    """How far the cited sentences speak of what was asked: shares from 0 to 1, and the words that nothing covers.

    `formed` is whether one of them can answer this form of question at all: how many is not answered without a number.
    """

    together: float
    by_one: float
    formed: bool
    missing: tuple[str, ...]

    @property
    def enough(self) -> bool:
        return self.formed and self.together >= _rules().covered_together and self.by_one >= _rules().covered_by_one


def weave(request: Request) -> Answer:
    """One answer. Materials: query, partial_responses (text and citations by facet slot), chunks.

    Of a question in several parts each is answered by itself; that one of them is not known is said.
    """
    chunks = offered_chunks(request.materials)
    offered = passages(chunks)
    votes = _votes(_texts(request.materials.get("partial_responses")), offered)
    asked = [Question(part) for part in parts(str(request.materials.get("query", ""))) if part]
    held = frozenset[str]().union(*(context(passage) for passage in offered))
    for question in asked:
        question.miss(held, _rules().absent)
    answers = [(question, _select(Scale(question, offered), votes)) for question in asked or [Question("")]]
    covered = [(question, woven, _coverage(question, woven)) for question, woven in answers]
    notes: dict[str, JsonValue] = {
        "covered_together": [round(coverage.together, 3) for _, _, coverage in covered],
        "covered_by_one": [round(coverage.by_one, 3) for _, _, coverage in covered],
        "missing": [list(coverage.missing) for _, _, coverage in covered],
        "sentences_offered": len(votes),
        "sentences_kept": [len(woven) for _, woven, _ in covered],
    }
    known = [passage for _, woven, coverage in covered if coverage.enough for passage in woven]
    unknown = [_not_known(question, coverage, offered) for question, _, coverage in covered if not coverage.enough]
    if not known:
        return _answer(unknown[0], [], known=False, notes=notes)
    text, citations = _composed(list(dict.fromkeys(known)), chunks)
    lacking = [question.text for question, _, coverage in covered if not coverage.enough]
    told = [_rules().says.of_part.format(part=part, said=said) for part, said in zip(lacking, unknown, strict=True)]
    return _answer("\n\n".join([text, *told]), citations, known=True, notes=notes)


def verdict(request: Request) -> Answer:
    """Whether an answer covers its question as one of ours would have to, and whether its words stand in the passages.

    Materials: query, answer, chunks.
    """
    question = Question(str(request.materials.get("query", "")))
    answer = str(request.materials.get("answer", ""))
    said = frozenset(content_stems(without_marks(answer)))
    offered = passages(offered_chunks(request.materials))
    held = frozenset[str]().union(*(context(passage) for passage in offered))
    quoted = [passage for passage in offered if _comparable(passage.text) in _comparable(answer)]
    meant = _rules().meaning * max(map(nearness, quoted), default=0.0)
    covered = min(1.0, question.coverage(said | held) + meant)
    supported = len(said & held) / len(said) if said else 0.0
    least = _rules().covered_together
    reason = f"it covers {covered:.0%} of the question, and the passages hold {supported:.0%} of its own"
    data: dict[str, JsonValue] = {
        "addresses": covered >= least, "supported": supported >= least, "reason": reason
    }  # fmt: skip
    return Answer(text=reason, data=data, model="builtin")


def _answer(text: str, citations: list[JsonValue], *, known: bool, notes: dict[str, JsonValue]) -> Answer:
    data: dict[str, JsonValue] = {"answer": text, "citations": citations, "known": known}
    return Answer(text=text, data=data, notes=notes, model="builtin")


def _texts(partial_responses: JsonValue) -> list[str]:
    """What the facets said, without marks: their numbers belong to the facets' requests, not to this one."""
    if not isinstance(partial_responses, dict):
        return []
    said = [partial.get("text") if isinstance(partial, dict) else partial for partial in partial_responses.values()]
    return [_comparable(text) for text in said if isinstance(text, str) and text.strip()]


def _comparable(text: str) -> str:
    return squeezed(without_marks(text)).rstrip(".!?:")


def _votes(texts: Sequence[str], offered: Sequence[Passage]) -> dict[Passage, int]:
    """The offered passages that the facets said, and how many facets said each."""
    counted = {passage: sum(_comparable(passage.text) in text for text in texts) for passage in offered}
    return {passage: count for passage, count in counted.items() if count}


def _select(scale: Scale, votes: dict[Passage, int]) -> list[Passage]:
    """The best passages, each saying something new, within the limits; best first."""
    rules = _rules()
    scores = {passage: scale.score(passage) * (1 + rules.vote * (count - 1)) for passage, count in votes.items()}
    ranked = sorted(scores, key=lambda passage: (-scores[passage], passage.chunk, passage.position))
    kept: list[Passage] = []
    for passage in ranked:
        room = len(kept) < rules.sentences and sum(len(entry.text) for entry in kept) < rules.characters
        relevant = scores[passage] > 0 and scores[passage] >= rules.floor * scores[ranked[0]]
        if room and relevant and not repeats(passage, kept):
            kept.append(passage)
    return kept


def _coverage(question: Question, woven: Sequence[Passage]) -> Coverage:
    contexts = [context(passage) for passage in woven]
    together = frozenset[str]().union(*contexts)
    meant = _rules().meaning * max(map(nearness, woven), default=0.0)
    return Coverage(
        together=min(1.0, question.coverage(together) + meant),
        by_one=min(1.0, max((question.coverage(stems) for stems in contexts), default=0.0) + meant),
        formed=question.requires is None or any(question.requires in features(passage) for passage in woven),
        missing=tuple(question.missing(together)),
    )


def _composed(woven: Sequence[Passage], chunks: Sequence[Chunk]) -> tuple[str, list[JsonValue]]:
    """The answer's text, and its citations in the order of its marks.

    Chunks come in the order of their best passage; within a chunk its own order holds, because it reads better.
    """
    order = list(dict.fromkeys(passage.chunk for passage in woven))
    reading = sorted(woven, key=lambda passage: (order.index(passage.chunk), passage.position))
    paragraphs = []
    for _, group in groupby(reading, key=lambda passage: chunks[passage.chunk].document_id):
        said = [cited(passage.text, order.index(passage.chunk) + 1) for passage in group]
        paragraphs.append("".join(_joint(before) + text for before, text in zip(["", *said], said, strict=False)))
    return "\n\n".join(paragraphs), [chunks[index].reference for index in order]


def _joint(before: str) -> str:
    if not before:
        return ""
    return "\n" if "\n" in before else " "


def _not_known(question: Question, coverage: Coverage, offered: Sequence[Passage]) -> str:
    says = _rules().says
    if not question.weights:
        return says.no_words
    if not offered:
        return says.nothing_read
    if not coverage.together:
        return says.no_passage
    if not coverage.missing:
        return says.not_together
    return says.not_covered.format(missing=" or ".join(f"“{word}”" for word in coverage.missing))
