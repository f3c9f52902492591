"""Past changes of an object, read from the log."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import chain

from ZODB.TimeStamp import TimeStamp

from batos.image.image import Image
from batos.image.log import Load, LoggedTransaction, after
from batos.image.past import MISSING, Past, same, slots_in
from batos.image.undo import undo

__all__ = ["Change", "history", "undo"]

START = b"\0" * 8


@dataclass(frozen=True)
class Change:
    """One commit. `id` is its transaction id as hex; `time` is in seconds since the epoch; `slots` is what it wrote to
    the object that was asked about."""

    id: str
    time: float
    note: str
    mission: str | None
    slots: tuple[str, ...]


def history(image: Image, oid: bytes) -> list[Change]:
    """The changes of one object, and of the lists, dicts, sets and trees in its slots, newest first.

    Raises `UnknownObject`. It reads the whole log.
    """
    with image.reading() as world:
        world.object(oid)
    with closing(image.transactions_since(START)) as log:
        first = next(log)  # now the log is open, and what it lists the records opened after it can show
        with image.records() as load:
            follower = _Follower(load, oid)
            changes = [change for logged in chain([first], log) if (change := follower.read(logged)) is not None]
    return changes[::-1]


class _Follower:
    """Follows one object through the log, and the records that were part of its slots at the time."""

    def __init__(self, load: Load, oid: bytes) -> None:
        self._load = load
        self._oid = oid
        self._slot_of: dict[bytes, str] = {}

    def read(self, logged: LoggedTransaction) -> Change | None:
        """What the transaction did to the object, or None."""
        written = {record.oid for record in logged.records}
        own = self._oid in written
        if not own and not written & self._slot_of.keys():
            return None
        past, present = Past(self._load, logged.tid), Past(self._load, after(logged.tid))
        before, now = slots_in(past.record(self._oid)), slots_in(present.record(self._oid))
        touched = {self._slot_of[oid] for oid in written & self._slot_of.keys()}
        self._slot_of = {oid: name for name, value in now.items() for oid in present.parts(value)}
        touched |= {self._slot_of[oid] for oid in written & self._slot_of.keys()}
        names = dict.fromkeys([*now, *before])
        changed = [
            name for name in names if name in touched or not same(before.get(name, MISSING), now.get(name, MISSING))
        ]
        time = TimeStamp(logged.tid).timeTime()
        mission = logged.info.get("mission")
        return Change(
            logged.tid.hex(), time, logged.note, mission if isinstance(mission, str) else None, tuple(changed)
        )
