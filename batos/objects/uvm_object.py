"""The prototype object: named slots, parents to delegate to, and nothing else.

An object's slots are its own state, so a read of an own data slot costs one C attribute read. Method and intent slots
live apart, under `__methods__`, because a method read as an attribute must know its receiver. Dunder, `_p_` and `_v_`
names are never slots. A change of any slot marks the object changed: the Persistence Covenant is kept here.

This module knows persistence, not the database, and no missions: what is not understood is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from persistent import Persistent

from batos.errors import NotUnderstood, SlotRefused
from batos.objects import lookup
from batos.objects.answers import NO_ANSWERS, Answers, forget
from batos.objects.records import Intent, Method, previous_of
from batos.objects.values import admit, copied, is_object

# The two underscored names that the founding document gives to the state machine.
PRIVATE_SLOTS = frozenset({"_process_synthesis_", "_tmp_synthesis_data"})


class UvmObject(Persistent):
    """A prototype. `parents` become the parent slots `parent*`, `parent2*`, …, or as named in a mapping."""

    __is_prototype__ = True
    _v_answers: Answers = NO_ANSWERS
    _v_behaviour: set[str]  # what `_behaves_differently` noted since the last commit

    # Without the C class's own, which wakes a ghost at each read: here a ghost has no slots, so that reading one comes
    # to `__getattr__`, which wakes it. An own slot is read in a third of the time.
    __getattribute__ = object.__getattribute__

    def __init__(self, parents: Iterable[UvmObject] | Mapping[str, UvmObject] = (), /, **slots: Any) -> None:
        own = self.__dict__
        for name, parent in _named(parents):
            if is_object(parent) and is_slot_name(name) and name[-1] == "*":
                own[name] = parent  # nothing delegates to a new object, so this is no circle
            else:
                put(self, name, parent)
        for name, value in slots.items():
            if type(value) in UNCHECKED and is_slot_name(name) and name[-1] != "*":
                own[name] = value  # nothing to admit, and nobody to tell: the object is new
            else:
                put(self, name, value)

    def __getattr__(self, name: str) -> Any:
        # Reached only when the object has no such data slot of its own. Underscored names are Python's, ZODB's or a
        # notebook's: asking for one must never look like a message.
        if name.startswith("_"):
            own = state(self) if name in PRIVATE_SLOTS else {}
            if name in own:  # it was a ghost
                return own[name]
            raise AttributeError(name)
        found = lookup.find(self, name)
        if found is None or isinstance(found.value, Intent):
            raise not_understood(self, name)
        return found.value if found.is_data else lookup.Message(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] == "_" and name.startswith(("_p_", "_v_")):
            super().__setattr__(name, value)
        elif type(value) in UNCHECKED and holds_data(self.__dict__, name) and name[-1] != "*":
            _changing(self, name)[name] = value  # a data slot stays one, and there is nothing to admit
        else:
            put(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name.startswith(("_p_", "_v_")):
            super().__delattr__(name)
        else:
            remove(self, name)

    def _p_invalidate(self) -> None:
        forget(self)
        super()._p_invalidate()

    def __repr__(self) -> str:
        return f"<{label(self)}>"


# What a data slot may hold as it is.
UNCHECKED = frozenset({type(None), bool, int, float, str, bytes, UvmObject})
_BEHAVIOUR = (Method, Intent)
# The same as assigning to `_p_changed`, without the way through `__setattr__`.
_mark_changed = Persistent._p_changed.__set__


def _named(parents: Iterable[UvmObject] | Mapping[str, UvmObject]) -> Iterable[tuple[str, UvmObject]]:
    if isinstance(parents, Mapping):
        return parents.items()
    return ((f"parent{number if number > 1 else ''}*", parent) for number, parent in enumerate(parents, 1))


def state(obj: UvmObject) -> dict[str, Any]:
    """The object's whole state, loaded, to read. `__dict__` alone does not wake a ghost."""
    obj._p_activate()
    lookup.note_read(obj)
    return obj.__dict__


def _changing(obj: UvmObject, *names: str) -> dict[str, Any]:
    """The object's state, to write these slots; none named: any. It is marked as changed first: where that is refused
    (its transaction is over, or another thread's), nothing has been written that the next transaction of the same
    connection would see."""
    current = state(obj)
    _mark_changed(obj, True)
    forget(obj, *names)
    return current


def label(obj: UvmObject) -> str:
    """What to call `obj` in a message: its name in the world, else its object id."""
    name = state(obj).get("__label__")
    if name:
        return str(name)
    return f"object {int.from_bytes(obj._p_oid, 'big'):#x}" if obj._p_oid else "new object"


def rename(obj: UvmObject, name: str) -> None:
    """Set what `label` says. The world does, when it gives a name."""
    _changing(obj)["__label__"] = name


def not_understood(receiver: UvmObject, selector: str, args: tuple[Any, ...] = (), kwargs: Any = None) -> NotUnderstood:
    """The error for a message that `receiver` does not understand. `oid` is None for an object not yet stored; the
    arguments ride along as `message`, for a layer that answers within the same transaction."""
    oid = receiver._p_oid.hex() if receiver._p_oid else None
    error = NotUnderstood(receiver=label(receiver), selector=selector, oid=oid)
    error.message = (args, kwargs or {})
    return error


def is_slot_name(name: object) -> bool:
    """Whether `name` may name a slot: an identifier of no great length, with `*` at the end for a parent slot."""
    return isinstance(name, str) and len(name) <= lookup.LONGEST_NAME and _is_slot_name(name)


@lru_cache(maxsize=4096)
def _is_slot_name(name: str) -> bool:
    core = name.removesuffix("*")
    return core.isidentifier() and (not core.startswith("_") or core in PRIVATE_SLOTS)


def holds_data(own: Mapping[str, Any], name: str) -> bool:
    """Whether an object's state has a slot of this name, parents included. False too for the names that stand beside
    the slots, and for the two private ones, which are to be looked at more closely."""
    return name in own and name[:1] != "_" and not isinstance(own[name], _BEHAVIOUR)


def put_all(obj: UvmObject, values: Mapping[str, Any]) -> None:
    """As `put` for each, with a short way for all that are numbers, texts or objects in data slots that are there."""
    own = state(obj)
    short = {
        name: value
        for name, value in values.items()
        if type(value) in UNCHECKED and holds_data(own, name) and name[-1] != "*"
    }
    if short:
        _changing(obj, *short).update(short)
    if len(short) < len(values):
        for name, value in values.items():
            if name not in short:
                put(obj, name, value)


def put(obj: UvmObject, name: str, value: Any) -> None:
    """Create or change the own slot `name`. Raises `SlotRefused` for a name or value that a slot cannot have."""
    if not is_slot_name(name):
        instead = "Use an identifier without a leading underscore."
        raise SlotRefused(slot=name, what="anything under this name", instead=instead)
    if name.endswith("*"):
        _check_parent(obj, name, value)
        _changing(obj, name)[name] = value
        _behaves_differently(obj, name)
    elif isinstance(value, Method | Intent):
        current = _changing(obj, name)
        current.pop(name, None)
        if isinstance(value, Intent) and value.retired is None:
            retired = previous_of(current.get("__methods__", {}).get(name))
            value = Intent(value.text, value.examples, retired)
        _behaves_differently(obj, name)
        # A new dict, not a change of the old one: earlier snapshots of the state stay what they were.
        current["__methods__"] = {**current.get("__methods__", {}), name: value}
    else:
        admitted = admit(name, value)
        current = _changing(obj, name)
        _without(current, "__methods__", name)
        current[name] = admitted


def _behaves_differently(obj: UvmObject, name: str) -> None:
    """Note for who commits that the object, if it is stored, may now answer messages in another way."""
    if obj._p_jar is not None:
        obj._v_behaviour = {*obj.__dict__.get("_v_behaviour", ()), name}


def _check_parent(obj: UvmObject, name: str, value: Any) -> None:
    if not is_object(value):
        what = f"a value of type {type(value).__name__}"
        raise SlotRefused(slot=name, what=what, instead="A parent slot holds an object.")
    if lookup.delegates_to(value, obj):
        what = f"{label(value)}, which delegates to {label(obj)}"
        raise SlotRefused(slot=name, what=what, instead="Parents must not form a circle.")


def _without(current: dict[str, Any], table: str, name: str) -> None:
    """Take `name` out of one of the two tables that stand beside the data slots: `__methods__` and `__notes__`."""
    entries = current.get(table, {})
    if name in entries:
        current[table] = {key: value for key, value in entries.items() if key != name}


def remove(obj: UvmObject, name: str) -> None:
    """Remove the own slot `name`. Raises `NotUnderstood` when the object has none."""
    if name not in own_slots(obj):
        raise not_understood(obj, name)
    current = _changing(obj, name)
    if name.endswith("*") or name in current.get("__methods__", {}):
        _behaves_differently(obj, name)
    current.pop(name, None)
    _without(current, "__methods__", name)
    _without(current, "__notes__", name)


def put_back(obj: UvmObject, name: str, value: Any) -> None:
    """Like `put`, for what has been in the slot before: a list, dict or tree is the same one again, and no copy."""
    if name.endswith("*") or isinstance(value, Method | Intent):
        put(obj, name, value)
    else:
        current = _changing(obj)
        _without(current, "__methods__", name)
        current[name] = value


def order_parents(obj: UvmObject, first: Iterable[str]) -> None:
    """Bring the parent slots into this order, the others behind them. Parents are asked in slot order."""
    current = _changing(obj)
    names = [name for name in current if name.endswith("*")]
    for name in dict.fromkeys([*first, *names]):
        if name in current:
            current[name] = current.pop(name)


def notes_of(obj: UvmObject, name: str) -> dict[str, str]:
    return dict(state(obj).get("__notes__", {}).get(name, {}))


def annotate(obj: UvmObject, name: str, notes: Mapping[str, str]) -> None:
    """Replace the notes of the own slot `name`; `remove` takes them away with it."""
    current = _changing(obj)
    _without(current, "__notes__", name)
    if notes:
        current["__notes__"] = {**current.get("__notes__", {}), name: dict(notes)}


def own_slots(obj: UvmObject) -> dict[str, Any]:
    """The own slots with their values as stored: data and parents in slot order, then methods and intents."""
    current = state(obj)
    slots = {name: value for name, value in current.items() if not lookup.is_hidden(name)}
    return {**slots, **current.get("__methods__", {})}


def clone(obj: UvmObject) -> UvmObject:
    """A new object with the same own slots and notes, and no name.

    Lists, dicts, sets, trees, counters and blobs are copied; methods and objects are shared. A clone is always a plain
    `UvmObject`: a second `MemoryChunk` would be one more place that memory finds the same text in.
    """
    copy = UvmObject()
    for name, value in own_slots(obj).items():
        put(copy, name, copied(value))
    for name, notes in state(obj).get("__notes__", {}).items():
        if name in own_slots(obj):  # what a person ruled about the object itself is not about its clone
            annotate(copy, name, notes)
    return copy
