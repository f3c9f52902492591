"""What records held at a moment, and what they hold now, in one form: so that the two can be compared.

In it an object, a method, and whatever else is a record of its own, is a `Reference`; lists, dicts, sets, trees and
counters are what they hold, when they are expanded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from BTrees.Length import Length
from BTrees.LOBTree import LOBTree
from BTrees.OOBTree import OOBTree, OOTreeSet
from persistent import Persistent
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob

from batos.image.loading import BLOB, COUNTER, LIST, MAPPING, TREES, Kind, Record, Reference
from batos.image.log import Load
from batos.objects.lookup import is_hidden
from batos.objects.uvm_object import UvmObject

LEAVES = frozenset(TREES.values())
SETS = frozenset(kind for pair in TREES.items() for kind in pair if kind[1].endswith("Set"))
# Records that are part of the slot that refers to them.
PARTS = frozenset({LIST, MAPPING, COUNTER, BLOB, *TREES, *LEAVES})


class Missing:
    """Stands for the value of a slot or key that is not there."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


@dataclass(frozen=True)
class BlobVersion:
    oid: bytes
    tid: bytes


def slots_in(record: Record | None) -> dict[str, Any]:
    """The own slots in an object's record, methods among them."""
    if record is None:
        return {}
    data = {name: value for name, value in record.state.items() if not is_hidden(name)}
    return {**data, **record.state.get("__methods__", {})}


class Past:
    """The records as `moment` left them: before it, as `Load` has it."""

    def __init__(self, load: Load, moment: bytes | None) -> None:
        self._load = load
        self._moment = moment

    def record(self, oid: bytes) -> Record | None:
        found = self._load(oid, self._moment)
        return found[0] if found is not None else None

    def expanded(self, value: Any) -> Any:
        """`value` with what its parts hold in place of the references to them."""
        if isinstance(value, tuple | frozenset):
            return type(value)(self.expanded(item) for item in value)
        if not isinstance(value, Reference) or value.kind not in PARTS:
            return value
        found = self._load(value.oid, self._moment)
        if found is None:
            return MISSING
        record, tid = found
        if record.kind == BLOB:
            return BlobVersion(value.oid, tid)
        return self._held(value.oid, record)

    def _held(self, oid: bytes, record: Record) -> Any:
        if record.kind == LIST:
            return [self.expanded(item) for item in record.state["data"]]
        if record.kind == MAPPING:
            return {key: self.expanded(item) for key, item in record.state["data"].items()}
        if record.kind in TREES:
            items = dict(self.items(oid))
            return set(items) if record.kind in SETS else {key: self.expanded(item) for key, item in items.items()}
        return record.state

    def parts(self, value: Any) -> Iterator[bytes]:
        """The ids of all records that are part of `value`, the leaves of trees included."""
        if isinstance(value, Reference):
            if value.kind in TREES:
                yield from self.nodes(value.oid)
            elif value.kind in PARTS:
                yield value.oid
                record = self.record(value.oid)
                if record is not None and record.kind in (LIST, MAPPING):
                    yield from self.parts(record.state["data"])
        elif isinstance(value, dict):
            yield from self.parts(list(value.values()))
        elif isinstance(value, list | tuple | frozenset):
            for item in value:
                yield from self.parts(item)

    def nodes(self, oid: bytes) -> Iterator[bytes]:
        """The ids of a tree's inner nodes and leaves. Leaves are not read."""
        yield oid
        record = self.record(oid)
        if record is None or record.state is None or len(record.state) == 1:
            return  # empty, or so small that its one leaf is within
        for child in record.state[0][::2]:
            if child.kind in TREES:
                yield from self.nodes(child.oid)
            else:
                yield child.oid

    def items(self, oid: bytes) -> Iterator[tuple[Any, Any]]:
        """The (key, value) pairs of a tree; of a set, (key, None)."""
        for node in self.nodes(oid):
            yield from items_in(self.record(node))


def items_in(record: Record | None) -> Iterator[tuple[Any, Any]]:
    """The pairs that one node of a tree holds itself."""
    if record is None or record.state is None:
        return
    if record.kind in TREES:
        if len(record.state) > 1:
            return
        leaf = record.state[0][0]
    else:
        leaf = record.state
    held = leaf[0]
    if record.kind in SETS:
        yield from ((key, None) for key in held)
    else:
        yield from zip(held[::2], held[1::2], strict=True)


def live(value: Any) -> Any:
    """A raw value as it is now, in the form of the past, not expanded."""
    if isinstance(value, tuple | frozenset):
        return type(value)(live(item) for item in value)
    return Reference(value._p_oid, kind_of_raw(value)) if isinstance(value, Persistent) else value


def kind_of_raw(value: Any) -> Kind:
    return type(value).__module__, type(value).__qualname__


EXPAND: dict[type, Callable[[Any], Any]] = {
    PersistentList: lambda value: [live_expanded(item) for item in value],
    **dict.fromkeys(
        (PersistentMapping, OOBTree, LOBTree),
        lambda value: {key: live_expanded(item) for key, item in value.items()},
    ),
    OOTreeSet: set,
    Length: lambda value: value(),
    **dict.fromkeys((tuple, frozenset), lambda value: type(value)(live_expanded(item) for item in value)),
}


def live_expanded(value: Any) -> Any:
    """A raw value as it is now, in the form of `Past.expanded`."""
    if type(value) is Blob:
        value._p_activate()
        return BlobVersion(value._p_oid, value._p_serial)
    expand = EXPAND.get(type(value))
    return expand(value) if expand is not None else live(value)


def objects_in(value: Any) -> Iterator[UvmObject]:
    """The objects that a raw value refers to, itself or in its lists, dicts and tuples."""
    if isinstance(value, UvmObject):
        yield value
    for item in _items(value):
        yield from objects_in(item)


def parts_of(value: Any) -> Iterator[bytes]:
    """The ids of the lists, dicts, counters and blobs that are part of a raw value."""
    if kind_of_raw(value) in (LIST, MAPPING, COUNTER, BLOB):
        yield value._p_oid
    for item in _items(value):
        yield from parts_of(item)


def _items(value: Any) -> Iterable[Any]:
    if type(value) is PersistentMapping:
        return value.values()  # type: ignore[no-any-return]
    return value if type(value) in (PersistentList, tuple, frozenset) else ()


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same to who reads them: 1 and True are not, NaN and NaN are."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return len(left) == len(right) and all(key in right and same(item, right[key]) for key, item in left.items())
    if isinstance(left, float | complex | Decimal):
        return repr(left) == repr(right)
    return bool(left == right)
