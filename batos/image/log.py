"""The log of what was committed, and past versions of records: read outside every transaction, by the safe loader."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ZODB.FileStorage import FileStorage
from ZODB.POSException import POSKeyError

from batos.image.loading import Kind, Reading, Record, read_facts, read_record
from batos.image.storages import Address, telling_log_errors

# (oid, tid) -> (record, its tid): the object as of just before `tid`, or now if `tid` is None; None where it was not.
Load = Callable[[bytes, bytes | None], tuple[Record, bytes] | None]

NEWEST = b"\x7f" + b"\xff" * 7


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """One object as a transaction of the log left it. `kind` is its class as (module, name)."""

    oid: bytes
    kind: Kind
    load: Callable[[], Record]


@dataclass(frozen=True)
class LoggedTransaction:
    """Read `records` before asking for the next transaction: the log is a stream."""

    tid: bytes
    note: str
    info: dict[str, Any]
    records: Iterator[LoggedRecord]


def after(tid: bytes) -> bytes:
    """The id that follows `tid`: loading before it gives what `tid` wrote."""
    return (int.from_bytes(tid, "big") + 1).to_bytes(8, "big")


def transactions_since(
    storage: Any, where: Address, tid: bytes, reader: Any = None
) -> Generator[LoggedTransaction, None, None]:
    """The committed transactions after `tid`, oldest first, as a stream; close it if it is not read to its end.

    A `reader`, which is a ZODB connection with a transaction begun, lends its own way to the database, where it has
    one: to open another takes a third of what it takes to read one commit.
    """
    with telling_log_errors(where):
        if isinstance(storage, FileStorage):
            # It reads its own file, and takes a commit that is half written for damage: begin under its lock, and read
            # no further than it is now.
            with storage._lock:
                log = storage.iterator(after(tid), storage.lastTransaction())
        elif reader is not None:
            from relstorage.storage.transaction_iterator import HistoryFreeTransactionIterator

            instance = reader._storage
            log = HistoryFreeTransactionIterator(instance._adapter, instance._load_connection, after(tid), None)
        else:
            log = storage.iterator(after(tid))
        try:
            for logged in log:
                yield _logged(logged, where)
        finally:
            log.close()


def _logged(stored: Any, where: Address) -> LoggedTransaction:
    note = stored.description
    text = note.decode("utf-8", "replace") if isinstance(note, bytes) else note
    return LoggedTransaction(stored.tid, text, read_facts(stored.extension_bytes), _records(stored, where))


def _records(stored: Any, where: Address) -> Iterator[LoggedRecord]:
    with telling_log_errors(where):
        for record in stored:
            if record.data:
                reading = Reading(record.data)
                yield LoggedRecord(record.oid, reading.kind, reading.record)


@contextmanager
def past_records(storage: Any) -> Iterator[Load]:
    """A function that loads an object as of a moment."""
    instance = storage.new_instance() if hasattr(storage, "new_instance") else storage

    def load(oid: bytes, before: bytes | None) -> tuple[Record, bytes] | None:
        try:
            found = instance.loadBefore(oid, before or NEWEST)
        except POSKeyError:
            return None
        return (read_record(found[0]), found[1]) if found and found[0] else None

    try:
        if instance is not storage:
            instance.poll_invalidations()
        yield load
    finally:
        if instance is not storage:
            instance.release()
