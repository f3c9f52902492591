"""A mission as its sender holds it: an id to ask the mission database about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

from batos.errors import MissionCancelled, MissionFailed, MissionPending, MissionTimeout
from batos.image.handles import Handle
from batos.image.image import Image
from batos.methods.contract import Example
from batos.objects.values import thaw
from batos.runtime.missions import MissionStore
from batos.runtime.schema import ENDED

POLL_SECONDS = 5.0


class Mission:
    """What `submit` returns. The mission is durable, and goes on whether anybody waits for it or not."""

    def __init__(
        self, image: Image, store: MissionStore, identity: str, see_to_work: Callable[[], None] | None = None
    ) -> None:
        self._image = image
        self._store = store
        self._see_to_work = see_to_work
        self.id = identity

    @property
    def state(self) -> str:
        return self._store.standing(self.id)[0]

    def result(self, timeout: float | None = None) -> Any:
        """The answer, in plain values and handles, once the mission is done.

        Raises `MissionFailed` or `MissionCancelled` when it ended so, `MissionPending` when a person must decide first,
        `MissionTimeout` after `timeout` seconds; the mission itself goes on in the last two cases.
        """
        clock = self._image.clock
        end = None if timeout is None else clock.monotonic() + timeout
        with self._store.settlement_of(self.id) as settlement:
            while True:
                seen = settlement.count()
                state, outcome = self._store.standing(self.id)
                if state in ENDED:
                    return self._answer(outcome or {}, state)
                pending = self._store.pending_below(self.id) if state == "waiting" else None
                if pending is not None and not self._renews(pending.deadline):
                    raise self._pending(pending.pending or {})
                left = POLL_SECONDS if end is None else end - clock.monotonic()
                if left <= 0:
                    raise MissionTimeout(mission=self.id, seconds=timeout)
                if self._see_to_work is not None:
                    self._see_to_work()
                settlement.wait(seen, min(left, POLL_SECONDS))

    def _renews(self, deadline: float | None) -> bool:
        """Whether the wait is over, and a worker only has to notice."""
        return deadline is not None and deadline <= self._image.clock.now()

    def _answer(self, outcome: dict[str, Any], state: str) -> Any:
        if outcome.get("cancelled"):
            raise MissionCancelled(mission=self.id)
        if state != "done":
            reason = outcome.get("reason") or "it was delivered too often without an end."
            raise MissionFailed(mission=self.id, reason=reason)
        if outcome.get("pending"):
            raise self._pending(outcome["pending"])
        return thaw(outcome.get("answer"), lambda oid: Handle(self._image, oid))

    def _pending(self, pending: dict[str, Any]) -> MissionPending:
        question = pending.get("question")
        shown = Example.from_json(question, lambda oid: Handle(self._image, oid)) if question else None
        return MissionPending(
            mission=self.id, reason=pending.get("reason", ""), proposal=pending.get("proposal"), question=shown
        )

    def cancel(self) -> bool:
        """End it as cancelled. False if it had ended already."""
        return self._store.cancel(self.id)

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.to_thread(self.result).__await__()

    def __repr__(self) -> str:
        return f"<mission {self.id} {self.state}>"
