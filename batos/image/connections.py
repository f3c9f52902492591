"""The database and its connections: what ZODB does not check itself.

A connection is lent to one thread for one transaction. Raw objects that were kept beyond it, or handed to another
thread, can neither load nor change anything. Nothing is committed which could not be loaded again (`storing.py`). What
cannot be loaded is told in a sentence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from transaction.interfaces import TransientError
from ZODB import DB
from ZODB.Connection import Connection
from ZODB.POSException import POSKeyError, ReadConflictError, StateLoadError
from ZODB.utils import p64, u64

from batos.errors import BatosError, ImageCorrupt, TransactionMisuse
from batos.image.loading import class_factory
from batos.image.sealing import SealReader, sealed
from batos.image.storages import Address, as_unavailable
from batos.image.storing import LARGEST_RECORD, Storing
from batos.objects.answers import AnswerCache
from batos.objects.lookup import note_read
from batos.objects.records import Method
from batos.objects.values import is_object

POOL_SIZE = 128  # connections are cheap; ZODB only warns above its default of 7
CACHED_OBJECTS = 20_000  # per connection
PAST_OBJECTS = 2_000  # per connection to a moment of the past
PAST_CONNECTIONS = 8  # those to moments of the past that are kept open

IN_A_DICT = (PersistentList, PersistentMapping)  # beside prototypes: what keeps its state in its `__dict__`

ENDED = "This transaction has ended. Open a new one with `image.transaction(note)`."
ELSEWHERE = "Raw objects belong to the thread that opened the transaction; use handles."
PAST = "This is the image as it was; nothing in it can be changed. Write to the image itself."
SPOILED = "Raw objects of this transaction were changed by another thread, so it cannot be committed; use handles."


class _Quietly(logging.LoggerAdapter[logging.Logger]):
    """What ZODB logs as an error it raises too. Said twice, it would put a traceback on the user's screen."""

    def exception(self, msg: object, *args: object, **more: Any) -> None:
        self.debug(msg, *args, exc_info=True)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs


class ImageConnection(Connection):
    """A connection that knows whose it is. ZODB makes them; `lend` and `take_back` frame each transaction."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._reader = SealReader(self, self._cache, self._db.classFactory)
        self._log = _Quietly(logging.getLogger(__name__))
        self._anybodys = True  # until it is lent: ZODB itself opens one to make the root
        self._holder: int | None = None
        self.lent_at: float | None = None  # when its transaction was begun, by the monotonic clock
        self._spoiled: list[Any] = []
        self._stored: tuple[bytes, ...] = ()
        self.committed_behaviour: tuple[tuple[bytes, tuple[str, ...]], ...] = ()
        self._labels: dict[bytes, str] = {}
        self._aside: dict[bytes, dict[str, Any]] = {}  # see `unload`
        self._asked_for: bytes | None = None  # by its id, and not by who refers to it
        self.answers = AnswerCache()

    def lend(self) -> None:
        """Give the connection to this thread."""
        self._anybodys, self._holder, self.lent_at = False, get_ident(), time.monotonic()
        self.answers.thread = self._holder
        self._stored, self._labels = (), {}
        self.committed_behaviour = ()
        spoiled, self._spoiled = self._spoiled, []
        for obj in spoiled:
            obj._p_invalidate()  # a list or a tree has changed by the time it asks whether it may

    def take_back(self) -> None:
        self._holder = self.answers.thread = self.lent_at = None
        self._aside.clear()
        if self.before is not None and hasattr(self._storage._storage, "afterCompletion"):
            # What ZODB puts around a storage of the past does not pass this on, and RelStorage would keep its snapshot,
            # and with it the write-ahead log, until the connection is thrown away.
            self._storage._storage.afterCompletion()

    def check(self) -> None:
        """Raises `TransactionMisuse` outside the transaction, and in another thread."""
        if not self._anybodys and self._holder != get_ident():
            raise TransactionMisuse(reason=ENDED if self._holder is None else ELSEWHERE)

    def check_unspoiled(self) -> None:
        if self._spoiled:
            raise TransactionMisuse(reason=SPOILED)

    @property
    def committed_names(self) -> tuple[str, ...]:
        """What the objects that this transaction committed are called, sorted."""
        return tuple(sorted({self._labels[oid] for oid in self._stored if oid in self._labels}))

    @property
    def committed_id(self) -> bytes | None:
        """The id of this transaction's commit; None when nothing was written."""
        if not self._stored:
            return None
        held = [self._cache.get(oid) for oid in self._stored]
        # What a savepoint took back, or where a conflict was resolved, is a ghost, which has its former id still.
        ids = [obj._p_serial for obj in held if obj is not None and obj._p_changed is not None]
        return ids[0] if ids else self.db().lastTransaction()  # type: ignore[no-any-return]

    @property
    def newest(self) -> bytes:
        """The id of the newest transaction that it sees."""
        after = getattr(self._storage, "_start", None)  # where ZODB itself sees to it that it sees no later one
        return p64(u64(after) - 1) if after else self._storage.lastTransaction()  # type: ignore[no-any-return]

    # What ZODB calls

    def newTransaction(self, transaction: Any, sync: bool = True) -> None:
        # ZODB's own lines and one more, for the answers. A test tells when ZODB's change.
        self._readCurrent.clear()
        self._storage.sync(sync)
        invalidated = self._storage.poll_invalidations()
        self.answers.arrived(invalidated)
        if invalidated is None:
            invalidated = self._cache.cache_data.copy()
        self._cache.invalidate(invalidated)

    # Taken back, new objects belong to no connection any more, and nobody would tell it that they change.

    def abort(self, transaction: Any) -> None:
        self._forget_derived()
        super().abort(transaction)

    def tpc_abort(self, transaction: Any) -> None:
        self._forget_derived()
        super().tpc_abort(transaction)

    def _rollback_savepoint(self, state: Any) -> None:
        self._forget_derived()
        super()._rollback_savepoint(state)

    def _resetCache(self) -> None:
        self._forget_derived()
        super()._resetCache()

    def get(self, oid: bytes) -> Any:
        """The object with this id, loaded. Raises `KeyError` when there is none, or none any more."""
        known = self._cache.get(oid) if self.opened is not None else None
        if known is not None and known._p_changed is not None:
            return known
        try:
            found = super().get(oid)
            self._asked_for = oid
            try:
                found._p_activate()  # a ghost of it may be here still, when it was packed away
            finally:
                self._asked_for = None
            return found
        except Exception as error:
            self._tell(oid, error)
            raise

    def setstate(self, obj: Any) -> None:
        self.check()
        state = self._aside.pop(obj._p_oid, None)
        if state is not None:
            obj.__dict__.update(state)
        else:
            try:
                self._load(obj)
            except Exception as error:
                self._tell(obj._p_oid, error)
                raise
        note_read(obj)

    def _load(self, obj: Any) -> None:
        try:
            super().setstate(obj)
        except POSKeyError:
            if obj._p_oid == self._asked_for:
                raise
            reason = f"object {obj._p_oid.hex()} is referred to, and is not there."
            raise ImageCorrupt(path=self.db().where.name, reason=reason) from None
        except ReadConflictError:
            if not self.db().is_of_the_future(obj._p_oid):
                raise
            reason = f"object {obj._p_oid.hex()} says that it was written after the newest change."
            raise ImageCorrupt(path=self.db().where.name, reason=reason) from None

    def unload(self) -> None:
        """Make ghosts of all that is loaded and unchanged, so that the first read of each is seen.

        Their states are put aside, and need not be read again before this transaction ends or takes something back.
        Records of methods never change, and stay.
        """
        for oid, obj in self._cache.lru_items():
            kind = type(obj)
            if kind is Method or obj._p_changed is not False:
                continue
            if is_object(obj) or kind in IN_A_DICT:
                self._aside[oid] = dict(obj.__dict__)  # which is emptied
            obj._p_deactivate()

    def _forget_derived(self) -> None:
        """What was derived from loaded states may be wrong now."""
        self.answers.clear()
        self._aside.clear()

    def register(self, obj: Any) -> None:
        try:
            self.check()
            if self.before is not None:
                raise TransactionMisuse(reason=PAST)
        except TransactionMisuse:
            self._spoiled.append(obj)
            raise
        super().register(obj)

    def _store_objects(self, writer: Any, transaction: Any) -> None:
        super()._store_objects(Storing(writer, self._labels), transaction)

    def tpc_finish(self, transaction: Any) -> None:
        self._stored = (*self._modified, *self._creating)
        self.committed_behaviour = tuple(self._behaviour())
        super().tpc_finish(transaction)

    def _behaviour(self) -> Iterator[tuple[bytes, tuple[str, ...]]]:
        """(object id, slots) of the written objects that may answer messages in another way now."""
        for oid in self._stored:
            obj = self._cache.get(oid)
            names = obj.__dict__.pop("_v_behaviour", None) if is_object(obj) else None
            if names:
                yield oid, tuple(sorted(names))

    def _tell(self, oid: bytes, error: Exception) -> None:
        """Raises what `error` is to be called; returns where it says itself what happened."""
        if isinstance(error, BatosError | TransientError | POSKeyError):
            return
        # A record from elsewhere may fail in any way.
        cause = error.__cause__ if isinstance(error, StateLoadError) and error.__cause__ else error
        if isinstance(cause, BatosError):
            raise cause from None
        if told := as_unavailable(self.db().where, cause):
            raise told from error
        reason = f"object {oid.hex()} cannot be read ({type(cause).__name__}: {cause})."
        raise ImageCorrupt(path=self.db().where.name, reason=reason) from error


class ImageDatabase(DB):
    """`where` is the image's address, for messages."""

    klass = ImageConnection
    # What is written in place of two records whose conflict was resolved.
    transform_record_data = staticmethod(sealed)

    def __init__(self, storage: Any, where: Address) -> None:
        self.where = where
        self._idle_past: dict[bytes, ImageConnection] = {}  # by moment, the longest unused first
        super().__init__(
            storage,
            pool_size=POOL_SIZE,
            cache_size=CACHED_OBJECTS,
            class_factory=class_factory,
            large_record_size=LARGEST_RECORD,
        )
        storage._crs_transform_record_data = sealed  # FileStorage was given that of an adapter in between

    def open_at(self, manager: Any, tid: bytes) -> ImageConnection:
        """A connection that sees what transaction `tid` left, and cannot write."""
        # ZODB's `open(at=)` asks first whether `tid` lies in the future (see `lastTransaction`), and keeps connections
        # to all moments for minutes, with open files each.
        before = p64(u64(tid) + 1)
        with self._lock:
            connection = self._idle_past.pop(before, None) or self.klass(self, PAST_OBJECTS, before)
        connection.open(manager)
        return connection

    def _returnToPool(self, connection: ImageConnection) -> None:
        if connection.before is None:
            super()._returnToPool(connection)
            return
        with self._lock:
            connection.opened = None
            spare = self._idle_past.pop(connection.before, None)
            self._idle_past[connection.before] = connection
            if len(self._idle_past) > PAST_CONNECTIONS:
                spare = self._idle_past.pop(next(iter(self._idle_past)))
        if spare is not None:
            spare._release_resources()

    def close(self) -> None:
        idle, self._idle_past = self._idle_past, {}
        for connection in idle.values():
            connection._release_resources()
        super().close()

    def lastTransaction(self) -> bytes:
        # RelStorage answers from a snapshot that it never ends: it grows old, and holds the write-ahead log.
        with self._as_it_is_now() as storage:
            return storage.lastTransaction()  # type: ignore[no-any-return]

    def is_of_the_future(self, oid: bytes) -> bool:
        """Whether the object cannot be read as of now either, where no commit and no pack came in between."""
        with self._as_it_is_now() as storage:
            try:
                storage.load(oid)
            except ReadConflictError:
                return True
            except POSKeyError:
                return False
        return False

    @contextmanager
    def _as_it_is_now(self) -> Iterator[Any]:
        storage = self._mvcc_storage.new_instance()
        try:
            storage.poll_invalidations()
            yield storage
        finally:
            storage.release()
