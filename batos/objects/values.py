"""What a slot may hold, and how values travel out of a transaction.

`admit` turns a value into one that a slot may hold, or refuses it with a sentence. `plain` copies a slot's value into
ordinary Python containers. `freeze` makes JSON of it, for needs, briefs and receipts; `thaw` is its inverse.
Persistent objects never leave a transaction: frozen, they are `{"$object": "<oid as 16 hex digits>"}`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from BTrees.Length import Length
from BTrees.LOBTree import LOBTree
from BTrees.OOBTree import OOBTree, OOTreeSet
from persistent import Persistent
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob

from batos.errors import SlotRefused
from batos.objects.records import Intent, Method, Secret

SCALARS = (type(None), bool, int, float, complex, str, bytes, date, datetime, time, timedelta, Decimal, UUID)
RECORDS = (Intent, Method, Secret)
TREES = (OOBTree, OOTreeSet, LOBTree, Length, Blob)

INSTEAD = {
    "function": "Teach the object a method, or register a primitive with `@batos.primitive`.",
    "method": "Teach the object a method, or register a primitive with `@batos.primitive`.",
    "builtin_function_or_method": "Register a primitive with `@batos.primitive`.",
    "type": "Make a prototype with `image.create` and clone it.",
    "module": "Register what you need of it with `@batos.primitive`.",
    "generator": "Store a list.",
    "bytearray": "Store bytes, or a blob if they are large.",
    "Handle": "Inside `image.transaction`, store the raw object `world[name]`.",
}


def _refuse(slot: str, value: Any) -> SlotRefused:
    kind = type(value)
    what = f"a value of type {kind.__module__}.{kind.__qualname__}".replace("builtins.", "")
    fallback = "Allowed are None, numbers, text, bytes, dates, tuples, lists, dicts, sets, objects, blobs and BTrees."
    return SlotRefused(slot=slot, what=what, instead=INSTEAD.get(kind.__name__, fallback))


def is_object(value: Any) -> bool:
    """Whether `value` is a prototype object (recognised by its class's marker, so that this module stays below it)."""
    return getattr(type(value), "__is_prototype__", False) is True


def admit(slot: str, value: Any) -> Any:
    """`value` as slot `slot` may hold it: lists, dicts and sets become persistent containers.

    Raises `SlotRefused`, naming the type and what to use instead. Exact types only: a subclass may carry code.
    """
    kind = type(value)
    if kind in SCALARS or kind in RECORDS or kind in TREES or is_object(value):
        return value
    if kind in (list, PersistentList):
        return PersistentList([admit(slot, item) for item in value])
    if kind in (dict, PersistentMapping):
        return PersistentMapping({_key(slot, key): admit(slot, item) for key, item in value.items()})
    if kind in (set, OOTreeSet):
        return OOTreeSet(_key(slot, item) for item in value)
    if kind in (tuple, frozenset):
        items = [admit(slot, item) for item in value]
        if any(isinstance(item, Persistent) and not is_object(item) for item in items):
            raise SlotRefused(slot=slot, what="a tuple that holds a list, dict or set", instead="Use a list.")
        return kind(items)
    raise _refuse(slot, value)


def _key(slot: str, key: Any) -> Any:
    if type(key) in SCALARS or (type(key) is tuple and all(type(part) in SCALARS for part in key)):
        return key
    raise _refuse(slot, key)


def plain(value: Any, reference: Callable[[Any], Any] = lambda item: item) -> Any:
    """A copy of a slot's value in ordinary containers; `reference` says what stands for an object (a handle, say)."""
    kind = type(value)
    if kind in (list, PersistentList):
        return [plain(item, reference) for item in value]
    if kind in (dict, PersistentMapping, OOBTree, LOBTree):
        return {key: plain(item, reference) for key, item in value.items()}
    if kind in (set, OOTreeSet):
        return set(value)
    if kind in (tuple, frozenset):
        return kind(plain(item, reference) for item in value)
    if kind is Length:
        return value()
    if isinstance(value, Persistent):
        return reference(value)
    return value


def freeze(value: Any) -> Any:
    """JSON for `value`: plain where JSON has the type, a one-key map `{"$kind": …}` where it has not.

    Raises `SlotRefused` for what cannot be written down; objects must have been added to the image.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    writer = FREEZE.get(kind)
    if writer is not None:
        return writer(value)
    oid = getattr(value, "_p_oid", None)
    if is_object(value) and oid is not None:
        return {"$object": oid.hex()}
    raise _refuse("(message)", value)


def _float(value: float) -> Any:
    return value if value == value and abs(value) != float("inf") else {"$float": repr(value)}


def _list(value: Any) -> list[Any]:
    return [freeze(item) for item in value]


def _map(value: Any) -> dict[str, Any]:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: freeze(item) for key, item in value.items()}
    return {"$dict": [[freeze(key), freeze(item)] for key, item in value.items()]}


def _set(value: Any) -> dict[str, Any]:
    return {"$set": sorted(_list(value), key=repr)}


FREEZE: dict[type, Callable[[Any], Any]] = {
    float: _float,
    **dict.fromkeys((list, PersistentList), _list),
    **dict.fromkeys((dict, PersistentMapping, OOBTree), _map),
    **dict.fromkeys((set, OOTreeSet), _set),
    tuple: lambda value: {"$tuple": _list(value)},
    frozenset: lambda value: {"$frozenset": sorted(_list(value), key=repr)},
    bytes: lambda value: {"$bytes": base64.b64encode(value).decode()},
    datetime: lambda value: {"$datetime": value.isoformat()},
    date: lambda value: {"$date": value.isoformat()},
    time: lambda value: {"$time": value.isoformat()},
    timedelta: lambda value: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    Decimal: lambda value: {"$Decimal": str(value)},
    UUID: lambda value: {"$UUID": str(value)},
    complex: lambda value: {"$complex": str(value)},
    Secret: lambda value: {"$secret": value.name},
}
THAW: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$bytes": base64.b64decode,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$timedelta": lambda parts: timedelta(*parts),
    "$Decimal": Decimal,
    "$UUID": UUID,
    "$complex": complex,
    "$secret": Secret,
}


def thaw(data: Any, resolve: Callable[[bytes], Any]) -> Any:
    """The value that `freeze` wrote down; `resolve` turns an oid into an object or a handle."""
    if isinstance(data, list):
        return [thaw(item, resolve) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        ((key, body),) = data.items()
        if key == "$object":
            return resolve(bytes.fromhex(body))
        if key == "$tuple":
            return tuple(thaw(item, resolve) for item in body)
        if key == "$set":
            return {thaw(item, resolve) for item in body}
        if key == "$frozenset":
            return frozenset(thaw(item, resolve) for item in body)
        if key == "$dict":
            return {thaw(pair[0], resolve): thaw(pair[1], resolve) for pair in body}
        if key in THAW:
            return THAW[key](body)
    return {key: thaw(item, resolve) for key, item in data.items()}
