"""An open image: transactions, each with a connection and a manager of its own, and the log of what was committed.

`Image.transaction` is the one way to write. A connection is taken from the pool when a transaction begins and given
back when it ends, so no connection is ever shared by threads and none outlives its snapshot.
"""

from __future__ import annotations

import logging
import random
import shlex
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, RLock
from typing import Any, TypeVar

from transaction import TransactionManager
from transaction.interfaces import NoTransaction, TransientError
from ZODB.POSException import ConflictError

from batos.clock import Clock, SystemClock
from batos.errors import (
    ChangedMeanwhile,
    ImageCorrupt,
    ImageForeign,
    ImageMissing,
    RecordRefused,
    TransactionMisuse,
)
from batos.faults import fault
from batos.image.changes import ChangeIndex
from batos.image.connections import ImageConnection, ImageDatabase
from batos.image.loading import guard_conflict_resolution
from batos.image.log import Load, LoggedTransaction, past_records, transactions_since
from batos.image.migrations import examine, migrate
from batos.image.storages import Address, address, open_storage, prepare, telling_storage_errors
from batos.image.world import World
from batos.objects.sending import Activator, Voucher, run_by
from batos.objects.tallying import UNFINISHED, Book, tallying
from batos.objects.values import as_text

Result = TypeVar("Result")

log = logging.getLogger(__name__)

TRIES = 12
LONGEST_NOTE = 1_000  # characters; FileStorage has room for 64 KiB of bytes
SPARE_CONNECTIONS = 16  # kept open with their managers; more go back to ZODB's pool
CLOSING_SECONDS = 10.0  # what transactions of other threads get to end

# The worlds that are open where this is asked: of this thread, and within asyncio of this task. A thread-local would
# make tasks that take turns on one thread share a transaction.
_worlds: ContextVar[tuple[World, ...]] = ContextVar("batos_worlds", default=())


@dataclass(frozen=True)
class Committed:
    """A commit as listeners are told of it: its change id, and what the objects that it wrote are called.

    `behaviour` lists (object id, slots) where a method, an intent or a parent was written.
    """

    id: str
    note: str
    names: tuple[str, ...]
    info: dict[str, Any]
    behaviour: tuple[tuple[bytes, tuple[str, ...]], ...] = ()


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
        self.counter: Callable[[Book], None] | None = None
        self.messenger: Any = None
        self.after_commit: list[Callable[[Committed], None]] = []
        self._gate = RLock()
        self._quiet = Condition(self._gate)  # no transaction is open
        self._spare: deque[tuple[Any, TransactionManager]] = deque()  # connections that nobody has; the last is warm
        self._open_transactions = 0
        self._closed = False
        self._changes: ChangeIndex | None = None

    @classmethod
    def open(cls, uri: str | Path, *, create: bool = True, clock: Clock | None = None) -> Image:
        """Open the image at `uri`, made there if `create` allows it. Raises the `ImageUnavailable` that fits."""
        guard_conflict_resolution()
        where = address(uri)
        prepare(where, create)
        storage = open_storage(where)
        try:
            with telling_storage_errors(where):
                try:
                    db = ImageDatabase(storage, where)
                except ConflictError:  # it makes the root of an empty database, and another process was faster
                    db = ImageDatabase(storage, where)
        except BaseException as error:
            storage.close()
            if isinstance(error, RecordRefused):  # already the root is no image's
                raise ImageForeign(path=where.name, reason=str(error)) from None
            raise
        image = cls(where, db, clock or SystemClock())
        try:
            image._found(create)
        except BaseException:
            image.close()
            raise
        return image

    def _found(self, create: bool) -> None:
        """Bring the database to this version; refuse one that was founded by something else, or by a later batos."""
        with self.reading() as world:
            try:
                founded = len(world.root) > 0
                lacking = examine(self.where.name, world.root)
            except RecordRefused as refused:
                raise ImageForeign(path=self.where.name, reason=str(refused)) from None
            except (TypeError, KeyError, AttributeError) as error:
                reason = f"its root is not what it should be ({error!r})."
                raise ImageCorrupt(path=self.where.name, reason=reason) from error
        if not founded and not create:
            raise ImageMissing(path=shlex.quote(self.where.name))
        migrate(self, lacking)

    @property
    def path(self) -> Path:
        """The image directory, with `objects/`, `index/` and `run/`."""
        return self.where.path

    @property
    def id(self) -> str:
        with self.reading() as world:
            return str(world.root["image"]["id"])

    @property
    def changes(self) -> ChangeIndex:
        """The index of changes by object, as it stands; `finding.level` brings it to the newest commit."""
        with self._gate:
            if self._changes is None:
                self._changes = ChangeIndex(self.path / "index" / "changes.sqlite3", self.id)
            return self._changes

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
            except TransientError as conflict:
                raise ChangedMeanwhile(note=note) from conflict
            committed = self._commit(world, note, info)
        if committed is not None:
            self._tell(committed)

    def _commit(self, world: World, note: str, info: dict[str, Any]) -> Committed | None:
        """What was committed; None when nothing was written."""
        connection = world.connection
        connection.check_unspoiled()
        transaction = world.transaction.get()
        transaction.note(as_text(note[:LONGEST_NOTE]))
        for key, value in info.items():
            transaction.setExtendedInfo(key, value)
        fault("image.before_commit")
        try:
            with telling_storage_errors(self.where):
                world.transaction.commit()
        except TransientError as conflict:  # RelStorage also calls it a doubt about what it has cached
            raise ChangedMeanwhile(note=note) from conflict
        fault("image.after_commit")
        tid = connection.committed_id
        if tid is None:
            return None
        return Committed(tid.hex(), note, connection.committed_names, info, connection.committed_behaviour)

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
        with self._lent() as (connection, manager):
            world = World(connection, manager, writable)
            _worlds.set((*_worlds.get(), world))
            around, book = run_by(self.activator, self.voucher), dict[int, Any]()
            try:
                with tallying(book):
                    yield world
            except UNFINISHED:
                book.clear()  # it is run again
                raise
            finally:
                run_by(*around)
                if book and self.counter is not None:
                    self.counter(book)
                _worlds.set(tuple(other for other in _worlds.get() if other is not world))
                world.end()

    @contextmanager
    def _lent(self, at: bytes | None = None) -> Iterator[tuple[ImageConnection, TransactionManager]]:
        """A connection of this thread, with a transaction begun; aborted at the end unless it was committed."""
        with self._gate:
            if self._closed:
                raise TransactionMisuse(reason=f"The image at {self.where.name} was closed. Open it again.")
            self._open_transactions += 1
        try:
            connection, manager = self._opened(at)
            connection.lend()
            ended = False
            try:
                try:
                    with telling_storage_errors(self.where):
                        manager.begin()
                    yield connection, manager
                finally:
                    with suppress(NoTransaction):  # it was committed
                        manager.abort()
                    ended = True
            finally:
                connection.take_back()
                if ended and at is None and len(self._spare) < SPARE_CONNECTIONS:
                    self._spare.append((connection, manager))
                else:
                    connection.close()
        finally:
            with self._gate:
                self._open_transactions -= 1
                if self._open_transactions == 0:
                    self._quiet.notify_all()

    def _opened(self, at: bytes | None) -> tuple[Any, TransactionManager]:
        """A connection, with its manager. To open one anew takes as long as to begin a transaction."""
        if at is None and self._spare:
            with suppress(IndexError):  # another thread was faster
                return self._spare.pop()
        manager = TransactionManager(explicit=True)
        with telling_storage_errors(self.where):
            return (self.db.open(manager) if at is None else self.db.open_at(manager, at)), manager

    @contextmanager
    def reading_at(self, tid: bytes) -> Iterator[World]:
        """A world to read as transaction `tid` left it; what a pack took away is missing. `views.at` says so before."""
        with self._lent(tid) as (connection, manager):
            world = World(connection, manager, writable=False)
            try:
                yield world
            finally:
                world.end()

    def newest(self) -> bytes:
        """The id of the newest transaction, whoever committed it."""
        with self.reading() as world:
            return world.connection.newest

    def transactions_since(self, tid: bytes) -> Generator[LoggedTransaction, None, None]:
        """The committed transactions after `tid`, oldest first, as a stream; records are read by the safe loader."""
        return transactions_since(self.db.storage, self.where, tid)

    @contextmanager
    def log_since(self, tid: bytes) -> Iterator[tuple[bytes, Iterator[LoggedTransaction]]]:
        """The id of the newest transaction, and within the block a stream of those after `tid`."""
        if self.current() is not None:  # what it sees may be older
            newest = self.newest()
            with closing(self.transactions_since(tid)) as transactions:
                yield newest, transactions
            return
        with self._lent() as (connection, _):
            log = transactions_since(self.db.storage, self.where, tid, connection)
            with closing(log) as transactions:
                yield connection.newest, transactions

    def records(self) -> AbstractContextManager[Load]:
        """A function (oid, tid) -> (record, its tid): the object as of just before `tid`, or now if `tid` is None."""
        return past_records(self.db.storage)

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
            if not self._quiet.wait_for(lambda: self._open_transactions == 0, CLOSING_SECONDS):
                self._closed = False
                raise TransactionMisuse(reason="Another thread has a transaction open; end it, then close the image.")
            if self._changes is not None:
                self._changes.close()
        while self._spare:
            self._spare.pop()[0].close()
        self.db.close()

    def __enter__(self) -> Image:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
