"""An open image: transactions, each with a connection and a manager of its own, and the log of what was committed.

`Image.transaction` is the one way to write. A connection is taken from the pool when a transaction begins and given
back when it ends, so no connection is ever shared by threads and none outlives its snapshot.
"""

from __future__ import annotations

import errno
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping
from transaction import TransactionManager
from transaction.interfaces import NoTransaction
from ZODB import DB
from ZODB.POSException import ConflictError, POSKeyError

from batos.clock import Clock, SystemClock
from batos.errors import ChangedMeanwhile, ImageForeign, ImageUnwritable, RecordRefused, TransactionMisuse
from batos.image.loading import Record, class_factory, guard_conflict_resolution, kind_of, read_record
from batos.image.storages import Address, address, open_storage, prepare
from batos.image.world import World
from batos.objects.sending import Activator, activating
from batos.objects.uvm_object import label
from batos.objects.values import is_object

Result = TypeVar("Result")

FORMAT = 1
POOL_SIZE = 128  # connections are cheap; ZODB only warns above its default of 7
TRIES = 12


@dataclass(frozen=True)
class LoggedRecord:
    """One object as a transaction of the log left it. `kind` is its class as (module, name)."""

    oid: bytes
    kind: tuple[str, str]
    load: Callable[[], Record]


@dataclass(frozen=True)
class LoggedTransaction:
    """Read `records` before asking for the next transaction: the log is a stream."""

    tid: bytes
    note: str
    info: dict[str, Any]
    records: Iterator[LoggedRecord]


@dataclass(frozen=True)
class Committed:
    """A commit as listeners are told of it: its change id, and what the objects that it wrote are called."""

    id: str
    note: str
    names: tuple[str, ...]
    info: dict[str, Any]


class Image:
    """Open one with `Image.open`; close it, or use it as a context manager."""

    def __init__(self, where: Address, db: DB, clock: Clock) -> None:
        self.where = where
        self.db = db
        self.clock = clock
        # Handed over by the layer that runs sandboxed methods, and the one that answers what is not understood.
        self.activator: Activator | None = None
        self.messenger: Any = None
        self.after_commit: list[Callable[[Committed], None]] = []
        self._local = threading.local()

    @classmethod
    def open(cls, uri: str | Path, *, create: bool = True, clock: Clock | None = None) -> Image:
        """Open the image at `uri`, made there if `create` allows it. Raises the `ImageUnavailable` that fits."""
        guard_conflict_resolution()
        where = address(uri)
        prepare(where, create)
        storage = open_storage(where)
        try:
            db = DB(storage, pool_size=POOL_SIZE, cache_size=20_000, class_factory=class_factory)
            image = cls(where, db, clock or SystemClock())
            image._found()
        except BaseException:
            storage.close()
            raise
        return image

    def _found(self) -> None:
        """Give a new database its root; refuse one that was founded by something else."""
        with self._begun() as world:
            try:
                founded = "image" in world.root
                strange = not founded and len(world.root) > 0
            except RecordRefused as refused:
                raise ImageForeign(path=self.path, reason=str(refused)) from None
        if strange:
            raise ImageForeign(path=self.path, reason="its database was made by another program.")
        if not founded:
            self.change("found the image", _lay_foundation)

    @property
    def path(self) -> Path:
        """The image directory, with `objects/`, `index/` and `run/`."""
        return self.where.path

    @property
    def id(self) -> str:
        with self.reading() as world:
            return str(world.root["image"]["id"])

    def current(self) -> World | None:
        """The world of the transaction that this thread has open, if any."""
        return getattr(self._local, "world", None)

    @contextmanager
    def transaction(self, note: str, **info: Any) -> Iterator[World]:
        """Everything written in the block commits together under `note`, or, if it raises, not at all.

        Raises `ChangedMeanwhile` when another transaction changed what this one relied on, and `ImageUnwritable` when
        the disk refuses. `info` is kept with the change (`mission`, say).
        """
        with self._begun() as world:
            yield world
            committed = self._commit(world, note, info)
        if committed is not None:
            for listener in self.after_commit:  # after the transaction: a listener may open one of its own
                listener(committed)

    def _commit(self, world: World, note: str, info: dict[str, Any]) -> Committed | None:
        """What was committed; None when nothing was written."""
        written = world.written()
        world.transaction.get().note(note)
        for key, value in info.items():
            world.transaction.get().setExtendedInfo(key, value)
        try:
            world.transaction.commit()
        except ConflictError as conflict:
            raise ChangedMeanwhile(note=note) from conflict
        except (OSError, sqlite3.OperationalError) as error:
            if not isinstance(error, OSError) or error.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES):
                raise ImageUnwritable(path=self.path, reason=f"{error}.") from None
            raise
        if not written:
            return None
        names = tuple(sorted({label(obj) for obj in written if is_object(obj)}))
        return Committed(written[0]._p_serial.hex(), note, names, info)

    @contextmanager
    def reading(self) -> Iterator[World]:
        """A world to read: the one of this thread's open transaction, else a snapshot that is thrown away."""
        current = self.current()
        if current is not None:
            yield current
            return
        with self._begun() as world:
            yield world

    def change(self, note: str, work: Callable[[World], Result], **info: Any) -> Result:
        """Run `work(world)` in a transaction, again from the start each time it loses a race.

        Inside this thread's open transaction, the work becomes part of that one.
        """
        current = self.current()
        if current is not None:
            return work(current)
        for attempt in range(TRIES):
            try:
                with self.transaction(note, **info) as world:
                    return work(world)
            except (ChangedMeanwhile, ConflictError):
                if attempt + 1 == TRIES:
                    raise
            time.sleep(random.uniform(0, 0.002 * 2**attempt))
        raise AssertionError("unreachable")

    @contextmanager
    def _begun(self) -> Iterator[World]:
        if self.current() is not None:
            raise TransactionMisuse(reason="This thread has a transaction open already; write through its world.")
        manager = TransactionManager(explicit=True)
        connection = self.db.open(manager)
        manager.begin()
        world = World(connection, manager)
        self._local.world = world
        try:
            with activating(self.activator) if self.activator else nullcontext():
                yield world
        finally:
            self._local.world = None
            world.end()
            with suppress(NoTransaction):  # it was committed
                manager.abort()
            connection.close()

    def transactions_since(self, tid: bytes) -> Iterator[LoggedTransaction]:
        """The committed transactions after `tid`, oldest first, as a stream; records are read by the safe loader."""
        start = (int.from_bytes(tid, "big") + 1).to_bytes(8, "big")
        storage = self.db.storage
        # FileStorage reads its own file, and takes a commit that is half written for damage: hold its lock to begin.
        with getattr(storage, "_lock", nullcontext()):
            log = storage.iterator(start)
        try:
            for logged in log:
                yield _logged(logged)
        finally:
            log.close()

    @contextmanager
    def records(self) -> Iterator[Callable[[bytes, bytes | None], tuple[Record, bytes] | None]]:
        """A function (oid, tid) -> (record, its tid): the object as of just before `tid`, or now if `tid` is None."""
        storage = self.db.storage
        instance = storage.new_instance() if hasattr(storage, "new_instance") else storage
        if instance is not storage:
            instance.poll_invalidations()

        def load(oid: bytes, before: bytes | None) -> tuple[Record, bytes] | None:
            try:
                found = instance.loadBefore(oid, before or b"\x7f" + b"\xff" * 7)
            except POSKeyError:
                return None
            return (read_record(found[0]), found[1]) if found and found[0] else None

        try:
            yield load
        finally:
            if instance is not storage:
                instance.release()

    def read_current(self, world: World, reads: dict[int, Any]) -> None:
        """Make the commit fail unless all of `reads` is still what it was when it was read."""
        for obj in reads.values():
            if obj._p_jar is world.connection and obj._p_serial != b"\0" * 8 and not obj._p_changed:
                world.connection.readCurrent(obj)

    def close(self) -> None:
        if self.current() is not None:
            raise TransactionMisuse(reason="The image cannot be closed inside its own transaction.")
        self.db.close()

    def __enter__(self) -> Image:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _lay_foundation(world: World) -> None:
    root = world.root
    if "image" in root:
        return
    root["image"] = PersistentMapping({"format": FORMAT, "id": uuid4().hex})
    for name in ("world", "receipts", "proposals"):
        root[name] = OOBTree()


def _logged(stored: Any) -> LoggedTransaction:
    note = stored.description
    records = (
        LoggedRecord(record.oid, kind_of(record.data), partial(read_record, record.data))
        for record in stored
        if record.data
    )
    text = note.decode() if isinstance(note, bytes) else note
    return LoggedTransaction(stored.tid, text, dict(stored.extension or {}), records)
