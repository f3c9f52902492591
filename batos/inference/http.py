"""One HTTP exchange with a model server: bounded in time and size, repeated when that can help.

Repeated are refused and broken connections and the statuses that mean *later* (429, 5xx). A read that runs out of time
is not repeated: the server may still be computing, and asking twice makes it slower. Nothing here knows what is sent.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from threading import Event
from typing import Any

import httpx

from batos.clock import Clock
from batos.errors import BackendNonsense, BackendUnavailable

LATER = frozenset({429, 500, 502, 503, 504, 529})


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


class Sender:
    """Sends to one server; may be used from several threads."""

    def __init__(
        self, *, name: str, server: str, clock: Clock, patience: Patience, trust_environment: bool = False
    ) -> None:
        self._name = name
        self._server = server
        self._clock = clock
        self._patience = patience
        self._closed = Event()
        self._jitter = random.Random()
        timeout = httpx.Timeout(patience.read, connect=patience.connect)
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=trust_environment)

    def send(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Reply:
        """The server's reply, whatever its status. Raises BackendUnavailable, or BackendNonsense for one too large."""
        deadline = self._clock.monotonic() + self._patience.whole
        attempt = 1
        while True:
            problem = ""
            reply = None
            try:
                reply = self._exchange(method, path, headers, body, attempt, deadline)
            except httpx.TimeoutException as error:
                if not isinstance(error, httpx.ConnectTimeout):
                    raise self._unavailable(f"it gave no answer within {self._patience.read:g} s") from error
                problem = "it does not accept a connection"
            except httpx.DecodingError as error:
                raise BackendNonsense(backend=self._name, reason=f"{self._server}: its reply is damaged") from error
            except httpx.TransportError as error:
                problem = _said(error)
            if reply is not None and reply.status not in LATER:
                return reply
            if attempt >= self._patience.attempts:
                if reply is not None:
                    return reply
                raise self._unavailable(f"{problem}, {attempt} times. Is the server running?")
            self._wait(attempt, reply.retry_after if reply else None, deadline)
            attempt += 1

    def close(self) -> None:
        """Ends waits in progress and closes the connections."""
        self._closed.set()
        self._client.close()

    def _exchange(
        self, method: str, path: str, headers: dict[str, str], body: Any, attempt: int, deadline: float
    ) -> Reply:
        if self._closed.is_set():
            raise self._unavailable("it was closed")
        url = self._server + path
        with self._client.stream(method, url, headers=headers, json=body) as response:
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if len(content) > self._patience.largest:
                    raise BackendNonsense(
                        backend=self._name,
                        reason=f"{self._server}: its reply is larger than {self._patience.largest} bytes",
                    )
                if self._clock.monotonic() > deadline:
                    raise self._unavailable(f"its answer was not complete after {self._patience.whole:g} s")
            after = _retry_after(response.headers.get("Retry-After"), self._clock.now())
            return Reply(response.status_code, bytes(content), attempt, after)

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
