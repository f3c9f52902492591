"""Primitives: behaviour written in Python, held by name. A slot never holds a Python callable.

batos registers its own; a user's program adds more with `@batos.primitive("mail.send", effect=True)` or through the
entry-point group `batos.primitives`. An image refers to a primitive by name, so it opens without the program that
defined it, and only sending the message fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, TypeVar

from batos.errors import UnknownObject

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Primitive:
    """`sandbox`: sandboxed methods may call it. `effect`: it acts on the outside, so a cycle performs it as a need.
    `mission`: the type of mission that sending it files, when the message is a mission of its own."""

    name: str
    function: Callable[..., Any]
    sandbox: bool = False
    effect: bool = False
    mission: str | None = None


_registry: dict[str, Primitive] = {}


def primitive(
    name: str, *, sandbox: bool = False, effect: bool = False, mission: str | None = None
) -> Callable[[Function], Function]:
    """Register the decorated function, called with the receiver first, as the primitive `name`."""

    def register(function: Function) -> Function:
        _registry[name] = Primitive(name, function, sandbox, effect, mission)
        return function

    return register


def registered(name: str) -> Primitive:
    """The primitive `name`. Raises `UnknownObject` when no installed program registers it."""
    if name not in _registry:
        for entry in entry_points(group="batos.primitives"):
            entry.load()
    if name not in _registry:
        raise UnknownObject(name=name, known="It is a primitive: import the program that registers it.")
    return _registry[name]
