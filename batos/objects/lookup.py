"""Finding the slot that answers a message: the receiver's own slots, then its parents' in slot order, depth first.

The first slot found wins; that is the whole ambiguity rule. A parent met twice is asked once, so a circle that an older
image may hold cannot hang a lookup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from persistent import Persistent

from batos.objects.answers import NOWHERE, Answer, Found, keep

if TYPE_CHECKING:
    from batos.objects.uvm_object import UvmObject


ABOVE = "^"  # no slot's name ends so
ALL = "^^"  # the key of all that an object delegates to
LONGEST_NAME = 250  # characters of a slot's name; what is asked for under a longer one is not kept


class Reads(dict[int, Any]):
    """What was read: objects and containers, by identity. `loads_tell` says whether reads past `find` are among it."""

    loads_tell = False


# None where nobody notes what is read.
_reads: ContextVar[Reads | None] = ContextVar("batos_reads", default=None)


@contextmanager
def noting_reads() -> Iterator[Reads]:
    """Within the block, every object that a lookup passes is noted, and every one that is loaded: what a cycle read
    must be current at its commit."""
    around, reads = _reads.get(), Reads()
    token = _reads.set(reads)
    try:
        yield reads
    finally:
        _reads.reset(token)
        if around is not None:
            around.update(reads)


def note_read(value: Any) -> None:
    reads = _reads.get()
    if reads is not None and isinstance(value, Persistent):
        reads[id(value)] = value


def note_running(receiver: UvmObject, only_sends: bool) -> None:
    """See to it that what a method in process reads is noted, before it runs. `only_sends` is told in `reading`."""
    reads = _reads.get()
    if reads is None:
        return
    if only_sends:
        reads[id(receiver)] = receiver
    else:
        note_what_python_reads()


def note_what_python_reads() -> None:
    """To be called before code runs that reads own slots, lists and trees as Python does, which nobody sees.

    What is loaded already is unloaded, once, so that the first read of it loads and notes it.
    """
    reads = _reads.get()
    if reads is None or reads.loads_tell:
        return
    reads.loads_tell = True
    for connection in {obj._p_jar for obj in reads.values()} - {None}:
        connection.unload()


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
        return _send()(self.receiver, self.selector, *args, **kwargs)


@cache
def _send() -> Callable[..., Any]:
    from batos.objects.sending import send  # the two modules are halves of one thing

    return send


def find(receiver: UvmObject, name: str) -> Found | None:
    """The slot `name` as `receiver` sees it, or None. The value of a method slot is its record."""
    answer = receiver._v_answers.get(name)
    if answer is None:
        if receiver._p_jar is None:
            return _find_from_new([receiver], name)
        answer = _walk(receiver, name, name)
    reads = _reads.get()
    return answer.found if reads is None else _noted(answer, reads)


def find_above(holder: UvmObject, name: str) -> Found | None:
    """The slot `name` as the parents of `holder` see it, or None: what the own slot of `holder` hides."""
    key = name + ABOVE
    answer = holder._v_answers.get(key)
    if answer is None:
        if holder._p_jar is None:
            note_read(holder)
            return _find_from_new(parents(holder)[::-1], name)
        answer = _walk(holder, name, key)
    reads = _reads.get()
    return answer.found if reads is None else _noted(answer, reads)


def _noted(answer: Answer, reads: dict[int, Any]) -> Found | None:
    for value in answer.read:
        reads[id(value)] = value
    return answer.found


def _walk(receiver: UvmObject, name: str, key: str) -> Answer:
    """Ask one after the other, and keep the answer under `key`: the receiver too, or its parents only."""
    if is_hidden(name) or len(name) > LONGEST_NAME:
        return NOWHERE
    found = None
    passed = []
    for holder in delegation(receiver):
        passed.append(holder)
        if holder is not receiver or key == name:
            found = _own(holder, name)
            if found is not None:
                break
    read = [found.value] if found is not None and found.is_data and isinstance(found.value, Persistent) else []
    answer = Answer(found, (*passed, *read))
    keep(receiver, key, answer, passed)
    return answer


def _find_from_new(waiting: list[UvmObject], name: str) -> Found | None:
    """The same for a new object, the last of `waiting`. It keeps nothing, and asks stored ones for what they keep."""
    if is_hidden(name):
        return None
    seen: set[UvmObject] = set()
    while waiting:
        holder = waiting.pop()
        if holder._p_jar is not None:
            found = find(holder, name)
        elif holder in seen:
            continue
        else:
            seen.add(holder)
            note_read(holder)
            found = _own(holder, name)
            if found is None:
                waiting += parents(holder)[::-1]
            elif found.is_data:
                note_read(found.value)
        if found is not None:
            return found
    return None


def _own(holder: UvmObject, name: str) -> Found | None:
    current = holder.__dict__
    if name in current:
        return Found(holder, current[name])
    methods = current.get("__methods__")
    return Found(holder, methods[name]) if methods is not None and name in methods else None


def delegation(receiver: UvmObject) -> Iterator[UvmObject]:
    """The receiver and all it delegates to, loaded, in the order in which they are asked."""
    reads = _reads.get()
    seen: set[UvmObject] = set()
    waiting = [receiver]
    while waiting:
        holder = waiting.pop()
        if holder in seen:
            continue
        seen.add(holder)
        holder._p_activate()
        if reads is not None:
            reads[id(holder)] = holder
        yield holder
        waiting += [value for name, value in holder.__dict__.items() if name[-1:] == "*"][::-1]


def parents(obj: UvmObject) -> list[UvmObject]:
    obj._p_activate()
    return [value for name, value in obj.__dict__.items() if name[-1:] == "*"]


def delegates_to(obj: UvmObject, other: UvmObject) -> bool:
    """Whether `other` is `obj` or one of those it delegates to."""
    answer = obj._v_answers.get(ALL)
    if answer is None:
        passed = tuple(delegation(obj))
        answer = Answer(None, passed)
        if obj._p_jar is not None:
            keep(obj, ALL, answer, passed)
    else:
        reads = _reads.get()
        if reads is not None:
            _noted(answer, reads)
    return other in answer.read
