"""Needs: what a cycle asks of the outside, and the signal that suspends it until the answer is there.

A need is frozen JSON, made while the transaction is open and performed when none is. Its key is the hash of what is
asked and how often the same has been asked before in this cycle, so a replay finds the same answers in the same order.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import ormsgpack

NeedKind = Literal["inference", "learn", "observe", "program", "tool"]
Key = tuple[str, int]


def digest(kind: NeedKind, name: str, request: dict[str, Any]) -> str:
    """The hash of what is asked: SHA-256 (hex) of its canonical form. Raises `TypeError` for what is not JSON."""
    asked = [kind, name, request]
    try:
        canonical = ormsgpack.packb(asked, option=ormsgpack.OPT_SORT_KEYS)
    except ormsgpack.MsgpackEncodeError:  # half a surrogate pair, an integer of more than 64 bits: JSON has them
        canonical = json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(canonical).hexdigest()


@dataclass(frozen=True)
class Need:
    """`name` says what is to be done within the kind (`observe` `search`); `request` is JSON, `hash` its digest.

    `next_adapter` names the adapter that will be asked once this is answered, for backends that can make it ready.
    """

    kind: NeedKind
    name: str
    request: dict[str, Any]
    hash: str
    occurrence: int
    next_adapter: str | None = None

    @property
    def key(self) -> Key:
        return self.hash, self.occurrence


class Suspended(BaseException):
    """The cycle cannot go on before `needs` are performed. Not an `Exception`: no method may catch it by accident."""

    def __init__(self, needs: tuple[Need, ...]) -> None:
        super().__init__(f"waiting for {', '.join(f'{need.kind} {need.name}' for need in needs)}")
        self.needs = needs


class Pending(BaseException):
    """The cycle cannot go on before a person has decided. `pending` is JSON: reason, proposal or question."""

    def __init__(self, pending: dict[str, Any]) -> None:
        super().__init__(pending.get("reason", "waiting for a person"))
        self.pending = pending
