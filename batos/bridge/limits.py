"""The figures that bound what one client may cost the daemon."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Counts, bytes and rates; the defaults leave room for a person at a workbench and a busy script."""

    max_bytes: int = 1 << 20  # of one message, both ways
    max_depth: int = 64  # of nesting in one message
    requests_per_second: float = 200.0  # of one client, in the long run
    burst: int = 400  # of one client, at once
    in_flight: int = 32  # requests of one client that are not answered yet
    events_waiting: int = 1000  # for one client that does not take them
    clients: int = 256  # remembered at once; the one that was quiet longest is forgotten
    threads: int = 4  # that run handlers


class TokenBucket:
    """`burst` requests at once, `rate` a second in the long run. Times are a clock's `monotonic` seconds."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled = now

    def take(self, now: float) -> bool:
        """Whether one more request is allowed now; if so it is counted."""
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
