"""Reading a stored record without running foreign code.

A record is a pickle, and a pickle may name any importable callable. Everything that reads records (the database's own
connections, conflict resolution, the log follower, undo, doctor) goes through the one table below. It lists exact pairs
of module and name, and what it names must be a class. A package whitelist would not do: it admits functions, which a
record can call with arguments of its choice.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

import ZODB.ConflictResolution
from ZODB._compat import PersistentUnpickler

from batos.errors import RecordRefused

_TREES = [
    (f"BTrees.{family}BTree", f"{family}{kind}")
    for family in ("OO", "LO")
    for kind in ("BTree", "Bucket", "TreeSet", "Set")
]

ADMITTED = frozenset(
    [
        ("persistent.mapping", "PersistentMapping"),
        ("persistent.list", "PersistentList"),
        ("BTrees.Length", "Length"),
        ("ZODB.blob", "Blob"),
        *_TREES,
        ("builtins", "set"),
        ("builtins", "frozenset"),
        ("builtins", "complex"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("uuid", "UUID"),
        ("batos.objects.uvm_object", "UvmObject"),
        ("batos.objects.records", "Method"),
        ("batos.objects.records", "Intent"),
        ("batos.objects.records", "Secret"),
        ("batos.image.receipts", "Receipt"),
        ("batos.image.receipts", "Proposal"),
        ("batos.memory.records", "Document"),
        ("batos.memory.records", "MemoryChunk"),
    ]
)
# Protocol 3 pickles of ZODB name the builtins by their Python 2 module.
_MODULES = {"__builtin__": "builtins"}


@cache
def admitted(module: str, name: str) -> type:
    """The class that a record names. Raises `RecordRefused` for every pair that is not in the table."""
    module = _MODULES.get(module, module)
    if (module, name) not in ADMITTED:
        raise RecordRefused(module=module, name=name)
    found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type):
        raise RecordRefused(module=module, name=name)
    return found


def class_factory(connection: Any, module: str, name: str) -> type:
    """The factory for the `DB` constructor. Set later, the first pooled connection would keep ZODB's own."""
    return admitted(module, name)


def guard_conflict_resolution() -> None:
    """ZODB resolves conflicts with an importer of its own, which ignores the class factory: replace that too."""

    def find_global(*names: Any) -> Any:
        if len(names) == 2 and all(isinstance(name, str) for name in names):
            return admitted(*names)
        raise RecordRefused(module="conflict", name=str(names))

    ZODB.ConflictResolution.find_global = find_global


@dataclass(frozen=True)
class Reference:
    """What stands for another object in a state read outside a connection."""

    oid: bytes


@dataclass(frozen=True)
class Record:
    """One stored version of one object: its class as (module, name) and its state with `Reference`s."""

    kind: tuple[str, str]
    state: Any


def kind_of(data: bytes) -> tuple[str, str]:
    """The class of a record, without reading its state."""
    loaded = _unpickler(data).load()
    cls = loaded[0] if isinstance(loaded, tuple) else loaded
    if isinstance(cls, tuple):
        cls = admitted(*cls)
    return cls.__module__, cls.__name__


def read_record(data: bytes) -> Record:
    """Raises `RecordRefused` when the record names something that images do not hold."""
    unpickler = _unpickler(data)
    loaded = unpickler.load()
    cls = loaded[0] if isinstance(loaded, tuple) else loaded
    if isinstance(cls, tuple):
        cls = admitted(*cls)
    return Record((cls.__module__, cls.__name__), unpickler.load())


def _unpickler(data: bytes) -> Any:
    return PersistentUnpickler(admitted, _reference, BytesIO(data))


def _reference(stored: Any) -> Reference | None:
    # ZODB writes (oid, class) for most references, the bare oid for classes with new-arguments, lists for weak ones.
    if isinstance(stored, tuple):
        return Reference(stored[0])
    return Reference(stored) if isinstance(stored, bytes) else None
