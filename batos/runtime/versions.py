"""The versions of a method: what each was, how it did, and what changed from one to the next."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from batos.errors import UnknownSlot
from batos.image.handles import Home
from batos.objects import lookup
from batos.objects.records import Method, previous_of
from batos.runtime.missions import MissionStore


@dataclass(frozen=True)
class Version:
    """One version, as plain data. `calls` counts the calls that came to an end, `errors` those of them that failed,
    `micros` the time of all in microseconds; trusted methods run without being counted.

    `diff` is a unified diff from the version before; `by` is the model or the person that wrote it.
    """

    version: int
    trust: str
    by: str
    made_at: float | None
    mission: str | None
    proven: int
    restores: int | None
    calls: int
    errors: int
    micros: int
    source: str | None
    diff: str


def versions(image: Home, store: MissionStore, target: str, selector: str) -> list[Version]:
    """The versions of a method, the newest first. Raises `UnknownSlot` for what is no method."""
    with image.reading() as world:
        receiver = world.find(target)
        found = lookup.find(receiver, selector)
        newest = previous_of(found.value) if found is not None else None
        if found is None or newest is None:
            known = f"`batos inspect {target}` lists what it understands."
            raise UnknownSlot(holder=target, name=selector, known=known)
        counted = store.counters(world.add(found.holder).hex(), selector)
        counts = {count.version: count for count in counted}
        return [_version(method, counts.get(method.version)) for method in chain(newest)]


def chain(newest: Method) -> Iterator[Method]:
    """The method and those it replaced, the newest first."""
    method: Method | None = newest
    while method is not None:
        yield method
        method = method.previous


def _version(method: Method, count: Any) -> Version:
    about = method.provenance
    before = method.previous.source if method.previous is not None else None
    return Version(
        method.version,
        method.trust,
        str(about.get("restored_by") or about.get("author") or about.get("model") or method.primitive or "unknown"),
        about.get("made_at"),
        about.get("mission"),
        int(about.get("proven") or 0),
        about.get("restores"),
        count.calls if count else 0,
        count.errors if count else 0,
        count.micros if count else 0,
        method.source,
        difference(before, method.source, method.version) if method.previous is not None else "",
    )


def difference(before: str | None, after: str | None, version: int) -> str:
    """A unified diff of two sources; empty where they are the same."""
    names = (f"version {version - 1}", f"version {version}")
    lines = difflib.unified_diff((before or "").splitlines(), (after or "").splitlines(), *names, lineterm="")
    return "\n".join(lines)
