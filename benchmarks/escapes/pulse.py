"""Whether a payload holds up the host: a thread that beats, and how much the process computed between two beats.

Only one thread of a process runs Python at a time. While one call holds up all others (a dict of many keys with one
hash is being built, say), the beat stops and the process computes on. What the rest of the machine does is not counted.
"""

from __future__ import annotations

import threading
import time

BEAT = 0.02
MOST = 3.0  # seconds of computing in one call that holds up every other


class Pulse:
    """Closed once."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._longest = 0.0
        self._last = time.process_time()
        self._thread = threading.Thread(target=self._beat, name="escapes pulse", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            now = time.process_time()
            self._longest = max(self._longest, now - self._last)
            self._last = now

    def held_up(self) -> list[str]:
        """What is wrong since it was asked last."""
        self._stop.wait(2 * BEAT)
        longest, self._longest = self._longest, 0.0
        return [f"held up the host for {longest:.1f} s"] if longest > MOST else []

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
