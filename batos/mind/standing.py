"""The contracts that stand: those of methods which a change of behaviour may break, run again.

A method is asked what it promised when it changes itself, when a method of the same object or of one that the object
delegates to changes, and when the object delegates to something else. So is a method that reaches the changed object
by messages: it names, or names what names in turn, a selector that the object has a method for, and its own object
leads to the changed one through slots. Examples were kept with what the slots held, so they mean now what they meant
when they were first satisfied. What is not looked at: methods of objects without a name, other than the changed one;
objects that come as arguments; selectors that are put together while a method runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from persistent.list import PersistentList
from persistent.mapping import PersistentMapping

from batos.errors import BatosError
from batos.image.image import Image
from batos.image.world import World
from batos.mind.rehearsing import Subject, rehearse
from batos.mind.speaking import WORLD
from batos.objects import lookup
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, label, own_slots

MOST_RUN = 200  # contracts that are run again for one change
FARTHEST = 3  # steps from an object to the one that it sends to
CALLED = re.compile(r"\.(\w+)\(")
MALFORMED = (BatosError, ValueError, TypeError, KeyError, AttributeError)  # what examples of an odd shape raise


def affected(world: World, target: UvmObject, besides: str | None = None) -> list[tuple[str, str]]:
    """(object id, selector) of the methods with examples that a change of `target` may break.

    `besides` is a selector of `target` that is left out.
    """
    below = list(_below(world, target))
    own = [
        (world.add(holder).hex(), selector)
        for holder in below
        for selector, method in own_slots(holder).items()
        if _promises(method) and (holder is not target or selector != besides)
    ]
    sending = [(world.add(holder).hex(), selector) for holder, selector in _senders(world, target, below)]
    return [*own, *sending][:MOST_RUN]


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


def _senders(world: World, target: UvmObject, below: list[UvmObject]) -> Iterator[tuple[UvmObject, str]]:
    """The methods with examples, of other named objects, that reach one of `below` by messages."""
    written = [
        (holder, selector, method)
        for holder in (world[name] for name in world.names() if name not in WORLD)
        for selector, method in own_slots(holder).items()
        if isinstance(method, Method) and method.source is not None
    ]
    asked = {selector for selector, value in own_slots(target).items() if isinstance(value, Method | Intent)}
    while more := {
        selector
        for _, selector, method in written
        if selector not in asked and not asked.isdisjoint(_named(method.source or ""))
    }:
        asked |= more
    there = set(map(id, below))
    for holder, selector, method in written:
        reaching = id(holder) not in there and _promises(method) and not asked.isdisjoint(_named(method.source or ""))
        if reaching and _leads_to(holder, there):
            yield holder, selector


@lru_cache(maxsize=2_000)
def _named(source: str) -> frozenset[str]:
    """What is called by name on something, as far as the text says."""
    return frozenset(CALLED.findall(source))


def _leads_to(holder: UvmObject, there: set[int]) -> bool:
    """Whether one can come from an object to another one through its slots, its parents' included, in a few steps."""
    found, rim = {id(holder)}, [holder]
    for _ in range(FARTHEST):
        slots = [own_slots(each) for one in rim for each in lookup.delegation(one)]
        near = [each for values in slots for value in values.values() for each in _objects_in(value)]
        rim = [each for each in near if id(each) not in found]
        if any(id(each) in there for each in rim):
            return True
        found |= set(map(id, rim))
    return False


def _objects_in(value: Any) -> Iterator[UvmObject]:
    if isinstance(value, UvmObject):
        yield value
    elif isinstance(value, Mapping | PersistentMapping):
        for part in value.values():
            yield from _objects_in(part)
    elif isinstance(value, list | tuple | PersistentList):
        for part in value:
            yield from _objects_in(part)


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
