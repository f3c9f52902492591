"""Answering a question: search memory, plan, ask the plan's steps in one round, weave their answers, check the result.

What passes the quality gate is stated in `quality`. Saying that nothing is known is a legal outcome.
"""

from __future__ import annotations

from typing import Any

from batos.errors import BackendNonsense
from batos.inference.builtin.words import related
from batos.inference.citations import numbered
from batos.inference.port import Request
from batos.inference.repair import repaired
from batos.mind import prompts, quality, threads
from batos.mind.cycle import Cycle
from batos.mind.planning import consult, make_plan
from batos.mind.schemas import Weave, weave_schema
from batos.mind.structured import structured
from batos.objects import lookup
from batos.objects.values import plain

WIDE = 16
MORE = 6  # passages beyond these that hold other words for what is asked


def decompose(cycle: Cycle) -> None:
    """Search wide, then plan by structured output. In a thread, the question is understood after the earlier turns."""
    thread = _thread(cycle)
    earlier = threads.turns(cycle.world, thread) if thread else []
    question = threads.continued(str(cycle.thawed(cycle.brief["args"])[0]), earlier)
    chunks = cycle.ask(
        "observe", "search", query=question.query, limit=WIDE, also=related(question.query), also_limit=MORE
    )
    cycle.scratch["chunks"] = chunks
    cycle.scratch["plan"] = {**make_plan(cycle, question.query, chunks, question.told), "topic": question.topic}


def _thread(cycle: Cycle) -> str | None:
    """The conversation that the question belongs to. A question within a cycle belongs to none."""
    thread = cycle.brief.get("extra", {}).get("thread")
    return str(thread) if thread else None


def delegate(cycle: Cycle) -> None:
    """All sub-queries in one round. A facet that is still an intent is learned first, by the usual path."""
    plan = plain(cycle.scratch["plan"])
    cycle.next_adapter = _voice(cycle, plan)[2]  # it is brought in while the facets are being answered
    cycle.scratch["chunks"] = consult(cycle, plan, plain(cycle.scratch["chunks"]))
    cycle.next_adapter = None


def synthesize(cycle: Cycle) -> None:
    """Weave the partial responses into one answer, and let it through only if it passes the quality gate."""
    plan, chunks = plain(cycle.scratch["plan"]), plain(cycle.scratch["chunks"])
    request = _weaving(cycle, plan, plain(cycle.scratch["partial_responses"]), chunks)
    woven, answer = structured(cycle, request, Weave, lambda woven: quality.uncited(woven, chunks))
    refused = quality.refusal(cycle, plan["query"], woven, chunks)
    if refused is not None:
        cycle.note(refused=refused)
        request = repaired(request, answer["text"], refused)
        woven, answer = structured(cycle, request, Weave, lambda woven: quality.uncited(woven, chunks))
        refused = quality.refusal(cycle, plan["query"], woven, chunks)
    if refused is not None:
        raise BackendNonsense(backend=answer["model"], reason=f"the answer did not pass the quality gate: {refused}.")
    cycle.scratch["final_response"] = woven.model_dump(mode="json")
    cycle.note(known=woven.known, cited=[[cited.document_id, cited.chunk_index] for cited in woven.citations])


def _weaving(cycle: Cycle, plan: dict[str, Any], partials: dict[str, Any], chunks: list[dict[str, Any]]) -> Request:
    lead, identity, adapter = _voice(cycle, plan)
    system, user = prompts.render(
        "weave",
        identity=identity or "",
        query=plan.get("told", plan["query"]),
        partials={slot: partial["text"] for slot, partial in partials.items()},
        passages=numbered(chunks) or "none",
    )
    return Request(
        purpose="weave",
        messages=(system, user),
        materials={"query": plan["query"], "partial_responses": partials, "chunks": list(chunks)},
        persona=lead,
        adapter=adapter,
        output_schema=weave_schema(tuple(dict.fromkeys(chunk["document_id"] for chunk in chunks))),
    )


def _voice(cycle: Cycle, plan: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Who weaves: the persona's name, its identity and its adapter."""
    lead = plan["lead"] if plan["lead"] in cycle.world else "robin"
    identity, adapter = (lookup.find(cycle.world[lead], name) for name in ("identity", "adapter"))
    return lead, identity.value if identity else None, adapter.value if adapter else None


def complete(cycle: Cycle) -> None:
    """The answer; that of an inner cycle brings along the passages it rests on, for the cycle around it."""
    cycle.answer = plain(cycle.scratch["final_response"])
    if thread := _thread(cycle):
        turn = {"question": cycle.thawed(cycle.brief["args"])[0], "topic": cycle.scratch["plan"].get("topic", "")}
        turn |= {**cycle.answer, "mission": cycle.mission, "asked_at": cycle.submitted_at}
        threads.remember(cycle.world, thread, turn)
    if cycle.depth:
        cited = {(citation["document_id"], citation["chunk_index"]) for citation in cycle.answer["citations"]}
        chunks = plain(cycle.scratch["chunks"])
        cycle.answer["chunks"] = [chunk for chunk in chunks if (chunk["document_id"], chunk["chunk_index"]) in cited]
