"""Values on their way into the sandbox and out of it.

In: plain data by copy, objects as references that the sandbox cannot make itself. Out: plain data again, of exactly
the known types, bounded in size; a reference is turned back into its object. Functions, classes and instances of the
sandbox do not cross.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic_monty import ClassInstance, ClassType

from batos.errors import SandboxDenied, SandboxLimit

PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, date, datetime, time, timedelta, Decimal})
CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
_KEYED = frozenset({dict, set, frozenset})
_SEEDED = frozenset({type(None), bool, float, str, bytes, date, datetime, time})
FEW_KEYS = 16
_SHORT = frozenset({type(None), bool, float})  # of one size, and equal to nothing that is doubted
_LARGE = 1 << 64
_SIZED = frozenset({str, bytes, int, Decimal})
DEEPEST = 60
# What the sandbox hands out where a container contains itself, if the prelude did not look at it first.
CYCLES = frozenset({"[...]", "(...)", "{...}"})
MOST_BITS = 14_000  # of a number; Python refuses to write down, or read, much longer ones


# What `==` alone tells apart within one type. `0.0 == -0.0`, and so it is with decimals and times.
_TOLD_APART = frozenset({type(None), bool, int, str, bytes})


def unchanged(before: Any, now: Any) -> bool:
    """Whether writing `now` where `before` was would change nothing at all: types, signs, order of keys."""
    kind = type(before)
    if kind is not type(now):
        return False
    if kind in _TOLD_APART:
        return bool(before == now)
    if kind in PLAIN:
        return repr(before) == repr(now)
    if kind not in CONTAINERS:
        return before is now
    if len(before) != len(now):
        return False
    if kind is dict:
        return all(map(unchanged, before, now)) and all(map(unchanged, before.values(), now.values()))
    if kind in (set, frozenset):
        return before == now and sorted(map(repr, before)) == sorted(map(repr, now))
    return all(map(unchanged, before, now))


def is_plain(value: Any) -> bool:
    """Whether a plain value (`batos.objects.values.plain`) holds no object, nor anything else that is no data, and no
    more than a few keys that may hash alike: what comes back unseen may hold it many times over."""
    kind = type(value)
    if kind in PLAIN:
        return True
    if kind in _KEYED and len(value) > FEW_KEYS and sum(map(_hashes_alike, value)) > FEW_KEYS:
        return False
    if kind is dict:
        return all(is_plain(key) and is_plain(item) for key, item in value.items())
    return kind in CONTAINERS and all(map(is_plain, value))


def _hashes_alike(key: Any) -> bool:
    """Whether many keys of this kind may have one hash: Python draws a seed for texts, but not for numbers."""
    return abs(key) >= sys.hash_info.modulus if type(key) is int else type(key) not in _SEEDED


class Object:
    """What the sandbox holds in an object's place. The host knows it by identity; `token` tells two apart inside."""

    __slots__ = ("target", "token")

    def __init__(self, token: int, target: Any) -> None:
        self.token = token
        self.target = target


class Crossing:
    """The references of one activation, and the border they cross. Token 0 is the receiver."""

    kind = ClassType(Object)

    def __init__(self, selector: str, is_object: Callable[[Any], bool], most_items: int, most_text: int) -> None:
        self.selector = selector
        self.is_object = is_object
        self.most_items = most_items
        self.most_text = most_text
        self.doubted: frozenset[str] = frozenset()  # texts that may stand for something else
        self._wrapped: list[ClassInstance] = []
        self._tokens: dict[int, int] = {}

    def wrap(self, target: Any) -> ClassInstance:
        """The reference for an object, always the same one. The objects live as long as the activation does."""
        token = self._tokens.get(id(target))
        if token is None:
            token = self._tokens[id(target)] = len(self._wrapped)
            wrapper = ClassInstance(
                Object(token, target), eager_attrs=("token",), class_type=self.kind, id=UUID(int=token + 1)
            )
            self._wrapped.append(wrapper)
        return self._wrapped[token]

    def target(self, token: Any) -> Any:
        """The object that a token stands for. Raises `SandboxDenied` for a token that was never given out."""
        if type(token) is int and 0 <= token < len(self._wrapped):
            return self._wrapped[token].value.target
        raise SandboxDenied(selector=self.selector, reason="name an object that it was not given")

    def into(self, value: Any, slot: str) -> Any:
        """A plain value (`batos.objects.values.plain`) as the sandbox may see it."""
        return self._into(value, slot, [self.most_items])

    def is_small(self, value: Any, most: int) -> bool:
        """Whether `value` has few enough items and little enough text to be sent along unasked."""
        kind = type(value)
        if kind in (str, bytes):
            return len(value) <= 16 * most
        if kind in (list, dict, set):
            items = [*value, *value.values()] if kind is dict else value
            return len(value) <= most and all(type(item) in PLAIN and self.is_small(item, most // 8) for item in items)
        return kind in PLAIN

    def _into(self, value: Any, slot: str, left: list[int]) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise SandboxLimit(selector=self.selector, reason=f"slot {slot!r} holds more than {self.most_items} items.")
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind in (list, tuple, set, frozenset):
            return kind(self._into(item, slot, left) for item in value)
        if kind is dict:
            return {self._into(key, slot, left): self._into(item, slot, left) for key, item in value.items()}
        if self.is_object(value):
            return self.wrap(value)
        raise SandboxDenied(selector=self.selector, reason=f"read slot {slot!r}, which holds a {kind.__name__}")

    def out(self, value: Any) -> Any:
        """What the sandbox handed over, as ours. Raises `SandboxDenied` for all but plain data and objects."""
        kind = type(value)
        if kind in _SHORT or (kind is int and -_LARGE < value < _LARGE):
            return value
        return self._out(value, [self.most_items, self.most_text], 0)

    def _out(self, value: Any, left: list[int], depth: int) -> Any:
        kind = type(value)
        left[0] -= 1
        if kind in _SIZED:
            left[1] -= value.__sizeof__()
        if left[0] < 0 or left[1] < 0 or depth > DEEPEST or (kind is int and value.bit_length() > MOST_BITS):
            raise SandboxLimit(selector=self.selector, reason="it handed over a value that is too large.")
        if kind in PLAIN:
            if (kind is str and value in self.doubted) or (kind is Decimal and value.is_snan()):
                raise self._refused("a value that contains itself, or a number that raises when it is compared")
            return value
        if kind is tuple and len(value) == 2 and value[0] is Ellipsis:
            return self.target(value[1])  # as the prelude writes down an object
        if kind in (list, tuple, set, frozenset):
            return kind(self._out(item, left, depth + 1) for item in value)
        if kind is dict:
            return {self._out(key, left, depth + 1): self._out(item, left, depth + 1) for key, item in value.items()}
        raise self._refused(f"a {kind.__name__}; plain data and objects may leave")

    def _refused(self, what: str) -> SandboxDenied:
        return SandboxDenied(selector=self.selector, reason=f"hand over {what}")
