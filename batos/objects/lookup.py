"""Finding the slot that answers a message: the receiver's own slots, then its parents' in slot order, depth first.

The first slot found wins; that is the whole ambiguity rule. A parent met twice is asked once, so a circle that an older
image may hold cannot hang a lookup.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from persistent import Persistent

from batos.objects.answers import NOWHERE, Answer, Found, keep

if TYPE_CHECKING:
    from batos.objects.uvm_object import UvmObject


ABOVE = "^"  # no slot's name ends so

# What the running cycle has read: objects and containers, by identity. None outside a cycle.
_reads: ContextVar[dict[int, Any] | None] = ContextVar("batos_reads", default=None)


@contextmanager
def noting_reads() -> Iterator[dict[int, Any]]:
    """Within the block, every object that a lookup passes is noted: what a cycle read must be current at its commit."""
    reads: dict[int, Any] = {}
    token = _reads.set(reads)
    try:
        yield reads
    finally:
        _reads.reset(token)


def note_read(value: Any) -> None:
    reads = _reads.get()
    if reads is not None and isinstance(value, Persistent):
        reads[id(value)] = value


def is_hidden(name: str) -> bool:
    """Whether this key of an object's state is the machinery's own: dunder, `_p_` and `_v_` names are never slots."""
    return name.startswith(("__", "_p_", "_v_"))


class Message:
    """A selector of a receiver, ready to be called: what reading a method as an attribute gives."""

    __slots__ = ("receiver", "selector")

    def __init__(self, receiver: UvmObject, selector: str) -> None:
        self.receiver = receiver
        self.selector = selector

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from batos.objects.sending import send  # the two modules are halves of one thing

        return send(self.receiver, self.selector, *args, **kwargs)


def find(receiver: UvmObject, name: str) -> Found | None:
    """The slot `name` as `receiver` sees it, or None. The value of a method slot is its record."""
    try:
        answer = receiver._v_answers[name]
    except KeyError:
        answer = _walk(receiver, name, name)
    return _noted(answer)


def find_above(holder: UvmObject, name: str) -> Found | None:
    """The slot `name` as the parents of `holder` see it, or None: what the own slot of `holder` hides."""
    key = name + ABOVE
    answer = holder._v_answers.get(key) or _walk(holder, name, key)
    return _noted(answer)


def _noted(answer: Answer) -> Found | None:
    reads = _reads.get()
    if reads is not None:
        for value in answer.read:
            reads[id(value)] = value
    return answer.found


def _walk(receiver: UvmObject, name: str, key: str) -> Answer:
    """Ask one after the other, and keep the answer under `key`: the receiver too, or its parents only."""
    if is_hidden(name):
        return NOWHERE
    found = None
    passed = []
    for holder in delegation(receiver):
        passed.append(holder)
        if holder is receiver and key != name:
            continue
        current = holder.__dict__
        own = current if name in current else current.get("__methods__", ())
        if name in own:
            found = Found(holder, own[name])
            break
    read = passed if found is None or not isinstance(found.value, Persistent) else [*passed, found.value]
    answer = Answer(found, tuple(read))
    keep(receiver, key, answer, passed)
    return answer


def delegation(receiver: UvmObject) -> Iterator[UvmObject]:
    """The receiver and all it delegates to, loaded, in the order in which they are asked."""
    seen: set[int] = set()
    waiting = [receiver]
    while waiting:
        holder = waiting.pop()
        if id(holder) in seen:
            continue
        seen.add(id(holder))
        holder._p_activate()
        note_read(holder)
        yield holder
        waiting.extend(reversed(parents(holder)))


def parents(obj: UvmObject) -> list[UvmObject]:
    obj._p_activate()
    return [value for name, value in obj.__dict__.items() if name.endswith("*")]


def delegates_to(obj: UvmObject, other: UvmObject) -> bool:
    """Whether `other` is `obj` or one of those it delegates to."""
    return any(holder is other for holder in delegation(obj))
