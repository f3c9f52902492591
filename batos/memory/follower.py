"""Keeping a text index level with the image.

A deletion leaves nothing in the log, which is why chunks are tombstoned and not deleted. What a pack took out of the
log while the index was behind stays in the index as a row without an object; a search passes over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batos.image import following
from batos.image.image import Image
from batos.image.log import LoggedTransaction
from batos.memory.records import MemoryChunk
from batos.memory.text import Row, TextIndex

CHUNK = (MemoryChunk.__module__, MemoryChunk.__name__)


def catch_up(image: Image, index: TextIndex) -> int:
    """Bring `index` to the newest commit; the number of chunk records read on the way."""
    return following.catch_up(image, index, lambda: _Chunks(index))


class _Chunks:
    """The states of the chunks that were read and are not written yet, by their ids."""

    def __init__(self, index: TextIndex) -> None:
        self._index = index
        self._states: dict[int, Mapping[str, Any]] = {}

    def take(self, logged: LoggedTransaction) -> int:
        known = len(self._states)
        for record in logged.records:
            if record.kind == CHUNK:
                self._states[int.from_bytes(record.oid, "big")] = record.load().state
        return len(self._states) - known

    def write(self) -> None:
        states, self._states = self._states, {}
        self._index.remove(states)
        self._index.add(row(number, slots) for number, slots in states.items() if slots["forgotten_at"] is None)


def row(number: int, slots: Mapping[str, Any]) -> Row:
    """The row of the chunk with these slots."""
    title = " ".join((slots["document_id"], *slots["heading"]))
    return Row(number, slots["document_id"], slots["chunk_index"], title, slots["text"])
