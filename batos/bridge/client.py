"""The blocking client: what the command line, the launcher of the workbench and other Python programs use.

A client belongs to the thread that made it, as its socket does. It says hello again by itself when the daemon was
restarted, and subscribes again to what it was subscribed to.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import zmq

from batos.bridge.dialogue import Answered, Dialogue, Told
from batos.bridge.kinds import Role
from batos.bridge.limits import Limits
from batos.bridge.messages import EventKind, Gap, MissionReply, Refusal, Reply, Welcome, Welcomed
from batos.bridge.rundir import endpoint_of, is_listening, path_of, read_connection
from batos.bridge.wire import refused
from batos.clock import Clock, SystemClock
from batos.errors import BridgeError, BridgeUnreachable

CONNECT_SECONDS = 5.0
REPLY_SECONDS = 30.0
PING_SECONDS = 5.0  # of silence, after which a listener makes sure that the daemon is still there
WAIT_SECONDS = 60.0  # that one request waits for a mission; longer waits are several requests


class BridgeClient:
    """A session with the daemon of one image. Made by `connect` or `at`; also a context manager."""

    def __init__(self, endpoint: str, *, image_path: Path | None, name: str, clock: Clock, limits: Limits) -> None:
        self.welcome: Welcome | None = None
        self._endpoint = endpoint
        self._image_path = image_path
        self._name = name
        self._clock = clock
        self._dialogue = Dialogue(clock, limits)
        self._events: deque[Told] = deque()
        self._subscribed: set[EventKind] = set()
        self._thread = threading.get_ident()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, 2 * limits.max_bytes)
        self._socket.connect(endpoint)

    @classmethod
    def connect(
        cls,
        image_path: Path | str,
        role: Role = "owner",
        *,
        name: str = "batos",
        timeout: float = CONNECT_SECONDS,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> BridgeClient:
        """A session with the daemon that serves this image. Raises BridgeUnreachable where none does."""
        path = Path(image_path)
        connection = read_connection(path)
        endpoint = connection.roles[role]
        if not is_listening(path_of(endpoint)):
            raise BridgeUnreachable(path=path, reason=f"its daemon (process {connection.pid}) is gone.")
        client = cls(endpoint, image_path=path, name=name, clock=clock or SystemClock(), limits=limits or Limits())
        return client._opened(timeout)

    @classmethod
    def at(
        cls,
        socket_path: Path | str,
        *,
        name: str = "batos",
        timeout: float = CONNECT_SECONDS,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> BridgeClient:
        """A session through one socket, for programs that see the socket only, in a sandbox for instance."""
        endpoint = endpoint_of(Path(socket_path))
        client = cls(endpoint, image_path=None, name=name, clock=clock or SystemClock(), limits=limits or Limits())
        return client._opened(timeout)

    def _opened(self, timeout: float) -> BridgeClient:
        try:
            self._greet(timeout)
        except BaseException:
            self.close()
            raise
        return self

    # Requests

    def request(self, kind: str, /, *, timeout: float = REPLY_SECONDS, **body: Any) -> Reply:
        """Send a request and wait for its reply, `timeout` seconds longer than the request itself asks to wait.

        Raises BridgeRefused with the daemon's sentence, BridgeUnreachable where no reply came. A request that was not
        answered may have been carried out all the same.
        """
        reply = self._exchange(kind, body, timeout)
        if isinstance(reply, Refusal) and reply.code == "hello_first":
            self._greet(timeout)
            reply = self._exchange(kind, body, timeout)
        return _accepted(reply)

    def outcome(self, mission: str, timeout: float) -> MissionReply:
        """How the mission stands once it has settled or asks a person, or after `timeout` seconds."""
        deadline = self._clock.monotonic() + timeout
        while True:
            left = max(0.0, deadline - self._clock.monotonic())
            reply = cast(MissionReply, self.request("mission_status", mission=mission, wait=min(left, WAIT_SECONDS)))
            seen = reply.results[0]
            if seen.settled or seen.pending is not None or left == 0.0:
                return reply

    def _exchange(self, kind: str, body: dict[str, Any], timeout: float) -> Reply | Refusal:
        self._check_thread()
        request, payload = self._dialogue.request(kind, body)
        try:
            self._socket.send(payload, zmq.DONTWAIT)
        except zmq.Again:
            raise self._unreachable("it takes no more messages.") from None
        seconds = timeout + float(body.get("wait", 0.0))
        deadline = self._clock.monotonic() + seconds
        while (incoming := self._receive(deadline)) is not None:
            if isinstance(incoming, Told):
                self._events.append(incoming)
            elif incoming.request in (request, None):
                return incoming.reply
        raise self._unreachable(f"it did not answer {kind} within {seconds:g} s.")

    def _receive(self, deadline: float) -> Answered | Told | None:
        """The next message, or None when `deadline` has passed."""
        left = max(0.0, deadline - self._clock.monotonic())
        if not self._socket.poll(round(left * 1000)):
            return None
        return self._dialogue.read(self._socket.recv())

    # The session

    def _greet(self, timeout: float) -> None:
        """Open the session, and make sure that it is with the daemon which the connection file names."""
        reply = cast(Welcomed, _accepted(self._exchange("hello", {"client": self._name}, timeout)))
        welcome = reply.results[0]
        if self._image_path is not None and read_connection(self._image_path).instance != welcome.instance:
            raise self._unreachable("another daemon answers at its socket.")
        restarted = self.welcome is not None and self.welcome.instance != welcome.instance
        self.welcome = welcome
        if self._subscribed:
            _accepted(self._exchange("subscribe", {"events": sorted(self._subscribed)}, timeout))
            if restarted:
                self._events.append(Told("gap", 0, Gap(first=0, last=0)))

    def subscribe(self, *events: EventKind) -> None:
        self._subscribed.update(events)
        self.request("subscribe", events=events)

    def unsubscribe(self, *events: EventKind) -> None:
        self._subscribed.difference_update(events)
        self.request("unsubscribe", events=events)

    def events(self, quiet: float | None = None) -> Iterator[Told]:
        """Events as they come, until none came for `quiet` seconds; without it, for ever.

        A `gap` tells the numbers of events that were missed, zeros where the daemon was restarted. Raises
        BridgeUnreachable when the daemon is gone.
        """
        self._check_thread()
        heard = self._clock.monotonic()
        while True:
            while self._events:
                yield self._events.popleft()
                heard = self._clock.monotonic()
            silence = self._clock.monotonic() - heard
            if quiet is not None and silence >= quiet:
                return
            patience = PING_SECONDS if quiet is None else min(PING_SECONDS, quiet - silence)
            incoming = self._receive(self._clock.monotonic() + patience)
            if isinstance(incoming, Told):
                self._events.append(incoming)
            elif incoming is None and patience == PING_SECONDS:
                self.request("ping", timeout=CONNECT_SECONDS)

    def close(self) -> None:
        """Close the socket; what was not answered stays unanswered. Calling it again does nothing."""
        if not self._socket.closed:
            self._check_thread()
            self._socket.close()
            self._context.term()

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise BridgeError(reason="a client is used by the thread that made it; give each thread its own.")

    def _unreachable(self, reason: str) -> BridgeUnreachable:
        return BridgeUnreachable(path=self._image_path or path_of(self._endpoint), reason=reason)

    def __enter__(self) -> BridgeClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _accepted(reply: Reply | Refusal) -> Reply:
    if isinstance(reply, Refusal):
        raise refused(reply.code, reply.details, retry=reply.retry)
    return reply
