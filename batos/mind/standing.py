"""The contracts that stand: those of methods which a change of behaviour may break, run again.

A method is asked what it promised when it changes itself, when a method of the same object or of one that the object
delegates to changes, and when the object delegates to something else. Examples were kept with what the slots held, so
they mean now what they meant when they were first satisfied. What is not looked at: methods of objects without a name,
other than the changed one, and methods that reach the changed object by sending it messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from batos.errors import BatosError
from batos.image.image import Image
from batos.image.world import World
from batos.mind.rehearsing import Subject, rehearse
from batos.mind.speaking import WORLD
from batos.objects import lookup
from batos.objects.records import Method
from batos.objects.uvm_object import UvmObject, label, own_slots

MOST_RUN = 200  # contracts that are run again for one change
MALFORMED = (BatosError, ValueError, TypeError, KeyError, AttributeError)  # what examples of an odd shape raise


def affected(world: World, target: UvmObject, besides: str | None = None) -> list[tuple[str, str]]:
    """(object id, selector) of the methods with examples that a change of `target` may break.

    `besides` is a selector of `target` that is left out.
    """
    return [
        (world.add(holder).hex(), selector)
        for holder in _below(world, target)
        for selector, method in own_slots(holder).items()
        if _promises(method) and (holder is not target or selector != besides)
    ][:MOST_RUN]


def _promises(value: Any) -> bool:
    return isinstance(value, Method) and value.source is not None and bool(value.contract.get("examples"))


def _below(world: World, target: UvmObject) -> Iterator[UvmObject]:
    """The object itself, and every named one that delegates to it."""
    yield target
    for name in world.names():
        if name in WORLD:
            continue
        holder = world[name]
        if holder is not target and lookup.delegates_to(holder, target):
            yield holder


def broken(image: Image, target: str, selector: str | None = None, source: str | None = None) -> list[dict[str, Any]]:
    """The contracts that a change of `target` breaks: `oid`, `target`, `selector`, `reason` of each.

    With `source`, the change is that it stands under `selector`; then only what held before can be broken by it.
    """
    with image.reading() as world:
        waiting = affected(world, world.object(target), selector if source is not None else None)
    beside = (target, selector, source) if selector is not None and source is not None else None
    found = []
    for oid, affected_selector in waiting:
        reason = failing(image, oid, affected_selector, beside)
        if reason is None or (beside is not None and failing(image, oid, affected_selector) is not None):
            continue
        with image.reading() as world:
            called = label(world.object(oid))
        found.append({"oid": oid, "target": called, "selector": affected_selector, "reason": reason})
    return found


def failing(image: Image, oid: str, selector: str, beside: tuple[str, str, str] | None = None) -> str | None:
    """Why the method that stands under `selector` does not keep its contract; None if it does, or has none."""
    with image.reading() as world:
        method = own_slots(world.object(oid)).get(selector)
        examples = method.contract.get("examples", ()) if isinstance(method, Method) else ()
    for data in examples:
        try:
            tried = rehearse(image, Subject(oid, selector, beside=beside), data)
        except MALFORMED as error:
            return f"its example cannot be run: {error}"
        if tried.refusal is not None:
            return str(tried.refusal["reason"])
    return None


def told(found: list[dict[str, Any]]) -> str:
    """Broken contracts as a sentence for people and models; empty for none."""
    return " ".join(f"It breaks {item['selector']!r} of {item['target']}: {item['reason']}" for item in found)
