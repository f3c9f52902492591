"""What the writer computes with: types of values, columns of values, equality, identity keys.

A *column* holds one value per input: the examples first, then the probes. `MISSING` stands where an expression has no
value (it failed there). Columns of one type live in one bank, so every value gets one of the type names below.
"""

from __future__ import annotations

import marshal
import math
from collections.abc import Callable
from typing import Any

Column = list[Any]

MISSING: Any = ...
"""No value here. The ellipsis, because `marshal` can write it and no slot can hold it."""

ITEMS = {"text": "texts", "number": "numbers", "thing": "things", "flag": "flags", "pair": "pairs", "record": "records"}
"""The type of a list by the type of its items. A column whose values are of several types holds things."""
LISTS = (*ITEMS.values(), "lists", "items")
"""`lists` are lists of lists; `items` is a list with nothing in it, of which nobody knows what it would hold."""

_SCALARS: dict[type, str] = {
    str: "text", bool: "flag", int: "number", float: "number", dict: "record", tuple: "pair", type(None): "none",
}  # fmt: skip


def type_of(value: Any) -> str | None:
    """The type name of one value, None for what the writer cannot compute with."""
    kind = type(value)
    if kind is list:
        if not value:
            return "items"
        inner = type_of(value[0])
        return None if inner is None else "lists" if inner in LISTS else ITEMS.get(inner, "things")
    return _SCALARS.get(kind)


def is_number(value: Any) -> bool:
    """Whether it is one to the writer; True and False are none."""
    return type(value) in (int, float)


def each_part(value: Any, change: Callable[[Any], Any]) -> Any:
    """`value` with `change` made to everything in it that is neither a list nor a pair nor a record."""
    if isinstance(value, dict):
        return {key: each_part(part, change) for key, part in value.items()}
    return type(value)(each_part(part, change) for part in value) if isinstance(value, (list, tuple)) else change(value)


def type_of_column(column: Column) -> str | None:
    """The type that all present values of a column share, None if there is none or it is unknown."""
    found: str | None = None
    for value in column:
        if value is MISSING:
            continue
        kind = type_of(value)
        if kind is None:
            return None
        if kind != found and found is not None:
            kind = _shared(kind, found)
        found = kind
    return found


def _shared(one: str, other: str) -> str:
    """The type that covers both of two different types."""
    if one in LISTS and other in LISTS:
        return one if other == "items" else other if one == "items" else "things"
    return "thing"


def key_of(column: Column) -> int:
    """A 64-bit key: equal columns have equal keys, and 1, 1.0 and True differ. Raises ValueError for foreign values.

    Among a million columns a false match has a chance of about 3e-8.
    """
    return hash(marshal.dumps(column, 2))


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1 from True and 1 from 1.0, and compares floats up to rounding."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is float:
        return bool(one == other) or math.isclose(one, other, rel_tol=1e-9)
    if kind is list or kind is tuple:
        return len(one) == len(other) and all(map(same, one, other))
    if kind is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def texts_in(value: Any) -> list[str]:
    """Every text inside a value, keys of records left out, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in texts_in(item)]
    return []


def keys_in(value: Any) -> list[str]:
    """Every text key of every record inside a value, in order, with repetitions."""
    found: list[str] = []
    if isinstance(value, dict):
        found += [key for key in value if isinstance(key, str)]
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            found += keys_in(item)
    return found
