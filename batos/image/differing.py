"""What is different about an object between two moments, slot by slot: as plain data, and as text to read."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ZODB.blob import Blob

from batos.errors import UnknownObject
from batos.image.finding import When
from batos.image.handles import Home
from batos.image.image import Image
from batos.image.inspecting import shown
from batos.image.past import same
from batos.image.views import at
from batos.objects.mirror import Kind, kind_of
from batos.objects.records import Method
from batos.objects.uvm_object import own_slots
from batos.objects.values import blob_bytes, plain

SIGNS = {"added": "+", "removed": "-", "changed": "~"}
LONG = 60  # characters of two values side by side; longer ones are compared line by line


@dataclass(frozen=True)
class SlotDifference:
    """`before` and `after` are plain data as `inspect` shows them, None where the slot was not there. `says` is the
    difference in a line; `lines` the unified diff of two sources or of two long values, empty where there is none."""

    name: str
    kind: Kind
    what: Literal["added", "removed", "changed"]
    before: Any
    after: Any
    says: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """What is different about `target`: the slots in slot order. `before` and `after` name the moments."""

    target: str
    before: str
    after: str
    slots: tuple[SlotDifference, ...]

    def __str__(self) -> str:
        head = f"{self.target} from {self.before} to {self.after}"
        return "\n".join([head, *self.lines()]) if self.slots else f"{head}: no slot is different"

    def lines(self) -> Iterator[str]:
        """The slots, each in a line; under those that are compared line by line, that."""
        for slot in self.slots:
            yield f"{SIGNS[slot.what]} {slot.name}: {slot.says}"
            yield from (f"    {line}" for line in slot.lines)


def diff(image: Image, target: str, before: When, after: When | None = None) -> Difference:
    """What is different about an object between two moments (until now), slot by slot. Raises like `at`."""
    with at(image, before) as was:
        if after is None:
            return differences(target, was, image, (was.called, "now"))
        with at(image, after) as then:
            return differences(target, was, then, (was.called, then.called))


def differences(target: str, before: Home, after: Home, moments: tuple[str, str]) -> Difference:
    """What `after` has that `before` has not, and the other way round; each is an image or a view of one.

    An object that one of them lacks is told with all its slots added or removed. Raises `UnknownObject` when both do.
    """
    oid = _oid(target, after, before)
    was, now = _slots(before, oid), _slots(after, oid)
    found = (_difference(name, was.get(name), now.get(name)) for name in dict.fromkeys([*now, *was]))
    return Difference(target, *moments, tuple(different for different in found if different is not None))


@dataclass(frozen=True)
class _Slot:
    kind: Kind
    compared: Any
    shown: Any
    source: str | None

    @property
    def says(self) -> str:
        if self.kind == "method":
            return f"{self.shown['trust']} method, version {self.shown['version']}"
        return _literal(self.shown)


def _oid(target: str, *homes: Home) -> bytes:
    """The id of what the first of them, that has one, calls so."""
    for home in homes:
        with home.reading() as world:
            try:
                return world.add(world.find(target))
            except UnknownObject:
                if home is homes[-1]:
                    raise
    raise AssertionError("unreachable")


def _slots(home: Home, oid: bytes) -> dict[str, _Slot]:
    with home.reading() as world:
        try:
            obj = world.object(oid)
        except UnknownObject:  # not made yet
            return {}
        return {name: _slot(name, value) for name, value in own_slots(obj).items()}


def _slot(name: str, value: Any) -> _Slot:
    source = value.source if isinstance(value, Method) else None
    return _Slot(kind_of(name, value), plain(value, _compared), shown(value), source)


def _compared(obj: Any) -> Any:
    return blob_bytes(obj) if isinstance(obj, Blob) else (type(obj).__name__, obj._p_oid)


def _difference(name: str, was: _Slot | None, now: _Slot | None) -> SlotDifference | None:
    """None where there is no difference."""
    if was is None:
        return SlotDifference(name, now.kind, "added", None, now.shown, now.says) if now is not None else None
    if now is None:
        return SlotDifference(name, was.kind, "removed", was.shown, None, was.says)
    if was.kind == now.kind and same(was.compared, now.compared):
        return None
    lines = tuple(_lines(was, now))
    says = "" if lines and now.kind == "data" else f"{was.says} → {now.says}"
    return SlotDifference(name, now.kind, "changed", was.shown, now.shown, says, lines)


def _lines(was: _Slot, now: _Slot) -> Iterator[str]:
    """The unified diff of two sources, or of two values that do not fit a line; without the names of files."""
    if was.source and now.source:
        before, after = was.source.splitlines(), now.source.splitlines()
    elif was.kind == now.kind == "data" and max(len(slot.says) for slot in (was, now)) > LONG:
        before, after = (_literal(slot.shown, indent=1).splitlines() for slot in (was, now))
    else:
        return
    yield from [*difflib.unified_diff(before, after, lineterm="", n=2)][2:]


def _literal(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr, indent=indent)
