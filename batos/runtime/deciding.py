"""What a person decides: proposals are approved or refused, methods are installed by hand.

Approving installs the method as proposed, in one commit, and lets the missions that waited for it go on.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from batos.errors import MissionError, UnknownObject
from batos.image.image import Image
from batos.image.receipts import Proposal
from batos.image.world import World
from batos.methods.contract import Contract
from batos.methods.extraction import extract
from batos.methods.guardian import check
from batos.mind.delivering import understood
from batos.objects import lookup
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, label, own_slots, put
from batos.runtime.approvals import Approvals
from batos.runtime.missions import MissionStore


@dataclass(frozen=True)
class Proposed:
    """An open or decided proposal, as plain data. `source` is what would be installed, `replaces` what is there now."""

    id: str
    target: str
    selector: str
    reason: str
    state: str
    mission: str
    source: str
    replaces: str | None


def proposals(image: Image, state: str | None = "open") -> list[Proposed]:
    """The proposals in `state` (None: all), oldest first."""
    with image.reading() as world:
        found = [_shown(proposal) for proposal in world.proposals.values() if state in (None, proposal.state)]
        order = {proposal.proposal: proposal.made_at for proposal in world.proposals.values()}
    return sorted(found, key=lambda proposed: (order[proposed.id], proposed.id))


def _shown(proposal: Proposal) -> Proposed:
    method = proposal.method
    present = own_slots(proposal.target).get(method.selector)
    replaces = present.source if isinstance(present, Method) else None
    return Proposed(
        proposal.proposal,
        label(proposal.target),
        method.selector,
        proposal.reason,
        proposal.state,
        proposal.mission,
        method.source or "",
        replaces,
    )


def approve(image: Image, store: MissionStore, identity: str) -> Proposed:
    """Install what was proposed. Raises `UnknownObject`, or `MissionError` when it was decided before."""

    def work(world: World) -> Proposed:
        proposal = _open(world, identity)
        method = proposal.method
        present = own_slots(proposal.target).get(method.selector)
        if isinstance(present, Method) and present is not method.previous:
            changed = f"{method.selector!r} of {label(proposal.target)}"
            reason = f"{changed} was changed since; it cannot be approved any more."
            raise MissionError(mission=proposal.mission, reason=reason)
        shown = _shown(proposal)
        put(proposal.target, method.selector, method)
        proposal.state = "approved"
        return shown

    approved = image.change(f"approve proposal {identity}", work, proposal=identity)
    resume_who_wait(image, store)
    return approved


def refuse(image: Image, store: MissionStore, identity: str) -> Proposed:
    """Decide against a proposal; the missions that waited for it go on, and fail with that reason."""

    def work(world: World) -> Proposed:
        proposal = _open(world, identity)
        proposal.state = "refused"
        return _shown(proposal)

    refused = image.change(f"refuse proposal {identity}", work, proposal=identity)
    resume_who_wait(image, store)
    return refused


def _open(world: World, identity: str) -> Proposal:
    proposal = world.proposals.get(identity)
    if proposal is None:
        raise UnknownObject(name=f"proposal {identity}", known="`batos approve` lists the open ones.")
    if proposal.state != "open":
        raise MissionError(mission=proposal.mission, reason=f"proposal {identity} was {proposal.state} before.")
    return proposal


def resume_who_wait(image: Image, store: MissionStore) -> None:
    """Let the missions go on whose question has been decided: the method is there now, or its proposal was refused."""
    for mission in store.waiting_for_person():
        with image.reading() as world:
            decided = _decided(world, mission.pending or {})
        if decided:
            with suppress(MissionError):  # whoever decided has seen to it meanwhile
                store.resume(mission.id)


def _decided(world: World, pending: dict[str, Any]) -> bool:
    proposal = world.proposals.get(pending.get("proposal") or "")
    if proposal is not None and proposal.state != "open":
        return True
    return "target" in pending and understood(world.object(pending["target"]), pending["selector"])


def install_by_hand(
    image: Image, store: MissionStore, target: str, selector: str, source: str, author: str
) -> dict[str, Any]:
    """`create_method`: a source written by a person goes through the same gate and is kept as unproven.

    Raises `MethodRefused` with the guardian's reason. Returns the version and the audit's findings.
    """
    extracted = extract(source, selector)
    audit = check(extracted, selector)

    def work(world: World) -> int:
        receiver: UvmObject = world.find(target)
        found = lookup.find(receiver, selector)
        own = own_slots(receiver).get(selector)
        present = found.value if found is not None else None
        contract = present.contract if isinstance(present, Method) else Contract().to_json()
        method = Method(
            selector,
            extracted,
            contract=contract,
            intent=present.text if isinstance(present, Intent) else getattr(present, "intent", None),
            previous=own if isinstance(own, Method) else None,
            provenance={"author": author, "made_at": image.clock.now(), "proven": 0},
        )
        put(receiver, selector, method)
        return method.version

    version = image.change(f"install {selector} on {target} by hand", work, author=author)
    resume_who_wait(image, store)
    return {"version": version, "proven": False, "reads": sorted(audit.reads), "writes": sorted(audit.writes)}


def trust(image: Image, approvals: Approvals, target: str, selector: str) -> int:
    """Let a method run in process, outside the sandbox: a new version of it, and an approval on this machine.

    Raises `UnknownObject` when the object has no such method of its own.
    """

    def work(world: World) -> Method:
        receiver: UvmObject = world.find(target)
        method = own_slots(receiver).get(selector)
        if not isinstance(method, Method) or method.source is None:
            raise UnknownObject(name=f"{target}.{selector}", known="Only a written method of the object's own can be.")
        trusted = Method(
            selector,
            method.source,
            trust="trusted",
            contract=method.contract,
            provenance={**method.provenance, "trusted_at": image.clock.now()},
            intent=method.intent,
            previous=method,
        )
        put(receiver, selector, trusted)
        return trusted

    method = image.change(f"trust {selector} of {target}", work)
    approvals.approve(method)
    return method.version


def called(world: World, target: str) -> str:
    """What to call the object with this id; the id itself if it was packed away."""
    try:
        return label(world.object(target))
    except UnknownObject:
        return target
