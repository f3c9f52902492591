"""Having a model write the summaries of a document: level by level from the lowest, each level in one round.

A summary that a model wrote stays as long as what it summarises. What the mission's bound on asks leaves no room for
stays an extract, and the next mission goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from batos.errors import BackendNonsense
from batos.inference.port import Request
from batos.memory.records import ContextualSummary
from batos.memory.summaries import EXTRACT, refresh, rewrite, root_of, walk, words_of
from batos.mind import prompts
from batos.mind.cycle import Cycle
from batos.objects.values import plain

LONGEST = 2_000  # characters of a summary
TOKENS = 240


def decompose(cycle: Cycle) -> None:
    """Bring the summaries level with the document, so that there is one wherever one is due."""
    document_id = str(cycle.thawed(cycle.brief["args"])[0])
    refresh(cycle.world, document_id, cycle.submitted_at)
    cycle.scratch["plan"] = {"document_id": document_id, "strategy": "write each level from the one below"}


def delegate(cycle: Cycle) -> None:
    """Ask for the summaries that no model has written yet. A higher one is asked for when those below it are there."""
    written: dict[str, str] = {}
    room = cycle.settings.max_asks - len(cycle.used)
    for summaries in _levels(cycle):
        due = [summary for summary in summaries if summary.written_by == EXTRACT][: max(0, room)]
        room -= len(due)
        for summary, text in zip(due, cycle.gather([partial(_asked, cycle, summary) for summary in due]), strict=True):
            rewrite(summary, text, cycle.mission)
            written[f"{summary.level}/{summary.first}"] = text
    cycle.scratch["partial_responses"] = written


def synthesize(cycle: Cycle) -> None:
    cycle.scratch["final_response"] = {"written": len(plain(cycle.scratch["partial_responses"]))}


def complete(cycle: Cycle) -> None:
    cycle.answer = plain(cycle.scratch["final_response"])


def _levels(cycle: Cycle) -> list[Sequence[ContextualSummary]]:
    """The summaries of the document by level, the lowest first."""
    root = root_of(cycle.world, plain(cycle.scratch["plan"])["document_id"])
    found = list(walk(root)) if root is not None else []
    return [[summary for summary in found if summary.level == level] for level in sorted({one.level for one in found})]


def _asked(cycle: Cycle, summary: ContextualSummary) -> str:
    passages = "\n\n".join(words_of(child) for child in summary.children)
    messages = prompts.render("summary", passages=passages)
    materials = {"passages": [words_of(child) for child in summary.children]}
    answer = cycle.generate(Request(purpose="summary", messages=messages, materials=materials, max_tokens=TOKENS))
    text = str(answer["text"]).strip()
    if not text:
        raise BackendNonsense(backend=answer["model"], reason="it summarised passages by nothing.")
    return text[:LONGEST]
