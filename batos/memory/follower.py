"""Keeping a text index level with the image: it reads the transaction log from where the index stands.

An abort leaves nothing in the log, so it needs no care; a deletion leaves nothing either, which is why chunks are
tombstoned and not deleted. What a pack took out of the log while the index was behind stays in the index as a row
without an object; a search passes over it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from batos.image.image import Image
from batos.image.log import LoggedTransaction
from batos.memory.records import MemoryChunk
from batos.memory.text import NOWHERE, Row, TextIndex

CHUNK = (MemoryChunk.__module__, MemoryChunk.__name__)
# Records per transaction of the index: a rebuild must not hold the file for minutes.
BATCH = 2_000


def catch_up(image: Image, index: TextIndex) -> int:
    """Bring `index` to the newest commit; the number of chunk records read on the way."""
    taken = 0
    while (step := _follow(image, index)) is not None:
        taken += step
    return taken


def _follow(image: Image, index: TextIndex) -> int | None:
    """Read the log from where the index stands to its end; None if there was nothing new, or else the records taken in.

    The log is always read to the end, because an unfinished stream keeps its file open.
    """
    position = index.position
    log = image.transactions_since(_before(position))
    if position != NOWHERE:
        first = next(log, None)
        if first is None or first.tid != position:
            deque(log, maxlen=0)
            _begin_again(index, position)
            return 0
    batch = _Batch(index, position)
    for logged in log:
        batch.take(logged)
    batch.write()
    return batch.written if batch.moved else None


def _begin_again(index: TextIndex, position: bytes) -> None:
    with index.writing():
        if index.position == position:
            # Another history, restored from a backup, or one that a pack has thinned out.
            index.clear("the log does not hold the transaction at which it stopped.")


class _Batch:
    """The states of chunks between `position` and `reached`, to be written together with `reached`."""

    def __init__(self, index: TextIndex, position: bytes) -> None:
        self._index = index
        self._position = position
        self._reached = position
        self._states: dict[int, Mapping[str, Any]] = {}
        self.written = 0
        self.moved = False

    def take(self, logged: LoggedTransaction) -> None:
        for record in logged.records:
            if record.kind == CHUNK:
                self._states[int.from_bytes(record.oid, "big")] = record.load().state
        self._reached = logged.tid
        if len(self._states) >= BATCH:
            self.write()

    def write(self) -> None:
        if self._reached == self._position:
            return
        with self._index.writing():
            # If another follower was here meanwhile, this batch is dropped and the log is read again from its mark.
            if self._index.position == self._position:
                self._index.remove(self._states)
                self._index.add(
                    row(number, slots) for number, slots in self._states.items() if slots["forgotten_at"] is None
                )
                self._index.move_to(self._reached)
                self._position = self._reached
                self.written += len(self._states)
            self.moved = True
        self._states = {}


def _before(position: bytes) -> bytes:
    """The id just before `position`, so that the log shows whether it holds that transaction."""
    number = int.from_bytes(position, "big")
    return (number - 1).to_bytes(8, "big") if number else NOWHERE


def row(number: int, slots: Mapping[str, Any]) -> Row:
    """The row of the chunk with these slots."""
    title = " ".join((slots["document_id"], *slots["heading"]))
    return Row(number, slots["document_id"], slots["chunk_index"], title, slots["text"])
