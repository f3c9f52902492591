"""Waking who waits for a change: at once within the process, by looking now and then for what other processes did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Lock

POLL_SECONDS = 0.1


class Changes:
    """A counter that threads can wait on. A wake-up says "look again", never what changed."""

    def __init__(self, look_elsewhere: Callable[[], object]) -> None:
        """`look_elsewhere` is called by a waiting thread now and then, to `notify` of what another process changed."""
        self._look_elsewhere = look_elsewhere
        self._condition = Condition()
        self._count = 0
        self._closed = False

    def count(self) -> int:
        """To be read before looking, and handed to `wait`: what changes in between is then not missed."""
        return self._count

    def notify(self, threads: int | None = None) -> None:
        """Wake that many of those who wait, None: all. The others look too, but only at their next poll."""
        with self._condition:
            self._count += 1
            if threads is None:
                self._condition.notify_all()
            else:
                self._condition.notify(threads)

    def wait(self, since: int | None, seconds: float) -> bool:
        """Wait until something changed since `count()` said `since` (None: since now), at most `seconds`.

        False when the time ran out, or when it is closed and nothing will change any more.
        """
        end = time.monotonic() + seconds
        with self._condition:
            seen = self._count if since is None else since
        while not self._closed:
            with self._condition:
                if self._count != seen:
                    return True
                left = end - time.monotonic()
                if left <= 0:
                    return False
                if self._condition.wait(min(left, POLL_SECONDS)):
                    continue
            self._look_elsewhere()
        return False

    def close(self) -> None:
        """Let everyone who waits go."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()


class Settlements:
    """What senders wait for, each for a mission of its own: so that an end wakes those whom it is about."""

    def __init__(self, look_elsewhere: Callable[[], object]) -> None:
        self._look_elsewhere = look_elsewhere
        self._lock = Lock()
        self._waited_for: dict[str, list[Changes]] = {}
        self._closed = False

    @contextmanager
    def of(self, mission: str) -> Iterator[Changes]:
        changes = Changes(self._look_elsewhere)
        with self._lock:
            self._waited_for.setdefault(mission, []).append(changes)
            if self._closed:
                changes.close()
        try:
            yield changes
        finally:
            with self._lock:
                waiting = self._waited_for[mission]
                waiting.remove(changes)
                if not waiting:
                    del self._waited_for[mission]

    def notify(self, mission: str | None = None) -> None:
        """Wake who waits for this mission, None: for any."""
        for changes in self._waiting(mission):
            changes.notify()

    def close(self) -> None:
        """Let everyone who waits go."""
        with self._lock:
            self._closed = True
        for changes in self._waiting():
            changes.close()

    def _waiting(self, mission: str | None = None) -> list[Changes]:
        with self._lock:
            if mission is not None:
                return list(self._waited_for.get(mission, ()))
            return [changes for waiting in self._waited_for.values() for changes in waiting]
