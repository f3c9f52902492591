"""Missions as plain values: what is asked, how it stands, what a worker is handed.

Everything here is frozen and holds JSON only, so it may travel between threads, processes and transactions. Objects in
`args` and `kwargs` are frozen references (`{"$object": ...}`), made by whoever writes the brief.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ormsgpack import OPT_PASSTHROUGH_DATACLASS, OPT_PASSTHROUGH_DATETIME, OPT_PASSTHROUGH_UUID, packb
from pydantic_core import from_json, to_json

JSON: TypeAlias = Any
State = Literal["queued", "running", "waiting", "done", "failed", "dead"]
EndState = Literal["done", "failed", "dead"]
Awaited = Literal["needs", "missions", "person"]
NeedKey: TypeAlias = tuple[str, int]  # the hash of a need's request, and how many equal ones came before it

PLAIN = OPT_PASSTHROUGH_DATACLASS | OPT_PASSTHROUGH_DATETIME | OPT_PASSTHROUGH_UUID

_compact = json.JSONEncoder(separators=(",", ":")).encode


def to_text(value: JSON) -> str:
    """JSON in ASCII, which holds whatever a model may answer: NUL, lone surrogates, NaN. Raises `TypeError` for a
    set, a date and the like, which would be read back as something else."""
    # pydantic's writer takes a quarter of the time, but knows no lone surrogates, and writes down more than JSON is;
    # that alone is why it is packed first, which takes a fifth of that.
    with suppress(TypeError, ValueError):
        packb(value, option=PLAIN)
        written = to_json(value, inf_nan_mode="constants")
        if written.isascii():
            return written.decode("ascii")
    return _compact(value)


def from_text(written: str | None) -> JSON:
    if written is None:
        return None
    try:
        return from_json(written)
    except ValueError:  # lone surrogates again
        return json.loads(written)


@dataclass(frozen=True, slots=True)
class Brief:
    """What a mission is to do. `target` is an oid as 16 hex digits; `extra` is for the mission's type alone."""

    type: str
    target: str
    selector: str
    args: tuple[JSON, ...] = ()
    kwargs: Mapping[str, JSON] = field(default_factory=dict)
    contract: JSON = None
    extra: Mapping[str, JSON] = field(default_factory=dict)

    def details(self) -> str:
        """All but type, target and selector, which have columns of their own."""
        return to_text([self.args, self.kwargs, self.contract, self.extra])

    @staticmethod
    def read(kind: str, target: str, selector: str, details: str) -> Brief:
        args, kwargs, contract, extra = from_text(details)
        return Brief(kind, target, selector, tuple(args), kwargs, contract, extra)


@dataclass(frozen=True, slots=True)
class Mission:
    """A mission as it stood when it was read. Times are Unix seconds.

    `leases_lost` counts the workers that took it since its last answer and were not heard of again. `deadline` is
    when its present wait ends; on a mission that is queued or running it means that its last wait ended that way,
    without an answer. `pending` is what a person is asked. `outcome` is there once it has ended.
    """

    id: str
    brief: Brief
    state: State
    parent: str | None
    priority: int
    run_at: float
    created_at: float
    changed_at: float
    leases_lost: int
    worker: str | None
    waiting_for: Awaited | None
    deadline: float | None
    pending: JSON
    outcome: JSON

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "dead")

    @property
    def overdue(self) -> bool:
        """Whether it is back in the queue because its wait ran out."""
        return self.deadline is not None and self.state in ("queued", "running")


@dataclass(frozen=True, slots=True)
class Leased:
    """A mission that one worker may run until `until`. The token is the proof, asked for by every write.

    `answers` are all that its journal holds, as text, where the worker has just recorded them; None: look there.
    `affordable_at` is when all who pay for it were last seen to have something left, by the monotonic clock.
    """

    mission: Mission
    token: str
    until: float
    answers: Mapping[NeedKey, str] | None = None
    affordable_at: float | None = None


@dataclass(frozen=True, slots=True)
class Filed:
    """The open learn that a mission now waits for; with `circle`, the one it may not wait for.

    `circle` lists mission ids: each waits for the next, the last for the first.
    """

    mission_id: str
    state: State
    circle: tuple[str, ...] | None = None


COLUMNS = (
    "id, type, target, selector, brief, state, parent, priority, run_at, created_at, changed_at, leases_lost, worker, "
    "waiting_for, deadline, pending, outcome"
)


def mission_of(row: tuple[Any, ...]) -> Mission:
    """A mission from a row of `COLUMNS`."""
    identity, kind, target, selector, details, *standing = row
    standing[-2:] = map(from_text, standing[-2:])
    return Mission(identity, Brief.read(kind, target, selector, details), *standing)


def brief_json(brief: Brief) -> dict[str, Any]:
    """The brief as the cycle and the receipt hold it."""
    return {
        "type": brief.type,
        "target": brief.target,
        "selector": brief.selector,
        "args": list(brief.args),
        "kwargs": dict(brief.kwargs),
        "contract": brief.contract,
        "extra": dict(brief.extra),
    }
