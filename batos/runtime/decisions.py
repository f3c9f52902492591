"""What a person decides about methods, as the running system offers it: the part of `Uvm` that is for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from batos.methods.sandbox import Sandbox
from batos.runtime import deciding, installing, permitting, promises, versions
from batos.runtime.approvals import Approvals
from batos.runtime.filing import Filing
from batos.runtime.heartbeat import Beat, Heartbeat
from batos.runtime.performers import Workplace
from batos.settings import Settings


class Decisions(Filing):
    """`Uvm` has the attributes."""

    settings: Settings
    place: Workplace
    _sandbox: Sandbox
    _approvals: Approvals

    def proposals(self, state: str | None = "open") -> list[dict[str, Any]]:
        """What waits for a person: methods, and tools that sandboxed methods want to use."""
        found = deciding.proposals(self.image, state)
        if state in (None, "open"):
            found += permitting.permissions(self.image, self.store)
        return [asdict(proposed) for proposed in found]

    def approve(self, proposal: str, *, anyway: bool = False, always: bool = False) -> dict[str, Any]:
        """Install what was proposed, `anyway` also where it breaks contracts of other methods; or allow the use of a
        tool, `always` for that object from now on, on this machine."""
        if not permitting.waits(self.store, proposal):
            return asdict(deciding.approve(self.image, self._sandbox, self.store, proposal, anyway))
        if always:
            mission = next(found for found in self.store.waiting_for_person() if found.id.startswith(proposal))
            asked = mission.pending["permission"]
            self._approvals.grant(self.image.id, asked["called"], asked["receiver"])
        return asdict(permitting.decide(self.image, self.store, proposal, True))

    def refuse(self, proposal: str) -> dict[str, Any]:
        """Decide against a proposal, or against the use of a tool."""
        if permitting.waits(self.store, proposal):
            return asdict(permitting.decide(self.image, self.store, proposal, False))
        return asdict(deciding.refuse(self.image, self.store, proposal))

    def trust(self, target: str, selector: str) -> int:
        """Let a method run in process, outside the sandbox; its new version. Look at its source before."""
        return installing.trust(self.image, self._approvals, target, selector)

    def create_method(
        self,
        target: str,
        selector: str,
        source: str,
        author: str,
        *,
        examples: Iterable[Any] = (),
        intent: str | None = None,
        anyway: bool = False,
    ) -> dict[str, Any]:
        """Install a source written by a person, through the same gate; unproven unless it brings examples.

        Raises `MethodRefused` with what the gate objected to, and `PinnedSlot`.
        """
        return installing.install(
            self.image, self._sandbox, self.store, target, selector, source, author,
            examples=examples, intent=intent, anyway=anyway,
        )  # fmt: skip

    def set_intent(self, target: str, selector: str, intent: str, examples: Iterable[Any] = ()) -> int | None:
        """Say anew what a method is for: the one made from the former intent is retired, and learned on next use."""
        return installing.set_intent(self.image, target, selector, intent, examples)

    def pin(self, target: str, selector: str | None = None) -> None:
        """Have nothing that learns, and no sandboxed method, change an object, or one slot of it."""
        installing.pin(self.image, target, selector, on=True)

    def unpin(self, target: str, selector: str | None = None) -> None:
        installing.pin(self.image, target, selector, on=False)

    def set_policy(self, policy: str | None, target: str | None = None) -> None:
        """`auto` or `propose` for an object and those below it, or for the whole image; None: what holds above it."""
        installing.set_policy(self.image, policy, target)

    def policies(self) -> dict[str, str]:
        """The policies that are set: the image's under the key "", those of objects by name."""
        return installing.policies(self.image)

    def versions(self, target: str, selector: str) -> list[dict[str, Any]]:
        """The versions of a method, newest first: who wrote each, how it did, and a diff from the one before."""
        return [asdict(version) for version in versions.versions(self.image, self.store, target, selector)]

    def broken_contracts(self) -> list[dict[str, Any]]:
        """Methods whose examples hold no longer since somebody changed what they rely on."""
        return promises.broken(self.store)

    def beat(self) -> Beat:
        """One beat of the heartbeat, here and now: what failed, and what is done about it."""
        return Heartbeat(self.place, self.settings, self.events).beat()
