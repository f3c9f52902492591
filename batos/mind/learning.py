"""Learning a method: gather what is known, have the source written, gate it, install it or propose it.

The gate is extraction, the guardian's audit, and a trial in the sandbox on the original message and every example; the
trial is a need, so its verdict is the same on every replay. A refusal goes back to the writer as feedback, a bounded
number of times. Only examples that a person gave are proof.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batos.errors import ExtractionFailed, GuardianRefused, MissionError
from batos.image.receipts import Proposal
from batos.inference.port import Request
from batos.methods.contract import Contract
from batos.methods.extraction import extract
from batos.methods.guardian import check
from batos.mind import prompts
from batos.mind.cycle import Cycle
from batos.mind.delivering import have_learned, refuse_misspelt, refuse_teaching_the_world, understood
from batos.mind.trial import shown
from batos.objects import lookup
from batos.objects.mirror import Mirror
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import is_slot_name, put
from batos.objects.values import plain

SIMILAR = 3


def decompose(cycle: Cycle) -> None:
    """Gather the contract, the object's mirror, and methods of similar selectors."""
    target, selector = cycle.target, cycle.brief["selector"]
    if not is_slot_name(selector) or selector.endswith("*"):
        reason = f"{selector!r} cannot be a selector; use an identifier without a leading underscore."
        raise MissionError(mission=cycle.mission, reason=reason)
    if not _asked_for(cycle):
        refuse_misspelt(target, selector)
    found = lookup.find(target, selector)
    if understood(target, selector) and not cycle.brief.get("extra", {}).get("taught"):
        # Whoever waits for this mission filed it while another one was just ending.
        cycle.scratch["plan"] = {"strategy": "known already", "relevant_pillars": [], "sub_queries": {}}
        return
    contract = _contract(cycle, found.value if found else None)
    is_facet = selector.endswith("_facet_") and contract.intent is not None and not contract.examples
    words = selector.strip("_").replace("_", " ")
    wanted = f"{words} {contract.intent or ''}"
    similar = [] if is_facet else cycle.ask("observe", "similar", query=wanted, limit=SIMILAR)
    cycle.scratch["plan"] = {
        "strategy": "facet" if is_facet else "by example" if contract.examples else "by name",
        "relevant_pillars": [],
        "sub_queries": {},
        "contract": contract.to_json(),
        "similar": similar,
    }


def _asked_for(cycle: Cycle) -> bool:
    extra = cycle.brief.get("extra", {})
    return bool(extra.get("learn") or cycle.brief.get("contract"))


def _contract(cycle: Cycle, present: Any) -> Contract:
    """What the brief says, added to what the slot already holds: an intent, or the version that is to be replaced."""
    resolve = cycle.world.object
    asked = Contract.from_json(cycle.brief.get("contract") or {}, resolve)
    known = Contract()
    if isinstance(present, Intent):
        known = Contract.from_json({"intent": present.text, "examples": present.examples}, resolve)
    elif isinstance(present, Method):
        known = Contract.from_json(present.contract, resolve)
    for example in asked.examples:
        known = known.with_example(example)
    return replace(known, intent=asked.intent or known.intent)


def delegate(cycle: Cycle) -> None:
    """A method is the base case of thinking: no facets are asked, or learning one would need another."""


def synthesize(cycle: Cycle) -> None:
    """Write, gate, and once more with the reason, until a source stands or the rounds are spent."""
    plan = plain(cycle.scratch["plan"])
    if plan["strategy"] == "known already":
        return
    feedback: list[dict[str, str]] = []
    for _ in range(max(1, cycle.settings.repair_rounds)):
        answer = _written(cycle, plan, feedback)
        if answer.get("question"):
            cycle.scratch["final_response"] = {"question": answer["question"], "answer": answer}
            return
        source, refusal, verdict = _gated(cycle, plan, answer["text"])
        if refusal is None:
            cycle.scratch["final_response"] = {"source": source, "verdict": verdict, "answer": answer}
            cycle.note(rounds=len(feedback) + 1, verdict=verdict)
            return
        feedback.append({"source": source, "reason": refusal})
    cycle.note(refused=feedback)
    last = feedback[-1]["reason"]
    raise MissionError(mission=cycle.mission, reason=f"no source for {cycle.brief['selector']!r} was accepted: {last}")


def _written(cycle: Cycle, plan: dict[str, Any], feedback: list[dict[str, str]]) -> dict[str, Any]:
    """Ask for the source, from the base model alone: code is nobody's voice."""
    selector, contract = cycle.brief["selector"], plan["contract"]
    message = {"args": cycle.brief["args"], "kwargs": cycle.brief["kwargs"]}
    materials = {
        "selector": selector,
        "object": Mirror(cycle.target).as_json(),
        "contract": contract,
        "message": message,
        "is_facet": plan["strategy"] == "facet",
        "similar": plan["similar"],
        "feedback": feedback,
    }
    messages = prompts.render(
        "method",
        selector=selector,
        object=materials["object"],
        message=message,
        intent=contract.get("intent") or "what its name says",
        examples=contract.get("examples") or "none",
        similar=plan["similar"] or "none",
        feedback=feedback or "none",
    )
    request = Request(purpose="method", messages=messages, materials=materials)
    return cycle.generate(request)


def _gated(cycle: Cycle, plan: dict[str, Any], text: str) -> tuple[str, str | None, dict[str, Any]]:
    """The source, why it was refused (None: it was not), and the trial's verdict."""
    selector = cycle.brief["selector"]
    try:
        source = extract(text, selector)
        check(source, selector, facet=plan["strategy"] == "facet")
    except (ExtractionFailed, GuardianRefused) as refused:
        return text, str(refused), {}
    while (verdict := _tried(cycle, plan, source))["status"] == "not understood":  # the bound on asks ends this
        _learn_first(cycle, verdict)
    return source, None if verdict["status"] == "passed" else verdict["reason"], verdict


def _tried(cycle: Cycle, plan: dict[str, Any], source: str) -> dict[str, Any]:
    return cycle.ask(  # type: ignore[no-any-return]
        "observe",
        "trial",
        source=source,
        selector=cycle.brief["selector"],
        target=cycle.brief["target"],
        contract=plan["contract"],
        message={"args": cycle.brief["args"], "kwargs": cycle.brief["kwargs"]},
        facet=plan["strategy"] == "facet",
        original=not cycle.brief.get("extra", {}).get("taught"),
    )


def _learn_first(cycle: Cycle, verdict: dict[str, Any]) -> None:
    """The source sends something that is not understood yet: that is learned first, as a mission of its own."""
    missing = verdict["missing"]
    receiver = cycle.world.object(missing["oid"])
    args, kwargs = cycle.thawed(missing["args"]), cycle.thawed(missing["kwargs"])
    refuse_teaching_the_world(cycle, receiver, missing["selector"])
    have_learned(cycle, receiver, missing["selector"], args, kwargs)


def complete(cycle: Cycle) -> None:
    """Install the method where it was missed, or keep it as a proposal for a person to decide."""
    plan, response = plain(cycle.scratch["plan"]), plain(cycle.scratch.get("final_response"))
    if response is None:
        cycle.answer = {"selector": cycle.brief["selector"], "version": None}
        return
    contract = Contract.from_json(plan["contract"], cycle.world.object)
    selector, target = cycle.brief["selector"], cycle.target
    if "question" in response:
        _keep_contract(target, selector, contract)
        reason = _phrased(selector, response["question"])
        cycle.pending = _awaited(cycle, reason=reason, question=response["question"])
        return
    method = _record(cycle, contract, response)
    doubt = _doubt(cycle, plan, response)
    if doubt is None:
        put(target, selector, method)
        cycle.answer = {"selector": selector, "version": method.version}
    else:
        _keep_contract(target, selector, contract)
        cycle.pending = _awaited(cycle, reason=doubt, proposal=_propose(cycle, method, doubt))


def _phrased(selector: str, question: dict[str, Any]) -> str:
    """The question as a sentence: the message, and the answers that the examples leave open."""
    arguments = [repr(shown(value)) for value in question.get("args", [])]
    arguments += [f"{name}={shown(value)!r}" for name, value in question.get("kwargs", {}).items()]
    slots = ", ".join(f"{name} = {shown(value)!r}" for name, value in (question.get("slots") or {}).items())
    candidates = " or ".join(repr(shown(value)) for value in question.get("candidates", []))
    where = f" when {slots}" if slots else ""
    message = f"{selector}({', '.join(arguments)})"
    about = question.get("about", "result")
    asked = f"What should {message} be" if about == "result" else f"What should {about} be after {message}"
    return f"{asked}{where}: {candidates}? Teach it with that example."


def _keep_contract(target: Any, selector: str, contract: Contract) -> None:
    """Remember the examples given so far, so that the next one only has to be added."""
    found = lookup.find(target, selector)
    if contract.examples and (found is None or isinstance(found.value, Intent)):
        data = contract.to_json()
        put(target, selector, Intent(contract.intent or "", tuple(data["examples"])))


def _record(cycle: Cycle, contract: Contract, response: dict[str, Any]) -> Method:
    found = lookup.find(cycle.target, cycle.brief["selector"])
    present = found.value if found is not None else None
    own = found is not None and found.holder is cycle.target
    answer = response["answer"]
    return Method(
        cycle.brief["selector"],
        response["source"],
        contract=contract.to_json(),
        intent=contract.intent or getattr(present, "intent", None),
        previous=present if own and isinstance(present, Method) else None,
        provenance={
            "mission": cycle.mission,
            "model": answer["model"],
            "made_at": cycle.submitted_at,
            "proven": response["verdict"]["proven"],
            "notes": answer.get("notes", {}),
        },
    )


def _doubt(cycle: Cycle, plan: dict[str, Any], response: dict[str, Any]) -> str | None:
    """Why a person must decide, or None when the method may be installed at once."""
    selector, answer = cycle.brief["selector"], response["answer"]
    if cycle.settings.policy == "propose":
        return f"The policy is to propose: {selector!r} waits for approval."
    if cycle.brief.get("extra", {}).get("tainted"):
        return f"{selector!r} was asked for from outside, so it waits for approval."
    by_convention = answer["model"] == "builtin" and answer["notes"].get("rule", "").startswith("convention")
    if response["verdict"]["proven"] or by_convention or plan["strategy"] == "facet":
        return None
    return f"{selector!r} has no example that proves it, so it waits for approval. Teach it with one, or approve it."


def _awaited(cycle: Cycle, **pending: Any) -> dict[str, Any]:
    """What a person is asked, with the message that goes on once the method is there."""
    return {**pending, "target": cycle.brief["target"], "selector": cycle.brief["selector"]}


def _propose(cycle: Cycle, method: Method, reason: str) -> str:
    """Keep `method` as an open proposal for the cycle's target; the proposal's id."""
    identity = cycle.mission[:12]
    cycle.world.root["proposals"][identity] = Proposal(
        identity, cycle.target, method, mission=cycle.mission, reason=reason, made_at=cycle.submitted_at
    )
    return identity
