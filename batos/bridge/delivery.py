"""Sending what waits for clients, without ever waiting for one of them.

ZeroMQ says "try again" both for a slow client and for a burst that it has not passed on yet, so what could not be
sent is simply tried again a little later. Used by the bridge's thread alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Literal

import zmq
import zmq.asyncio

from batos.bridge.clients import Clients, Peer
from batos.bridge.kinds import Role
from batos.bridge.limits import Limits
from batos.bridge.messages import Refusal, Reply
from batos.bridge.sessions import Session
from batos.bridge.wire import Origin, answer, envelope, pack, refusal_of
from batos.clock import Clock
from batos.errors import BridgeRefused

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.02

Outcome = Literal["sent", "later", "gone"]


class Delivery:
    """Replies and events on their way out through `sockets`."""

    def __init__(
        self, sockets: Mapping[Role, zmq.asyncio.Socket], clients: Clients, instance: str, clock: Clock, limits: Limits
    ) -> None:
        self._sockets = sockets
        self._clients = clients
        self._instance = instance
        self._clock = clock
        self._limits = limits
        self._waiting = asyncio.Event()

    def wake(self) -> None:
        """Something may be sent now: a reply, an event, or a client that is back."""
        self._waiting.set()

    def reply(self, peer: Peer, origin: Origin, reply: Reply | Refusal, *, ends_request: bool = False) -> None:
        """File an answer; one that cannot be sent becomes a refusal that says so."""
        try:
            payload = self._pack_answer(origin, reply)
        except BridgeRefused as refusal:
            payload = self._pack_answer(origin, refusal_of(refusal))
        peer.post(payload, ends_request=ends_request, limit=self._limits.events_waiting)
        self.wake()

    def _pack_answer(self, origin: Origin, reply: Reply | Refusal) -> bytes:
        return pack(answer(origin, reply, session=self._instance, now=self._clock.now()), self._limits)

    async def run(self) -> None:
        """Send as things come; ends by being cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            if await self.send_waiting():
                loop.call_later(RETRY_SECONDS, self.wake)

    async def send_waiting(self) -> bool:
        """Send all that can be sent now; whether something is left that may be taken later."""
        outcomes = [await self._send_replies(peer) for peer in self._clients.peers]
        outcomes += [await self._send_events(session) for session in self._clients.sessions]
        return "later" in outcomes

    async def _send_replies(self, peer: Peer) -> Outcome:
        while peer.outbox:
            payload, _ = peer.outbox[0]
            if await self._send(peer.role, peer.identity, payload) == "later":
                return "later"
            peer.drop_first()
        return "sent"

    async def _send_events(self, session: Session) -> Outcome:
        while session.reachable and (event := session.next()) is not None:
            message = envelope(
                event.kind,
                event.body,
                session=session.name,
                seq=event.seq,
                now=self._clock.now(),
                parent=event.parent,
            )
            try:
                payload = pack(message, self._limits)
            except BridgeRefused as refusal:
                log.warning("An event %s was not sent: %s", event.kind, refusal)
                session.skip()
                continue
            outcome = await self._send(session.role, session.peer, payload)
            if outcome == "sent":
                session.sent()
            elif outcome == "gone":
                session.reachable = False
            else:
                return outcome
        return "sent"

    async def _send(self, role: Role, identity: bytes, payload: bytes) -> Outcome:
        """Hand one message to ZeroMQ. Never suspends: with DONTWAIT the future is done when it is returned."""
        try:
            await self._sockets[role].send_multipart([identity, payload], flags=zmq.DONTWAIT)
        except zmq.Again:
            return "later"
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return "gone"
        return "sent"
