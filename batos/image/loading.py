"""Reading a stored record without running foreign code.

A record is a pickle, and a pickle may name any importable callable. Everything that reads records (the database's own
connections, conflict resolution, the log follower, undo, doctor) goes through the one table below. It lists exact pairs
of module and name, and what it names must be a class. A package whitelist would not do: it admits functions, which a
record can call with arguments of its choice. What stands beside the records (a transaction's extra facts, FileStorage's
saved index) is pickled too, and needs no class at all.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache, lru_cache
from io import BytesIO
from typing import Any, BinaryIO, NoReturn

import ZODB.ConflictResolution
from ZODB._compat import PersistentUnpickler

from batos.errors import BatosError, RecordRefused, RecordUnreadable
from batos.image.sealing import check_seal

Kind = tuple[str, str]

OBJECT: Kind = ("batos.objects.uvm_object", "UvmObject")
MEMORY: frozenset[Kind] = frozenset(
    ("batos.memory.records", name) for name in ("Document", "MemoryChunk", "ContextualSummary")
)
LIST: Kind = ("persistent.list", "PersistentList")
MAPPING: Kind = ("persistent.mapping", "PersistentMapping")
COUNTER: Kind = ("BTrees.Length", "Length")
BLOB: Kind = ("ZODB.blob", "Blob")
# Trees are kept as records of two kinds each: inner nodes, of the tree's own class, and leaves.
TREES: dict[Kind, Kind] = {
    ("batos.image.directory", "Directory"): ("BTrees.OOBTree", "OOBucket"),
} | {
    (f"BTrees.{family}BTree", f"{family}{tree}"): (f"BTrees.{family}BTree", f"{family}{leaf}")
    for family in ("OO", "LO")
    for tree, leaf in (("BTree", "Bucket"), ("TreeSet", "Set"))
}

ADMITTED: frozenset[Kind] = frozenset(
    {
        OBJECT,
        LIST,
        MAPPING,
        COUNTER,
        BLOB,
        *MEMORY,
        *TREES.keys(),
        *TREES.values(),
        ("batos.objects.records", "Method"),
        ("batos.objects.records", "Intent"),
        ("batos.objects.records", "Secret"),
        ("batos.image.receipts", "Receipt"),
        ("batos.image.receipts", "Proposal"),
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
    }
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


@lru_cache(maxsize=256)
def is_admitted(cls: type) -> bool:
    """Whether a record may name this class, and would get it."""
    try:
        return admitted(cls.__module__, cls.__qualname__) is cls
    except RecordRefused:
        return False


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
    """What stands for another object in a state read outside a connection. `kind` is its class, where it is stored."""

    oid: bytes
    kind: Kind | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Record:
    """One stored version of one object: its class as (module, name) and its state with `Reference`s."""

    kind: Kind
    state: Any


def kind_of(data: bytes) -> Kind:
    """The class of a record, without reading its state. Raises like `read_record`."""
    return Reading(data).kind


def read_record(data: bytes) -> Record:
    """Raises `RecordRefused` when the record names something that images do not hold, or cannot be read at all."""
    return Reading(data).record()


class Reading:
    """A record whose class is known, and whose state is read only when it is asked for. Raises like `read_record`."""

    __slots__ = ("_data", "_rest", "kind")

    def __init__(self, data: bytes) -> None:
        self._data = data
        try:
            self._rest = _unpickler(data)
            self.kind = _kind(self._rest)
        except BatosError:
            raise
        except Exception as error:  # a pickle from elsewhere may fail in any way
            raise _unreadable(error) from error

    def record(self) -> Record:
        rest, self._rest = self._rest, None
        if rest is None:  # it was read to its end before
            return Reading(self._data).record()
        try:
            return Record(self.kind, rest.load())
        except BatosError:
            raise
        except Exception as error:
            raise _unreadable(error) from error


def _unreadable(error: Exception) -> RecordUnreadable:
    return RecordUnreadable(reason=f"{type(error).__name__}: {error}")


def read_facts(data: bytes) -> dict[str, Any]:
    """The extra facts of a transaction, which are plain data. ZODB's own reader runs whatever they name.

    What names a class, and what is no map, is taken for no facts: a change must not hide behind what it says of itself.
    """
    try:
        facts = harmless_unpickler(BytesIO(data)).load() if data else {}
    except Exception:  # a pickle from elsewhere may fail in any way
        return {}
    return facts if isinstance(facts, dict) else {}


def harmless_unpickler(file: BinaryIO) -> Any:
    """An unpickler that makes numbers, texts and containers, and nothing else."""

    def refuse(*names: Any) -> NoReturn:
        raise RecordRefused(module="(index or log)", name=".".join(map(str, names)))

    return PersistentUnpickler(refuse, refuse, file)


def _kind(unpickler: Any) -> Kind:
    loaded = unpickler.load()
    cls = loaded[0] if isinstance(loaded, tuple) else loaded
    return _pair(admitted(*cls) if isinstance(cls, tuple) else cls)


def _pair(cls: Any) -> Kind:
    if not isinstance(cls, type):
        raise RecordUnreadable(reason=f"it calls itself a {cls!r:.80}")
    return cls.__module__, cls.__qualname__


def _unpickler(data: bytes) -> Any:
    check_seal(data)
    return PersistentUnpickler(admitted, _reference, BytesIO(data))


def _reference(stored: Any) -> Reference | None:
    # ZODB writes (oid, class) for most references, the bare oid for classes with new-arguments, lists for weak ones.
    if isinstance(stored, tuple):
        oid, cls = stored
        return Reference(oid, _pair(cls))
    return Reference(stored) if isinstance(stored, bytes) else None
