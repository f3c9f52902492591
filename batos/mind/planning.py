"""The plan of a cycle: which facets and personas are asked what, and the asking of all of them in one round.

A step names a facet, or a persona. A facet is one inference. A persona thinks its sub-query through in an inner cycle,
over its own facets, with a search of its own; inner cycles have no personas among their steps, so there are two levels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batos.errors import NotUnderstood
from batos.inference.citations import numbered, without_marks
from batos.inference.port import Request
from batos.mind import prompts
from batos.mind.cycle import Cycle
from batos.mind.delivering import nested
from batos.mind.diversity import diversity
from batos.mind.schemas import Plan, plan_schema
from batos.mind.speaking import PERSONAS, Step, is_facet
from batos.mind.structured import structured
from batos.mind.walking import run_inner
from batos.objects import lookup
from batos.objects.mirror import Mirror
from batos.objects.records import Intent, Method
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject

Chunks = list[dict[str, Any]]
SHOWN = 6  # passages in the prompt of a plan


def make_plan(cycle: Cycle, query: str, chunks: Chunks, told: str | None = None) -> dict[str, Any]:
    """A plan that names steps which exist, each with its sub-query. What was retrieved and why it is so are noted.

    `told` is the question as a model is to read it, where that is more than the query.
    """
    cycle.note(retrieved=[[chunk["document_id"], chunk["chunk_index"], chunk["score"]] for chunk in chunks])
    offered = steps_offered(cycle)
    listed: list[Any] = list(offered.values())
    system, user = prompts.render(
        "plan", query=told or query, facets=listed, passages=numbered(chunks[:SHOWN]) or "none"
    )
    leads = tuple(dict.fromkeys(step["persona"] for step in listed))
    request = Request(
        purpose="plan",
        messages=(system, user),
        materials={"query": query, "facets": listed, "chunks": list(chunks)},
        persona="brick",
        output_schema=plan_schema(tuple(offered), leads),
    )
    plan, answer = structured(cycle, request, Plan, lambda plan: _unknown(plan, offered))
    found = plan.model_dump(mode="json")
    found["relevant_pillars"] = list(dict.fromkeys(found["relevant_pillars"]))
    if told is not None and told != query:
        found["told"] = told
    return {**found, "query": query, "notes": answer.get("notes", {})}


def _unknown(plan: Plan, offered: dict[str, Any]) -> str | None:
    unknown = [slot for slot in plan.relevant_pillars if slot not in offered]
    return f"relevant_pillars names facets that do not exist: {', '.join(unknown)}" if unknown else None


def steps_offered(cycle: Cycle) -> dict[str, dict[str, str]]:
    """What a plan of this cycle may name: name -> persona, slot, intent, as the image has them now.

    In an inner cycle these are the facets of its persona; else all facets, and the personas themselves.
    """
    within = cycle.brief.get("extra", {}).get("persona")
    found: dict[str, dict[str, str]] = {}
    for name in (within,) if within else personas(cycle):
        if name not in cycle.world:
            continue
        persona = cycle.world[name]
        lookup.note_read(persona)
        found |= _facets(name, persona)
        if not within:
            mandate = lookup.find(persona, "mandate")
            found[name] = {"persona": name, "slot": name, "intent": str(mandate.value) if mandate else ""}
    return found


def personas(cycle: Cycle) -> list[str]:
    """The names in the orchestrator's `personas` slot; without one, those that batos brings."""
    listed = lookup.find(cycle.world["orchestrator"], "personas")
    return [str(name) for name in listed.value] if listed is not None else list(PERSONAS)


def _facets(name: str, persona: UvmObject) -> dict[str, dict[str, str]]:
    found = {}
    for slot in Mirror(persona).slots():
        wish = slot.value
        if not is_facet(slot.name) or not isinstance(wish, Intent | Method):
            continue
        if isinstance(wish, Method) and wish.primitive is not None:  # `invoke_facet_`, which asks them
            continue
        intent = wish.text if isinstance(wish, Intent) else wish.intent or ""
        found[slot.name] = {"persona": name, "slot": slot.name, "intent": intent}
    return found


def consult(cycle: Cycle, plan: dict[str, Any], chunks: Chunks) -> Chunks:
    """Ask all steps of the plan in one round; their answers go into the scratch slot.

    Returns the chunks that the answers rest on: those given, and what inner cycles cite beyond them.
    """
    offered = steps_offered(cycle)
    steps = [Step(offered[slot]["persona"], slot, offered[slot]["intent"], chunks) for slot in plan["relevant_pillars"]]
    queries = [plan["sub_queries"].get(step.facet) or plan["query"] for step in steps]
    texts = cycle.gather([_asking(cycle, step, query) for step, query in zip(steps, queries, strict=True)])
    partials = {
        step.facet: {"persona": step.persona, "text": text, "citations": step.citations}
        for step, text in zip(steps, texts, strict=True)
    }
    cycle.scratch["partial_responses"] = partials
    cycle.note(facets=[step.facet for step in steps])
    inner = [{"step": step.facet, "trace": step.trace} for step in steps if step.trace]
    if inner:
        cycle.note(inner=inner)
    if len(steps) > 1:
        cycle.note(diversity=diversity({step.facet: text for step, text in zip(steps, texts, strict=True)}))
    found = {(chunk["document_id"], chunk["chunk_index"]): chunk for chunk in chunks}
    found |= {(chunk["document_id"], chunk["chunk_index"]): chunk for step in steps for chunk in step.found}
    return list(found.values())


def _asking(cycle: Cycle, step: Step, sub_query: str) -> Callable[[], str]:
    def ask() -> str:
        step.citations.clear()
        with cycle.stepping(step):
            if step.facet == step.persona:
                return _considered(cycle, step, sub_query)
            try:
                return str(send(cycle.world[step.persona], step.facet, sub_query))
            except NotUnderstood as missing:
                nested(cycle, missing)

    return ask


def _considered(cycle: Cycle, step: Step, sub_query: str) -> str:
    """What a persona says after an inner cycle; nothing if it does not know."""
    persona = cycle.world[step.persona]
    brief = {
        "type": "ask",
        "target": cycle.world.add(persona).hex(),
        "selector": step.persona,
        "args": [sub_query],
        "kwargs": {},
        "contract": None,
        "extra": {"persona": step.persona},
    }
    answer, step.trace = run_inner(cycle, brief)
    step.citations = answer["citations"]
    step.found = answer["chunks"]
    return without_marks(answer["answer"]) if answer["known"] else ""
