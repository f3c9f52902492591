"""Telling what a model says while it says it, and ending it when its mission has ended."""

from __future__ import annotations

from typing import Any

from batos.clock import Clock
from batos.errors import MissionCancelled
from batos.runtime.events import Events
from batos.runtime.missions import MissionStore

TELL_EVERY = 0.1
LOOK_EVERY = 0.5
"""Seconds between two events of one answer, and between two looks at the mission."""


class Telling:
    """Hears the pieces of one answer. Raises `MissionCancelled`, which ends the generation, once its mission ended."""

    def __init__(self, mission: str, events: Events, store: MissionStore, clock: Clock, about: dict[str, Any]) -> None:
        self._mission = mission
        self._events = events
        self._store = store
        self._clock = clock
        self._about = about
        self._untold = ""
        self._told_at = self._looked_at = clock.monotonic()

    def __call__(self, piece: str) -> None:
        self._untold += piece
        now = self._clock.monotonic()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self.rest()
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            if self._store.get(self._mission).ended:
                raise MissionCancelled(mission=self._mission)

    def rest(self) -> None:
        """Tell what was heard and not told yet."""
        if self._untold:
            self._events.publish("need", phase="text", text=self._untold, **self._about)
            self._untold = ""
