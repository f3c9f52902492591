"""Prototype objects made of plain classes, so that a program is written once.

A class becomes an object of its name in small letters. Its bases become parent slots, its constants data slots, and its
methods trusted methods with the same source. Constructors are left out: `fresh(kind, **values)` makes an instance of a
class, and on the other side a clone of the prototype with these slots set.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from types import FunctionType, ModuleType
from typing import Any

from batos.image.world import World
from batos.objects.primitives import primitive
from batos.objects.records import Method
from batos.objects.uvm_object import UvmObject, clone, put
from batos.runtime.approvals import Approvals


class Plain:
    """The root of the plain classes. An instance has what its class lists, and what it is given."""

    def fresh(self, kind: str, /, **values: Any) -> Any:
        """A new instance of the class called `kind` in the module of this one's class."""
        made = vars(sys.modules[self.__module__])[kind]()
        made.__dict__.update(values)
        return made


@primitive("benchmarks.fresh")
def fresh(receiver: UvmObject, kind: str, /, **values: Any) -> UvmObject:
    made = clone(receiver.kinds[kind])
    for name, value in values.items():
        put(made, name, value)
    return made


def into_image(world: World, program: ModuleType, approvals: Approvals) -> None:
    """Make the prototypes of every class of `program` that descends from `Plain`, and approve their methods."""
    world.create("plain", {"fresh": Method("fresh", primitive="benchmarks.fresh")}, [])
    kinds = {}
    for kind in _kinds(program):
        slots = {name: _slot(name, value) for name, value in vars(kind).items() if not name.startswith("_")}
        parents = [world[base.__name__.lower()] for base in kind.__bases__]
        kinds[kind.__name__] = world.create(kind.__name__.lower(), slots, parents)
        for value in slots.values():
            if isinstance(value, Method):
                approvals.approve(value)
    world["plain"].kinds = kinds


def _kinds(program: ModuleType) -> list[type]:
    """The classes of the program, each after those that it is made of."""
    found = [kind for kind in vars(program).values() if isinstance(kind, type) and issubclass(kind, Plain)]
    return sorted((kind for kind in found if kind is not Plain), key=lambda kind: len(kind.__mro__))


def _slot(name: str, value: Any) -> Any:
    if isinstance(value, FunctionType):
        return Method(name, textwrap.dedent(inspect.getsource(value)), trust="trusted")
    return value
