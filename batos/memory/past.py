"""A view of the past: what was remembered then, read from the image as it was.

The indexes know what is remembered now, and what is not any more. Where a chunk stood at the time that a reader looks
at, and which stood beside it, they do not know.
"""

from __future__ import annotations

from collections.abc import Iterable

from ZODB.POSException import ReadConflictError

from batos.errors import UnknownObject
from batos.image.world import World
from batos.memory.catalog import documents, get_document
from batos.memory.follower import row
from batos.memory.records import MemoryChunk, document_of
from batos.memory.text import Place
from batos.objects.uvm_object import state


def is_past(world: World) -> bool:
    return getattr(world.connection, "before", None) is not None


def stored(world: World, number: int) -> MemoryChunk | None:
    """The chunk with this object id, or None if it is newer than the reader's snapshot or packed away."""
    try:
        found = world.object(number.to_bytes(8, "big"))
    except (UnknownObject, ReadConflictError):  # the latter is how FileStorage says "newer"
        return None
    return found if isinstance(found, MemoryChunk) else None


class PastPlaces:
    """Where chunks stood in `world`, a view of the past; those that were not remembered then are left out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[int, Place | None] = {}

    def places(self, ids: Iterable[int]) -> dict[int, Place]:
        asked = list(ids)
        for id_ in asked:
            if id_ not in self._known:
                chunk = stored(self._world, id_)
                self._known[id_] = _place(id_, chunk) if chunk is not None and _remembered(chunk) else None
        return {id_: place for id_ in asked if (place := self._known[id_]) is not None}

    def neighbours(self, places: Iterable[Place]) -> dict[int, Place]:
        """The chunks directly before and after these in their documents."""
        found = {}
        for place in places:
            for id_, chunk in self._chunks(place.document_id, place.chunk_index - 1, place.chunk_index + 2).items():
                found[id_] = _place(id_, chunk)
        return found

    def of_document(self, document_id: str) -> list[int]:
        return list(self._chunks(document_id, 0, None))

    def within(self, beginning: str, most: int) -> list[int] | None:
        """The ids of the chunks of documents whose id begins so; None if they are more than `most`."""
        found: list[int] = []
        for document in documents(self._world, beginning):
            found += map(_number, document.chunks)
            if len(found) > most:
                return None
        return found

    def _chunks(self, document_id: str, first: int, end: int | None) -> dict[int, MemoryChunk]:
        document = get_document(self._world, document_id)
        chunks = document.chunks[max(first, 0) : end] if document is not None else ()
        return {_number(chunk): chunk for chunk in chunks}


def _number(chunk: MemoryChunk) -> int:
    return int.from_bytes(chunk._p_oid, "big")


def _place(id_: int, chunk: MemoryChunk) -> Place:
    return row(id_, state(chunk)).place


def _remembered(chunk: MemoryChunk) -> bool:
    return chunk.forgotten_at is None and document_of(chunk).forgotten_at is None
