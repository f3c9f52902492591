"""What a person decides: proposals are approved or refused.

Approving runs the contract again, for the image may have changed since, installs the method as proposed, in one commit,
and lets the missions that waited for it go on.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from batos.errors import MissionError, TrialFailed, UnknownObject, UnknownProposal
from batos.image.image import Image
from batos.image.receipts import Proposal
from batos.image.world import World
from batos.methods.sandbox import Sandbox
from batos.mind import standing
from batos.mind.delivering import understood
from batos.mind.ruling import refuse_pinned
from batos.mind.speaking import is_facet
from batos.mind.trial import try_out
from batos.objects.records import Method, previous_of
from batos.objects.uvm_object import label, own_slots, put
from batos.runtime.missions import MissionStore
from batos.runtime.promises import mended

ANYWAY = "To install it all the same, say `anyway` (`--anyway`)."


@dataclass(frozen=True)
class Proposed:
    """An open or decided proposal, as plain data. `source` is what would be installed, `replaces` what is there now.

    `contract` is what it must do, `provenance` where it came from; in it are `audit`, the slots that its text reads and
    writes and the messages it sends, and of its trial `call`, `claims`, `acts` and `broken` as `try_out` says them.
    """

    id: str
    target: str
    selector: str
    reason: str
    state: str
    mission: str
    source: str
    replaces: str | None
    version: int
    contract: dict[str, Any]
    provenance: dict[str, Any]


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
        method.version,
        dict(method.contract),
        dict(method.provenance),
    )


def approve(image: Image, sandbox: Sandbox, store: MissionStore, identity: str, anyway: bool = False) -> Proposed:
    """Install what was proposed. `anyway` also where it breaks contracts of other methods.

    Raises `UnknownObject`; `MissionError` when it was decided before, or something else was installed since;
    `PinnedSlot`; `TrialFailed` when it does not pass the gate as the image is now.
    """
    with image.reading() as world:
        proposal = _open(world, identity)
        oid, method = world.add(proposal.target).hex(), proposal.method
        _check_place(proposal)
        request = trial_of(oid, method.selector, method.source or "", method.contract)
    refuse_failing(try_out(image, sandbox, request), method.selector, anyway)

    def work(world: World) -> Proposed:
        proposal = _open(world, identity)
        _check_place(proposal)
        shown = _shown(proposal)
        put(proposal.target, proposal.method.selector, _accepted(proposal.method, image.clock.now()))
        proposal.state = "approved"
        return shown

    approved = image.change(f"approve proposal {identity}", work, proposal=identity)
    newly_installed(store, oid, approved.selector, approved.version)
    resume_who_wait(image, store)
    return approved


def newly_installed(store: MissionStore, oid: str, selector: str, version: int) -> None:
    """A version that has passed the gate begins with no calls and keeps its contract."""
    store.forget_calls(oid, selector, version)
    mended(store, oid, selector)


def _check_place(proposal: Proposal) -> None:
    target, method = proposal.target, proposal.method
    refuse_pinned(target, method.selector)
    present = previous_of(own_slots(target).get(method.selector))
    if present is not None and present is not method.previous:
        reason = f"{method.selector!r} of {label(target)} was changed since; it cannot be approved any more."
        raise MissionError(mission=proposal.mission, reason=reason)


def _accepted(method: Method, now: float) -> Method:
    """The proposed version. The call that it was proposed with, accepted now by a person, is an example of it."""
    call = method.provenance.get("call")
    examples = [{**data, "given": True} if data == call else data for data in method.contract.get("examples", ())]
    return Method(
        method.selector,
        method.source,
        trust=method.trust,
        contract={**method.contract, "examples": examples},
        provenance={**method.provenance, "approved_at": now},
        intent=method.intent,
        previous=method.previous,
    )


def trial_of(oid: str, selector: str, source: str, contract: dict[str, Any]) -> dict[str, Any]:
    """The request to try a source on what its contract says, without a message that waits for it."""
    examples = list(contract.get("examples", ()))
    facet = is_facet(selector) and contract.get("intent") is not None and not examples
    return {
        "source": source,
        "selector": selector,
        "target": oid,
        "contract": {"intent": contract.get("intent"), "examples": examples},
        "message": {"args": [], "kwargs": {}},
        "facet": facet,
        "original": facet,
    }


def refuse_failing(verdict: dict[str, Any], selector: str, anyway: bool) -> None:
    """Raises `TrialFailed` for a method that breaks its own contract, or, unless `anyway`, those of others."""
    if verdict["status"] != "passed":
        raise TrialFailed(selector=selector, reason=verdict["reason"])
    if verdict["broken"] and not anyway:
        raise TrialFailed(selector=selector, reason=f"{standing.told(verdict['broken'])} {ANYWAY}")


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
    """The open proposal whose id begins so."""
    begins = [key for key in world.proposals if key.startswith(identity)] if identity else []
    if len(begins) > 1 and identity not in begins:
        raise UnknownProposal(name=identity, known=f"{len(begins)} begin so; give more of the id.")
    proposal = world.proposals.get(identity) or (world.proposals[begins[0]] if begins else None)
    if proposal is None:
        raise UnknownProposal(name=identity, known="`batos approve` lists them.")
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


def ask_instead(store: MissionStore, pending: dict[str, Any]) -> None:
    """Whoever waits for an earlier question about the same method waits for this one from now on."""
    where = (pending["target"], pending["selector"])
    for mission in store.waiting_for_person():
        earlier = mission.pending or {}
        same_method = (earlier.get("target"), earlier.get("selector")) == where
        if same_method and earlier.get("question") and earlier != pending:
            store.show_instead(mission.id, pending)


def _decided(world: World, pending: dict[str, Any]) -> bool:
    proposal = world.proposals.get(pending.get("proposal") or "")
    if proposal is not None and proposal.state != "open":
        return True
    return "target" in pending and understood(world.object(pending["target"]), pending["selector"])


def called(world: World, target: str) -> str:
    """What to call the object with this id; the id itself if it was packed away."""
    try:
        return label(world.object(target))
    except UnknownObject:
        return target
