"""What a connection writes: records that can be read again, sealed, and none too large.

A slot's value is checked when it is assigned, but not what is put into its list or tree afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from persistent.list import PersistentList
from ZODB.blob import Blob
from ZODB.POSException import ConflictError, InvalidObjectReference
from zodbpickle import binary

from batos.errors import SlotRefused
from batos.image.loading import is_admitted, read_record
from batos.image.sealing import sealed, with_digest
from batos.objects.uvm_object import label, own_slots
from batos.objects.values import ALLOWED, admit, is_object, weight

LARGEST_RECORD = 64 * 2**20  # bytes; an object is written whole at each change


# What any unpickler makes again as it was. `binary` is how ZODB writes the ids of objects.
SIMPLE = frozenset({type(None), bool, int, float, str, bytes, binary, tuple, list, dict})


class Storing:
    """ZODB's object writer, held to this. A record of simple values and of references needs no second look; any other
    is read back."""

    def __init__(self, writer: Any, labels: dict[bytes, str]) -> None:
        self._writer = writer
        self._labels = labels  # of the objects that were written, by id
        self._simple = True  # whether the record that is being written holds nothing else
        writer._p.persistent_id = self._persistent_id

    def _persistent_id(self, value: Any) -> Any:
        """What the pickler asks about each value: how another object is referred to; None for what is no such."""
        if type(value) in SIMPLE or (isinstance(value, type) and is_admitted(value)):
            return None
        reference = self._writer.persistent_id(value)
        if reference is None:
            self._simple = False
        return reference

    def __iter__(self) -> Iterator[Any]:
        return iter(self._writer)

    def serialize(self, obj: Any) -> bytes:
        place = f"(in a {type(obj).__name__})"
        if is_object(obj):
            place = self._labels[obj._p_oid] = label(obj)
        try:
            self._simple = True
            data: bytes = self._writer.serialize(obj)
            if not self._simple:
                read_record(data)
        except InvalidObjectReference:
            what = "a raw object of another transaction or image"
            raise SlotRefused(slot=place, what=what, instead="Read it in this transaction.") from None
        except ConflictError:
            raise
        except Exception as error:  # pickle raises nearly anything for what it cannot pickle
            _refuse_items(place, obj)
            raise SlotRefused(slot=place, what=f"this ({error})", instead=ALLOWED) from error
        if len(data) > LARGEST_RECORD:
            what = f"{len(data) >> 20} MiB in one record"
            raise SlotRefused(slot=_heaviest(place, obj), what=what, instead="Keep it in a `ZODB.blob.Blob`.")
        return sealed(_with_digest(data, obj) if isinstance(obj, Blob) else data)


def _heaviest(place: str, obj: Any) -> str:
    """The slot of an object that takes most of its record; `place` for what has no slots."""
    slots = own_slots(obj) if is_object(obj) else {}
    return max(slots, key=lambda name: weight(slots[name], LARGEST_RECORD), default=place)


def _with_digest(data: bytes, blob: Blob) -> bytes:
    """The record of a blob about to be stored. One that was not written anew, ZODB does not store."""
    uncommitted = blob._p_blob_uncommitted
    if uncommitted is None and blob._p_blob_committed is not None:
        return data
    return with_digest(data, uncommitted and Path(uncommitted))


def _refuse_items(place: str, container: Any) -> None:
    """Raise the `SlotRefused` that names the type of the first item that no list, dict or tree may hold."""
    values = getattr(container, "values", None)
    for item in values() if callable(values) else container if isinstance(container, PersistentList) else ():
        admit(place, item)
