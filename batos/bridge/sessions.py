"""The events that wait for one client, numbered without holes, and what happens when the client does not take them.

A session belongs to a client, not to a connection: ZeroMQ gives a client a new identity whenever it reconnects, and
the events that waited meanwhile are then sent to the new one. Nothing here knows sockets or clocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from batos.bridge.kinds import Role
from batos.bridge.messages import EventKind, Gap, Header, Row


@dataclass(frozen=True)
class Waiting:
    """One event on its way; `parent` is the header of the request that subscribed to it."""

    seq: int
    kind: str
    body: Row
    parent: Header | None


class Session:
    """One client's subscriptions and its events, at most `limit` of them waiting.

    When there is one too many, the oldest is dropped and its number goes into a gap, which is told before the next
    event. So a client always knows what it missed.
    """

    def __init__(self, role: Role, name: str, limit: int) -> None:
        self.role = role
        self.name = name
        self.seq = 0
        self.peer: bytes = b""
        self.reachable = True
        self._limit = limit
        self._subscriptions: dict[EventKind, Header | None] = {}
        self._waiting: deque[Waiting] = deque()
        self._dropped: tuple[int, int] | None = None

    @property
    def events(self) -> tuple[EventKind, ...]:
        return tuple(sorted(self._subscriptions))

    def subscribe(self, kinds: Iterable[EventKind], parent: Header | None) -> None:
        self._subscriptions.update(dict.fromkeys(kinds, parent))

    def unsubscribe(self, kinds: Iterable[EventKind]) -> None:
        for kind in kinds:
            self._subscriptions.pop(kind, None)

    def push(self, kind: EventKind, body: Row) -> None:
        """File an event if the client asked for its kind."""
        if kind not in self._subscriptions:
            return
        self.seq += 1
        self._waiting.append(Waiting(self.seq, kind, body, self._subscriptions[kind]))
        while len(self._waiting) > self._limit:
            self._drop(self._waiting.popleft().seq)

    def _drop(self, seq: int) -> None:
        first = self._dropped[0] if self._dropped else seq
        self._dropped = (first, seq)

    def next(self) -> Waiting | None:
        """What is to be sent now, or None. It stays until `sent` is called."""
        if self._dropped is not None:
            first, last = self._dropped
            return Waiting(last, "gap", Gap(first=first, last=last).model_dump(mode="json"), None)
        return self._waiting[0] if self._waiting else None

    def sent(self) -> None:
        """What `next` gave was sent. To be called before anything else is pushed."""
        if self._dropped is not None:
            self._dropped = None
        else:
            self._waiting.popleft()

    def skip(self) -> None:
        """What `next` gave cannot be sent at all, for instance because it is too large: count it as dropped."""
        event = self._waiting.popleft()
        self._drop(event.seq)
