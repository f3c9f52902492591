"""The registry of every place in an image that holds text of its users, and how each is rid of it.

`RECORDS` says it for every class of record that an image admits, `COLUMNS` for every text column of the mission
database; what they do not name is named below as holding none. A test compares both with what there is, so that a new
kind of record or a new column cannot be forgotten. Beside these two there are the history, the facts of transactions,
blobs, indexes and the free room in files: erasing packs, scrubs, rebuilds and rewrites those as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batos.image.loading import MEMORY, OBJECT, TREES, Kind, Record
from batos.memory.shipped import content_hash
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, annotate, own_slots, put, state
from batos.objects.values import texts_in
from batos.runtime.phrases import Phrases, masked, masked_contract

OBJECTS = frozenset({OBJECT}) | MEMORY
RECEIPT = ("batos.image.receipts", "Receipt")
METHOD = ("batos.objects.records", "Method")
BLOB = ("ZODB.blob", "Blob")
LEAVES = frozenset(TREES.values())


@dataclass(frozen=True)
class Wanted:
    """What is to be erased: runs of words, and for a document also its id and the ids of what it consists of."""

    phrases: Phrases
    document: str | None = None

    def touches(self, value: Any) -> bool:
        """Whether a plain value quotes it, or names the document."""
        return self.phrases.are_in(value) or (self.document is not None and self.document in set(texts_in(value)))


def texts_of(record: Record) -> list[Any]:
    """The values in a record that may hold text: not the names of slots, which are identifiers."""
    if not isinstance(record.state, dict):
        return [record.state]
    parts: list[Any] = []
    for name, value in record.state.items():
        if name in ("__methods__", "__notes__") and isinstance(value, dict):
            parts.extend(value.values())
        elif name != "__label__":
            parts.append(value)
    return parts


# Records


def _object(obj: UvmObject, wanted: Wanted) -> None:
    for name, value in own_slots(obj).items():
        if name.endswith("*") or isinstance(value, Method):
            continue
        found = masked(value, wanted.phrases)
        if found != value or isinstance(value, Intent):
            put(obj, name, found)
    for name, notes in state(obj).get("__notes__", {}).items():
        annotate(obj, name, masked(notes, wanted.phrases))


def _document(obj: UvmObject, wanted: Wanted) -> None:
    _object(obj, wanted)
    for chunk in state(obj).get("chunks", ()):
        _chunk(chunk, wanted)


def _chunk(obj: UvmObject, wanted: Wanted) -> None:
    """What tells of its text by a hash, it and its document, tells of the new one."""
    _object(obj, wanted)
    slots = state(obj)
    put(obj, "content_hash", content_hash(slots["text"]))
    document = slots["document*"]
    put(document, "content_hash", content_hash("".join(state(chunk)["text"] for chunk in state(document)["chunks"])))


def _container(obj: Any, wanted: Wanted) -> None:
    obj.data = masked(obj.data, wanted.phrases)


def _tree(tree: Any, wanted: Wanted) -> None:
    """A tree of keys, or of keys and values. A key that is taken when it is masked gets a number."""
    if not hasattr(tree, "items"):
        for key in [key for key in tree if wanted.phrases.are_in(key)]:
            tree.remove(key)
            tree.add(_free(tree, masked(key, wanted.phrases)))
        return
    for key, value in list(tree.items()):
        if wanted.phrases.are_in(key):
            del tree[key]
            tree[_free(tree, masked(key, wanted.phrases))] = masked(value, wanted.phrases)
        elif wanted.phrases.are_in(value):
            tree[key] = masked(value, wanted.phrases)


def _free(tree: Any, key: Any) -> Any:
    number, free = 1, key
    while free in tree:
        number += 1
        free = f"{key} {number}"
    return free


def _method(method: Any, wanted: Wanted) -> None:
    """The one time that a method is changed after its commit: its history goes with the text."""
    method._p_activate()
    fields = method.__dict__
    fields.update(
        source=masked(fields["source"], wanted.phrases),
        intent=masked(fields["intent"], wanted.phrases),
        contract=masked_contract(fields["contract"], wanted.phrases),
        provenance=masked(fields["provenance"], wanted.phrases),
    )
    method._p_changed = True


def blank_receipt(receipt: Any) -> None:
    """Leave of a receipt what makes its mission count as done once, and no word of it."""
    receipt.brief = {**receipt.brief, "args": [], "kwargs": {}, "contract": None, "extra": {}}
    receipt.answer = receipt.pending = None
    receipt.reason = "Its words were erased." if receipt.outcome == "failed" else ""
    receipt.journal = receipt.children = ()
    receipt.trace = tuple({"state": entry["state"]} for entry in receipt.trace)


def _receipt(receipt: Any, wanted: Wanted) -> None:
    blank_receipt(receipt)


def _proposal(proposal: Any, wanted: Wanted) -> None:
    proposal.reason = masked(proposal.reason, wanted.phrases)
    proposal.audit = masked(proposal.audit, wanted.phrases)


def _blob(blob: Any, wanted: Wanted) -> None:
    """A blob is emptied: what its bytes mean without a part of them, nobody knows."""
    with blob.open("w"):
        pass


def _leaf(leaf: Any, wanted: Wanted) -> None:
    """A part of a tree, which is rid of it with its tree."""


RECORDS: dict[Kind, Callable[[Any, Wanted], None]] = {
    ("batos.objects.uvm_object", "UvmObject"): _object,
    ("batos.memory.records", "Document"): _document,
    ("batos.memory.records", "MemoryChunk"): _chunk,
    ("batos.memory.records", "ContextualSummary"): _object,
    METHOD: _method,
    RECEIPT: _receipt,
    ("batos.image.receipts", "Proposal"): _proposal,
    ("persistent.mapping", "PersistentMapping"): _container,
    ("persistent.list", "PersistentList"): _container,
    BLOB: _blob,
    **dict.fromkeys(TREES, _tree),
    **dict.fromkeys(LEAVES, _leaf),
}
# A number; and what is no record of its own but a value within one.
RECORDS_WITHOUT_TEXT = frozenset({("BTrees.Length", "Length")})
VALUES = frozenset(
    [
        *(("builtins", name) for name in ("set", "frozenset", "complex")),
        *(("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")),
        ("decimal", "Decimal"),
        ("uuid", "UUID"),
        ("batos.objects.records", "Intent"),
        ("batos.objects.records", "Secret"),
    ]
)

# The mission database


@dataclass(frozen=True)
class Column:
    """A column that holds text, as JSON. `mission` names the column with the mission's id; None: it belongs to none."""

    table: str
    name: str
    mission: str | None = "mission"


COLUMNS = (
    Column("missions", "brief", mission="id"),
    Column("missions", "pending", mission="id"),
    Column("missions", "outcome", mission="id"),
    Column("journal", "request"),
    Column("journal", "answer"),
    Column("passages", "text"),
    Column("attempts", "needs"),
    Column("meta", "value", mission=None),
)
# Ids, hashes, names of states, types, models, workers and selectors, all of them single words that the system made or
# identifiers.
COLUMNS_WITHOUT_TEXT = frozenset(
    {
        "missions.id", "missions.parent", "missions.type", "missions.target", "missions.selector", "missions.state",
        "missions.worker", "missions.lease", "missions.waiting_for",
        "waits.mission", "waits.awaited", "waits.hash",
        "journal.mission", "journal.hash", "journal.kind", "journal.model", "journal.adapter",
        "passages.mission", "passages.hash",
        "attempts.mission", "attempts.result", "attempts.states",
        "budgets.scope", "budgets.key", "budgets.unit",
        "counters.oid", "counters.selector",
        "meta.key", "migrations.name",
    }
)  # fmt: skip

# What is left of a mission whose words were erased, in JSON as the mission database has it.
BLANK_BRIEF = "[[],{},null,{}]"
BLANK_OUTCOME = '{"answer":null,"reason":"Its words were erased."}'
BLANK = (
    "UPDATE missions SET brief = :brief, pending = NULL WHERE id = :mission",
    "UPDATE missions SET outcome = :outcome WHERE id = :mission AND outcome IS NOT NULL",
    "DELETE FROM journal WHERE mission = :mission",
    "DELETE FROM passages WHERE mission = :mission",
    "DELETE FROM attempts WHERE mission = :mission",
)


def reading(column: Column) -> str:
    """The statement that reads all texts of a column, each with its mission, or its key where it belongs to none."""
    return f"SELECT {column.mission or 'key'}, {column.name} FROM {column.table} WHERE {column.name} IS NOT NULL"
