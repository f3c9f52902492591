"""Past changes: listing those of an object, and undoing one.

Undo is a new change that puts back, slot by slot, what the change wrote, where the slot still holds it. The storage's
own undo cannot serve: it refuses a transaction as soon as any record it touched was changed later. Receipts and
proposals take no part: what a mission did stays told, also after it was undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ZODB.TimeStamp import TimeStamp

from batos.errors import UndoRefused, UnknownChange
from batos.image.image import Image
from batos.image.loading import Record, Reference
from batos.image.log import LoggedTransaction
from batos.image.world import World
from batos.objects.uvm_object import UvmObject, label, put, remove, state

OBJECT = ("batos.objects.uvm_object", "UvmObject")
MEMORY = {("batos.memory.records", "Document"), ("batos.memory.records", "MemoryChunk")}
CONTAINERS = {("persistent.list", "PersistentList"), ("persistent.mapping", "PersistentMapping")}
MISSING = object()


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
    """The changes of one object and of the lists and dicts it holds, newest first."""
    with image.reading() as world:
        obj = world.object(oid)
        oids = {oid, *(value._p_oid for value in state(obj).values() if _is_container(value))}
    changes = []
    for logged in image.transactions_since(b"\0" * 8):
        touched = [record.oid for record in logged.records if record.oid in oids]
        if touched:
            changes.append((logged.tid, logged.note, logged.info))
    with image.records() as load:
        return [
            Change(tid.hex(), TimeStamp(tid).timeTime(), note, info.get("mission"), _written(load, oid, tid))
            for tid, note, info in reversed(changes)
        ]


def _is_container(value: Any) -> bool:
    return (type(value).__module__, type(value).__name__) in CONTAINERS and value._p_oid is not None


Load = Callable[[bytes, bytes | None], tuple[Record, bytes] | None]


def _versions(load: Load, oid: bytes, tid: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The slots of an object before and after the transaction `tid`."""
    after = (int.from_bytes(tid, "big") + 1).to_bytes(8, "big")
    return _slots(load(oid, tid)), _slots(load(oid, after))


def _slots(found: tuple[Record, bytes] | None) -> dict[str, Any]:
    """Own slots as stored, methods among them, references in place of objects."""
    if found is None:
        return {}
    stored = found[0].state
    plain = {name: value for name, value in stored.items() if not name.startswith("__")}
    return {**plain, **stored.get("__methods__", {})}


def _written(load: Load, oid: bytes, tid: bytes) -> tuple[str, ...]:
    before, after = _versions(load, oid, tid)
    names = [*after, *(name for name in before if name not in after)]
    return tuple(name for name in names if before.get(name, MISSING) != after.get(name, MISSING))


def find_transaction(image: Image, change: str) -> tuple[bytes, list[tuple[bytes, tuple[str, str]]], str]:
    """(id, its records as (oid, class), note) of a change id as `history` prints it. Raises `UnknownChange`."""
    try:
        tid = bytes.fromhex(change)
    except ValueError:
        raise UnknownChange(change=change) from None
    before = (int.from_bytes(tid, "big") - 1).to_bytes(8, "big") if len(tid) == 8 and any(tid) else b""
    logged: LoggedTransaction | None = next(image.transactions_since(before), None) if before else None
    if logged is None or logged.tid != tid:
        raise UnknownChange(change=change)
    return tid, [(record.oid, record.kind) for record in logged.records], logged.note


def undo(image: Image, change: str) -> str:
    """Put back what `change` wrote, in one new change; its note. Raises `UndoRefused` if something was built on it."""
    tid, records, note = find_transaction(image, change)

    def work(world: World) -> None:
        with image.records() as load:
            undoing = _Undoing(world, load, tid, change)
            for oid, kind in records:
                undoing.record(oid, kind)
            undoing.names()
            undoing.apply()

    image.change(f"undo {change}: {note}", work, undoes=change)
    return note


class _Undoing:
    """Collects what has to be put back, and puts it back only when nothing stands in the way."""

    def __init__(self, world: World, load: Load, tid: bytes, change: str) -> None:
        self._world = world
        self._load = load
        self._tid = tid
        self._change = change
        self._steps: list[Callable[[], None]] = []
        self._made: set[bytes] = set()

    def record(self, oid: bytes, kind: tuple[str, str]) -> None:
        if kind == OBJECT:
            self._object(oid)
        elif kind in CONTAINERS:
            self._container(oid)
        elif kind in MEMORY:
            self._memory(oid)

    def _object(self, oid: bytes) -> None:
        before, after = _versions(self._load, oid, self._tid)
        if not before:
            self._made.add(oid)  # its name is what goes; see `names`
            return
        now = _slots(self._load(oid, None))
        obj = self._world.object(oid)
        for name in dict.fromkeys([*after, *before]):
            wrote, was = after.get(name, MISSING), before.get(name, MISSING)
            if wrote == was or name.startswith("__"):
                continue
            if now.get(name, MISSING) != wrote:
                raise self._refused(f"{name} of {label(obj)} was changed again since; undo that first.")
            self._steps.append(lambda obj=obj, name=name, was=was: self._put_back(obj, name, was))  # type: ignore[misc]

    def _put_back(self, obj: UvmObject, name: str, was: Any) -> None:
        if was is MISSING:
            remove(obj, name)
        else:
            put(obj, name, self._resolved(was))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, Reference):
            return self._world.object(value.oid)
        if isinstance(value, tuple | frozenset):
            return type(value)(self._resolved(item) for item in value)
        return value

    def _container(self, oid: bytes) -> None:
        was = self._load(oid, self._tid)
        now = self._load(oid, None)
        if was is None:
            return  # made by this change: whoever refers to it is put back
        if now is None or now[1] != self._tid:
            raise self._refused("a list or dict that it changed was changed again since; undo that first.")
        contents = was[0].state["data"]

        def put_back() -> None:
            container = self._world.object(oid)
            container.data = _rebuilt(contents, self._resolved)

        self._steps.append(put_back)

    def _memory(self, oid: bytes) -> None:
        """A chunk or document: one that the change made is forgotten, one that it changed is put back."""
        before, _ = _versions(self._load, oid, self._tid)
        if before:
            self._object(oid)
        else:
            found = self._world.object(oid)
            self._steps.append(lambda: put(found, "forgotten_at", TimeStamp(self._tid).timeTime()))

    def names(self) -> None:
        """Names that the change gave to objects it made are taken away, unless something refers to the object."""
        for name in self._world.names():
            obj = self._world[name]
            if obj._p_oid in self._made:
                users = sorted(label(user) for user in self._users(obj) if user._p_oid not in self._made)
                if users:
                    raise self._refused(f"{name}, which it made, is used by {', '.join(users)}.")
                self._steps.append(lambda name=name: self._world.delete(name))  # type: ignore[misc]

    def _users(self, obj: UvmObject) -> Iterator[UvmObject]:
        for name in self._world.names():
            other = self._world[name]
            if other is not obj and any(value is obj for value in state(other).values()):
                yield other

    def _refused(self, reason: str) -> UndoRefused:
        return UndoRefused(change=self._change, reason=reason)

    def apply(self) -> None:
        if not self._steps:
            raise self._refused("it wrote nothing that can be put back.")
        for step in self._steps:
            step()


def _rebuilt(contents: Any, resolve: Callable[[Any], Any]) -> Any:
    if isinstance(contents, list):
        return [resolve(item) for item in contents]
    return {key: resolve(item) for key, item in contents.items()}
