"""A client's half of the conversation: requests to bytes, bytes to replies and events.

Blocking and asynchronous clients share it; it knows neither sockets nor time-outs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from batos.bridge.kinds import REQUESTS
from batos.bridge.limits import Limits
from batos.bridge.messages import Body, Refusal, Reply
from batos.bridge.wire import complaint, envelope, pack, read_answer, refused, unpack
from batos.clock import Clock


@dataclass(frozen=True)
class Answered:
    """The reply to the request with the id `request`; None where the daemon could not read what it answers."""

    request: str | None
    reply: Reply | Refusal


@dataclass(frozen=True)
class Told:
    """An event. `seq` counts the events meant for this session, also those that a `gap` stands for."""

    kind: str
    seq: int
    body: Body


class Dialogue:
    """One session. Its name is a secret between this client and the daemon, so it is not to be guessed."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.session = uuid4().hex
        self._clock = clock
        self._limits = limits
        self._seq = 0

    def request(self, kind: str, body: Mapping[str, Any]) -> tuple[str, bytes]:
        """The id and the bytes of a new request. Raises BridgeRefused for what the daemon would not read anyway."""
        if kind not in REQUESTS:
            raise refused("unknown_kind", f"There is no request of the kind {kind!r}.")
        try:
            checked = REQUESTS[kind].body.model_validate(dict(body))
        except ValidationError as error:
            raise refused("bad_body", f"The body of {kind} cannot be sent: {complaint(error)}.") from error
        self._seq += 1
        content = checked.model_dump(mode="json")
        message = envelope(kind, content, session=self.session, seq=self._seq, now=self._clock.now())
        return message["id"], pack(message, self._limits)  # type: ignore[return-value]

    def read(self, payload: bytes) -> Answered | Told:
        """What the daemon sent. Raises BridgeRefused where this client cannot read it."""
        sent, body = read_answer(unpack(payload, self._limits))
        if isinstance(body, Reply | Refusal):
            return Answered(sent.parent.id if sent.parent else None, body)
        return Told(sent.kind, sent.seq, body)
