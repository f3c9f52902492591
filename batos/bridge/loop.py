"""The part of the bridge that lives in its event loop: it reads every message and sees to its answer.

All of it runs in the one thread that `BridgeServer` starts, and no socket is touched from any other. Requests that
need the system run on a small pool of threads, so that none of them holds up the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeGuard

import zmq
import zmq.asyncio

from batos.bridge.clients import Clients, Peer
from batos.bridge.delivery import Delivery
from batos.bridge.events import TRANSLATIONS, translated
from batos.bridge.handlers import System, as_refusal, handle
from batos.bridge.kinds import Role, permitted
from batos.bridge.limits import Limits
from batos.bridge.messages import (
    EventKind,
    Events,
    Hello,
    MissionReply,
    Nothing,
    OneMission,
    Patient,
    Refusal,
    Reply,
    Row,
    StateUpdate,
    Subscribed,
    Subscription,
    Welcome,
    Welcomed,
)
from batos.bridge.rundir import endpoint_of
from batos.bridge.sessions import Session
from batos.bridge.wire import UNREADABLE, Request, read_origin, read_request, refusal_of, refused, unpack
from batos.clock import Clock
from batos.errors import BridgeRefused

log = logging.getLogger(__name__)

STATE_SECONDS = 0.2  # at least, between two `uvm_state_update`
LINGER_MILLISECONDS = 500  # for the last replies when the bridge closes
STOPPING = Refusal(details="The daemon is ending. Ask again when it runs.", code="stopping", retry=True)


class BridgeLoop:
    """`serve` runs until `stop` was called, which may be done from any thread."""

    def __init__(
        self, system: System, instance: str, clock: Clock, limits: Limits, on_shutdown: Callable[[], None]
    ) -> None:
        self._system = system
        self._instance = instance
        self._clock = clock
        self._limits = limits
        self._on_shutdown = on_shutdown
        self._clients = Clients(limits)
        self._sockets: dict[Role, zmq.asyncio.Socket] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._wanted: frozenset[str] = frozenset()  # kinds of events that somebody has subscribed to

    # Life

    async def serve(self, paths: Mapping[Role, Path], bound: Callable[[], None]) -> None:
        """Bind every role's socket, call `bound`, and answer until stopped."""
        self._loop = asyncio.get_running_loop()
        self._stopping, self._changed = asyncio.Event(), asyncio.Event()
        self._pool = ThreadPoolExecutor(self._limits.threads, thread_name_prefix="batos-bridge-handler")
        self._delivery = Delivery(self._sockets, self._clients, self._instance, self._clock, self._limits)
        context = zmq.asyncio.Context()
        unsubscribe: list[Callable[[], None]] = []
        try:
            for role, path in paths.items():
                self._sockets[role] = _bind(context, path, self._limits)
            unsubscribe += [self._system.subscribe(kind, self.tell) for kind in TRANSLATIONS]
            bound()
            await self._until_stopped()
        finally:
            for stop_telling in unsubscribe:
                stop_telling()
            await self._finish()
            context.destroy(linger=LINGER_MILLISECONDS)

    async def _until_stopped(self) -> None:
        endless = [asyncio.create_task(self._receive(role)) for role in self._sockets]
        endless += [asyncio.create_task(self._delivery.run()), asyncio.create_task(self._tell_state())]
        stopping = asyncio.create_task(self._stopping.wait())
        done, pending = await asyncio.wait({stopping, *endless}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done - {stopping}:
            task.result()  # raises what ended it

    async def _finish(self) -> None:
        """Answer what is still open, and send what can be sent."""
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
        await self._delivery.send_waiting()

    def stop(self) -> None:
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._stopping.set)

    # Requests

    async def _receive(self, role: Role) -> None:
        while True:
            identity, *frames = await self._sockets[role].recv_multipart()
            self._take(self._clients.peer(role, identity, self._clock.monotonic()), frames)
            await asyncio.sleep(0)  # a client that never pauses must not keep the others waiting

    def _take(self, peer: Peer, frames: list[bytes]) -> None:
        """Answer one message, or set the work on it going."""
        origin = UNREADABLE
        in_time = peer.bucket.take(self._clock.monotonic())
        reply: Reply | Refusal | None
        try:
            if len(frames) != 1:
                raise refused("unreadable", f"A message is one frame; {len(frames)} came.")
            message = unpack(frames[0], self._limits)
            origin = read_origin(message)
            if not in_time:
                raise refused("too_fast", "Too many requests; pause and ask again.", retry=True)
            request = read_request(message, origin, peer.role)
            reply = self._at_once(self._session(peer, request), request)
            if reply is None:
                self._begin(peer, request)
        except BridgeRefused as refusal:
            reply = refusal_of(refusal)
        except Exception as error:
            reply = as_refusal("The message", error)
        if reply is not None:
            self._delivery.reply(peer, origin, reply)

    def _session(self, peer: Peer, request: Request) -> Session | None:
        """The session of the request, from now on at this connection; version 0 has none."""
        header = request.origin.header
        if header is None:
            return None
        session = self._clients.session(peer, header.session, open_new=request.kind == "hello")
        if session is None:
            raise refused("hello_first", "This daemon does not know the session; say hello first.", retry=True)
        self._delivery.wake()
        return session

    def _at_once(self, session: Session | None, request: Request) -> Reply | None:
        """The reply to what the loop answers itself; None for what the system is asked."""
        match request.kind, request.body:
            case "hello", Hello(client=client) if session is not None:
                log.info("Client %r said hello as %s.", client, session.role)
                return self._welcome(session.role)
            case "ping", Nothing():
                return Reply(details="Awake.")
            case "subscribe", Events(events=kinds) if session is not None:
                session.subscribe(kinds, request.origin.header)
                self._wanted |= set(kinds)
                return _subscribed(session)
            case "unsubscribe", Events(events=kinds) if session is not None:
                session.unsubscribe(kinds)
                self._wanted = frozenset(kind for other in self._clients.sessions for kind in other.events)
                return _subscribed(session)
            case "shutdown", Nothing():
                self._loop.call_soon(self._on_shutdown)
                return Reply(details="The daemon is ending.")
        return None

    def _welcome(self, role: Role) -> Welcomed:
        welcome = Welcome(
            instance=self._instance, role=role, kinds=permitted(role), versions=(0, 1), max_bytes=self._limits.max_bytes
        )
        return Welcomed(details="Welcome.", results=(welcome,))

    # Work for the system

    def _begin(self, peer: Peer, request: Request) -> None:
        if peer.in_flight >= self._limits.in_flight:
            raise refused("busy", f"{peer.in_flight} of your requests are not answered yet; wait for one.", retry=True)
        peer.in_flight += 1
        task = asyncio.create_task(self._carry_out(peer, request))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _carry_out(self, peer: Peer, request: Request) -> None:
        try:
            reply = await self._ask_system(request.kind, request.body)
            if isinstance(request.body, Patient) and request.body.wait and _is_open(reply):
                reply = await self._settled(reply.results[0].mission, request.body.wait)
        except asyncio.CancelledError:
            reply = STOPPING
        self._delivery.reply(peer, request.origin, reply, ends_request=True)

    async def _ask_system(self, kind: str, body: Any) -> Reply | Refusal:
        return await self._loop.run_in_executor(self._pool, handle, self._system, kind, body)

    async def _settled(self, mission: str, seconds: float) -> Reply | Refusal:
        """How the mission stands once it has settled or asks a person, or after so many seconds. No thread waits."""
        moved = asyncio.Event()
        watchers = self._watchers.setdefault(mission, set())
        watchers.add(moved)
        status = OneMission(mission=mission)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while _is_open(await self._ask_system("mission_status", status)):
                        await moved.wait()
                        moved.clear()
            return await self._ask_system("mission_status", status)
        finally:
            watchers.discard(moved)
            if not watchers:
                self._watchers.pop(mission, None)

    # Events

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take an event of the runtime, from any thread. Of needs there are many, and few who want to hear of them."""
        if event["kind"] == "need" and "need_moved" not in self._wanted:
            return
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._event, dict(event))

    def _event(self, event: dict[str, Any]) -> None:
        try:
            kind, body = translated(event)
        except (KeyError, ValueError, TypeError):
            log.exception("An event could not be told: %r", event)
            return
        self._push(kind, body.model_dump(mode="json"))
        if kind == "mission_moved":
            for moved in self._watchers.get(str(event["id"]), ()):
                moved.set()
        if kind in ("change", "mission_moved"):
            self._changed.set()

    def _push(self, kind: EventKind, body: Row) -> None:
        for session in self._clients.sessions:
            session.push(kind, body)
        self._delivery.wake()

    async def _tell_state(self) -> None:
        """Send the whole state after changes, to those who asked for it."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if any("uvm_state_update" in session.events for session in self._clients.sessions):
                reply = await self._ask_system("get_full_state", Nothing())
                if isinstance(reply, Reply):
                    self._push("uvm_state_update", StateUpdate(state=reply.results[0]).model_dump(mode="json"))
                await asyncio.sleep(STATE_SECONDS)


def _bind(context: zmq.asyncio.Context, path: Path, limits: Limits) -> zmq.asyncio.Socket:
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.SNDHWM, 100)
    # ZeroMQ drops a connection without a word above this; what is only somewhat too large gets a reply.
    socket.setsockopt(zmq.MAXMSGSIZE, 2 * limits.max_bytes)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 5_000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15_000)
    socket.bind(endpoint_of(path))
    path.chmod(0o600)
    return socket


def _is_open(reply: Reply | Refusal) -> TypeGuard[MissionReply]:
    return isinstance(reply, MissionReply) and not reply.results[0].settled and reply.results[0].pending is None


def _subscribed(session: Session) -> Subscribed:
    standing = Subscription(events=session.events, seq=session.seq)
    return Subscribed(details="Subscribed.", results=(standing,))
