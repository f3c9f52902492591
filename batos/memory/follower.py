"""Keeping the derived indexes level with the image.

A deletion leaves nothing in the log, which is why chunks are tombstoned and not deleted. What a pack took out of the
log while the index was behind stays in the index as a row without an object; a search passes over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batos.image import following
from batos.image.image import Image
from batos.image.log import LoggedRecord, LoggedTransaction
from batos.memory.own_history import METHOD, RECEIPT, Told, told_of
from batos.memory.records import MemoryChunk
from batos.memory.text import Record, Row, TextIndex
from batos.memory.turns import said
from batos.memory.vectors import Meaning, VectorIndex

CHUNK = (MemoryChunk.__module__, MemoryChunk.__name__)


def catch_up(image: Image, index: TextIndex) -> int:
    """Bring `index` to the newest commit; the number of chunk records read on the way."""
    return following.catch_up(image, index, lambda: _Texts(index))


def catch_up_vectors(image: Image, index: VectorIndex) -> int:
    """The same for the vectors. Chunks that are new wait in it until a model embeds them."""
    return following.catch_up(image, index, lambda: _Meanings(index))


class _Chunks:
    """The states of the chunks that were read and are not written yet, by their ids."""

    def __init__(self) -> None:
        self._states: dict[int, Mapping[str, Any]] = {}

    def take(self, logged: LoggedTransaction) -> int:
        known = len(self._states)
        for record in logged.records:
            if record.kind == CHUNK:
                self._states[int.from_bytes(record.oid, "big")] = record.load().state
            else:
                self._other(record)
        return len(self._states) - known

    def _other(self, record: LoggedRecord) -> None:
        """A record that is no chunk."""

    def _taken(self) -> tuple[dict[int, Mapping[str, Any]], dict[int, Mapping[str, Any]]]:
        """(those that are remembered, those that are not any more)"""
        states, self._states = self._states, {}
        forgotten = {number: slots for number, slots in states.items() if slots["forgotten_at"] is not None}
        return {number: slots for number, slots in states.items() if number not in forgotten}, forgotten


class _Texts(_Chunks):
    def __init__(self, index: TextIndex) -> None:
        super().__init__()
        self._index = index
        self._told: dict[int, Told] = {}

    def _other(self, record: LoggedRecord) -> None:
        if record.kind in (RECEIPT, METHOD) and (told := told_of(record.kind, record.load().state)) is not None:
            self._told[int.from_bytes(record.oid, "big")] = told

    def write(self) -> None:
        kept, forgotten = self._taken()
        known = [*kept, *forgotten]
        self._index.remove(known)
        self._index.drop_former(known)
        self._index.add([row(number, slots) for number, slots in kept.items()])
        self._index.keep_former([row(number, slots) for number, slots in forgotten.items()])
        records, self._told = self._told, {}
        self._index.put_records(
            [Record(number, told.kind, told.document_id, told.text) for number, told in records.items()]
        )


class _Meanings(_Chunks):
    def __init__(self, index: VectorIndex) -> None:
        super().__init__()
        self._index = index

    def write(self) -> None:
        kept, forgotten = self._taken()
        for states, former in ((kept, False), (forgotten, True)):
            self._index.put([Meaning(number, meaning(slots)) for number, slots in states.items()], former=former)


def row(number: int, slots: Mapping[str, Any]) -> Row:
    """The row of the chunk with these slots."""
    title = " ".join((slots["document_id"], *slots["heading"]))
    place = (slots["document_id"], slots["chunk_index"])
    return Row(number, *place, title, slots["text"], slots.get("speaker"), slots.get("date"))


def meaning(slots: Mapping[str, Any]) -> str:
    """What the chunk with these slots is embedded by: its text, with who said it or the innermost headings above it."""
    text = str(slots["text"]).strip()
    if slots.get("speaker") is not None:
        return f"{slots['speaker']}: {said(text)}"
    heading = [title for title in slots["heading"][-2:] if title not in text]
    return "\n".join((*heading, text))
