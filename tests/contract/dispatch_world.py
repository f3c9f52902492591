"""Objects that delegate to each other, seen over several connections at once, and a lookup that keeps nothing.

A `View` is one connection with a transaction of its own; all views here belong to the test's thread.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import Any

from transaction import TransactionManager
from ZODB.POSException import ConflictError

from batos.errors import SlotRefused
from batos.image.image import Image
from batos.objects import lookup
from batos.objects.answers import Found
from batos.objects.records import Method
from batos.objects.uvm_object import UvmObject, own_slots, put, remove

STORED = 8
NAMES = ("a", "b", "m")
PARENTS = ("one*", "two*", "three*")


def walked(receiver: UvmObject, name: str, above: bool = False) -> Any:
    """(holder, value) by asking every object anew, depth first, in slot order, each once; None if nobody has it."""
    seen: list[UvmObject] = []

    def ask(holder: UvmObject) -> Any:
        if any(holder is other for other in seen):
            return None
        seen.append(holder)
        own = own_slots(holder)
        if name in own and not (above and holder is receiver):
            return holder, own[name]
        answers = (ask(parent) for slot, parent in own.items() if slot.endswith("*"))
        return next((answer for answer in answers if answer is not None), None)

    return ask(receiver)


def as_pair(found: Found | None) -> Any:
    return found and (found.holder, found.value)


class View:
    """What one connection sees: the stored objects `o0`, `o1`, … and new ones, which no connection has."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.new: list[UvmObject] = []
        self.savepoints: list[Any] = []
        self.reads = 0
        self.stale: list[str] = []
        self._open()

    def _open(self) -> None:
        self.manager = TransactionManager(explicit=True)
        self.connection = self.image.db.open(self.manager)
        self.connection.lend()
        self.manager.begin()

    def close(self) -> None:
        self.manager.abort()
        self.connection.take_back()
        self.connection.close()

    def lend_anew(self) -> None:
        """Give the connection back to the pool and take one from there. New objects stay with whoever made them."""
        self.close()
        self.savepoints = []
        self._open()

    def objects(self) -> list[UvmObject]:
        names = self.connection.root()["world"]
        return [*(names[f"o{number}"] for number in range(STORED)), *self.new]

    def object(self, number: int) -> UvmObject:
        objects = self.objects()
        return objects[number % len(objects)]

    # What can happen

    def write(self, number: int, name: str, value: int) -> None:
        method = Method(name, f"def {name}(self):\n    return {value}\n")
        put(self.object(number), name, method if name == "m" else value)

    def remove(self, number: int, choice: int) -> None:
        obj = self.object(number)
        names = list(own_slots(obj))
        if names:
            remove(obj, names[choice % len(names)])

    def delegate(self, number: int, slot: str, parent: int) -> None:
        with suppress(SlotRefused):  # it would make a circle
            put(self.object(number), slot, self.object(parent))

    def make(self, parent: int, value: int) -> None:
        self.new.append(UvmObject([self.object(parent)], a=value))

    def commit(self) -> None:
        try:
            self.manager.commit()
        except ConflictError:
            self.manager.abort()
        self._go_on()

    def abort(self) -> None:
        self.manager.abort()
        self._go_on()

    def _go_on(self) -> None:
        """New objects that were stored are the connection's now, and those that were not stay new."""
        self.savepoints = []
        self.new = [obj for obj in self.new if obj._p_jar is None]
        self.manager.begin()

    def savepoint(self) -> None:
        self.savepoints.append(self.manager.get().savepoint())

    def roll_back(self, choice: int) -> None:
        if self.savepoints:
            at = choice % len(self.savepoints)
            self.savepoints[at].rollback()
            del self.savepoints[at + 1 :]

    def turn_to_ghosts(self) -> None:
        """Drop all loaded state, and every object that nothing refers to."""
        self.connection.cacheMinimize()
        gc.collect()

    def unload(self) -> None:
        """What comes before code that reads as Python does: the states are put aside."""
        self.connection.unload()

    # What must hold

    def check(self) -> None:
        """Compare every lookup with the walk, its notes of what was read too; once more from what was kept."""
        for obj in self.objects():
            for name in (*NAMES, "unheard_of"):
                for above in (False, True):
                    for _ in range(2):
                        self._compare(obj, name, above)

    def _compare(self, obj: UvmObject, name: str, above: bool) -> None:
        find = lookup.find_above if above else lookup.find
        with lookup.noting_reads() as noted:
            found = find(obj, name)
        with lookup.noting_reads() as expected:
            answer = walked(obj, name, above)
        self.reads += 1
        if as_pair(found) != answer:
            self.stale.append(f"{obj} {name}: {found} where {answer} is right")
        if not expected.keys() <= noted.keys():
            self.stale.append(f"{obj} {name}: not all that was read was noted")
