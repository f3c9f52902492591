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

from batos.errors import TransactionMisuse, UnknownObject
from batos.image.receipts import Proposal, Receipt
from batos.objects import lookup
from batos.objects.uvm_object import UvmObject, is_slot_name, state


class World:
    """Names map to raw objects. `note` and `user` of the transaction can still be changed before the commit."""

    def __init__(self, connection: Any, transaction: Any) -> None:
        self._connection = connection
        self.transaction = transaction
        self._thread = threading.get_ident()
        self._open = True
        # What the catalog indexed in this transaction, so that a search in it sees its own uncommitted documents.
        self.pending_documents: list[Any] = []

    def end(self) -> None:
        self._open = False

    @property
    def connection(self) -> Any:
        """The ZODB connection. Raises `TransactionMisuse` from another thread, or after the transaction."""
        self._check()
        return self._connection

    def _check(self) -> None:
        if not self._open:
            raise TransactionMisuse(reason="This transaction has ended. Open a new one with `image.transaction(note)`.")
        if threading.get_ident() != self._thread:
            raise TransactionMisuse(reason="Raw objects belong to the thread that opened the transaction; use handles.")

    @property
    def root(self) -> Any:
        return self.connection.root()

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
        return name in self._names

    def names(self) -> list[str]:
        return list(self._names)

    def create(
        self,
        name: str,
        slots: Mapping[str, Any] | None = None,
        parents: Iterable[UvmObject] | Mapping[str, UvmObject] | None = None,
    ) -> UvmObject:
        """A new object under `name`, delegating to `parents` (the traits if none are given)."""
        if name in self._names:
            raise UnknownObject(name=name, known="An object of this name exists already; choose another name.")
        if not is_slot_name(name) or name.endswith("*"):
            raise UnknownObject(name=name, known="A name is an identifier without a leading underscore.")
        if parents is None:
            parents = [self["traits"]] if "traits" in self else []
        made = UvmObject(parents, **(slots or {}))
        self.bind(name, made)
        return made

    def bind(self, name: str, obj: UvmObject) -> None:
        """Give `obj` the name `name` in the world."""
        state(obj)["__label__"] = name
        obj._p_changed = True
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

    def written(self) -> list[Any]:
        """The objects written in this transaction since its last savepoint, which empties ZODB's lists of them."""
        connection = self.connection  # ZODB has no public name for these lists
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

    def object(self, oid: bytes | str) -> Any:
        """The raw object with this id (bytes, or 16 hex digits). Raises `UnknownObject`."""
        key = bytes.fromhex(oid) if isinstance(oid, str) else oid
        try:
            found = self.connection.get(key)
        except KeyError:
            raise UnknownObject(name=f"object {key.hex()}", known="It may have been packed away.") from None
        lookup.note_read(found)
        return found


def unknown(name: str, names: Iterable[str]) -> UnknownObject:
    close = difflib.get_close_matches(name, list(names), n=3)
    known = f"Did you mean {' or '.join(map(repr, close))}?" if close else "`batos inspect` lists the objects."
    return UnknownObject(name=name, known=known)
