"""The index of changes by object: which change wrote which slots of which object, and what each change was about.

It is `Derived`: history, undo and views of the past find a change in it without reading the log. It holds no values,
only notes, mission ids and the names of slots. Knows rows; what they say is found by `attribution`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from ZODB.TimeStamp import TimeStamp

from batos.image.derived import NOWHERE, Derived, Rows
from batos.objects.values import as_text

# An object's changes are entries of (transaction id, fact id), in pages: a row for each would take twice as long to
# read. A fact is what changes have in common. `part` says what the lists, dicts, trees, counters and blobs belong to
# now: an object's slot, or another of them (slot is '').
SCHEMA = """
    create table packed (horizon blob);
    create table written (tid integer primary key, note text, mission text, oids blob);
    create table fact (id blob primary key, note text, mission text, slots text);
    create table page (oid integer, first integer, entries blob, primary key (oid, first));
    create table part (holder integer, part integer, slot text, primary key (holder, part, slot)) without rowid;
    create index part_of on part (part);
"""
AT_ONCE = 500  # values in one statement
ENTRY, PAGE = 16, 256  # bytes of an entry, entries of a page

_Fact = tuple[str, str | None, tuple[str, ...]]  # (note, mission, slots)
Held = tuple[int, str]  # (id of a part, the slot it is in, or "" where a part holds it)


class Change(NamedTuple):
    """One commit. `id` is its transaction id as hex, `slots` what it wrote to the object that was asked about.

    A tuple, because ten thousand of them are made at a time.
    """

    id: str
    note: str
    mission: str | None
    slots: tuple[str, ...]

    @property
    def time(self) -> float:
        """Seconds since the epoch."""
        return float(TimeStamp(bytes.fromhex(self.id)).timeTime())

    def as_dict(self) -> dict[str, object]:
        return {"id": self.id, "time": self.time, **self._asdict()}


class Written(NamedTuple):
    """A change as a whole; `oids` are the records that it wrote."""

    tid: bytes
    note: str
    mission: str | None
    oids: tuple[bytes, ...]


class ChangeIndex(Derived):
    what = "index of changes"
    schema = SCHEMA
    tables = ("packed", "written", "fact", "page", "part")

    # What history asks

    def changes_of(self, oid: bytes, until: bytes) -> list[Change]:
        """The changes of an object up to and with `until`, newest first."""
        statement = "select entries from page where oid = ? and first <= ? order by first"
        with self._using() as database:
            entries = b"".join(row[0] for row in database.execute(statement, (number_of(oid), number_of(until))))
            written = entries.hex()
            ids = [written[at : at + ENTRY] for at in range(0, len(written), 2 * ENTRY)]
            keys = [written[at : at + ENTRY] for at in range(ENTRY, len(written), 2 * ENTRY)]
            facts = self._facts(database, set(keys))
        # Not by `Change._make`, which counts the fields of each.
        changes = [tuple.__new__(Change, (id_, *facts[key])) for id_, key in zip(ids, keys, strict=True)]
        return changes[: bisect_right(ids, until.hex())][::-1]

    def _facts(self, database: Rows, keys: set[str]) -> dict[str, _Fact]:
        found = {}
        waiting = [bytes.fromhex(key) for key in keys]
        while waiting:
            some, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            marks = ", ".join("?" * len(some))
            rows = database.execute(f"select id, note, mission, slots from fact where id in ({marks})", some)
            found.update({key.hex(): (note, mission, tuple(slots.split())) for key, note, mission, slots in rows})
        return found

    def transaction(self, tid: bytes) -> Written | None:
        return self._one("where tid = ?", number_of(tid))

    def last_until(self, tid: bytes) -> Written | None:
        """The newest change that is not newer than `tid`."""
        return self._one("where tid <= ? order by tid desc", number_of(tid))

    def first_after(self, tid: bytes) -> Written | None:
        return self._one("where tid > ? order by tid", number_of(tid))

    def all_numbers(self) -> set[int]:
        """The ids of all transactions, as numbers."""
        with self._using() as database:
            return {tid for (tid,) in database.execute("select tid from written")}

    def noted(self, note: str) -> Written | None:
        """The newest change with exactly this note."""
        return self._one("where note = ? order by tid desc", note)

    def _one(self, where: str, value: int | str) -> Written | None:
        # Only constants of this module are interpolated.
        statement = f"select tid, note, mission, oids from written {where} limit 1"
        with self._using() as database:
            row = database.execute(statement, (value,)).fetchone()
        if row is None:
            return None
        tid, note, mission, oids = row
        return Written(_id(tid), note, mission, tuple(oids[at : at + 8] for at in range(0, len(oids), 8)))

    @property
    def horizon(self) -> bytes:
        """The pack horizon when the rows were begun; `NOWHERE` if the image had not been packed."""
        with self._using() as database:
            row = database.execute("select horizon from packed").fetchone()
        return bytes(row[0]) if row else NOWHERE

    # What attribution asks

    def is_known(self, oid: bytes) -> bool:
        """Whether any change of the object is in the index."""
        with self._using() as database:
            return bool(database.execute("select 1 from page where oid = ? limit 1", (number_of(oid),)).fetchone())

    def owners(self, part: bytes) -> list[tuple[bytes, str]]:
        """(object, slot) of every slot that the part is in, itself or within other parts."""
        owners = []
        seen: set[int] = set()
        waiting = [number_of(part)]
        with self._using() as database:
            while waiting:
                oid = waiting.pop()
                if oid in seen:
                    continue
                seen.add(oid)
                for holder, slot in database.execute("select holder, slot from part where part = ?", (oid,)):
                    if slot:
                        owners.append((_id(holder), slot))
                    else:
                        waiting.append(holder)
        return owners

    # What attribution writes, inside `writing`

    def add(self, written: Written, changes: Iterable[tuple[bytes, Sequence[str]]]) -> None:
        """Take in a transaction: itself, and the (object, slots) that it changed."""
        tid = number_of(written.tid)
        row = (tid, written.note, written.mission, b"".join(written.oids))
        with self._using() as database:
            database.execute("insert or replace into written values (?, ?, ?, ?)", row)
            for oid, slots in changes:
                fact = (written.note, written.mission, as_text(" ".join(slots)))
                key = blake2b(repr(fact).encode(), digest_size=8).digest()
                database.execute("insert or ignore into fact values (?, ?, ?, ?)", (key, *fact))
                self._append(database, number_of(oid), tid, written.tid + key)

    def _append(self, database: Rows, oid: int, tid: int, entry: bytes) -> None:
        statement = "select first, entries from page where oid = ? order by first desc limit 1"
        first, entries = database.execute(statement, (oid,)).fetchone() or (tid, b"")
        if len(entries) >= PAGE * ENTRY:
            first, entries = tid, b""
        database.execute("insert or replace into page values (?, ?, ?)", (oid, first, entries + entry))

    def hold(self, holder: bytes, parts: set[Held]) -> None:
        """What the record `holder` holds from now on."""
        number = number_of(holder)
        parts = {(part, as_text(slot)) for part, slot in parts}
        with self._using() as database:
            rows = database.execute("select part, slot from part where holder = ?", (number,))
            before: set[Held] = set(rows.fetchall())
            delete = "delete from part where holder = ? and part = ? and slot = ?"
            database.executemany(delete, [(number, *held) for held in before - parts])
            database.executemany("insert into part values (?, ?, ?)", [(number, *held) for held in parts - before])

    def begin(self, horizon: bytes) -> None:
        """The rows are those of the log since a pack to `horizon`."""
        with self._using() as database:
            database.execute("delete from packed")
            database.execute("insert into packed values (?)", (horizon,))


def number_of(id_: bytes) -> int:
    """An id as SQLite holds it. An image from elsewhere may have ids that are too large without a sign."""
    return int.from_bytes(id_, "big", signed=True)


def _id(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)
