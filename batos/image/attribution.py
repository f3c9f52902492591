"""Whose a change is: what each transaction of the log wrote to which slots of which objects.

The lists, dicts, sets, trees, counters and blobs in an object's slots are records of their own, but belong to its
history. So the index keeps who holds whom, and follows each written part up to the slots that it is in, by what held it
before the transaction and by what holds it after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from batos.image.changes import ChangeIndex, Held, Written, number_of
from batos.image.image import Image
from batos.image.loading import LIST, MAPPING, MEMORY, OBJECT, TREES, Kind, Record, Reference
from batos.image.log import Load, LoggedTransaction
from batos.image.past import LEAVES, MISSING, PARTS, items_in, same, slots_in

OBJECTS = frozenset({OBJECT, *MEMORY})
HOLDERS = frozenset({LIST, MAPPING, *TREES, *LEAVES})  # parts that may hold parts
REMEMBERED = 2_000  # objects whose last record is kept at hand


@dataclass(frozen=True)
class _Taken:
    written: Written
    records: tuple[tuple[bytes, Kind, Record | None], ...]


class Attribution:
    """The `Intake` of the index of changes."""

    def __init__(self, image: Image, index: ChangeIndex) -> None:
        self._image = image
        self._index = index
        self._waiting: list[_Taken] = []
        self._last: dict[bytes, Record] = {}

    def take(self, logged: LoggedTransaction) -> int:
        records = tuple(
            (record.oid, record.kind, record.load() if record.kind in OBJECTS | HOLDERS else None)
            for record in logged.records
        )
        mission = logged.info.get("mission")
        oids = tuple(oid for oid, _, _ in records)
        written = Written(logged.tid, logged.note, mission if isinstance(mission, str) else None, oids)
        self._waiting.append(_Taken(written, records))
        return len(records) + 1

    def write(self) -> None:
        waiting, self._waiting = self._waiting, []
        with self._image.records() as load:
            for taken in waiting:
                self._index.add(taken.written, self._changes(taken, load))

    def _changes(self, taken: _Taken, load: Load) -> Iterator[tuple[bytes, list[str]]]:
        """(object, slots) that the transaction changed."""
        touched = self._parts(taken)
        for oid, kind, record in taken.records:
            if kind in OBJECTS and record is not None:
                before = slots_in(self._before(oid, taken.written.tid, load))
                yield oid, _differing(before, slots_in(record), touched.pop(oid, set()))
                self._remember(oid, record)
        for oid, slots in touched.items():
            yield oid, sorted(slots)

    def _parts(self, taken: _Taken) -> dict[bytes, set[str]]:
        """The slots whose parts were written, by object; and note who holds whom from now on."""
        parts = [oid for oid, kind, _ in taken.records if kind in PARTS]
        owners = [owner for part in parts for owner in self._index.owners(part)]
        for oid, kind, record in taken.records:
            if record is not None:
                self._index.hold(oid, _held(kind, record))
        owners += [owner for part in parts for owner in self._index.owners(part)]
        touched = defaultdict(set)
        for oid, slot in owners:
            touched[oid].add(slot)
        return touched

    def _before(self, oid: bytes, tid: bytes, load: Load) -> Record | None:
        """The object as the transaction found it."""
        if oid in self._last:
            return self._last[oid]
        if not self._index.is_known(oid):
            return None
        found = load(oid, tid)
        return found[0] if found is not None else None

    def _remember(self, oid: bytes, record: Record) -> None:
        if len(self._last) >= REMEMBERED:
            self._last.clear()
        self._last[oid] = record


def _differing(before: dict[str, Any], now: dict[str, Any], touched: set[str]) -> list[str]:
    """In slot order, the slots that differ or whose parts were written."""
    names = dict.fromkeys([*now, *before])
    return [name for name in names if name in touched or not same(before.get(name, MISSING), now.get(name, MISSING))]


def _held(kind: Kind, record: Record) -> set[Held]:
    if kind in OBJECTS:
        return {(part, name) for name, value in slots_in(record).items() for part in _parts_in(value)}
    if kind in (LIST, MAPPING):
        return {(part, "") for part in _parts_in(record.state["data"])}
    nodes = record.state[0][::2] if kind in TREES and record.state is not None and len(record.state) > 1 else ()
    values = [value for _, value in items_in(record)]
    return {(part, "") for part in (*_parts_in(list(nodes)), *_parts_in(values))}


def _parts_in(value: Any) -> Iterator[int]:
    """The ids of the parts that a value refers to itself; what those refer to is theirs."""
    if isinstance(value, Reference):
        if value.kind in PARTS:
            yield number_of(value.oid)
    elif isinstance(value, dict):
        yield from _parts_in(list(value.values()))
    elif isinstance(value, list | tuple | frozenset):
        for item in value:
            yield from _parts_in(item)
