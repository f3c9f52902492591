"""The image as seen from inside one transaction: raw objects by name or object id.

A world belongs to the thread that opened it and ends with its transaction. Two threads on one ZODB connection crash the
interpreter, so a world that is used elsewhere, or too late, says so instead.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from BTrees.OOBTree import OOBTree
from persistent import Persistent

from batos.errors import NameRefused, TransactionMisuse, UnknownObject
from batos.image.connections import ELSEWHERE, ENDED, ImageConnection
from batos.image.receipts import Proposal, Receipt
from batos.objects import lookup
from batos.objects.uvm_object import UvmObject, is_slot_name, put, rename
from batos.objects.values import is_object


class World:
    """Names map to raw objects. `note` and `user` of the transaction can still be changed before the commit."""

    def __init__(self, connection: ImageConnection, transaction: Any, writable: bool = True) -> None:
        self._connection = connection
        self.transaction = transaction
        self._thread = threading.get_ident()
        self._open = True
        self._root: Any = None
        self._writable = writable
        # What the catalog indexed in this transaction, so that a search in it sees its own uncommitted documents.
        self.pending_documents: list[Any] = []

    def end(self) -> None:
        self._open = False

    def belongs_to(self, db: Any) -> bool:
        """Whether this is an open world of that database, in this thread."""
        return self._open and self._thread == threading.get_ident() and self._connection.db() is db

    @property
    def connection(self) -> ImageConnection:
        """The ZODB connection. Raises `TransactionMisuse` from another thread, or after the transaction."""
        self._check()
        return self._connection

    def _check(self) -> None:
        if not self._open:
            raise TransactionMisuse(reason=ENDED)
        if threading.get_ident() != self._thread:
            raise TransactionMisuse(reason=ELSEWHERE)

    def check_writable(self) -> None:
        """Raises `TransactionMisuse` where what is written would be thrown away."""
        self._check()
        if not self._writable:
            raise TransactionMisuse(reason="This block only reads. Write outside it, or in `image.transaction(note)`.")

    @property
    def root(self) -> Any:
        self._check()
        if self._root is None:
            self._root = self._connection.root()
        return self._root

    @property
    def _names(self) -> OOBTree:
        return self.root["world"]

    @property
    def receipts(self) -> Mapping[str, Receipt]:
        return self.root["receipts"]  # type: ignore[no-any-return]

    @property
    def proposals(self) -> Mapping[str, Proposal]:
        return self.root["proposals"]  # type: ignore[no-any-return]

    def __getitem__(self, name: str) -> UvmObject:
        """The raw object called `name`. Raises `UnknownObject`, with names that are close."""
        found = self._names.get(name)
        if found is None:
            raise unknown(name, self._names)
        lookup.note_read(found)
        return found  # type: ignore[no-any-return]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._names

    def names(self) -> list[str]:
        return list(self._names)

    def create(
        self,
        name: str,
        slots: Mapping[str, Any] | None = None,
        parents: Iterable[UvmObject] | Mapping[str, UvmObject] | None = None,
    ) -> UvmObject:
        """A new object under `name`, delegating to `parents` (the traits if none are given).

        Raises `NameRefused`, and `SlotRefused` for a slot or a value that an object cannot have.
        """
        if not is_slot_name(name) or name.endswith("*"):
            raise NameRefused(name=name, reason="a name is an identifier without a leading underscore.")
        if name in self._names:
            raise NameRefused(name=name, reason="an object of this name exists already.")
        if parents is None:
            parents = [self["traits"]] if "traits" in self else []
        made = UvmObject(parents)
        for slot, value in (slots or {}).items():
            put(made, slot, value)
        self.bind(name, made)
        return made

    def bind(self, name: str, obj: UvmObject) -> None:
        """Give `obj` the name `name` in the world."""
        rename(obj, name)
        self._names[name] = obj
        self.add(obj)

    def delete(self, name: str) -> None:
        """Take the name away; what still refers to the object keeps it."""
        self[name]
        del self._names[name]

    def savepoint(self) -> Any:
        """A point to roll back to; what was written before it is kept either way."""
        self._check()
        return self.transaction.get().savepoint()

    def rely_on(self, reads: Mapping[int, Any]) -> None:
        """Make the commit fail unless all of `reads` is still what it was when it was read."""
        connection = self.connection
        for obj in list(reads.values()):
            if obj._p_jar is connection and not obj._p_changed:
                obj._p_activate()  # a ghost may carry the id of a version that is long gone
                connection.readCurrent(obj)

    def written(self) -> list[Any]:
        """The objects written in this transaction since its last savepoint, which empties ZODB's lists of them."""
        connection: Any = self.connection  # ZODB has no public name for these lists
        return [*connection._registered_objects, *connection._added.values()]

    def doom(self) -> None:
        """Make sure that this transaction can only be aborted."""
        self._check()
        self.transaction.get().doom()

    def add(self, obj: Persistent) -> bytes:
        """The object id of `obj`, which is given one if it is new."""
        if obj._p_jar is None:
            self.connection.add(obj)
        return obj._p_oid  # type: ignore[no-any-return]

    def find(self, target: str) -> UvmObject:
        """The object called `target`, or with that id as 16 hex digits. Raises `UnknownObject`."""
        is_id = len(target) == 16 and all(digit in "0123456789abcdef" for digit in target)
        return self.object(target) if is_id and target not in self else self[target]

    def object(self, oid: bytes | str) -> Any:
        """The raw object with this id (bytes, or 16 hex digits). Raises `UnknownObject`.

        What the image keeps beside its objects (lists, trees, receipts) has ids too, but is nobody's to talk to.
        """
        found = self.record(oid)
        if not is_object(found):
            raise UnknownObject(name=f"object {found._p_oid.hex()}", known="There is something else under this id.")
        lookup.note_read(found)
        return found

    def record(self, oid: bytes | str) -> Any:
        """Whatever has this id: an object, or what the image keeps for one. Raises `UnknownObject`."""
        try:
            key = bytes.fromhex(oid) if isinstance(oid, str) else oid
        except ValueError:
            raise UnknownObject(name=f"object {oid!r}", known="An id has 16 hexadecimal digits.") from None
        if len(key) != 8 or key[0] > 0x7F:
            raise UnknownObject(name=f"object {key.hex()}", known="An id has 16 hexadecimal digits.")
        try:
            return self.connection.get(key)
        except KeyError:
            raise UnknownObject(name=f"object {key.hex()}", known="It may have been packed away.") from None


def unknown(name: str, names: Iterable[str]) -> UnknownObject:
    close = difflib.get_close_matches(name, list(names), n=3)
    known = f"Did you mean {' or '.join(map(repr, close))}?" if close else "`batos inspect` lists the objects."
    return UnknownObject(name=name, known=known)
