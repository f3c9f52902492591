"""One HTTP exchange with a model server: bounded in time and size, repeated when that can help.

Repeated are refused and broken connections and the statuses that mean *later* (429, 5xx). A read that runs out of time
is not repeated: the server may still be computing, and asking twice makes it slower. Nor is a reply of which something
was heard already. When a server asks to wait, all threads that use it wait. Nothing here knows what is sent.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import Any

import httpx

from batos.clock import Clock
from batos.errors import BackendNonsense, BackendUnavailable

LATER = frozenset({429, 500, 502, 503, 504, 529})
EVENT_STREAM = "text/event-stream"

Hear = Callable[[bytes], None]
"""Called with each line of a reply that is a stream of events. Whatever it raises ends the exchange."""


@dataclass(frozen=True)
class Patience:
    """How long and how often to try; seconds, but for `attempts` and `largest` (bytes of a reply)."""

    connect: float = 5.0
    read: float = 120.0
    whole: float = 600.0
    attempts: int = 4
    first_wait: float = 0.5
    longest_wait: float = 30.0
    largest: int = 16 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    attempts: int
    retry_after: float | None = None
    streamed: bool = False


class Pace:
    """When the next request may go out: at most `per_minute` (0: any number), none while the server asks to wait."""

    def __init__(self, per_minute: float, clock: Clock) -> None:
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._clock = clock
        self._next = 0.0
        self._held_until = 0.0
        self._lock = Lock()

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._held_until = max(self._held_until, self._clock.monotonic() + seconds)

    def turn(self) -> float:
        """Take the next turn; the seconds to wait for it."""
        with self._lock:
            now = self._clock.monotonic()
            at = max(now, self._held_until, self._next if self._interval else 0.0)
            self._next = at + self._interval
            return at - now


class Sender:
    """Sends to one server; may be used from several threads."""

    def __init__(
        self,
        *,
        name: str,
        server: str,
        clock: Clock,
        patience: Patience,
        trust_environment: bool = False,
        per_minute: float = 0.0,
    ) -> None:
        self._name = name
        self._server = server
        self._clock = clock
        self._patience = patience
        self._closed = Event()
        self._pace = Pace(per_minute, clock)
        self._jitter = random.Random()
        timeout = httpx.Timeout(patience.read, connect=patience.connect)
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=trust_environment)

    def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: Any = None,
        *,
        hear: Hear | None = None,
        attempts: int | None = None,
    ) -> Reply:
        """The reply of `url`, which is on this server, whatever its status.

        With `hear`, the lines of a stream are told instead of kept.

        `attempts` replaces those of the patience. Raises BackendUnavailable, or BackendNonsense for one too large.
        """
        deadline = self._clock.monotonic() + self._patience.whole
        allowed = attempts or self._patience.attempts
        heard = _Heard(hear) if hear else None
        attempt = 1
        while True:
            problem = ""
            reply = None
            self._wait_turn(deadline)
            try:
                reply = self._exchange(method, url, headers, body, attempt, deadline, heard)
            except httpx.TimeoutException as error:
                if not isinstance(error, httpx.ConnectTimeout):
                    raise self._unavailable(f"it gave no answer within {self._patience.read:g} s") from error
                problem = "it does not accept a connection"
            except httpx.DecodingError as error:
                raise BackendNonsense(backend=self._name, reason=f"{self._server}: its reply is damaged") from error
            except httpx.TransportError as error:
                problem = _said(error)
                if heard is not None and heard.anything:
                    raise self._unavailable(f"{problem}, and a part of it had been heard") from error
            if reply is not None and reply.status not in LATER:
                return reply
            if reply is not None and reply.retry_after:
                self._pace.hold(reply.retry_after)
            if attempt >= allowed:
                if reply is not None:
                    return reply
                times = f", {attempt} times" if attempt > 1 else ""
                raise self._unavailable(f"{problem}{times}. Is the server running?")
            self._wait(attempt, reply.retry_after if reply else None, deadline)
            attempt += 1

    def close(self) -> None:
        """Ends waits in progress and closes the connections."""
        self._closed.set()
        self._client.close()

    def _exchange(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: Any,
        attempt: int,
        deadline: float,
        heard: _Heard | None,
    ) -> Reply:
        if self._closed.is_set():
            raise self._unavailable("it was closed")
        with self._client.stream(method, url, headers=headers, json=body) as response:
            streams = response.is_success and response.headers.get("Content-Type", "").startswith(EVENT_STREAM)
            told = heard if streams else None
            content = bytearray()
            received = 0
            for part in response.iter_bytes():
                received += len(part)
                if received > self._patience.largest:
                    raise BackendNonsense(
                        backend=self._name,
                        reason=f"{self._server}: its reply is larger than {self._patience.largest} bytes",
                    )
                if self._clock.monotonic() > deadline:
                    raise self._unavailable(f"its answer was not complete after {self._patience.whole:g} s")
                if told is not None:
                    told.add(part)
                else:
                    content += part
            if told is not None:
                told.end()
            after = _retry_after(response.headers.get("Retry-After"), self._clock.now())
            return Reply(response.status_code, bytes(content), attempt, after, streamed=told is not None)

    def _wait_turn(self, deadline: float) -> None:
        seconds = self._pace.turn()
        if seconds <= 0:
            return
        if self._clock.monotonic() + seconds > deadline:
            raise self._unavailable(f"its limit of requests leaves none for {seconds:.0f} s; try again later")
        if self._clock.wait(self._closed, seconds):
            raise self._unavailable("it was closed while waiting for its turn")

    def _wait(self, attempt: int, asked: float | None, deadline: float) -> None:
        """Wait as long as the server asks, or else twice as long as before, less a random part of it."""
        longest = self._patience.longest_wait
        if asked is not None and asked > longest:
            raise self._unavailable(f"it asks to wait {asked:g} s, which is more than {longest:g} s; try again later")
        backoff = min(longest, self._patience.first_wait * 2 ** (attempt - 1))
        seconds = asked if asked is not None else backoff * (0.5 + self._jitter.random() / 2)
        if self._clock.monotonic() + seconds > deadline:
            raise self._unavailable(f"it did not answer within {self._patience.whole:g} s")
        if self._clock.wait(self._closed, seconds):
            raise self._unavailable("it was closed while waiting to try again")

    def _unavailable(self, reason: str) -> BackendUnavailable:
        return BackendUnavailable(backend=self._name, reason=f"{self._server}: {reason}")


class _Heard:
    """Cuts what arrives into lines and tells them. `anything` says whether any was told."""

    def __init__(self, hear: Hear) -> None:
        self.anything = False
        self._hear = hear
        self._rest = b""

    def add(self, part: bytes) -> None:
        *lines, self._rest = (self._rest + part).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            self._tell(line)

    def end(self) -> None:
        rest, self._rest = self._rest, b""
        self._tell(rest)

    def _tell(self, line: bytes) -> None:
        if line:
            self.anything = True
            self._hear(line)


def _said(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "it refuses the connection"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return "it broke off the connection before its answer was complete"
    return f"the connection failed ({type(error).__name__})"


def _retry_after(header: str | None, now: float) -> float | None:
    """Seconds from a `Retry-After` header, which is a number or a date; None if it is neither."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
