"""The First Conversation: read the own documents, reason over them, write the workbench, check it, install it.

The message schemas and the widget catalogue are read back from memory, not from code: what memory does not hold, the
workbench does not show. A program is installed only if its static audit, its confined run and its picture pass.
"""

from __future__ import annotations

import base64
from typing import Any

from batos.errors import MissionError
from batos.inference.citations import numbered
from batos.inference.port import Request
from batos.methods.extraction import extract_program
from batos.mind import prompts
from batos.mind.cycle import Cycle
from batos.mind.planning import consult, make_plan
from batos.objects.uvm_object import UvmObject, put
from batos.objects.values import plain

PURPOSE = "What should a workbench show a person who wants to see what the system knows and does?"
SAMPLE_QUERY = "how is a learned method undone"
MATERIAL = ("message", "widget")


def decompose(cycle: Cycle) -> None:
    """Ingest and index the own documents, read back what the workbench is made of, and plan."""
    ingested = cycle.ask("tool", "ingest_own_documents")
    material = cycle.ask("observe", "documents", kinds=list(MATERIAL))
    lacking = [kind for kind in MATERIAL if not any(chunk["metadata"].get("kind") == kind for chunk in material)]
    if lacking:
        reason = f"memory holds no {' and no '.join(lacking)} documents, so there is nothing to make a workbench of."
        raise MissionError(mission=cycle.mission, reason=f"{reason} Ingest them again with `batos run`.")
    chunks = cycle.ask("observe", "search", query=PURPOSE, limit=12)
    plan = make_plan(cycle, PURPOSE, chunks)
    cycle.scratch["chunks"] = chunks
    cycle.scratch["material"] = material
    cycle.scratch["plan"] = {**plan, "strategy": "read the own documents, then write the workbench from them"}
    cycle.note(ingested=ingested)


def delegate(cycle: Cycle) -> None:
    """Ask the plan's facets what the workbench should show; their answers go to whoever writes it."""
    consult(cycle, plain(cycle.scratch["plan"]), plain(cycle.scratch["chunks"]))


def synthesize(cycle: Cycle) -> None:
    """Have the program written, and accepted; after enough refusals by a model, by the built-in backend."""
    feedback: list[dict[str, str]] = []
    rounds = max(1, cycle.settings.repair_rounds)
    for round_ in range(rounds + 1):
        backend = "builtin" if round_ == rounds else None
        answer = _written(cycle, feedback, backend)
        source = extract_program(answer["text"])
        verdict = cycle.ask("program", "workbench", source=source, query=SAMPLE_QUERY)
        if verdict["accepted"]:
            cycle.scratch["final_response"] = {"answer": answer, "source": source, "verdict": verdict}
            cycle.note(writer=answer["model"], refused=feedback, panels=verdict["report"].get("panels", []))
            return
        feedback.append({"writer": answer["model"], "reason": verdict["reason"]})
        if answer["model"] == "builtin":
            break
    raise MissionError(mission=cycle.mission, reason=f"no workbench was accepted: {feedback[-1]['reason']}")


def _written(cycle: Cycle, feedback: list[dict[str, str]], backend: str | None) -> dict[str, Any]:
    material = plain(cycle.scratch["material"])
    partials = plain(cycle.scratch["partial_responses"])
    advice = {slot: partial["text"] for slot, partial in partials.items()}
    messages = prompts.render("workbench", passages=numbered(material), advice=advice, feedback=feedback or "none")
    request = Request(purpose="workbench", messages=messages, materials={"chunks": material}, max_tokens=8000)
    return cycle.generate(request, backend)


def complete(cycle: Cycle) -> None:
    """Install source and picture on the target, as one object in its `workbench` slot."""
    response = plain(cycle.scratch["final_response"])
    answer, verdict = response["answer"], response["verdict"]
    # A model is not asked which chunks it drew on: it was given all of them.
    material = [[chunk["document_id"], chunk["chunk_index"]] for chunk in plain(cycle.scratch["material"])]
    used = (answer.get("data") or {}).get("used", material)
    made = UvmObject(
        [cycle.world["traits"]],
        source=response["source"],
        picture=base64.b64decode(verdict["picture"]),
        written_by=answer["model"],
        made_from=[list(reference) for reference in used],
        mission=cycle.mission,
    )
    put(cycle.target, "workbench", made)
    cycle.answer = {"written_by": answer["model"], "report": verdict["report"], "chunks": len(made.made_from)}
