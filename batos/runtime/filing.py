"""Messages filed as missions, and how these stand: the part of `Uvm` that all other parts file with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from batos.image.handles import Handle, handle_of, inward
from batos.image.image import Image
from batos.image.world import World
from batos.methods.contract import Contract
from batos.objects import lookup, primitives
from batos.objects.records import Method
from batos.objects.uvm_object import UvmObject
from batos.objects.values import freeze
from batos.runtime import deciding
from batos.runtime.briefs import Brief, brief_json
from batos.runtime.events import Events
from batos.runtime.mission import Mission
from batos.runtime.missions import MissionStore


class Filing(ABC):
    """`Uvm` has the attributes and the abstract method."""

    image: Image
    store: MissionStore
    events: Events

    @abstractmethod
    def _see_to_work(self) -> None:
        """Take up the image's work if nobody else has."""

    def submit(
        self,
        target: str | Handle,
        selector: str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        learn: bool = False,
        intent: str | None = None,
        examples: Iterable[Any] = (),
        tainted: bool = False,
        mission_id: str | None = None,
    ) -> Mission:
        """File a message as a mission, durable when this returns. `learn` allows a selector close to a known one.

        Filing the same `mission_id` again changes nothing.
        """
        contract = Contract.of(intent, examples)
        asked = contract.to_json() if contract.examples or intent else None
        extra = {"learn": learn or asked is not None, "tainted": tainted}
        return self._file(target, selector, args, kwargs or {}, None, asked, extra, mission_id)

    def teach(
        self,
        target: str | Handle,
        selector: str,
        *,
        intent: str | None = None,
        examples: Iterable[Any] = (),
        timeout: float | None = None,
    ) -> None:
        """Have a method learned from an intent and examples; learned when it returns.

        Raises `MissionFailed`, or `MissionPending` with a proposal to approve or a question to answer.
        """
        contract = Contract.of(intent, examples).to_json()
        extra = {"learn": True, "taught": True}
        self._file(target, selector, (), {}, "learn", contract, extra).result(timeout)

    def _file(
        self,
        target: str | Handle,
        selector: str,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        type_: str | None,
        contract: Any,
        extra: dict[str, Any],
        mission_id: str | None = None,
    ) -> Mission:
        """Freeze the message against the image as it is now, and file it."""
        with self.image.reading() as world:
            receiver = inward(world, self._handle(target))
            brief = Brief(
                type_ or _mission_type(receiver, selector),
                world.add(receiver).hex(),
                selector,
                tuple(freeze(inward(world, arg)) for arg in args),
                {name: freeze(inward(world, value)) for name, value in kwargs.items()},
                contract,
                extra,
            )
        identity = self.store.submit(brief, mission_id=mission_id)
        self.events.publish(
            "mission", id=identity, state="queued", type=brief.type, target=brief.target, selector=selector
        )
        return Mission(self.image, self.store, identity, self._see_to_work)

    def _handle(self, target: str | Handle) -> Handle:
        if isinstance(target, Handle):
            return target
        with self.image.reading() as world:
            return handle_of(self.image, world, world.find(target))

    def missions(self, state: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """The newest missions first, as plain data."""
        with self.image.reading() as world:
            return [self._shown(world, found) for found in self.store.list(state, limit)]  # type: ignore[arg-type]

    def mission(self, identity: str) -> dict[str, Any]:
        """One mission with its attempts and the trace of its cycle. Raises `UnknownMission`.

        `asked` in the trace is a span of `journal`, which lists kind, request hash and occurrence of what was asked.
        """
        found = self.store.get(identity)
        with self.image.reading() as world:
            receipt = world.receipts.get(identity)
            shown = self._shown(world, found)
            trace = list(receipt.trace) if receipt else []
            asked = [list(key) for key in receipt.journal] if receipt else []
        attempts = [asdict(attempt) for attempt in self.store.attempts(identity)]
        return {**shown, "brief": brief_json(found.brief), "trace": trace, "journal": asked, "attempts": attempts}

    def _shown(self, world: World, found: Any) -> dict[str, Any]:
        pending = self.store.pending_below(found.id) if not found.ended else None
        return {
            "mission": found.id,
            "type": found.brief.type,
            "target": deciding.called(world, found.brief.target),
            "selector": found.brief.selector,
            "state": found.state,
            "created_at": found.created_at,
            "outcome": found.outcome,
            "pending": pending.pending if pending else (found.outcome or {}).get("pending"),
        }


def _mission_type(receiver: UvmObject, selector: str) -> str:
    """Some messages are missions of a type of their own; the primitive behind them says so."""
    found = lookup.find(receiver, selector)
    if found is not None and isinstance(found.value, Method) and found.value.primitive is not None:
        return primitives.registered(found.value.primitive).mission or "unhandled_message"
    return "unhandled_message"
