"""The quality gate of an answer. An answer that does not pass is asked for once more, with the reason; then the cycle
fails, and nothing of it remains but its record.

1. It cites passages that were retrieved in this cycle and are still in memory; at least one, if it claims to know.
2. It addresses the question: the answer and the passages it cites, with their headings, hold at least half of the
   question's telling words (by stem, synonyms count in part). Where they do not, which good answers in other words may
   well, a verdict is asked for, and decides.

Saying that nothing is known is a legal outcome, and needs neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from batos.inference.builtin.scoring import Question
from batos.inference.builtin.words import content_stems
from batos.inference.citations import numbered
from batos.inference.port import Request
from batos.memory.catalog import get_document
from batos.mind import prompts
from batos.mind.cycle import Cycle
from batos.mind.schemas import Verdict, Weave, schema
from batos.mind.structured import structured
from batos.objects import lookup

Chunks = list[dict[str, Any]]
ENOUGH = 0.5


def uncited(woven: Weave, chunks: Chunks) -> str | None:
    """What is wrong with the citations, as far as the request can tell: a sentence without its full stop, or None."""
    retrieved = {(chunk["document_id"], chunk["chunk_index"]) for chunk in chunks}
    for cited in woven.citations:
        if (cited.document_id, cited.chunk_index) not in retrieved:
            return f"it cites {cited.document_id}, part {cited.chunk_index}, which was not retrieved"
    if woven.known and not woven.citations:
        return "it claims to know and cites nothing"
    return None


def refusal(cycle: Cycle, query: str, woven: Weave, chunks: Chunks) -> str | None:
    """Why an answer with sound citations does not pass, or None. May ask for a verdict."""
    if not woven.known:
        return None
    cited = {(citation.document_id, citation.chunk_index) for citation in woven.citations}
    rests_on = [chunk for chunk in chunks if (chunk["document_id"], chunk["chunk_index"]) in cited]
    for document_id, index in sorted(cited):
        if not _remembered(cycle, document_id, index):
            return f"it rests on {document_id}, part {index}, which was forgotten meanwhile"
    share = addressed(query, woven.answer, rests_on)
    cycle.note(addresses=round(share, 2))
    if share >= ENOUGH:
        return None
    verdict = _verdict(cycle, query, woven, rests_on)
    cycle.note(verdict=verdict.model_dump(mode="json"))
    if verdict.addresses and verdict.supported:
        return None
    what = "does not address the question" if not verdict.addresses else "is not supported by what it cites"
    return f"it {what}: {verdict.reason.rstrip('.')}"


def addressed(query: str, answer: str, rests_on: Iterable[dict[str, Any]]) -> float:
    """The share of the question's telling words, 0 to 1, that the answer and its passages hold; 1 if it has none."""
    question = Question(query)
    if not question.weights:
        return 1.0
    headings = (" ".join(chunk.get("metadata", {}).get("heading") or ()) for chunk in rests_on)
    texts = [answer, *(chunk["text"] for chunk in rests_on), *headings]
    return question.coverage(frozenset(content_stems("\n".join(texts))))


def _remembered(cycle: Cycle, document_id: str, index: int) -> bool:
    document = get_document(cycle.world, document_id)
    if document is None:
        return False
    lookup.note_read(document)
    return index < len(document.chunks)


def _verdict(cycle: Cycle, query: str, woven: Weave, rests_on: Chunks) -> Verdict:
    """Asked of the base model: who judges has no part in what is judged."""
    messages = prompts.render("verdict", query=query, answer=woven.answer, passages=numbered(rests_on) or "none")
    materials: dict[str, Any] = {"query": query, "answer": woven.answer, "chunks": rests_on}
    request = Request(
        purpose="verdict", messages=messages, materials=materials, persona="alfred", output_schema=schema(Verdict)
    )
    return structured(cycle, request, Verdict)[0]
