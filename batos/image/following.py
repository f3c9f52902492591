"""Keeping a derived index level with the image: reading the transaction log from where the index stands.

An abort leaves nothing in the log, so it needs no care. An index that stopped at a transaction which the log does not
hold has seen another history, restored from a backup, or one that a pack has thinned out: it begins again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from batos.image.derived import NOWHERE, Derived
from batos.image.image import Image
from batos.image.log import LoggedTransaction

log = logging.getLogger(__name__)

# Records per transaction of the index: a rebuild must not hold it for minutes.
BATCH = 2_000


class Intake(Protocol):
    """What a kind of index makes of the log: it takes transactions, and writes rows for those it took."""

    def take(self, logged: LoggedTransaction) -> int:
        """Read the transaction; how many of its records will be written."""

    def write(self) -> None:
        """Within `Derived.writing`: write what was taken, and forget it. Called again for the next batch."""


def catch_up(image: Image, index: Derived, begin: Callable[[], Intake]) -> int:
    """Bring `index` to the newest commit; the number of records taken in. Each reading of the log begins an intake."""
    taken = 0
    written: int | None = None
    while written is None:
        position = index.position
        with image.log_since(_before(position)) as (newest, transactions):
            written = 0 if position == newest else _follow(index, begin(), position, transactions)
        taken += written or 0
    return taken


def _follow(index: Derived, intake: Intake, position: bytes, transactions: Iterator[LoggedTransaction]) -> int | None:
    """Read the log, which begins with the transaction `position`, to its end; the number of records written.

    None when it has to be read again: the index was cleared, or another follower moved it meanwhile.
    """
    batches = _Batches(index, intake, position)
    if position != NOWHERE:
        first = next(transactions, None)
        if first is None or first.tid != position:
            _begin_again(index, position)
            return None
    for logged in transactions:
        batches.take(logged)
    batches.write()
    return None if batches.overtaken else batches.written


def _begin_again(index: Derived, position: bytes) -> None:
    with index.writing():
        if index.position == position:
            log.warning("The %s %s is made again: the image's log is another one now.", index.what, index.name)
            index.clear()


class _Batches:
    """Transactions of the log between where the index stands and `reached`, written together with `reached`."""

    def __init__(self, index: Derived, intake: Intake, position: bytes) -> None:
        self._index = index
        self._intake = intake
        self._position = position
        self._reached = position
        self._waiting = 0
        self.written = 0
        self.overtaken = False

    def take(self, logged: LoggedTransaction) -> None:
        if self.overtaken:
            return
        self._waiting += self._intake.take(logged)
        self._reached = logged.tid
        if self._waiting >= BATCH:
            self.write()

    def write(self) -> None:
        if self._reached == self._position or self.overtaken:
            return
        with self._index.writing():
            # If another follower was here meanwhile, this batch is dropped and the log is read again from its mark.
            if self._index.position != self._position:
                self.overtaken = True
                return
            self._intake.write()
            self._index.move_to(self._reached)
        self._position = self._reached
        self.written += self._waiting
        self._waiting = 0


def _before(position: bytes) -> bytes:
    """The id just before `position`, so that the log shows whether it holds that transaction."""
    number = int.from_bytes(position, "big")
    return (number - 1).to_bytes(8, "big") if number else NOWHERE
