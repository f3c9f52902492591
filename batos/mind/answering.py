"""Answering a question: search memory, plan, ask the plan's facets in one round, weave their answers, check the result.

The quality gate: an answer cites passages that were retrieved in this cycle, at least one if it claims to know. Saying
that nothing is known is a legal outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from batos.errors import BackendNonsense, NotUnderstood
from batos.inference.citations import numbered
from batos.inference.port import Request
from batos.mind import prompts
from batos.mind.cycle import Cycle
from batos.mind.delivering import nested
from batos.mind.schemas import Plan, Weave, schema
from batos.mind.speaking import PERSONAS, Step
from batos.objects import lookup
from batos.objects.mirror import Mirror
from batos.objects.records import Intent, Method
from batos.objects.sending import send
from batos.objects.values import plain

WIDE = 16
PER_FACET = 6


def decompose(cycle: Cycle) -> None:
    """Search wide, then plan by structured output."""
    query = str(cycle.thawed(cycle.brief["args"])[0])
    cycle.scratch["chunks"] = cycle.ask("observe", "search", query=query, limit=WIDE)
    cycle.scratch["plan"] = plan_for(cycle, query, plain(cycle.scratch["chunks"]))


def plan_for(cycle: Cycle, query: str, chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """A plan that names facets which exist, with a sub-query each."""
    offered = facets(cycle)
    system, user = prompts.render(
        "plan", query=query, facets=list(offered.values()), passages=numbered(chunks[:PER_FACET]) or "none"
    )
    materials: dict[str, Any] = {"query": query, "facets": list(offered.values()), "chunks": chunks}
    answer = cycle.generate(
        Request(
            purpose="plan",
            messages=(system, user),
            materials=materials,
            persona="brick",
            output_schema=schema(Plan),
        )
    )
    plan = valid(Plan, answer).model_dump(mode="json")
    unknown = [slot for slot in plan["relevant_pillars"] if slot not in offered]
    if unknown:
        raise BackendNonsense(backend=answer["model"], reason=f"its plan names facets that do not exist: {unknown}.")
    return {**plan, "query": query, "notes": answer.get("notes", {})}


def valid(model: type[Any], answer: dict[str, Any]) -> Any:
    """The answer's data as `model`. Raises `BackendNonsense` with the first thing that is wrong."""
    try:
        return model.model_validate(answer["data"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        raise BackendNonsense(backend=answer["model"], reason=f"{place}: {first['msg']}.") from None


def facets(cycle: Cycle) -> dict[str, dict[str, str]]:
    """Every facet of the personas as the image has them now: slot -> persona, slot, intent."""
    found: dict[str, dict[str, str]] = {}
    for name in PERSONAS:
        if name not in cycle.world:
            continue
        lookup.note_read(cycle.world[name])
        for slot in Mirror(cycle.world[name]).slots():
            if slot.name.endswith("_facet_") and isinstance(slot.value, Intent | Method):
                intent = slot.value.text if isinstance(slot.value, Intent) else slot.value.intent or ""
                found[slot.name] = {"persona": name, "slot": slot.name, "intent": intent}
    return found


def delegate(cycle: Cycle) -> None:
    """All sub-queries in one round. A facet that is still an intent is learned first, by the usual path."""
    plan = plain(cycle.scratch["plan"])
    consult(cycle, plan, plain(cycle.scratch["chunks"]))


def consult(cycle: Cycle, plan: dict[str, Any], chunks: list[dict[str, Any]]) -> None:
    """Collect the partial responses of the plan's facets into the scratch slot."""
    offered = facets(cycle)
    steps = [Step(offered[slot]["persona"], slot, offered[slot]["intent"], chunks) for slot in plan["relevant_pillars"]]
    texts = cycle.gather([_asking(cycle, step, plan["sub_queries"].get(step.facet, plan["query"])) for step in steps])
    cycle.scratch["partial_responses"] = {
        step.facet: {"persona": step.persona, "text": text, "citations": step.citations}
        for step, text in zip(steps, texts, strict=True)
    }
    cycle.note(facets=[step.facet for step in steps])


def _asking(cycle: Cycle, step: Step, sub_query: str) -> Callable[[], str]:
    def ask() -> str:
        step.citations.clear()
        persona = cycle.world[step.persona]
        with cycle.stepping(step):
            try:
                return str(send(persona, step.facet, sub_query))
            except NotUnderstood as missing:
                nested(cycle, missing)

    return ask


def synthesize(cycle: Cycle) -> None:
    """Weave the partial responses into one answer, and let it through only if its citations hold."""
    plan, chunks = plain(cycle.scratch["plan"]), plain(cycle.scratch["chunks"])
    partials = plain(cycle.scratch["partial_responses"])
    lead = plan["lead"] if plan["lead"] in cycle.world else "robin"
    identity = lookup.find(cycle.world[lead], "identity")
    system, user = prompts.render(
        "weave",
        identity=identity.value if identity else "",
        query=plan["query"],
        partials={slot: partial["text"] for slot, partial in partials.items()},
        passages=numbered(chunks) or "none",
    )
    answer = cycle.generate(
        Request(
            purpose="weave",
            messages=(system, user),
            materials={"query": plan["query"], "partial_responses": partials, "chunks": chunks},
            persona=lead,
            adapter=lead,
            output_schema=schema(Weave),
        )
    )
    woven = valid(Weave, answer)
    retrieved = {(chunk["document_id"], chunk["chunk_index"]) for chunk in chunks}
    invented = [cited for cited in woven.citations if (cited.document_id, cited.chunk_index) not in retrieved]
    if invented or (woven.known and not woven.citations):
        what = f"it cites {invented[0].document_id}, which was not retrieved" if invented else "it cites nothing"
        raise BackendNonsense(backend=answer["model"], reason=f"the answer did not pass the quality gate: {what}.")
    cycle.scratch["final_response"] = woven.model_dump(mode="json")
    cycle.note(cited=[[cited.document_id, cited.chunk_index] for cited in woven.citations])


def complete(cycle: Cycle) -> None:
    cycle.answer = plain(cycle.scratch["final_response"])
