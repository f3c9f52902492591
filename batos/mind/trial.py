"""Trying a source before it is installed: its types, then the original message and every example, on a snapshot; then
the contracts of the methods beside it and below it, with the source in its place.

A trial is a need: the runtime performs it outside any cycle, in transactions that are always aborted, and its verdict
is journaled. So a slow machine cannot give one verdict today and another on a replay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batos.errors import TypeCheckFailed
from batos.image.image import Image
from batos.methods.claims import claimed
from batos.methods.contract import Example
from batos.methods.sandbox import Sandbox
from batos.methods.typecheck import check_types
from batos.mind import standing
from batos.mind.rehearsing import Subject, Tried, Verdict, refused, rehearse
from batos.objects.mirror import Mirror

FACET_QUESTION = "What matters here?"
# What answers differently each time: a call of such a method is no example of it.
FICKLE = re.compile(r"\bimport\s+(random|time|datetime)\b|\bfrom\s+(random|time|datetime)\s")
LARGEST_EXAMPLE = 2_000  # characters of what is taken as an example


def try_out(image: Image, sandbox: Sandbox, request: Mapping[str, Any]) -> Verdict:
    """The verdict on a `request` of the learning cycle.

    `status` is "passed"; "refused", with the `reason` and the `kind` of failure; or "not understood", with what is
    `missing`. One that passed has the number of `proven` examples; `examples`, the contract's with what the slots held;
    `call`, what came of the original message, as an example (None if it is none); `acts`, the tools that it
    wanted to use, before which the trial ended; `claims`, the examples in the source's own docstring; and `broken`, the
    contracts of other methods that would hold no longer.
    """
    try:
        check_types(sandbox, request["source"], request["selector"], _mirror(image, request["target"]))
    except TypeCheckFailed as failed:
        return refused(str(failed), "types")
    contract = request["contract"]
    subject = Subject(
        request["target"], request["selector"], request["source"], contract["intent"] if request["facet"] else None
    )
    examples = []
    acts: set[str] = set()
    proven = 0
    for number, data in enumerate(contract["examples"], 1):
        tried = rehearse(image, subject, data)
        if tried.refusal is not None:
            return {**tried.refusal, "kind": f"{tried.refusal.get('kind')} at example {number}"}
        examples.append({"held": dict(tried.held), **data} if tried.held else data)
        acts.update(tried.acts)
        proven += not tried.acts and Example.from_json(data, lambda oid: oid).is_proof
    message = _message(request)
    call = None
    # A taught method has no original message: then the examples are all there is to try.
    if request["original"] and message not in [{**_bare(data), "given": False} for data in examples]:
        tried = rehearse(image, subject, message)
        if tried.refusal is not None and not _may_raise(tried.refusal, examples):
            return tried.refusal
        call = _taken(request, message, tried)
        acts.update(tried.acts)
    return {
        "status": "passed",
        "reason": "",
        "proven": proven,
        "examples": examples,
        "call": call,
        "acts": sorted(acts),
        "claims": _claims(image, subject),
        "broken": standing.broken(image, request["target"], request["selector"], request["source"]),
    }


def _mirror(image: Image, target: str) -> dict[str, Any]:
    with image.reading() as world:
        return Mirror(world.object(target)).as_json()


def _message(request: Mapping[str, Any]) -> dict[str, Any]:
    message = {"args": request["message"]["args"], "kwargs": request["message"]["kwargs"], "given": False}
    if request["facet"]:
        message["args"] = message["args"] or [FACET_QUESTION]
    return message


def _bare(data: Mapping[str, Any]) -> dict[str, Any]:
    """The message of an example that sets no slots; for another one, what is no message's."""
    return {"args": data.get("args", []), "kwargs": data.get("kwargs", {})} if not data.get("slots") else {}


def _may_raise(refusal: Verdict, examples: list[Any]) -> bool:
    """The original message may fail as an example says that messages do."""
    return "raised" in refusal and refusal["raised"] in {data.get("raises") for data in examples}


def _taken(request: Mapping[str, Any], message: dict[str, Any], tried: Tried) -> dict[str, Any] | None:
    """The original message with what came of it, as an example that nobody has stated."""
    if request["facet"] or tried.inferred or not tried.outcome or "raises" in tried.outcome:
        return None
    if FICKLE.search(request["source"]):
        return None
    example = {**message, **tried.outcome, **({"held": dict(tried.held)} if tried.held else {})}
    whole = repr(example)
    return example if len(whole) <= LARGEST_EXAMPLE and "$object" not in whole else None


def _claims(image: Image, subject: Subject) -> list[dict[str, Any]]:
    """What the source's docstring says that it answers, each with whether it does."""
    claims = []
    for data in claimed(subject.source or "", subject.selector):
        tried = rehearse(image, subject, data)
        claims.append({"example": data, "holds": tried.refusal is None})
    return claims
