"""An open image: transactions, each with a connection and a manager of its own, and the log of what was committed.

`Image.transaction` is the one way to write. A connection is taken from the pool when a transaction begins and given
back when it ends, so no connection is ever shared by threads and none outlives its snapshot.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import Any, TypeVar
from uuid import uuid4

from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping
from transaction import TransactionManager
from transaction.interfaces import NoTransaction
from ZODB.POSException import ConflictError

from batos.clock import Clock, SystemClock
from batos.errors import (
    ChangedMeanwhile,
    ImageCorrupt,
    ImageForeign,
    ImageMissing,
    ImageUnavailable,
    RecordRefused,
    TransactionMisuse,
)
from batos.image.connections import ImageDatabase
from batos.image.loading import guard_conflict_resolution
from batos.image.log import Load, LoggedTransaction, past_records, transactions_since
from batos.image.storages import Address, address, open_storage, prepare, telling_storage_errors
from batos.image.world import World
from batos.objects.sending import Activator, Voucher, activating, vouching

Result = TypeVar("Result")

log = logging.getLogger(__name__)

FORMAT = 1
TRIES = 12
LONGEST_NOTE = 1_000  # characters; FileStorage has room for 64 KiB of bytes
CLOSING_SECONDS = 10.0  # what transactions of other threads get to end

# The worlds that are open where this is asked: of this thread, and within asyncio of this task. A thread-local would
# make tasks that take turns on one thread share a transaction.
_worlds: ContextVar[tuple[World, ...]] = ContextVar("batos_worlds", default=())


@dataclass(frozen=True)
class Committed:
    """A commit as listeners are told of it: its change id, and what the objects that it wrote are called."""

    id: str
    note: str
    names: tuple[str, ...]
    info: dict[str, Any]


class Image:
    """Open one with `Image.open`; close it, or use it as a context manager."""

    def __init__(self, where: Address, db: ImageDatabase, clock: Clock) -> None:
        self.where = where
        self.db = db
        self.clock = clock
        # Handed over by the layers that run sandboxed methods, know which trusted ones a person has approved, and
        # answer what is not understood.
        self.activator: Activator | None = None
        self.voucher: Voucher | None = None
        self.messenger: Any = None
        self.after_commit: list[Callable[[Committed], None]] = []
        self._gate = Condition()
        self._open_transactions = 0
        self._closed = False

    @classmethod
    def open(cls, uri: str | Path, *, create: bool = True, clock: Clock | None = None) -> Image:
        """Open the image at `uri`, made there if `create` allows it. Raises the `ImageUnavailable` that fits."""
        guard_conflict_resolution()
        where = address(uri)
        prepare(where, create)
        storage = open_storage(where)
        try:
            with telling_storage_errors(where):
                db = ImageDatabase(storage, where)
        except BaseException:
            storage.close()
            raise
        image = cls(where, db, clock or SystemClock())
        try:
            image._found(create)
        except BaseException:
            db.close()
            raise
        return image

    def _found(self, create: bool) -> None:
        """Give a new database its root; refuse one that was founded by something else, or by a later batos."""
        with self.reading() as world:
            try:
                founded = len(world.root) > 0
                if founded:
                    _examine(self.where.name, world.root)
            except RecordRefused as refused:
                raise ImageForeign(path=self.where.name, reason=str(refused)) from None
            except (TypeError, KeyError, AttributeError) as error:
                reason = f"its root is not what it should be ({error!r})."
                raise ImageCorrupt(path=self.where.name, reason=reason) from error
        if not founded:
            if not create:
                raise ImageMissing(path=self.where.name)
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
        """The world of the transaction that this thread (or asyncio task) has open, if any."""
        for world in _worlds.get():
            if world.belongs_to(self.db):
                return world
        return None

    @contextmanager
    def transaction(self, note: str, **info: Any) -> Iterator[World]:
        """Everything written in the block commits together under `note`, or, if it raises, not at all.

        Raises `ChangedMeanwhile` when another transaction changed what this one relied on, and `ImageUnwritable` when
        the disk refuses. `info` is kept with the change (`mission`, say) and is plain data.
        """
        with self._begun() as world:
            try:
                yield world
            except ConflictError as conflict:
                raise ChangedMeanwhile(note=note) from conflict
            committed = self._commit(world, note, info)
        if committed is not None:
            self._tell(committed)

    def _commit(self, world: World, note: str, info: dict[str, Any]) -> Committed | None:
        """What was committed; None when nothing was written."""
        connection = world.connection
        connection.check_unspoiled()
        transaction = world.transaction.get()
        transaction.note(note[:LONGEST_NOTE].encode("utf-8", "replace").decode())
        for key, value in info.items():
            transaction.setExtendedInfo(key, value)
        try:
            with telling_storage_errors(self.where):
                world.transaction.commit()
        except ConflictError as conflict:
            raise ChangedMeanwhile(note=note) from conflict
        tid = connection.committed_id
        if tid is None:
            return None
        return Committed(tid.hex(), note, connection.committed_names, info)

    def _tell(self, committed: Committed) -> None:
        """Tell who listens, after the transaction: a listener may open one of its own. None can undo the commit."""
        for listener in tuple(self.after_commit):
            try:
                listener(committed)
            except Exception:
                log.exception("a listener failed; the change %s is committed", committed.id)

    @contextmanager
    def reading(self) -> Iterator[World]:
        """A world to read: the one of this thread's open transaction, else a snapshot that is thrown away."""
        current = self.current()
        if current is not None:
            yield current
            return
        with self._begun(writable=False) as world:
            yield world

    def change(self, note: str, work: Callable[[World], Result], **info: Any) -> Result:
        """Run `work(world)` in a transaction, again from the start each time it loses a race.

        Inside this thread's open transaction, the work becomes part of that one.
        """
        current = self.current()
        if current is not None:
            current.check_writable()
            return work(current)
        for attempt in range(TRIES):
            try:
                with self.transaction(note, **info) as world:
                    return work(world)
            except ChangedMeanwhile:
                if attempt + 1 == TRIES:
                    raise
            time.sleep(random.uniform(0, 0.002 * 2**attempt))
        raise AssertionError("unreachable")

    @contextmanager
    def _begun(self, writable: bool = True) -> Iterator[World]:
        if self.current() is not None:
            raise TransactionMisuse(reason="This thread has a transaction open already; write through its world.")
        with self._counted(), self._lent() as (connection, manager):
            world = World(connection, manager, writable)
            _worlds.set((*_worlds.get(), world))
            try:
                with activating(self.activator), vouching(self.voucher):
                    yield world
            finally:
                _worlds.set(tuple(other for other in _worlds.get() if other is not world))
                world.end()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._gate:
            if self._closed:
                raise TransactionMisuse(reason=f"The image at {self.where.name} was closed. Open it again.")
            self._open_transactions += 1
        try:
            yield
        finally:
            with self._gate:
                self._open_transactions -= 1
                self._gate.notify_all()

    @contextmanager
    def _lent(self) -> Iterator[tuple[Any, TransactionManager]]:
        """A connection of this thread, with a transaction begun; aborted at the end unless it was committed."""
        manager = TransactionManager(explicit=True)
        with telling_storage_errors(self.where):
            connection = self.db.open(manager)
        connection.lend()
        try:
            try:
                with telling_storage_errors(self.where):
                    manager.begin()
                yield connection, manager
            finally:
                with suppress(NoTransaction):  # it was committed
                    manager.abort()
        finally:
            connection.take_back()
            connection.close()

    def transactions_since(self, tid: bytes) -> Generator[LoggedTransaction, None, None]:
        """The committed transactions after `tid`, oldest first, as a stream; records are read by the safe loader."""
        return transactions_since(self.db.storage, tid)

    def records(self) -> AbstractContextManager[Load]:
        """A function (oid, tid) -> (record, its tid): the object as of just before `tid`, or now if `tid` is None."""
        return past_records(self.db.storage)

    def read_current(self, world: World, reads: dict[int, Any]) -> None:
        """Make the commit fail unless all of `reads` is still what it was when it was read."""
        for obj in reads.values():
            if obj._p_jar is world.connection and not obj._p_changed:
                obj._p_activate()  # a ghost may carry the id of a version that is long gone
                world.connection.readCurrent(obj)

    def close(self) -> None:
        """Close the database, once the transactions of other threads have ended. A second call does nothing.

        Raises `TransactionMisuse` when they do not end, or this thread has one open.
        """
        if self.current() is not None:
            raise TransactionMisuse(reason="The image cannot be closed inside its own transaction.")
        with self._gate:
            if self._closed:
                return
            self._closed = True
            if not self._gate.wait_for(lambda: self._open_transactions == 0, CLOSING_SECONDS):
                self._closed = False
                raise TransactionMisuse(reason="Another thread has a transaction open; end it, then close the image.")
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


def _examine(name: str, root: Any) -> None:
    """Raises `ImageUnavailable` for a root that is not an image's."""
    if "image" not in root:
        raise ImageForeign(path=name, reason="its database was made by another program.")
    format_ = int(root["image"]["format"])
    if format_ > FORMAT:
        reason = f"it has format {format_}, and this batos knows formats to {FORMAT}. Install a newer batos."
        raise ImageUnavailable(path=name, reason=reason)
    if any(type(root[name]) is not OOBTree for name in ("world", "receipts", "proposals")):
        raise ImageCorrupt(path=name, reason="its root lacks the world, the receipts or the proposals.")
