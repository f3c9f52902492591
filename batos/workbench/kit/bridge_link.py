"""The workbench's end of the bridge: one DEALER socket, one task that reads it, requests that are awaited.

The link lives in the event loop that also draws the window, so the socket is used from one thread by construction.
It looks at envelopes only; what a body means is the panel's business, so that a message kind which is younger than
this module needs no change here.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import ormsgpack
import zmq
import zmq.asyncio
from pydantic import ValidationError

from batos.bridge.messages import Envelope
from batos.errors import BridgeError, BridgeRefused

CLIENT = "workbench"
MAX_BYTES = 1 << 20  # what the daemon takes; more would be dropped in silence
HELLO_SECONDS = 3.0
REPLY_SECONDS = 45.0  # longer than the daemon lets a question wait
RETRY_SECONDS = 2.0

Told = Callable[[bool, str], None]
"""Called with whether a daemon answers, and a few words for people."""


@dataclass(frozen=True)
class LinkReply:
    """An accepted request: a sentence, and the data in the shape that the message's document promises."""

    details: str
    results: list[Any]


class BridgeLink:
    """A session with the daemon. Open it inside the loop that runs the window and close it there."""

    def __init__(self, endpoint: str, told: Told = lambda connected, words: None) -> None:
        self.endpoint = endpoint
        self.instance: str | None = None
        self._told = told
        self._role = CLIENT
        self._session = uuid4().hex
        self._numbers = itertools.count(1)
        self._pending: dict[str, asyncio.Future[Envelope]] = {}
        self._context: zmq.asyncio.Context | None = None
        self._socket: zmq.asyncio.Socket | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._greeted = asyncio.Event()

    def open(self) -> None:
        """Connect, and go on saying hello until a daemon answers."""
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, 4 * MAX_BYTES)
        self._socket.connect(self.endpoint)
        self._tasks = [asyncio.create_task(self._read(self._socket)), asyncio.create_task(self._greet())]

    async def close(self) -> None:
        """Give everything back. Requests that are still open end as cancelled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for future in self._pending.values():
            future.cancel()
        if self._socket is not None and self._context is not None:
            self._socket.close(linger=0)
            self._context.destroy(linger=0)
        self._tasks, self._socket, self._context = [], None, None

    async def request(self, kind: str, body: Mapping[str, Any], seconds: float = REPLY_SECONDS) -> LinkReply:
        """Send one message and wait for its reply.

        Raises BridgeRefused with the daemon's sentence, BridgeError where no answer came within `seconds`.
        """
        try:
            await asyncio.wait_for(self._greeted.wait(), HELLO_SECONDS)
        except TimeoutError:
            raise BridgeError(reason="no daemon answers; the window goes on trying to reach it.") from None
        try:
            return await self._exchange(kind, body, seconds)
        except BridgeRefused as refusal:
            if refusal.facts["code"] != "hello_first":  # a daemon that was started again knows no session
                raise
        await self._hello()
        return await self._exchange(kind, body, seconds)

    async def _exchange(self, kind: str, body: Mapping[str, Any], seconds: float) -> LinkReply:
        if self._socket is None:
            raise BridgeError(reason="the link to the daemon is closed.")
        identifier = uuid4().hex
        payload = ormsgpack.packb({
            "v": 1, "kind": kind, "id": identifier, "parent": None, "session": self._session,
            "seq": next(self._numbers), "ts": time.time(), "body": dict(body),
        })  # fmt: skip
        if len(payload) > MAX_BYTES:
            raise BridgeError(reason=f"the message has {len(payload)} bytes; at most {MAX_BYTES} can be sent.")
        future: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
        self._pending[identifier] = future
        try:
            await self._socket.send(payload)
            reply = await asyncio.wait_for(future, seconds)
        except TimeoutError:
            self._told(False, "no daemon answers")
            raise BridgeError(reason=f"no answer within {seconds:.0f} seconds.") from None
        finally:
            self._pending.pop(identifier, None)
        self._told(True, f"connected as {self._role}")
        return _reply(reply)

    async def _greet(self) -> None:
        while not self._greeted.is_set():
            try:
                await self._hello()
            except BridgeError:
                self._told(False, "no daemon answers")
                await asyncio.sleep(RETRY_SECONDS)

    async def _hello(self) -> None:
        reply = await self._exchange("hello", {"client": CLIENT}, HELLO_SECONDS)
        welcome = reply.results[0] if reply.results and isinstance(reply.results[0], dict) else {}
        self.instance = str(welcome.get("instance", ""))
        self._role = str(welcome.get("role", CLIENT))
        self._greeted.set()
        self._told(True, f"connected as {self._role}")

    async def _read(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            frames = await socket.recv_multipart()
            envelope = _envelope(frames)
            if envelope is None or envelope.parent is None:
                continue
            future = self._pending.get(envelope.parent.id)
            if future is not None and not future.done():
                future.set_result(envelope)


def _envelope(frames: list[bytes]) -> Envelope | None:
    """The message in these frames; None for what is none."""
    if len(frames) != 1:
        return None
    try:
        return Envelope.model_validate(ormsgpack.unpackb(frames[0]))
    except (ValueError, ValidationError):
        return None


def _reply(envelope: Envelope) -> LinkReply:
    body = envelope.body
    details, results = str(body.get("details") or ""), body.get("results")
    if body.get("status") != "OK":
        raise BridgeRefused(code=str(body.get("code", "failed")), reason=details, retry=body.get("retry") is True)
    return LinkReply(details, results if isinstance(results, list) else [])
