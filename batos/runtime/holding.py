"""The leases that this process holds: renewed as long as it works, and given back when it stops."""

from __future__ import annotations

import logging
from threading import Event, Lock, Thread

from batos.clock import Clock
from batos.errors import BatosError
from batos.runtime.briefs import Leased
from batos.runtime.missions import MissionStore

log = logging.getLogger(__name__)


class Holding:
    """`start` it, `stop` it; in between what was `keep`t is renewed until it is let `go`."""

    def __init__(self, store: MissionStore, clock: Clock, seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._seconds = seconds
        self._tokens: set[str] = set()
        self._lock = Lock()
        self._stopping = Event()
        self._renewing: Thread | None = None

    def start(self) -> None:
        self._renewing = Thread(target=self._renew, name="batos-leases", daemon=True)
        self._renewing.start()

    def stop(self) -> None:
        """Renew nothing any more."""
        self._stopping.set()
        if self._renewing is not None:
            self._renewing.join()

    def give_back(self) -> None:
        """Let others have what is still held."""
        with self._lock:
            left, self._tokens = self._tokens, set()
        for token in left:
            self.release(token)

    def release(self, token: str) -> None:
        """Let others have this one."""
        self.go(token)
        try:
            self._store.release(token)
        except BatosError:
            log.debug("a lease was lost before it could be given back")

    def keep(self, leased: Leased) -> Leased:
        with self._lock:
            self._tokens.add(leased.token)
        return leased

    def go(self, token: str, again: Leased | None = None) -> None:
        """The lease is over; `again` is the one that follows it."""
        with self._lock:
            self._tokens.discard(token)
            if again is not None:
                self._tokens.add(again.token)

    def _renew(self) -> None:
        while not self._stopping.wait(self._seconds / 3):
            with self._lock:
                held = tuple(self._tokens)
            if held:
                for token in self._store.renew(held, self._clock.now(), self._seconds):
                    self.go(token)
