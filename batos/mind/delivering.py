"""Delivering a message: find the method, have it learned if there is none, send the message, keep the answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from batos.errors import MissionError, MisspeltSelector, NotUnderstood
from batos.mind.cycle import Cycle
from batos.mind.speaking import WORLD, is_facet
from batos.objects import lookup
from batos.objects.mirror import Mirror
from batos.objects.records import Intent
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject, label, own_slots
from batos.objects.values import freeze, is_object, plain

MISSPELT_DISTANCE = 2
SHORTEST_GUARDED = 5


def decompose(cycle: Cycle) -> None:
    known = understood(cycle.target, cycle.brief["selector"])
    cycle.scratch["plan"] = {
        "strategy": "send" if known else "learn, then send",
        "relevant_pillars": [],
        "sub_queries": {},
    }


def delegate(cycle: Cycle) -> None:
    """A message that is not understood goes to a mission of its own, which others may wait for too."""
    if cycle.scratch["plan"]["strategy"] == "send":
        return
    args, kwargs = cycle.thawed(cycle.brief["args"]), cycle.thawed(cycle.brief["kwargs"])
    have_learned(cycle, cycle.target, cycle.brief["selector"], args, kwargs)


def synthesize(cycle: Cycle) -> None:
    args, kwargs = cycle.thawed(cycle.brief["args"]), cycle.thawed(cycle.brief["kwargs"])
    try:
        value = send(cycle.target, cycle.brief["selector"], *args, **kwargs)
    except NotUnderstood as missing:
        nested(cycle, missing)
    cycle.check()
    cycle.scratch["final_response"] = {"value": frozen(cycle, value)}


def complete(cycle: Cycle) -> None:
    cycle.answer = plain(cycle.scratch["final_response"])["value"]


def nested(cycle: Cycle, missing: NotUnderstood) -> NoReturn:
    """Have learned what a method on the way did not understand. Raises what `have_learned` raises."""
    if missing.facts["oid"] is None:
        reason = f"{missing} It is a new object; store it under a name before it is to learn."
        raise MissionError(mission=cycle.mission, reason=reason)
    args, kwargs = missing.message
    receiver, selector = cycle.world.object(missing.facts["oid"]), missing.facts["selector"]
    refuse_teaching_the_world(cycle, receiver, selector)
    have_learned(cycle, receiver, selector, args, kwargs)
    raise missing


def refuse_teaching_the_world(cycle: Cycle, receiver: UvmObject, selector: str) -> None:
    """A method on the way may not have batos's own objects learn anything but what they have an intent for: else
    whoever writes a method could give them methods."""
    if label(receiver) not in WORLD or _wished_for(receiver, selector):
        return
    reason = f"{label(receiver)} is part of the world that batos made, and only a person teaches it {selector!r}."
    raise MissionError(mission=cycle.mission, reason=reason)


def _wished_for(receiver: UvmObject, selector: str) -> bool:
    found = lookup.find(receiver, selector)
    return found is not None and isinstance(found.value, Intent)


def have_learned(cycle: Cycle, target: UvmObject, selector: str, args: Iterable[Any], kwargs: dict[str, Any]) -> None:
    """Wait for the mission that learns `selector` on `target`; returns once it is understood.

    Raises `Suspended` until that mission has ended, `Pending` when it left a proposal or a question, `MissionError`
    when it failed, `MisspeltSelector` when the selector looks like a slip of the pen.
    """
    if understood(target, selector):
        return
    extra = cycle.brief.get("extra", {})
    if not extra.get("learn"):
        refuse_misspelt(target, selector)
    depth = extra.get("depth", 0) + 1
    if depth > cycle.settings.learn_depth:
        reason = f"{selector!r} would be the {depth}th method in a row to be learned for one message. Teach it first."
        raise MissionError(mission=cycle.mission, reason=reason)
    left = extra.get("learns", cycle.settings.learn_count) - cycle.learned
    if left < 1:
        reason = (
            f"{selector!r} would be one method more than the {cycle.settings.learn_count} that one message may have "
            "learned; the setting learn_count bounds this. Teach some of them first."
        )
        raise MissionError(mission=cycle.mission, reason=reason)
    asked_for = target is cycle.target and selector == cycle.brief["selector"]
    tainted = bool(extra.get("tainted") or cycle.tainted)
    if is_facet(selector) and _wished_for(target, selector):
        args, kwargs, tainted = (), {}, False  # it is made from its intent alone, whatever it is asked
    ended = cycle.ask(
        "learn",
        selector,
        target=cycle.world.add(target).hex(),
        args=[frozen(cycle, arg) for arg in args],
        kwargs={name: frozen(cycle, value) for name, value in kwargs.items()},
        contract=cycle.brief["contract"] if asked_for else None,
        extra={
            "depth": depth,
            "learn": True,
            "learns": left - 1,
            "tainted": tainted,
            **({"beat": extra["beat"]} if "beat" in extra else {}),  # who pays
        },
    )
    outcome = ended.get("outcome") or {}
    if ended["state"] != "done":
        raise MissionError(mission=cycle.mission, reason=outcome.get("reason", "the learning ended without a reason."))
    if outcome.get("pending"):
        _refuse_if_decided(cycle, outcome["pending"])
        raise cycle.wait_for_person(**outcome["pending"])
    raise MissionError(mission=cycle.mission, reason=f"{selector!r} was learned, and was taken away again meanwhile.")


def _refuse_if_decided(cycle: Cycle, pending: dict[str, Any]) -> None:
    proposal = cycle.world.proposals.get(pending.get("proposal") or "")
    if proposal is not None:
        lookup.note_read(proposal)
        if proposal.state == "refused":
            raise MissionError(mission=cycle.mission, reason=f"Proposal {proposal.proposal} was refused.")


def understood(target: UvmObject, selector: str) -> bool:
    """Whether `target` has the slot, and it is no mere intent."""
    found = lookup.find(target, selector)
    return found is not None and not isinstance(found.value, Intent)


def refuse_misspelt(target: UvmObject, selector: str) -> None:
    """A selector within edit distance 2 of a known one is more likely a slip than a wish.

    Not so when the difference is a word that names a slot (`get_name`, `get_names`), or an intent asks for it.
    """
    found = lookup.find(target, selector)
    if len(selector) < SHORTEST_GUARDED or (found is not None and isinstance(found.value, Intent)):
        return
    slots = {name for holder in lookup.delegation(target) for name in own_slots(holder)}
    known = [*Mirror(target).selectors(), *slots]
    for candidate in sorted(set(known)):
        if 0 < distance(selector, candidate) <= MISSPELT_DISTANCE and not _names_slot(selector, candidate, slots):
            raise MisspeltSelector(receiver=label(target), selector=selector, suggestion=candidate)


def _names_slot(selector: str, candidate: str, slots: set[str]) -> bool:
    new_words = set(selector.strip("_").split("_")) - set(candidate.strip("_").split("_"))
    return any(word in slots for word in new_words)


def distance(left: str, right: str) -> int:
    """The Levenshtein distance, or one more than what is guarded against when the lengths already say so."""
    if abs(len(left) - len(right)) > MISSPELT_DISTANCE:
        return MISSPELT_DISTANCE + 1
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def frozen(cycle: Cycle, value: Any) -> Any:
    """`value` as JSON; objects made on the way are given their ids first."""

    def stored(item: Any) -> Any:
        if is_object(item):
            cycle.world.add(item)
        return item

    return freeze(plain(value, stored))
