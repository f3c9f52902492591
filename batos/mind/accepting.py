"""Accepting a method that was written and tried: why a person must decide, what is kept for them, and its record.

A method is installed at once only where nothing speaks against it: its contract proves it, the policy allows it, it
breaks no contract that stands, and nothing that it was made from came from outside.
"""

from __future__ import annotations

from typing import Any

from batos.image.receipts import Proposal
from batos.methods.contract import Contract, Example
from batos.methods.guardian import Audit, check
from batos.mind import standing
from batos.mind.cycle import Cycle
from batos.mind.rehearsing import shown
from batos.mind.speaking import personas
from batos.objects import lookup
from batos.objects.records import Intent, Method, previous_of
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.objects.values import plain


def standing_in(target: UvmObject, selector: str) -> Method | Intent | None:
    """What a new method of `target` takes over from: its own, or an intent, of its parents too. The method of a parent
    is no contract for the one that hides it."""
    found = lookup.find(target, selector)
    if found is None or not isinstance(found.value, Method | Intent):
        return None
    return found.value if found.holder is target or isinstance(found.value, Intent) else None


def phrased(selector: str, question: dict[str, Any]) -> str:
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


def keep_contract(target: UvmObject, selector: str, contract: Contract) -> None:
    """Remember the examples given so far, so that the next one only has to be added."""
    found = lookup.find(target, selector)
    if contract.examples and (found is None or isinstance(found.value, Intent)):
        data = contract.to_json()
        retired = previous_of(own_slots(target).get(selector))
        put(target, selector, Intent(contract.intent or "", tuple(data["examples"]), retired))


def record(cycle: Cycle, contract: Contract, response: dict[str, Any]) -> Method:
    """The method with its contract and its provenance."""
    selector, target = cycle.brief["selector"], cycle.target
    present = standing_in(target, selector)
    answer, verdict, plan = response["answer"], response["verdict"], plain(cycle.scratch["plan"])
    source = response["source"]
    audited = check(source, selector, facet=plan["strategy"] == "facet")
    told = {
        "mission": cycle.mission,
        "model": answer["model"],
        "made_at": cycle.submitted_at,
        "proven": verdict["proven"],
        "notes": answer.get("notes", {}),
        "tainted": plan["tainted"],
        "drew_on": plan["drew_on"],
        "audit": summary(audited),
        **{name: verdict[name] for name in ("call", "claims", "acts", "broken") if verdict[name]},
    }
    return Method(
        selector,
        source,
        contract={"intent": contract.intent, "examples": _promised(contract, verdict)},
        intent=contract.intent or getattr(present, "intent", None),
        previous=previous_of(own_slots(target).get(selector)),
        provenance=told,
    )


def summary(audited: Audit) -> dict[str, Any]:
    """What a method does to its object, as far as its text says."""
    return {
        "reads": list(audited.reads),
        "writes": list(audited.writes),
        "sends": list(audited.sends),
        "dynamic": audited.dynamic,
    }


def _promised(contract: Contract, verdict: dict[str, Any]) -> list[dict[str, Any]]:
    """The examples that the method is held to from now on: those of its contract, with what the slots held; else what
    came of the first call, which is no proof; and what its writer claimed and kept."""
    promised = list(verdict["examples"])
    if verdict["call"] is not None and not contract.given:
        promised.append(verdict["call"])
    known = Contract.from_json({"examples": promised}, _opaque)
    claims = [claim["example"] for claim in verdict["claims"] if claim["holds"]]
    new = [data for data in claims if len(known.with_example(Example.from_json(data)).examples) > len(known.examples)]
    return [*promised, *new]


def _opaque(oid: bytes) -> str:
    return f"object {oid.hex()}"  # to compare messages by; nothing is run with it


def _is_shipped(plan: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Whether a facet is batos's own through and through: its intent came with batos, and so did what wrote it."""
    ours = (answer["model"], answer["notes"].get("rule")) == ("builtin", "facet")
    return ours and plan["contract"]["intent"] in {facet.intent for one in personas() for facet in one.facet}


def doubt(plan: dict[str, Any], response: dict[str, Any], selector: str) -> str | None:
    """Why a person must decide, or None when the method may be installed at once."""
    answer, verdict = response["answer"], response["verdict"]
    if plan["strategy"] == "facet" and _is_shipped(plan, answer):
        return None
    if plan["policy"] == "propose":
        return f"The policy is to propose: {selector!r} waits for approval."
    if plan["tainted"]:
        return f"{selector!r} was asked for from outside, or made with text from outside, so it waits for approval."
    if verdict["broken"]:
        return f"{selector!r} waits for approval. {standing.told(verdict['broken'])}"
    by_convention = answer["model"] == "builtin" and answer["notes"].get("rule", "").startswith("convention")
    if verdict["proven"] or by_convention or plan["strategy"] == "facet":
        return None
    if verdict["acts"]:
        acts = ", ".join(verdict["acts"])
        return f"{selector!r} acts on the outside ({acts}), which no trial does, so it waits for approval."
    return f"{selector!r} has no example that proves it, so it waits for approval. Teach it with one, or approve it."


def propose(cycle: Cycle, method: Method, reason: str) -> str:
    """Keep `method` as an open proposal for the cycle's target; the proposal's id."""
    identity = cycle.mission[:12]
    cycle.world.root["proposals"][identity] = Proposal(
        identity, cycle.target, method, mission=cycle.mission, reason=reason, made_at=cycle.submitted_at
    )
    return identity
