"""Validity: from when until when a document holds, and what took its place.

The days stand on the document, and its chunks and summaries have them from it; a chunk may have its own. A search
finds what holds today; what held on another day, or everything, only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from batos.clock import SystemClock
from batos.errors import MemoryRefused
from batos.image.world import World
from batos.memory.catalog import find_chunk, find_document, get_document
from batos.memory.filters import ANY, is_day
from batos.memory.records import Document, MemoryChunk, document_of
from batos.objects.uvm_object import put, state

FACTS = ("since", "until", "superseded_by")


@dataclass(frozen=True)
class Validity:
    """What is said of a document when it is remembered: the days (ISO form) between which it holds, and whose place it
    takes, a document's or, with a number, that of one of its chunks. Raises what `check_days` raises."""

    since: str | None = None
    until: str | None = None
    supersedes: str | tuple[str, int] | None = None

    def __post_init__(self) -> None:
        check_days("the document", self.since, self.until)

    def say(self, world: World, document_id: str, now: float | None) -> None:
        """Raises `UnknownDocument`, `UnknownObject`, `MemoryRefused`, as `supersede` does."""
        if self.since is not None or self.until is not None:
            limit_validity(world, document_id, self.since, self.until)
        if self.supersedes is not None:
            former, chunk_index = (self.supersedes, None) if isinstance(self.supersedes, str) else self.supersedes
            supersede(world, former, document_id, chunk_index, now=now)


def limit_validity(
    world: World, document_id: str, since: str | None = None, until: str | None = None, chunk_index: int | None = None
) -> None:
    """Say from what day until what day a document holds, both inclusive, in ISO form; None leaves a side open.

    With `chunk_index`, only that chunk of it, where the document's day stands in for a side that is left open. Raises
    `UnknownDocument`, `UnknownObject` for a chunk that it does not have, and what `check_days` raises.
    """
    check_days(document_id, since, until)
    document = find_document(world, document_id)
    limited = document if chunk_index is None else find_chunk(world, document_id, chunk_index)
    put(limited, "since", since)
    put(limited, "until", until)
    _noted(world, document)


def check_days(source: str, since: str | None, until: str | None) -> None:
    """Raises `MemoryRefused` for what is no day, or ends before it begins. `source` is what it is said of."""
    days = [_day(source, text) for text in (since, until) if text is not None]
    if len(days) == 2 and days[0] > days[1]:
        raise MemoryRefused(source=source, reason=f"it cannot hold from {days[0]} until {days[1]}.")


def supersede(
    world: World, former: str, successor: str, chunk_index: int | None = None, *, now: float | None = None
) -> None:
    """Say that one document took the place of another, or of only that chunk of it, which held until today.

    Raises `UnknownDocument`, `UnknownObject` for a chunk that it does not have, and `MemoryRefused` where a document
    would in the end take the place of itself.
    """
    document = find_document(world, former)
    replaced = document if chunk_index is None else find_chunk(world, former, chunk_index)
    later: Document | None = find_document(world, successor)
    seen: set[str] = set()  # an undo may have made a circle of others
    while later is not None and later.document_id not in seen:
        if later is document:
            raise MemoryRefused(source=former, reason=f"{successor} would supersede itself.")
        seen.add(later.document_id)
        name = state(later).get("superseded_by")
        later = get_document(world, name) if name else None
    today = datetime.fromtimestamp(SystemClock().now() if now is None else now, UTC).date()
    put(replaced, "superseded_by", successor)
    if state(replaced).get("until") is None:
        put(replaced, "until", today.isoformat())
    _noted(world, document)


def facts_of(chunk: MemoryChunk) -> dict[str, str]:
    """Those of `since`, `until` and `superseded_by` that are said of a chunk, or of its document."""
    own, whole = state(chunk), state(document_of(chunk))
    found = {name: own.get(name) or whole.get(name) for name in FACTS}
    return {name: value for name, value in found.items() if value is not None}


def holds(facts: Mapping[str, Any], where: Mapping[str, Any], today: date) -> bool:
    """Whether a chunk with these facts holds when a search asks for it: on the day that `valid` names, else today.

    What was superseded does not hold any more, unless another day is asked for.
    """
    asked = where.get("valid")
    if asked == ANY or "superseded_by" in where:
        return True
    if asked is None and "superseded_by" in facts:
        return False
    day = today.isoformat() if asked is None else str(asked)
    since, until = str(facts.get("since") or ""), facts.get("until")
    return since <= day and (until is None or day <= str(until))


def _noted(world: World, document: Document) -> None:
    world.pending_documents.append(document.document_id)


def _day(source: str, text: str) -> date:
    if not is_day(text):
        raise MemoryRefused(source=source, reason=f"{text!r} is no day. Write it like 2024-05-31.")
    return date.fromisoformat(text)
