"""Progress events: told to whoever subscribed in this process. Advisory: the databases hold the truth."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

Listener = Callable[[dict[str, Any]], None]


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
        event = {"kind": kind, **facts}
        with self._lock:
            listeners = [listener for wanted, listener in self._listeners if wanted in (kind, "*")]
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener of %s events failed", kind)
