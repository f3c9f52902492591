"""Trying a source before it is installed: its types, then the original message and every example, on a snapshot.

A trial is a need: the runtime performs it outside any cycle, in transactions that are always aborted, and its verdict
is journaled. So a slow machine cannot give one verdict today and another on a replay.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batos.errors import BatosError, NotUnderstood, SandboxRaised, TypeCheckFailed
from batos.image.image import Image
from batos.image.world import World
from batos.methods.contract import UNSET, Example
from batos.methods.sandbox import Sandbox
from batos.methods.typecheck import check_types
from batos.mind.cycle import answering_with
from batos.objects.mirror import Mirror
from batos.objects.records import Method
from batos.objects.sending import activate
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.objects.values import freeze, plain, thaw

Verdict = dict[str, Any]
FACET_QUESTION = "What matters here?"
TRIAL_ANSWER = "the answer of the trial"


@dataclass
class Rehearsal:
    """Answers a method's inferences during its trial, and remembers what was asked. Nothing is spent."""

    asked: list[dict[str, Any]] = field(default_factory=list)

    def infer(self, receiver: UvmObject, query: str, system_prompt: str | None) -> str:
        self.asked.append({"query": query, "system_prompt": system_prompt or ""})
        return TRIAL_ANSWER


def try_out(image: Image, sandbox: Sandbox, request: Mapping[str, Any]) -> Verdict:
    """The verdict on a `request` of the learning cycle: `status`, `reason`, and how many given examples are `proven`.

    `status` is "passed", "refused", or "not understood", with what is `missing`.
    """
    try:
        check_types(sandbox, request["source"], request["selector"], _mirror(image, request["target"]))
    except TypeCheckFailed as failed:
        return _refused(str(failed))
    proven = 0
    examples = request["contract"]["examples"]
    for data in examples:
        refusal = _tried(image, request, data)
        if refusal is not None:
            return refusal
        proven += bool(data.get("given", True))
    message = {"args": request["message"]["args"], "kwargs": request["message"]["kwargs"], "given": False}
    if request["facet"]:
        message["args"] = message["args"] or [FACET_QUESTION]
    if not any((data["args"], data["kwargs"]) == (message["args"], message["kwargs"]) for data in examples):
        # A taught method has no original message: then the examples are all there is to try.
        refusal = _tried(image, request, message) if request["original"] else None
        if refusal is not None:
            return refusal
    return {"status": "passed", "reason": "", "proven": proven}


def _mirror(image: Image, target: str) -> dict[str, Any]:
    with image.reading() as world:
        return Mirror(world.object(target)).as_json()


def _tried(image: Image, request: Mapping[str, Any], data: Mapping[str, Any]) -> Verdict | None:
    """None if the source does what this example (or message) says, else the verdict that says where it does not."""
    with image.reading() as world:
        example = Example.from_json(data, world.object)
        receiver: UvmObject = world.object(request["target"])
        for name, value in (example.slots or {}).items():
            put(receiver, name, value)
        put(receiver, request["selector"], Method(request["selector"], request["source"]))
        rehearsal = Rehearsal()
        with answering_with(rehearsal):
            result, raised, refusal = _run(world, receiver, request["selector"], example)
        if refusal is None:
            refusal = _compared(receiver, example, result, raised)
        if refusal is None and request["facet"]:
            refusal = _facet_kept(request, rehearsal, example)
        return refusal


def _run(world: World, receiver: UvmObject, selector: str, example: Example) -> tuple[Any, str | None, Verdict | None]:
    """The result, the kind of exception that the method raised, or the verdict when it could not be run."""
    method = own_slots(receiver)[selector]
    try:
        return plain(activate(method, receiver, example.args, dict(example.kwargs))), None, None
    except SandboxRaised as raised:
        if example.raises is None:
            return UNSET, None, _refused(f"{raised} (line {raised.facts.get('line')})")
        return UNSET, raised.facts["kind"], None
    except NotUnderstood as missing:
        if missing.facts["oid"] is None:
            return UNSET, None, _refused(str(missing))
        args, kwargs = missing.message
        facts = {"oid": missing.facts["oid"], "selector": missing.facts["selector"]}
        lacking = {**facts, "args": freeze(list(args)), "kwargs": freeze(dict(kwargs))}
        return UNSET, None, {"status": "not understood", "reason": str(missing), "missing": lacking, "proven": 0}
    except BatosError as error:
        return UNSET, None, _refused(str(error))


def _compared(receiver: UvmObject, example: Example, result: Any, raised: str | None) -> Verdict | None:
    slots = {name: plain(value) for name, value in own_slots(receiver).items()}
    if example.is_question or example.accepts(result, raised, slots):
        return None
    wanted = f"raise {example.raises}" if example.raises else f"give {_briefly(example.result)}"
    if example.slots_after and example.result is UNSET and not example.raises:
        wanted = f"leave {_briefly(dict(example.slots_after))}"
        got = f"left {_briefly({name: slots.get(name) for name in example.slots_after})}"
    else:
        got = f"raised {raised}" if raised else f"gave {_briefly(result)}"
    return _refused(f"for arguments {_briefly(example.args)} it should {wanted} but {got}.")


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 200
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxfrozenset = _short.maxdict = 20


def _briefly(value: Any) -> str:
    """A value as a reason shows it. What a method gave may be as large as it likes."""
    try:
        return _short.repr(value)
    except ValueError:  # Python writes down no number of more than some thousand digits
        return f"a {type(value).__name__} that is too long to be written"


def _facet_kept(request: Mapping[str, Any], rehearsal: Rehearsal, example: Example) -> Verdict | None:
    """A facet's contract: it sends `infer_` once, with the query, and a system prompt that holds the intent."""
    intent = request["contract"]["intent"]
    if len(rehearsal.asked) != 1:
        return _refused(f"a facet sends infer_ once; this one sent it {len(rehearsal.asked)} times.")
    asked = rehearsal.asked[0]
    if str(example.args[0]) not in asked["query"] or intent not in asked["system_prompt"]:
        return _refused("a facet sends infer_ with its query and a system prompt that holds the intent word by word.")
    return None


def _refused(reason: str) -> Verdict:
    return {"status": "refused", "reason": reason, "proven": 0}


def shown(frozen: Any) -> Any:
    """Frozen JSON as values for people; an object shows as its id."""
    return thaw(frozen, lambda oid: f"object {oid.hex()}")
