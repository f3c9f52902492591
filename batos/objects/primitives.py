"""Primitives: behaviour written in Python, held by name. A slot never holds a Python callable.

batos registers its own; a user's program adds more with `@batos.primitive("mail.send", effect=True)` or through the
entry-point group `batos.primitives`. An image refers to a primitive by name, so it opens without the program that
defined it, and only sending the message fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from batos.errors import NameRefused, UnknownObject

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

    @cached_property
    def notes_reads(self) -> bool:
        """Whether it notes itself what it reads: those of batos do."""
        return _origin(self.function).startswith("batos.")


_registry: dict[str, Primitive] = {}


def primitive(
    name: str, *, sandbox: bool = False, effect: bool = False, mission: str | None = None
) -> Callable[[Function], Function]:
    """Register the decorated function, called with the receiver first, as the primitive `name`.

    Loading its module again replaces it. Raises `NameRefused` for a name that another function has.
    """

    def register(function: Function) -> Function:
        known = _registry.get(name)
        if known is not None and _origin(known.function) != _origin(function):
            reason = f"{_origin(known.function)} is registered under it already."
            raise NameRefused(name=name, reason=reason)
        _registry[name] = Primitive(name, function, sandbox, effect, mission)
        return function

    return register


def _origin(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"


def registered(name: str) -> Primitive:
    """The primitive `name`. Raises `UnknownObject` when no installed program registers it."""
    failures = _load_installed() if name not in _registry else []
    if name not in _registry:
        known = " ".join(["It is a primitive: import the program that registers it.", *failures])
        raise UnknownObject(name=name, known=known)
    return _registry[name]


def _load_installed() -> list[str]:
    """Import what installed programs offer; a sentence for each that cannot be imported."""
    from importlib.metadata import entry_points  # which imports a package for letters

    failures = []
    for entry in entry_points(group="batos.primitives"):
        try:
            entry.load()
        except Exception as error:  # someone else's module may fail in any way, and must not take the others along
            failures.append(f"{entry.value} could not be imported: {error}.")
    return failures
