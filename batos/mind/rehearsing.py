"""One message of a trial: run on a snapshot that is thrown away, and compared with what an example says of it."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from batos.errors import (
    BatosError,
    NeedsMission,
    NotUnderstood,
    SandboxDenied,
    SandboxLimit,
    SandboxRaised,
    SlotRefused,
)
from batos.image.image import Image
from batos.methods.contract import UNSET, Example
from batos.mind.thinking import answering_with
from batos.objects import lookup
from batos.objects.primitives import Primitive
from batos.objects.records import Method
from batos.objects.sending import activate
from batos.objects.tallying import tallying
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.objects.values import freeze, is_object, plain, thaw, weight

Verdict = dict[str, Any]
TRIAL_ANSWER = "the answer of the trial"
LARGEST_HELD = 200  # values in a slot that is kept beside an example


@dataclass
class Rehearsal:
    """Answers a method's inferences during its trial, and remembers what was asked. Nothing is spent.

    `seen` are the names of the receiver's data slots that the method read, `acts` the tools that it wanted to use.
    """

    receiver: UvmObject | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    acts: list[str] = field(default_factory=list)

    def infer(self, receiver: UvmObject, query: str, system_prompt: str | None) -> str:
        self.asked.append({"query": query, "system_prompt": system_prompt or ""})
        return TRIAL_ANSWER

    def perform(self, tool: Primitive, *_: Any) -> NoReturn:
        """Nothing acts on the outside for a trial, so what would come after it stays untried."""
        self.acts.append(tool.name)
        raise NeedsMission()

    def saw(self, target: UvmObject, name: str) -> None:
        if target is self.receiver:
            self.seen.add(name)


@dataclass(frozen=True)
class Subject:
    """The method that is tried: where it is, and its source, or None for the one that stands there.

    `intent` is there for a facet, whose contract it is. `beside` is another source (target, selector, source) that
    takes its place for the time.
    """

    target: str
    selector: str
    source: str | None = None
    intent: str | None = None
    beside: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Tried:
    """What came of one message. `refusal` is None if it was what the example says, or if that could not be found out
    because it `acts` on the outside."""

    refusal: Verdict | None = None
    held: Mapping[str, Any] = field(default_factory=dict)  # frozen: what the slots that were read held before
    outcome: Mapping[str, Any] = field(default_factory=dict)  # frozen: `result`, and `slots_after` for what it wrote
    inferred: bool = False
    acts: tuple[str, ...] = ()


def rehearse(image: Image, subject: Subject, data: Mapping[str, Any]) -> Tried:
    """Send the example (or message) `data` to the subject."""
    with image.reading() as world:
        example = Example.from_json(data, world.object)
        receiver: UvmObject = world.object(subject.target)
        for name, value in example.before.items():
            put(receiver, name, value)
        if subject.beside is not None:
            target, selector, source = subject.beside
            put(world.object(target), selector, Method(selector, source))
        method = _method(receiver, subject)
        before = _visible(receiver)
        rehearsal = Rehearsal(receiver)
        with answering_with(rehearsal, rehearsal.perform), tallying(None):
            result, raised, refusal = _run(method, receiver, example)
        if rehearsal.acts:
            return Tried(acts=tuple(rehearsal.acts))
        after = {
            name: plain(value)
            for name, value in own_slots(receiver).items()
            if name in (example.slots_after or {}) or weight(value, LARGEST_HELD) <= LARGEST_HELD
        }
        refusal = refusal or _compared(example, result, raised, after)
        if refusal is None and subject.intent is not None:
            refusal = _facet_kept(subject.intent, rehearsal, example)
        if refusal is not None:
            return Tried(refusal)
        told = {name: before[name] for name in sorted(rehearsal.seen & before.keys()) if name not in example.before}
        return Tried(None, told, _outcome(result, raised, before, after), bool(rehearsal.asked))


def _method(receiver: UvmObject, subject: Subject) -> Method:
    if subject.source is not None:
        put(receiver, subject.selector, Method(subject.selector, subject.source))
    found = lookup.find(receiver, subject.selector)
    assert found is not None
    assert isinstance(found.value, Method)
    return found.value


def _visible(receiver: UvmObject) -> dict[str, Any]:
    """The data slots that the receiver sees, frozen; those that are small and refer to no objects."""
    slots: dict[str, Any] = {}
    for holder in lookup.delegation(receiver):
        for name, value in own_slots(holder).items():
            if name in slots or name.endswith("*"):
                continue
            if is_object(value) or weight(value, LARGEST_HELD) > LARGEST_HELD:
                continue
            try:
                frozen = freeze(plain(value))
            except (SlotRefused, TypeError):  # a method, a blob, a tree
                continue
            if "$object" not in repr(frozen):
                slots[name] = frozen
    return slots


def _outcome(result: Any, raised: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What can be said of the outcome as an example says it; empty where it cannot."""
    if raised is not None:
        return {"raises": raised}
    try:
        written = {
            name: freeze(value)
            for name, value in after.items()
            if not name.endswith("*") and not isinstance(value, Method) and freeze(value) != before.get(name, UNSET)
        }
        frozen = freeze(result)
    except (SlotRefused, TypeError):
        return {}
    if "$object" in repr([frozen, written]):
        return {}
    return {"result": frozen, **({"slots_after": written} if written else {})}


def _run(method: Method, receiver: UvmObject, example: Example) -> tuple[Any, str | None, Verdict | None]:
    """The result, the kind of exception that the method raised, or the verdict when it could not be run."""
    try:
        return plain(activate(method, receiver, example.args, dict(example.kwargs))), None, None
    except SandboxRaised as raised:
        if example.raises is None:
            reason = f"{raised} (line {raised.facts.get('line')})"
            return UNSET, None, {**refused(reason, "raised"), "raised": raised.facts["kind"]}
        return UNSET, raised.facts["kind"], None
    except NotUnderstood as missing:
        if missing.facts["oid"] is None:
            return UNSET, None, refused(str(missing), "not understood")
        args, kwargs = missing.message
        facts = {"oid": missing.facts["oid"], "selector": missing.facts["selector"]}
        lacking = {**facts, "args": freeze(list(args)), "kwargs": freeze(dict(kwargs))}
        return UNSET, None, {"status": "not understood", "reason": str(missing), "missing": lacking, "proven": 0}
    except SandboxLimit as limit:
        return UNSET, None, refused(str(limit), "limit")
    except SandboxDenied as denied:
        return UNSET, None, refused(str(denied), "denied")
    except BatosError as error:
        return UNSET, None, refused(str(error), "stopped")


def _compared(example: Example, result: Any, raised: str | None, slots: Mapping[str, Any]) -> Verdict | None:
    if example.is_question or example.accepts(result, raised, slots):
        return None
    given = f"for arguments {briefly(example.args)}"
    if example.kwargs:
        given += f" and {briefly(dict(example.kwargs))}"
    wanted = replace(example, slots_after=None)
    if example.slots_after and (wanted.is_question or wanted.accepts(result, raised, slots)):
        left = {name: slots.get(name) for name in example.slots_after}
        return refused(
            f"{given} it should leave {briefly(dict(example.slots_after))} but left {briefly(left)}.", "wrong"
        )
    should = f"raise {example.raises}" if example.raises else f"give {briefly(example.result)}"
    did = f"raised {raised}" if raised else f"gave {briefly(result)}"
    return refused(f"{given} it should {should} but {did}.", "wrong")


def _facet_kept(intent: str, rehearsal: Rehearsal, example: Example) -> Verdict | None:
    """A facet's contract: it sends `infer_` once, with the query, and a system prompt that holds the intent."""
    if len(rehearsal.asked) != 1:
        return refused(f"a facet sends infer_ once; this one sent it {len(rehearsal.asked)} times.", "facet")
    asked = rehearsal.asked[0]
    if str(example.args[0]) not in asked["query"] or intent not in asked["system_prompt"]:
        reason = "a facet sends infer_ with its query and a system prompt that holds the intent word by word."
        return refused(reason, "facet")
    return None


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 200
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxfrozenset = _short.maxdict = 20


def briefly(value: Any) -> str:
    """A value as a reason shows it. What a method gave may be as large as it likes."""
    try:
        return _short.repr(value)
    except ValueError:  # Python writes down no number of more than some thousand digits
        return f"a {type(value).__name__} that is too long to be written"


def refused(reason: str, kind: str) -> Verdict:
    """`kind` says what failed, so that each kind is repaired once."""
    return {"status": "refused", "reason": reason, "kind": kind, "proven": 0}


def shown(frozen: Any) -> Any:
    """Frozen JSON as values for people; an object shows as its id."""
    return thaw(frozen, lambda oid: f"object {oid.hex()}")
