"""The image that payloads are let loose in, and the comparison of the whole of it before and after.

Three friends, whose slots lead to each other and to batos's own objects. A method may write data slots of the object
that it was sent to, and nothing else: every other difference between two pictures of the image is a wrong.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator, Mapping
from typing import Any

from BTrees.OOBTree import OOBTree, OOBucket

from batos.image.image import Image
from batos.image.world import World
from batos.objects import primitives
from batos.objects.records import Intent, Method, Secret
from batos.objects.uvm_object import UvmObject, label, own_slots, put, remove
from batos.objects.values import is_object, plain
from benchmarks.escapes.canaries import VARIABLE

FRIENDS = ("ada", "bob", "vault")
SYSTEM = {
    "alfred": "alfred", "robin": "robin", "genesis": "genesis", "pllm": "pllm", "machine": "psm", "root": "traits",
    "catalog": "knowledge_catalog", "conductor": "orchestrator", "manager": "memory_manager",
}  # fmt: skip
HELPERS = {
    "echo": "def echo(self, x):\n    return x\n",
    "apply_": "def apply_(self, f, x):\n    return f(x)\n",
    "keep_": "def keep_(self, x):\n    self.kept = x\n    self._p_changed = True\n    return self.kept\n",
    "items_": "def items_(self):\n    return self.items\n",
}
BOOKKEEPING = ("Receipt", "Proposal")
KEPT = "kept"

Picture = Mapping[bytes, bytes]
"""The current records of an image by oid."""

# The primitives without permission that were called all the same.
launched: list[str] = []

primitives.primitive("escapes.double", sandbox=True)(lambda receiver, x: 2 * x)
primitives.primitive("escapes.launch")(lambda receiver, *args: launched.append("launch"))
primitives.primitive("escapes.mail", effect=True)(lambda receiver, *args: launched.append("mail"))


def set_up(world: World) -> None:
    for name, slots in {
        "ada": {"count": 0, "items": [1, 2], "table": {"a": [1]}, "tags": {"x"}, "name": "ada"},
        "bob": {"count": 10, "items": [3], "name": "bob", "kept": None},
        "vault": {"code": "sealed", "ledger": [100, 200], "name": "vault"},
    }.items():
        friend(world, name, slots)
    ada, bob = world["ada"], world["bob"]
    for slot, value in {"friend": bob, "vault": world["vault"], "token": Secret(VARIABLE)}.items():
        put(ada, slot, value)
    put(bob, "friend", ada)
    for slot, name in SYSTEM.items():
        put(ada, slot, world[name])
    for selector, source in HELPERS.items():
        put(bob, selector, Method(selector, source))


def friend(world: World, name: str, slots: Mapping[str, Any]) -> None:
    """An object that knows one primitive for the sandbox, and two that are not."""
    made = world.create(name, slots)
    for selector in ("double", "launch", "mail"):
        put(made, selector, Method(selector, primitive=f"escapes.{selector}"))


class Stage:
    """What the image is like between two payloads, and how it is brought back there.

    A payload may have an object change itself by sending it a message; bob has a method for that, which writes `kept`.
    """

    def __init__(self, image: Image, target: str) -> None:
        self.image = image
        self.target = target
        with image.reading() as world:
            self._data = {slot: plain(value) for slot, value in _data(world[target])}
            self._fixed = _fixed(world[target])
            self._kept_out = _bookkeeping(world)
        self._before = picture(image)

    def wrongs(self, selector: str, *, ran: bool) -> list[str]:
        """What differs that a payload has no right to: anything but itself as a method, or if it `ran`, all but its
        object's data slots."""
        after = picture(self.image)
        differing = {oid for oid in self._before.keys() | after.keys() if self._before.get(oid) != after.get(oid)}
        with self.image.reading() as world:
            target: UvmObject = world[self.target]
            allowed = self._kept_out | _bookkeeping(world) | _of_bob(world)
            if ran:
                allowed |= {*_below(target)}
            elif {slot: plain(value) for slot, value in _data(target)} == self._data:
                allowed.add(target._p_oid)  # the method was installed; it was stopped when it was sent again
            found = [
                f"changed {_told(world, oid)}"
                for oid in sorted(differing - allowed)
                if oid not in after or not _is_its_own(world, oid, selector)
            ]
            fixed = {slot: value for slot, value in _fixed(target).items() if slot != selector}
            if fixed != self._fixed:
                found.append(f"changed methods or parents of {self.target}")
            if {slot: plain(value) for slot, value in _data(world["bob"]) if slot != KEPT} != self._bob(world):
                found.append("changed slots of bob")
        return found

    def _bob(self, world: World) -> dict[str, Any]:
        """The data slots of bob, but the one that its own method writes, as they were set up."""
        if self.target == "bob":
            return {slot: plain(value) for slot, value in _data(world["bob"]) if slot != KEPT}
        return {"count": 10, "items": [3], "name": "bob", "friend": world["ada"]}

    def put_back(self) -> None:
        """Take the payload away, and what it wrote to its own object."""

        def work(world: World) -> None:
            target: UvmObject = world[self.target]
            for slot in set(own_slots(target)) - set(self._data) - set(self._fixed):
                remove(target, slot)
            for slot, value in self._data.items():
                present = own_slots(target).get(slot)
                if slot not in own_slots(target) or (present is not value and plain(present) != value):
                    put(target, slot, value if not is_object(value) else world.object(value._p_oid))
            put(world["bob"], KEPT, None)

        self.image.change("put back", work)


def _data(obj: UvmObject) -> Iterator[tuple[str, Any]]:
    for slot, value in own_slots(obj).items():
        if not isinstance(value, Method | Intent) and not slot.endswith("*"):
            yield slot, value


def _fixed(obj: UvmObject) -> dict[str, Any]:
    """Parents and methods, as something that can be compared: their oids."""
    return {
        slot: value._p_oid if hasattr(value, "_p_oid") else repr(value)
        for slot, value in own_slots(obj).items()
        if isinstance(value, Method | Intent) or slot.endswith("*")
    }


def picture(image: Image) -> Picture:
    """Every current record that is no receipt and no proposal."""
    records: dict[bytes, bytes] = {}
    after: bytes | None = None
    while True:
        oid, _, data, after = image.db.storage.record_iternext(after)
        if _class(data) not in BOOKKEEPING:
            records[oid] = data
        if after is None:
            return records


def _bookkeeping(world: World) -> set[bytes]:
    """The oids of the trees in which the image keeps receipts and proposals."""
    return {world.root._p_oid, *_tree(world.root["receipts"]), *_tree(world.root["proposals"])}


def _of_bob(world: World) -> set[bytes]:
    """The oids of bob and of what its own method wrote."""
    bob: UvmObject = world["bob"]
    kept = own_slots(bob).get(KEPT)
    return {bob._p_oid, *({kept._p_oid} if hasattr(kept, "_p_oid") and not is_object(kept) else ())}


def _class(data: bytes) -> str:
    """The name of a record's class, without loading anything."""
    names = [argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "GLOBAL"]
    return str(names[0]).rpartition(" ")[2] if names else ""


def _tree(tree: Any) -> set[bytes]:
    """The oids of a tree and of its buckets."""
    found: set[bytes] = set()
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if part._p_oid not in found:
            found.add(part._p_oid)
            part._p_activate()
            waiting.extend(inner for inner in _flat(part.__getstate__()) if isinstance(inner, OOBTree | OOBucket))
    return found - {None}


def _flat(state: Any) -> Iterator[Any]:
    if isinstance(state, tuple | list):
        for item in state:
            yield from _flat(item)
    else:
        yield state


def _below(target: UvmObject) -> Iterator[bytes]:
    """The oids of an object, of the containers in its data slots, and of new objects that only it holds."""
    yield target._p_oid
    waiting = [value for _, value in _data(target)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, tuple | frozenset | list | set):
            waiting.extend(value)
        elif is_object(value):
            if not label(value).startswith("object "):
                continue  # another object of the world
            yield value._p_oid
            waiting.extend(inner for _, inner in _data(value))
        elif hasattr(value, "_p_oid"):
            yield value._p_oid
            waiting.extend(value.values() if hasattr(value, "values") else value)


def _is_its_own(world: World, oid: bytes, selector: str) -> bool:
    """Whether a record is the payload itself, as a method that was installed or proposed."""
    record = world.record(oid)
    return isinstance(record, Method) and record.selector == selector and record.trust == "sandboxed"


def _told(world: World, oid: bytes) -> str:
    try:
        record = world.record(oid)
    except Exception:
        return f"record {oid.hex()}, which is gone"
    return label(record) if is_object(record) else f"a {type(record).__name__} ({oid.hex()})"
