"""Workers that have nothing to do, and the missions that are leased for them by whoever has one at hand.

Such a mission is taken in the transaction that files it, or that records its answers, and need not be looked for.
"""

from __future__ import annotations

from collections import deque
from threading import Lock

from batos.runtime.briefs import Leased
from batos.runtime.holding import Holding
from batos.runtime.missions import MissionStore


class Idling:
    """`name` and `seconds` are what missions are leased with."""

    def __init__(self, store: MissionStore, holding: Holding, name: str, seconds: float) -> None:
        self.name = name
        self.seconds = seconds
        self._store = store
        self._holding = holding
        self._lock = Lock()
        self._idle = 0  # workers that wait and for whom nothing is meant yet
        self._meant: deque[Leased] = deque()
        self._stopped = False

    def stop(self) -> None:
        """Nobody is idle any more."""
        with self._lock:
            self._stopped = True

    def rest(self) -> bool:
        """To be called by a worker before it waits. False if something is meant for it."""
        with self._lock:
            if self._meant:
                return False
            self._idle += 1
            return True

    def rise(self) -> None:
        """To be called by a worker that has waited."""
        with self._lock:
            self._idle -= 1

    def taken(self) -> Leased | None:
        """What is meant for a worker."""
        with self._lock:
            if not self._meant:
                return None
            self._idle += 1  # it was taken from the count when this was leased
            return self._meant.popleft()

    def claim(self) -> bool:
        """Whether a worker has nothing to do. It is then not counted on again before `give` says what is meant for it,
        which may be nothing."""
        with self._lock:
            if self._idle <= 0 or self._stopped:
                return False
            self._idle -= 1
            return True

    def give(self, leased: Leased | None) -> None:
        if leased is not None:
            self._holding.keep(leased)
        with self._lock:
            if leased is None:
                self._idle += 1
                return
            stopped = self._stopped
            if not stopped:
                self._meant.append(leased)
        if stopped:
            self._holding.release(leased.token)
        else:
            self._store.wake(1)
