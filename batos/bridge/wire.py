"""Bytes to messages and back: both ends of the bridge read and write through these functions.

Whatever arrives is hostile until it was read here: size, nesting, version, envelope, kind, role and body are checked
in this order, and every check that fails raises BridgeRefused with the code and the sentence that the client gets.
Nothing here knows sockets, threads or handlers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import ormsgpack
from pydantic import ValidationError

from batos.bridge.kinds import FOUNDING_COMMANDS, KINDS, REQUESTS, Role
from batos.bridge.limits import Limits
from batos.bridge.messages import VERSION, Body, Envelope, Header, Refusal, RefusalCode, Reply, Row
from batos.errors import BridgeRefused


@dataclass(frozen=True)
class Origin:
    """Who is answered and how: version 0 by a bare map, version 1 by an envelope whose parent is `header`."""

    version: Literal[0, 1] = VERSION
    header: Header | None = None


UNREADABLE = Origin()


@dataclass(frozen=True)
class Request:
    origin: Origin
    kind: str
    body: Body


def refused(code: RefusalCode, reason: str, *, retry: bool = False) -> BridgeRefused:
    """The error for a request that is not carried out; `code` is one of the codes of `Refusal`."""
    return BridgeRefused(code=code, reason=reason, retry=retry)


def refusal_of(error: BridgeRefused) -> Refusal:
    return Refusal(details=error.facts["reason"], code=error.facts["code"], retry=error.facts["retry"])


# Bytes


def pack(message: Row, limits: Limits) -> bytes:
    """The bytes of one message. Raises BridgeRefused where it is too large or holds what msgpack cannot say."""
    try:
        payload = ormsgpack.packb(message)
    except TypeError as error:
        raise refused("unreadable", f"The message holds a value that cannot be sent: {error}.") from error
    if len(payload) > limits.max_bytes:
        raise refused("too_large", f"The message has {len(payload)} bytes; at most {limits.max_bytes} are sent.")
    return payload


def unpack(payload: bytes, limits: Limits) -> Row:
    """The map in these bytes. Raises BridgeRefused for anything else."""
    if len(payload) > limits.max_bytes:
        raise refused("too_large", f"The message has {len(payload)} bytes; at most {limits.max_bytes} are read.")
    try:
        message = ormsgpack.unpackb(payload)
    except ValueError as error:
        raise refused("unreadable", f"The bytes are not one msgpack message: {error}.") from error
    if not isinstance(message, dict):
        raise refused("unreadable", "A message is a map with names as keys.")
    if deeper_than(message, limits.max_depth):
        raise refused("too_deep", f"The message is nested deeper than {limits.max_depth} levels.")
    return message


def deeper_than(value: Any, limit: int) -> bool:
    """Whether maps and lists are nested in `value` more than `limit` levels. Needs no recursion of its own."""
    level = [value]
    for _ in range(limit + 1):
        level = [item for container in level for item in _inside(container)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


# Requests


def read_origin(message: Row) -> Origin:
    """Who sent this and in which version. A bare map with `command` and no envelope is version 0."""
    if "command" in message and "v" not in message:
        return Origin(version=0)
    if message.get("v") != VERSION:
        raise refused("bad_version", f"This daemon speaks version {VERSION}, not {message.get('v')!r:.40}.")
    try:
        header = {name: message[name] for name in Header.model_fields if name in message}
        return Origin(header=Header.model_validate(header))
    except ValidationError as error:
        raise refused("unreadable", f"The envelope cannot be read: {complaint(error)}.") from error


def read_request(message: Row, origin: Origin, role: Role) -> Request:
    """The request in `message`, checked against the table of kinds and the rights of `role`."""
    kind, body = _founding(message) if origin.version == 0 else _enveloped(message)
    if kind not in REQUESTS:
        raise refused("unknown_kind", f"There is no request of the kind {kind!r:.80}.")
    if role not in KINDS[kind].roles:
        raise refused("not_permitted", f"The role {role} may not send {kind}.")
    try:
        return Request(origin, kind, KINDS[kind].body.model_validate(body))
    except ValidationError as error:
        raise refused("bad_body", f"The body of {kind} cannot be read: {complaint(error)}.") from error


def _founding(message: Row) -> tuple[str, Row]:
    kind = message["command"]
    if not isinstance(kind, str) or kind not in FOUNDING_COMMANDS:
        known = ", ".join(sorted(FOUNDING_COMMANDS))
        raise refused("unknown_kind", f"Without an envelope only these commands are read: {known}.")
    return kind, {name: value for name, value in message.items() if name != "command"}


def _enveloped(message: Row) -> tuple[str, Row]:
    try:
        envelope = Envelope.model_validate(message)
    except ValidationError as error:
        raise refused("unreadable", f"The envelope cannot be read: {complaint(error)}.") from error
    return envelope.kind, envelope.body


def complaint(error: ValidationError) -> str:
    """The first three things that are wrong, each with its place."""
    entries = error.errors(include_url=False, include_input=False, include_context=False)[:3]
    return "; ".join(f"{'.'.join(str(part) for part in entry['loc'])[:80]}: {entry['msg']}" for entry in entries)


# Replies and events


def answer(origin: Origin, reply: Reply | Refusal, *, session: str, now: float) -> Row:
    """The map that answers a request, in the version it was sent in."""
    body = reply.model_dump(mode="json")
    if origin.version == 0:
        return body
    header = origin.header
    if header is None:
        return envelope("error", body, session=session, seq=0, now=now)
    kind = header.kind if header.kind in REQUESTS else "error"
    return envelope(kind, body, session=header.session, seq=header.seq, now=now, parent=header)


def envelope(kind: str, body: Row, *, session: str, seq: int, now: float, parent: Header | None = None) -> Row:
    """The map of one message with a new id. `now`: seconds since the Unix epoch."""
    message = Envelope(kind=kind, id=uuid4().hex, session=session, seq=seq, ts=now, parent=parent, body=body)
    return message.model_dump(mode="json")


def read_answer(message: Row) -> tuple[Envelope, Reply | Refusal | Body]:
    """What the daemon sent: a reply or refusal where `parent` names a request, else an event.

    Raises BridgeRefused where it is neither; a client treats that as a daemon of another version.
    """
    try:
        envelope = Envelope.model_validate(message)
        kind = KINDS.get(envelope.kind)
        if kind is None:
            raise refused("unknown_kind", f"The daemon sent a message of the unknown kind {envelope.kind!r:.80}.")
        if kind.reply is None:
            return envelope, kind.body.model_validate(envelope.body)
        model = Refusal if envelope.body.get("status") == "ERROR" else kind.reply
        return envelope, model.model_validate(envelope.body)
    except ValidationError as error:
        raise refused("unreadable", f"The daemon's message cannot be read: {complaint(error)}.") from error
