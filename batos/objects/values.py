"""What a slot may hold, and how values travel out of a transaction.

`admit` turns a value into one that a slot may hold, or refuses it with a sentence. `plain` copies a slot's value into
ordinary Python containers. `freeze` makes JSON of it, for needs, briefs and receipts; `thaw` is its inverse.
Persistent objects never leave a transaction: frozen, they are `{"$object": "<oid as 16 hex digits>"}`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta, timezone
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
from batos.objects.lookup import note_read
from batos.objects.records import Intent, Method, Secret

_LIGHT = frozenset({type(None), bool, int, float})
PLAIN = _LIGHT | {str, bytes}  # nothing about one of these has to be looked at
SCALARS = PLAIN | {complex, date, datetime, time, timedelta, Decimal, UUID}
RECORDS = (Intent, Method, Secret)
TREES = (OOBTree, OOTreeSet, LOBTree, Length, Blob)
DEEPEST = 100  # levels of containers within containers; also what ends a value that contains itself
MESSAGE = "(message)"  # what stands for the slot's name where there is none: in a need, a brief, an answer

INSTEAD = {
    "function": "Teach the object a method, or register a primitive with `@batos.primitive`.",
    "method": "Teach the object a method, or register a primitive with `@batos.primitive`.",
    "builtin_function_or_method": "Register a primitive with `@batos.primitive`.",
    "type": "Make a prototype with `image.create` and clone it.",
    "module": "Register what you need of it with `@batos.primitive`.",
    "generator": "Store a list.",
    "bytearray": "Store bytes, or a blob if they are large.",
    "Handle": "Inside `image.transaction`, store the raw object `world[name]`.",
    "Selector": "It is a message: send it, and store the answer.",
    "Message": "It is a message: send it, and store the answer.",
}
ALLOWED = "Allowed are None, numbers, text, bytes, dates, tuples, lists, dicts, sets, objects, blobs and BTrees."


def refusal(slot: str, kind: type) -> SlotRefused:
    """The error for a value of a type that no slot can hold; it says what to use instead."""
    what = f"a value of type {kind.__module__}.{kind.__qualname__}".replace("builtins.", "")
    return SlotRefused(slot=slot, what=what, instead=INSTEAD.get(kind.__name__, ALLOWED))


def _too_deep(slot: str) -> SlotRefused:
    what = f"a value that contains itself, or more than {DEEPEST} levels of containers"
    return SlotRefused(slot=slot, what=what, instead="Make objects of its parts, which may refer to each other.")


def is_object(value: Any) -> bool:
    """Whether `value` is a prototype object (recognised by its class's marker, so that this module stays below it)."""
    return getattr(type(value), "__is_prototype__", False) is True


def admit(slot: str, value: Any, depth: int = 0) -> Any:
    """`value` as slot `slot` may hold it: lists, dicts and sets become persistent containers.

    Raises `SlotRefused`, naming the type and what to use instead. Exact types only: a subclass may carry code.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind in SCALARS:
        return _scalar(slot, value)
    if kind in RECORDS or (kind in TREES and kind is not OOTreeSet) or is_object(value):
        return value
    if depth >= DEEPEST:
        raise _too_deep(slot)
    if kind in (list, PersistentList):
        return PersistentList([item if type(item) in PLAIN else admit(slot, item, depth + 1) for item in value])
    if kind in (dict, PersistentMapping):
        keys = [key if type(key) in PLAIN else _key(slot, key) for key in value]
        items = [item if type(item) in PLAIN else admit(slot, item, depth + 1) for item in value.values()]
        return _mapping(dict(zip(keys, items, strict=True)))
    if kind in (set, OOTreeSet):
        return OOTreeSet(_in_order(slot, [_key(slot, item) for item in value]))
    if kind in (tuple, frozenset):
        if PLAIN.issuperset(map(type, value)):
            return value
        items = [admit(slot, item, depth + 1) for item in value]
        if any(isinstance(item, Persistent) and not is_object(item) for item in items):
            raise SlotRefused(slot=slot, what="a tuple that holds a list, dict or set", instead="Use a list.")
        return kind(items)
    raise refusal(slot, kind)


def _mapping(items: dict[Any, Any]) -> PersistentMapping:
    """Made of a dict that is nobody else's: its own constructor sets item by item, in Python."""
    made = PersistentMapping()
    made.data = items
    return made


def _scalar(slot: str, value: Any) -> Any:
    """Time zones but fixed ones are refused: they are stored as a call to their class, which no record may make."""
    zone = getattr(value, "tzinfo", None)
    if zone is not None and type(zone) is not timezone:
        instead = "Store `moment.astimezone(datetime.UTC)`, and beside it the zone's name, as text."
        raise SlotRefused(slot=slot, what=f"a time in the zone {zone!r}", instead=instead)
    return value


def _key(slot: str, key: Any) -> Any:
    if type(key) in SCALARS:
        return _scalar(slot, key)
    if type(key) is tuple and all(type(part) in SCALARS for part in key):
        return tuple(_scalar(slot, part) for part in key)
    raise refusal(slot, type(key))


def _in_order(slot: str, members: list[Any]) -> list[Any]:
    """The members of a set, which is stored as a tree: they must have an order, and NaN has no place in any."""
    comparable = [member for member in members if member is not None]
    try:
        if all(member == member and not member < member for member in comparable):
            return sorted(comparable) + ([None] if None in members else [])
    except TypeError:
        pass
    instead = "Store a list, or a frozenset, which is replaced as a whole."
    raise SlotRefused(slot=slot, what="a set whose members have no common order", instead=instead)


def copied(value: Any) -> Any:
    """A second value that can be changed without changing `value`; lists, dicts and sets are copied by `admit`."""
    kind = type(value)
    if kind in (OOBTree, LOBTree):
        return kind(value)
    if kind is Length:
        return Length(value())
    return Blob(blob_bytes(value)) if kind is Blob else value


def blob_bytes(blob: Blob) -> bytes:
    with blob.open("r") as file:
        return bytes(file.read())


def plain(value: Any, reference: Callable[[Any], Any] = lambda item: item, depth: int = 0) -> Any:
    """A copy of a slot's value in ordinary containers; `reference` says what stands for an object (a handle, say), a
    method, or a blob. Raises `SlotRefused` for a value that contains itself."""
    kind = type(value)
    if kind in SCALARS:
        return value
    note_read(value)
    if depth > DEEPEST:
        raise _too_deep(MESSAGE)
    if kind in (list, PersistentList):
        items = value if kind is list else value.data
        return [item if type(item) in PLAIN else plain(item, reference, depth + 1) for item in items]
    if kind in (dict, PersistentMapping, OOBTree, LOBTree):
        return {key: item if type(item) in PLAIN else plain(item, reference, depth + 1) for key, item in value.items()}
    if kind in (set, OOTreeSet):
        return set(value)
    if kind in (tuple, frozenset):
        return kind(plain(item, reference, depth + 1) for item in value)
    if kind is Length:
        return value()
    if kind is Intent:
        return Intent(value.text, plain(value.examples, reference, depth + 1))
    if isinstance(value, Persistent):
        return reference(value)
    return value


TEXT_PER_VALUE = 64  # characters or bytes that weigh as much as one value
BLOB_WEIGHT = 100_000  # how large a blob is, is not known before it is read


def weight(value: Any, most: int) -> int:
    """How many values a slot's value holds, itself included. Nothing is copied, and no more looked at than `most`."""
    kind = type(value)
    if kind in SCALARS:
        return 1 + len(value) // TEXT_PER_VALUE if kind is str or kind is bytes else 1
    parts: Iterable[Any] = ()
    if kind is PersistentList:
        parts = value.data  # its own iterator counts in Python
    elif kind in (list, tuple, set, frozenset, OOTreeSet):
        parts = value
    elif kind in (dict, PersistentMapping, OOBTree, LOBTree):
        parts = (part for item in value.items() for part in item)
    elif kind is Blob:
        return BLOB_WEIGHT
    weighed = 1
    for part in parts:
        weighed += 1 if type(part) in _LIGHT else weight(part, most - weighed)
        if weighed > most:
            break
    return weighed


def freeze(value: Any, depth: int = 0) -> Any:
    """JSON for `value`: plain where JSON has the type, a one-key map `{"$kind": …}` where it has not.

    Raises `SlotRefused` for what cannot be written down; objects must have been added to the image.
    """
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if depth > DEEPEST:
        raise _too_deep(MESSAGE)
    writer = FREEZE.get(kind)
    if writer is not None:
        note_read(value)
        return writer(value, depth + 1)
    oid = getattr(value, "_p_oid", None)
    if is_object(value) and oid is not None:
        return {"$object": oid.hex()}
    raise refusal(MESSAGE, kind)


# JSON readers refuse decimal integers of more than 4,300 digits; beyond this they are written in base 16.
LONGEST_DECIMAL = 10_000  # bits


def _integer(value: int, _: int) -> Any:
    return value if value.bit_length() <= LONGEST_DECIMAL else {"$int": hex(value)}


def _float(value: float, _: int) -> Any:
    return value if value == value and abs(value) != float("inf") else {"$float": repr(value)}


def _list(value: Iterable[Any], depth: int) -> list[Any]:
    return [freeze(item, depth) for item in value]


def _map(value: Any, depth: int) -> dict[str, Any]:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: freeze(item, depth) for key, item in value.items()}
    return {"$dict": [[freeze(key, depth), freeze(item, depth)] for key, item in value.items()]}


def _set(value: Iterable[Any], depth: int) -> dict[str, Any]:
    return {"$set": sorted(_list(value, depth), key=repr)}


Writer = Callable[[Any, int], Any]
FREEZE: dict[type, Writer] = {
    int: _integer,
    float: _float,
    **dict.fromkeys((list, PersistentList), _list),
    **dict.fromkeys((dict, PersistentMapping, OOBTree, LOBTree), _map),
    **dict.fromkeys((set, OOTreeSet), _set),
    tuple: lambda value, depth: {"$tuple": _list(value, depth)},
    frozenset: lambda value, depth: {"$frozenset": sorted(_list(value, depth), key=repr)},
    bytes: lambda value, _: {"$bytes": base64.b64encode(value).decode()},
    datetime: lambda value, _: {"$datetime": _scalar(MESSAGE, value).isoformat()},
    date: lambda value, _: {"$date": value.isoformat()},
    time: lambda value, _: {"$time": _scalar(MESSAGE, value).isoformat()},
    timedelta: lambda value, _: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    Decimal: lambda value, _: {"$Decimal": str(value)},
    UUID: lambda value, _: {"$UUID": str(value)},
    complex: lambda value, _: {"$complex": str(value)},
    Secret: lambda value, _: {"$secret": value.name},
}
THAW: dict[str, Callable[[Any], Any]] = {
    "$int": lambda digits: int(digits, 16),
    "$float": float,
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$timedelta": lambda parts: timedelta(*parts),
    "$Decimal": Decimal,
    "$UUID": UUID,
    "$complex": complex,
    "$secret": Secret,
}
GROUPS: dict[str, Callable[[Iterable[Any]], Any]] = {"$tuple": tuple, "$set": set, "$frozenset": frozenset}


def thaw(data: Any, resolve: Callable[[bytes], Any]) -> Any:
    """The value that `freeze` wrote down; `resolve` turns an oid into an object or a handle.

    Raises `SlotRefused` for JSON that `freeze` did not write, and what `resolve` raises.
    """
    try:
        return _thaw(data, resolve, 0)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
        if isinstance(error, SlotRefused):
            raise
        raise SlotRefused(slot=MESSAGE, what=f"this JSON ({error})", instead="Freeze the value again.") from None


def _thaw(data: Any, resolve: Callable[[bytes], Any], depth: int) -> Any:
    if depth > 2 * DEEPEST:  # a frozen tuple or set is two levels of JSON
        raise _too_deep(MESSAGE)
    if isinstance(data, list):
        return [_thaw(item, resolve, depth + 1) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        ((key, body),) = data.items()
        if key == "$object":
            return resolve(bytes.fromhex(body))
        if key in GROUPS:
            return GROUPS[key](_thaw(item, resolve, depth + 2) for item in body)
        if key == "$dict":
            return {_thaw(name, resolve, depth + 2): _thaw(item, resolve, depth + 2) for name, item in body}
        if key in THAW:
            return THAW[key](body)
    return {key: _thaw(item, resolve, depth + 1) for key, item in data.items()}


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a plain value, keys included. What is not plain has none."""
    match value:
        case str():
            yield value
        case bytes():
            yield value.decode("utf-8", "replace")
        case dict():
            for key, entry in value.items():
                yield from texts_in(key)
                yield from texts_in(entry)
        case list() | tuple() | set() | frozenset():
            for entry in value:
                yield from texts_in(entry)
        case Intent():
            yield value.text
            yield from texts_in(value.examples)
        case Secret():
            yield value.name


def as_text(given: str) -> str:
    """With a question mark for each half of a surrogate pair, which neither a tokenizer nor a table takes."""
    return given if given.isascii() else given.encode("utf-8", "replace").decode()
