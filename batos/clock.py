"""Time as an argument: whoever needs to know or to wait is handed a clock, so that tests can hold one they move."""

from __future__ import annotations

import time
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """Seconds since the Unix epoch, a counter that never goes back, and waiting."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; say whether it was set."""
        ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: Event, seconds: float) -> bool:
        return event.wait(seconds)
