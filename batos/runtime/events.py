"""Progress events: told to whoever subscribed in this process. Advisory: the databases hold the truth."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

PLANNED = frozenset({"archetype", "lead", "relevant_pillars"})

Listener = Callable[[dict[str, Any]], None]


def gist(answer: Any) -> dict[str, Any]:
    """What came of a need, in brief: how many passages were found, what was planned, which model answered."""
    value = answer.get("value") if isinstance(answer, dict) else None
    if isinstance(value, list):
        return {"passages": len(value)}
    if not isinstance(value, dict):
        return {}
    plan = value.get("data")
    planned = {key: plan[key] for key in PLANNED} if isinstance(plan, dict) and plan.keys() >= PLANNED else None
    told = {"model": value.get("model"), "plan": planned}
    return {key: found for key, found in told.items() if found}


class Events:
    """Kinds: mission, cycle, need, change, heartbeat; `*` is all of them. Listeners run in the publishing thread.

    A need is told when it is performed, once as `started` and once as `ended`, and between them as `text` with what a
    model that streams has said since; one that a journal answers is not told.
    """

    def __init__(self) -> None:
        self._listeners: list[tuple[str, Listener]] = []
        self._lock = threading.Lock()

    def subscribe(self, kind: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event of `kind`; the returned function ends that."""
        entry = (kind, listener)
        with self._lock:
            self._listeners.append(entry)

        def unsubscribe() -> None:
            with self._lock:
                if entry in self._listeners:
                    self._listeners.remove(entry)

        return unsubscribe

    def publish(self, kind: str, **facts: Any) -> None:
        if not self._listeners:
            return
        event = {"kind": kind, **facts}
        with self._lock:
            listeners = [listener for wanted, listener in self._listeners if wanted in (kind, "*")]
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener of %s events failed", kind)
