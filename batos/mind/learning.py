"""Learning a method: gather what is known, have the source written, gate it, install it or propose it.

The gate is extraction, the guardian's audit, the type check, and a trial in the sandbox on the original message and
every example; the trial is a need, so its verdict is the same on every replay. A refusal goes back to the writer as
feedback, once for each kind of failure. Only examples that a person gave are proof.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batos.errors import ExtractionFailed, GuardianRefused, MissionError
from batos.inference.port import Request
from batos.methods.contract import Contract, Example
from batos.methods.extraction import extract
from batos.methods.guardian import check
from batos.methods.tables import rules
from batos.mind import prompts
from batos.mind.accepting import doubt, keep_contract, phrased, propose, record, standing_in
from batos.mind.cycle import Cycle
from batos.mind.delivering import have_learned, refuse_misspelt, refuse_teaching_the_world, understood
from batos.mind.ruling import policy_for, refuse_pinned
from batos.objects import lookup
from batos.objects.mirror import Mirror
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, is_slot_name, own_slots, put
from batos.objects.values import is_object, plain, weight

SIMILAR = 3
LARGEST_SHOWN = 400  # values in a slot that a prompt shows

MOST_LEARNED = 40
"""So many of the object's own methods are shown to whoever writes a new one."""

MOST_HELD = 8
"""So many of the objects in its slots are shown."""


def decompose(cycle: Cycle) -> None:
    """Gather the contract, the object's mirror, and methods of similar selectors."""
    target, selector = cycle.target, cycle.brief["selector"]
    if not is_slot_name(selector) or selector.endswith("*"):
        reason = f"{selector!r} cannot be a selector; use an identifier without a leading underscore."
        raise MissionError(mission=cycle.mission, reason=reason)
    refuse_pinned(target, selector)
    if not _asked_for(cycle):
        refuse_misspelt(target, selector)
    if understood(target, selector) and not cycle.brief.get("extra", {}).get("taught"):
        # Whoever waits for this mission filed it while another one was just ending.
        cycle.scratch["plan"] = {"strategy": "known already", "relevant_pillars": [], "sub_queries": {}}
        return
    contract = _contract(cycle, standing_in(target, selector))
    is_facet = selector.endswith("_facet_") and contract.intent is not None and not contract.answered.examples
    policy = policy_for(cycle.world, target, cycle.settings)
    known = {"methods": [], "passages": []} if is_facet else _remembered(cycle, contract, policy == "propose")
    cycle.scratch["known"] = known
    cycle.scratch["plan"] = {
        "strategy": "facet" if is_facet else "by example" if contract.answered.examples else "by name",
        "relevant_pillars": [],
        "sub_queries": {},
        "contract": contract.answered.to_json(),
        "stated": contract.to_json(),
        "asked": contract.questions,
        "drew_on": [item["name"] for item in (*known["methods"], *known["passages"])],
        "policy": policy,
        "tainted": bool(cycle.brief.get("extra", {}).get("tainted") or _is_tainted(known)),
    }


def _remembered(cycle: Cycle, contract: Contract, outside: bool) -> dict[str, Any]:
    """Methods and passages that have to do with what is wanted; what came from outside only where all is proposed."""
    words = cycle.brief["selector"].strip("_").replace("_", " ")
    query = f"{words} {contract.intent or ''}".strip()
    return cycle.ask("observe", "similar", query=query, limit=SIMILAR, outside=outside)  # type: ignore[no-any-return]


def _is_tainted(known: dict[str, Any]) -> bool:
    return any(item["tainted"] for item in (*known["methods"], *known["passages"]))


def _asked_for(cycle: Cycle) -> bool:
    extra = cycle.brief.get("extra", {})
    return bool(extra.get("learn") or cycle.brief.get("contract"))


def _contract(cycle: Cycle, present: Any) -> Contract:
    """What the brief says, added to what the slot already holds: an intent, or the version that is to be replaced.

    New examples may answer an open question by saying something else; it is withdrawn, and asked anew if it is still
    open. Whoever only waits for the method leaves it as it is.
    """
    resolve = cycle.world.object
    asked = Contract.from_json(cycle.brief.get("contract") or {}, resolve)
    known = Contract()
    if isinstance(present, Intent):
        known = Contract.from_json({"intent": present.text, "examples": present.examples}, resolve)
    elif isinstance(present, Method):
        known = Contract.from_json(present.contract, resolve)
    if asked.examples:  # what nobody has stated gives way to what somebody states now
        kept = tuple(example for example in known.examples if example.given or example.is_question)
        known = replace(known, examples=kept)
    for example in asked.examples:
        known = known.with_example(example)
    if asked.examples or asked.intent:
        known = known.answered
    return replace(known, intent=asked.intent or known.intent)


def delegate(cycle: Cycle) -> None:
    """A method is the base case of thinking: no facets are asked, or learning one would need another."""


def synthesize(cycle: Cycle) -> None:
    """Write, gate, and again with the reason, until a source stands, a kind of failure returns, or the rounds end.

    A facet that a model did not write is written by the built-in backend: no question is to fail for want of it.
    """
    plan = plain(cycle.scratch["plan"])
    if plan["strategy"] == "known already":
        return
    feedback: list[dict[str, str]] = []
    for _ in range(max(1, cycle.settings.repair_rounds)):
        answer = _written(cycle, plan, feedback)
        if _accepted(cycle, plan, answer, feedback):
            return
        kinds = [entry["kind"] for entry in feedback]
        if kinds.count(kinds[-1]) > 1:
            break
    cycle.note(refused=feedback)
    if plan["strategy"] == "facet" and answer["model"] != "builtin":
        answer = _written(cycle, plan, feedback, "builtin")
        if _accepted(cycle, plan, answer, feedback):
            return
    last = feedback[-1]["reason"]
    tried = f" after {len(feedback)} tries" if len(feedback) > 1 else ""
    reason = f"no source for {cycle.brief['selector']!r} was accepted{tried}: {last}"
    raise MissionError(mission=cycle.mission, reason=reason)


def _accepted(cycle: Cycle, plan: dict[str, Any], answer: dict[str, Any], feedback: list[dict[str, str]]) -> bool:
    """Whether it is settled what becomes of this answer; else the reason is added to `feedback`."""
    if answer.get("question"):
        cycle.scratch["final_response"] = {"question": answer["question"], "answer": answer}
        return True
    source, verdict = _gated(cycle, plan, answer["text"])
    if verdict["status"] == "passed":
        cycle.scratch["final_response"] = {"source": source, "verdict": verdict, "answer": answer}
        cycle.note(rounds=len(feedback) + 1, proven=verdict["proven"], broken=verdict["broken"])
        return True
    feedback.append({"source": source, "reason": verdict["reason"], "kind": verdict["kind"]})
    return False


def _written(
    cycle: Cycle, plan: dict[str, Any], feedback: list[dict[str, str]], backend: str | None = None
) -> dict[str, Any]:
    """Ask for the source, from the base model alone: code is nobody's voice."""
    selector = cycle.brief["selector"]
    contract = {**plan["contract"], "examples": [_as_stated(data) for data in plan["contract"]["examples"]]}
    message = {"args": cycle.brief["args"], "kwargs": cycle.brief["kwargs"]}
    known = plain(cycle.scratch["known"])
    materials = {
        "selector": selector,
        "object": _seen(cycle.target),
        "contract": contract,
        "message": message,
        "is_facet": plan["strategy"] == "facet",
        "similar": [method["source"] for method in known["methods"]],
        "passages": [passage["text"] for passage in known["passages"]],
        "learned": _learned(cycle.target, but=selector),
        "held": _held(cycle.target),
        "asked": plan["asked"],
        "feedback": feedback,
    }
    messages = prompts.render(
        "method",
        selector=selector,
        modules=", ".join(sorted(rules().modules)),
        object=materials["object"],
        message=message,
        intent=contract.get("intent") or "what its name says",
        examples=contract.get("examples") or "none",
        similar="\n".join(materials["similar"]) or "none",
        passages="\n\n".join(materials["passages"]) or "none",
        feedback="\n\n".join(f"{entry['source']}\nRefused: {entry['reason']}" for entry in feedback) or "none",
    )
    request = Request(purpose="method", messages=messages, materials=materials)
    return cycle.generate(request, backend)


def _as_stated(data: dict[str, Any]) -> dict[str, Any]:
    """An example as a writer reads it: what the slots held when it was first satisfied is what they hold before it."""
    held = data.get("held")
    stated = {name: value for name, value in data.items() if name != "held"}
    return {**stated, "slots": {**held, **(data.get("slots") or {})}} if held else stated


def _seen(target: UvmObject) -> dict[str, Any]:
    """The object's mirror with the data slots that it inherits; what is large shows as its kind."""
    mirror = Mirror(target).as_json()
    slots: dict[str, Any] = {}
    for holder in lookup.delegation(target):
        for name, value in own_slots(holder).items():
            if name in slots or name.endswith("*") or isinstance(value, Method | Intent):
                continue
            if not is_object(value) and weight(value, LARGEST_SHOWN) > LARGEST_SHOWN:
                slots[name] = {"$kind": _kind(value)}
            elif holder is target:
                slots[name] = mirror["slots"][name]
            else:
                slots[name] = Mirror(holder).as_json()["slots"][name]
    return {**mirror, "slots": slots}


def _kind(value: Any) -> str:
    called = type(value).__name__.removeprefix("Persistent").lower()
    return f"{called}, {len(value)} long" if hasattr(value, "__len__") else called


def _learned(target: UvmObject, but: str = "") -> list[dict[str, Any]]:
    """The methods that an object has learned, its parents' included, and that look without writing."""
    selectors = [name for name in Mirror(target).selectors() if name != but]
    found = [lookup.find(target, selector) for selector in selectors if not selector.endswith("_facet_")]
    methods = [each.value for each in found if each is not None and isinstance(each.value, Method)]
    looking = [method for method in methods if method.source is not None and "_p_changed" not in method.source]
    return [
        {"selector": method.selector, "source": method.source, "examples": method.contract.get("examples") or []}
        for method in looking[:MOST_LEARNED]
    ]


def _held(target: UvmObject) -> dict[str, Any]:
    """What the objects in the slots of `target` hold and understand, by slot: they may be sent messages."""
    held: dict[str, Any] = {}
    for holder in lookup.delegation(target):
        for name, value in own_slots(holder).items():
            if isinstance(value, UvmObject) and not name.endswith("*") and name not in held:
                methods = _learned(value)
                if methods and len(held) < MOST_HELD:
                    held[name] = {"slots": _seen(value)["slots"], "methods": methods}
    return held


def _gated(cycle: Cycle, plan: dict[str, Any], text: str) -> tuple[str, dict[str, Any]]:
    """The source, and the verdict of the gate."""
    selector = cycle.brief["selector"]
    try:
        source = extract(text, selector)
    except ExtractionFailed as refused:
        return text, {"status": "refused", "reason": str(refused), "kind": "extraction"}
    try:
        check(source, selector, facet=plan["strategy"] == "facet")
    except GuardianRefused as refused:
        rules = sorted({finding["rule"] for finding in refused.facts["findings"]})
        return source, {"status": "refused", "reason": str(refused), "kind": f"guardian: {', '.join(rules)}"}
    while (verdict := _tried(cycle, plan, source))["status"] == "not understood":  # the bound on learns ends this
        _learn_first(cycle, verdict)
    return source, verdict


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
        question = Example.from_json({**response["question"], "given": False, "asked": True}, cycle.world.object)
        stated = Contract.from_json(plan["stated"], cycle.world.object)
        keep_contract(target, selector, stated.with_example(question))
        asked = phrased(selector, response["question"])
        cycle.pending = _awaited(cycle, reason=asked, question=response["question"])
        return
    method = record(cycle, contract, response)
    reason = doubt(plan, response, selector)
    if reason is None:
        put(target, selector, method)
        learned = cycle.learned + 1
        cycle.answer = {"selector": selector, "version": method.version, "learned": learned}
    else:
        keep_contract(target, selector, contract)
        cycle.pending = _awaited(cycle, reason=reason, proposal=propose(cycle, method, reason))


def _awaited(cycle: Cycle, **pending: Any) -> dict[str, Any]:
    """What a person is asked, with the message that goes on once the method is there."""
    return {**pending, "target": cycle.brief["target"], "selector": cycle.brief["selector"]}
