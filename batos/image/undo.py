"""Undoing a change: a new change that puts back what it wrote, where that still stands.

The storage's own undo cannot serve: it refuses a transaction as soon as any record it touched was changed later. Here
an object is put back slot by slot, a tree key by key, a list or dict as a whole. All is compared first; where something
was built on the change, nothing is put back and the error names it. Receipts and proposals take no part: what a mission
did stays told, also after it was undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ZODB.TimeStamp import TimeStamp

from batos.errors import UndoRefused
from batos.image.changes import Written
from batos.image.finding import find_change, level
from batos.image.horizon import is_packed
from batos.image.image import Image
from batos.image.loading import BLOB, COUNTER, LIST, MAPPING, MEMORY, OBJECT, TREES, Kind, Reference
from batos.image.log import NEWEST, Load, after
from batos.image.past import (
    LEAVES,
    MISSING,
    SETS,
    BlobVersion,
    Past,
    items_in,
    live,
    live_expanded,
    objects_in,
    parts_of,
    same,
    slots_in,
)
from batos.image.world import World
from batos.objects.rules import ITSELF
from batos.objects.uvm_object import (
    UvmObject,
    annotate,
    label,
    notes_of,
    order_parents,
    own_slots,
    put,
    put_back,
    remove,
)

ROOT = b"\0" * 8
EXEMPT = ("receipts", "proposals")
EVERYONES = "traits"  # what everything delegates to: without it there is no world to undo in


def undo(image: Image, change: str) -> str:
    """Put back what `change` wrote, in one new change; the note of what was undone.

    Raises `UnknownChange`, and `UndoRefused` if something was built on it, or nothing is left to put back.
    """
    written = find_change(image, change)
    if is_packed(image, written.tid):
        raise UndoRefused(change=change, reason="the image was packed since, so what was there before is gone.")

    def work(world: World) -> None:
        with image.records() as load:
            undoing = _Undoing(world, load, written.tid, change)
            undoing.collect(_kinds(load, written))
            undoing.apply()

    try:
        image.change(f"{_note_of_undoing(change)} {written.note}", work, undoes=change)
    except UndoRefused as refused:
        raise _undone_already(image, written, change) or refused from None
    return written.note


def _note_of_undoing(change: str) -> str:
    return f"undo {change}:"


def _undone_already(image: Image, written: Written, change: str) -> UndoRefused | None:
    """The refusal of a change whose own undo is the newest change of something it wrote."""
    index = level(image)
    newest = (index.changes_of(oid, NEWEST)[:1] for oid in written.oids)
    undone = next(
        (found.id for [found] in filter(None, newest) if found.note.startswith(_note_of_undoing(change))), None
    )
    if undone is None:
        return None
    return UndoRefused(change=change, reason=f"it was undone already, by change {undone}; undo that one to redo it.")


def _kinds(load: Load, written: Written) -> dict[bytes, Kind]:
    """The classes of the records that a change wrote, by their ids."""
    found = ((oid, load(oid, after(written.tid))) for oid in written.oids)
    return {oid: version[0].kind for oid, version in found if version is not None}


class _Undoing:
    """Collects what has to be put back, and puts it back only when nothing stands in the way."""

    def __init__(self, world: World, load: Load, tid: bytes, change: str) -> None:
        self._world = world
        self._tid = tid
        self._change = change
        self._before = Past(load, tid)
        self._after = Past(load, after(tid))
        self._steps: list[Callable[[], object]] = []
        self._made: set[bytes] = set()
        self._replaced: set[bytes] = set()  # parts of slots (lists, trees, …) that come back with their slot

    def _refused(self, reason: str) -> UndoRefused:
        return UndoRefused(change=self._change, reason=reason)

    def _changed_since(self, what: str) -> UndoRefused:
        return self._refused(f"{what} was changed again since; undo that first.")

    def collect(self, records: dict[bytes, Kind]) -> None:
        """Decide for every record what is to be done; raises `UndoRefused` before anything is."""
        objects = [oid for oid, kind in records.items() if kind == OBJECT or kind in MEMORY]
        self._made = {oid for oid in objects if self._before.record(oid) is None}
        for oid in objects:
            obj = self._world.object(oid)
            if oid not in self._made:
                self._object(obj)
            elif records[oid] in MEMORY:
                self._remembered(obj)
            else:
                self._unchanged(obj)
        nodes = {oid for oid, kind in records.items() if kind in TREES or kind in LEAVES}
        self._names(nodes)
        self._trees(nodes)
        for oid, kind in records.items():
            if kind in (LIST, MAPPING, COUNTER, BLOB) and oid != ROOT and self._before.record(oid) is not None:
                self._part(oid, kind)

    def apply(self) -> None:
        if not self._steps:
            raise self._refused("nothing of it is left that can be put back.")
        for step in self._steps:
            step()

    # Objects

    def _object(self, obj: UvmObject) -> None:
        """Put back the slots that the change wrote, and their notes."""
        before, after_ = self._before.record(obj._p_oid), self._after.record(obj._p_oid)
        was, wrote, now = slots_in(before), slots_in(after_), own_slots(obj)
        for name in dict.fromkeys([*wrote, *was]):
            old, new = was.get(name, MISSING), wrote.get(name, MISSING)
            if not same(old, new):
                self._still(obj, name, now.get(name, MISSING), new)
                self._replaced.update(self._before.parts(old))
                self._steps.append(partial(self._put_back, obj, name, old))
        if before is not None and after_ is not None:
            self._notes(obj, before.state.get("__notes__", {}), after_.state.get("__notes__", {}))
            self._order(obj, list(before.state), list(after_.state))
        if isinstance(document := own_slots(obj).get("document_id"), str):
            self._world.pending_documents.append(document)

    def _still(self, obj: UvmObject, name: str, now: Any, wrote: Any) -> None:
        """Refuse unless the slot holds what the change wrote, down to what its lists, dicts and trees hold."""
        if not same(live(now), wrote) or not same(live_expanded(now), self._after.expanded(wrote)):
            raise self._changed_since(f"{name} of {_called(obj)}")

    def _put_back(self, obj: UvmObject, name: str, was: Any) -> None:
        if was is MISSING:
            remove(obj, name)
        else:
            put_back(obj, name, self._resolved(was))

    def _resolved(self, value: Any) -> Any:
        """A value of the past as a raw one of now: references stand for the records themselves."""
        if isinstance(value, Reference):
            return self._world.record(value.oid)
        if isinstance(value, tuple | frozenset | list):
            return type(value)(self._resolved(item) for item in value)
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        return value

    def _notes(self, obj: UvmObject, was: dict[str, Any], wrote: dict[str, Any]) -> None:
        for name in sorted({*was, *wrote}):
            old, new = was.get(name, {}), wrote.get(name, {})
            if old != new:
                if notes_of(obj, name) != new:
                    raise self._changed_since(f"the annotation of {name} of {_called(obj)}")
                self._steps.append(partial(_annotate, obj, name, old))

    def _order(self, obj: UvmObject, was: list[str], wrote: list[str]) -> None:
        """A parent that is put back stands where it stood: the first parent that answers wins."""
        parents = [name for name in was if name.endswith("*")]
        if parents != [name for name in wrote if name.endswith("*")]:
            self._steps.append(partial(order_parents, obj, parents))

    def _unchanged(self, obj: UvmObject, but: tuple[str, ...] = ()) -> None:
        """Refuse unless an object that the change made is still what it made."""
        wrote, now = slots_in(self._after.record(obj._p_oid)), own_slots(obj)
        for name in dict.fromkeys([*wrote, *now]):
            if name not in but:
                self._still(obj, name, now.get(name, MISSING), wrote.get(name, MISSING))

    def _remembered(self, obj: Any) -> None:
        """A document or chunk that the change made is forgotten, not taken away: an index follows its record."""
        self._unchanged(obj, ("forgotten_at",))
        if obj.forgotten_at is None:
            self._steps.append(partial(put, obj, "forgotten_at", TimeStamp(self._tid).timeTime()))
            self._world.pending_documents.append(obj.document_id)

    # Names

    def _names(self, nodes: set[bytes]) -> None:
        """Take away the names that the change gave, and give back those it took."""
        names = self._world.root["world"]
        for name, was, wrote in self._differences(self._claimed(nodes, self._in_root("world"))):
            if not same(live(names.get(name, MISSING)), wrote):
                raise self._changed_since(f"the name {name}")
            if name == EVERYONES:
                raise self._refused(f"it made {EVERYONES}, which everything delegates to.")
            if wrote is not MISSING:
                if wrote.oid in self._made:
                    self._unused(name, names[name])
                self._steps.append(partial(self._world.delete, name))
            if was is not MISSING:
                self._steps.append(partial(self._name, name, was))

    def _name(self, name: str, was: Reference) -> None:
        self._world.bind(name, self._world.object(was.oid))

    def _unused(self, name: str, made: UvmObject) -> None:
        users = {
            label(user)
            for user, _, value in self._slots()
            if user._p_oid not in self._made and any(held is made for held in objects_in(value))
        }
        if users:
            raise self._refused(f"{name}, which it made, is used by {', '.join(sorted(users))}.")

    # Lists, dicts, counters, blobs

    def _slots(self) -> Iterator[tuple[UvmObject, str, Any]]:
        """(object, slot, value) of every object that has a name, or is reached from one without entering a tree."""
        seen: set[int] = set()
        waiting: list[UvmObject] = [self._world[name] for name in self._world.names()]
        while waiting:
            obj = waiting.pop()
            if id(obj) not in seen:
                seen.add(id(obj))
                for name, value in own_slots(obj).items():
                    yield obj, name, value
                    waiting.extend(objects_in(value))

    @cached_property
    def _owners(self) -> dict[bytes, str]:
        """The slot that each list, dict, counter or blob belongs to now, as a phrase."""
        return {oid: f"{name} of {_called(obj)}" for obj, name, value in self._slots() for oid in parts_of(value)}

    def _part(self, oid: bytes, kind: Kind) -> None:
        """A list, dict, counter or blob that the change changed where it stood."""
        owner = self._owners.get(oid)
        if owner is None and oid not in self._replaced:
            raise self._refused("it changed a list or dict that is in no slot any more.")
        reference = Reference(oid, kind)
        was, wrote = self._before.expanded(reference), self._after.expanded(reference)
        part = self._world.record(oid)
        if not same(live_expanded(part), wrote):
            raise self._changed_since(owner or "a list or dict that it replaced")
        if not same(was, wrote):
            self._steps.append(partial(self._refill, part, kind))

    def _refill(self, part: Any, kind: Kind) -> None:
        record = self._before.record(part._p_oid)
        if record is None:
            return
        if kind == BLOB:
            version: BlobVersion = self._before.expanded(Reference(part._p_oid, BLOB))
            old = Path(self._world.connection._storage.loadBlob(version.oid, version.tid)).read_bytes()
            with part.open("w") as file:
                file.write(old)
        elif kind == COUNTER:
            part.set(record.state)
        else:
            part.data = self._resolved(record.state["data"])

    # Trees and sets

    def _in_root(self, name: str) -> bytes:
        """The id of a tree in the root, as the change left it: a migration may have put another in its place since."""
        root = self._after.record(ROOT)
        trees = root.state["data"] if root is not None else {}
        return trees[name].oid if name in trees else ROOT  # which is no tree: it was not founded yet

    def _claimed(self, nodes: set[bytes], tree: bytes) -> set[bytes]:
        """Those of `nodes` that belong to `tree`, which leave `nodes`."""
        claimed = nodes & {*self._before.nodes(tree), *self._after.nodes(tree)} if nodes else set()
        nodes -= claimed
        return claimed

    def _differences(self, nodes: set[bytes]) -> Iterator[tuple[Any, Any, Any]]:
        """(key, what it was, what the change wrote) of the keys of a tree that the change wrote.

        A key may have moved from node to node; what counts is all of them together.
        """
        was = {key: value for node in nodes for key, value in items_in(self._before.record(node))}
        wrote = {key: value for node in nodes for key, value in items_in(self._after.record(node))}
        for key in dict.fromkeys([*was, *wrote]):
            old, new = was.get(key, MISSING), wrote.get(key, MISSING)
            if not same(old, new):
                yield key, old, new

    def _trees(self, nodes: set[bytes]) -> None:
        """Put back the keys that the change wrote in trees that were there before it."""
        for name in EXEMPT:
            self._claimed(nodes, self._in_root(name))
        for obj, slot, value in self._slots() if nodes else ():
            reference = live(value)
            if isinstance(reference, Reference) and reference.kind in TREES:
                claimed = self._claimed(nodes, reference.oid)
                if self._before.record(reference.oid) is not None:
                    self._tree(value, reference.kind in SETS, claimed, f"{slot} of {_called(obj)}")
        if any(self._before.record(oid) is not None for oid in nodes):
            raise self._refused("it changed a tree or set that is in no slot any more.")

    def _tree(self, tree: Any, is_set: bool, claimed: set[bytes], where: str) -> None:
        for key, was, wrote in self._differences(claimed):
            if isinstance(wrote, Reference) and wrote.kind in MEMORY and was is MISSING:
                continue  # documents are forgotten, and keep their place in the catalog
            now: Any = (None if key in tree else MISSING) if is_set else tree.get(key, MISSING)
            if not same(live(now), wrote) or not same(live_expanded(now), self._after.expanded(wrote)):
                raise self._changed_since(f"{key!r} in {where}")
            self._steps.append(partial(self._put_key, tree, is_set, key, was))

    def _put_key(self, tree: Any, is_set: bool, key: Any, was: Any) -> None:
        if is_set:
            tree.remove(key) if was is MISSING else tree.add(key)
        elif was is MISSING:
            del tree[key]
        else:
            tree[key] = self._resolved(was)


def _called(obj: UvmObject) -> str:
    document = own_slots(obj).get("document_id")
    return f"document {document}" if isinstance(document, str) else label(obj)


def _annotate(obj: UvmObject, name: str, notes: dict[str, str]) -> None:
    if name == ITSELF or name in own_slots(obj):  # a slot that went has taken its notes along
        annotate(obj, name, notes)
