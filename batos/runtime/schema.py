"""The tables of the mission database, and how a database of an earlier version becomes one of this version.

One `MetaData` serves SQLite and PostgreSQL. Times are Unix seconds. JSON is text, which both keep byte for byte. What
the rows mean is told in `briefs.py`; how they change, in the modules beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
)

from batos.errors import ImageForeign

STATES = ("queued", "running", "waiting", "done", "failed", "dead")
OPEN = ("queued", "running", "waiting")
ENDED = ("done", "failed", "dead")
AWAITED = ("needs", "missions", "person")  # what a waiting mission waits for

metadata = MetaData()


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _partial_index(name: str, *columns: object, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)  # type: ignore[arg-type]


missions = Table(
    "missions",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),  # the order of submission
    Column("id", Text, nullable=False, unique=True),
    Column("parent", Text),
    Column("type", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("selector", Text, nullable=False),
    Column("brief", Text, nullable=False),
    Column("state", Text, CheckConstraint(_one_of("state", STATES)), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("run_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("leases_lost", Integer, nullable=False, default=0),
    Column("worker", Text),
    Column("lease", Text),
    Column("lease_until", Double),
    Column("waiting_for", Text, CheckConstraint(_one_of("waiting_for", AWAITED))),
    Column("deadline", Double),
    Column("pending", Text),
    Column("outcome", Text),
)

# Partial indexes: a write then touches only the pages of the states it is about, and a long past costs nothing. The two
# unique ones are rules, not speed.
_partial_index("one_running_per_target", missions.c.target, where="state = 'running'", unique=True)
_partial_index(
    "one_open_learn", missions.c.target, missions.c.selector, unique=True,
    where=f"type = 'learn' AND {_one_of('state', OPEN)}",
)  # fmt: skip
_partial_index("missions_queued", missions.c.priority.desc(), missions.c.seq, where="state = 'queued'")
_partial_index("missions_leased", missions.c.lease_until, where="lease_until IS NOT NULL")
_partial_index("missions_waiting", missions.c.deadline, where="state = 'waiting'")
_partial_index("missions_ended", missions.c.state, where=_one_of("state", ENDED))
Index("missions_by_parent", missions.c.parent)

# Who waits for whom. With a hash, the end of the awaited mission answers that need in the waiting mission's journal.
waits = Table(
    "waits",
    metadata,
    Column("mission", Text, nullable=False),
    Column("awaited", Text, nullable=False),
    Column("hash", Text, nullable=False, default=""),
    Column("occurrence", Integer, nullable=False, default=0),
    PrimaryKeyConstraint("mission", "awaited", "hash", "occurrence"),
    Index("waits_by_awaited", "awaited"),
)

# A plain table with an index beside it: rows are wide, and WITHOUT ROWID made a third more bytes of them.
journal = Table(
    "journal",
    metadata,
    Column("mission", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("model", Text),
    Column("adapter", Text),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("made_at", Double, nullable=False),
    PrimaryKeyConstraint("mission", "hash", "occurrence"),
)

# The passages of memory that the requests of a mission refer to, each once (`passages.py`).
passages = Table(
    "passages",
    metadata,
    Column("mission", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("mission", "hash"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("mission", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("needs", Text, nullable=False),
    Column("states", Text),
    Column("started", Double, nullable=False),
    Column("ended", Double, nullable=False),
    Index("attempts_by_mission", "mission"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("scope", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("unit", Text, CheckConstraint(_one_of("unit", ("tokens", "money"))), nullable=False),
    Column("ceiling", Double),
    Column("spent", Double, nullable=False, default=0),
    PrimaryKeyConstraint("scope", "key", "unit"),
)

counters = Table(
    "counters",
    metadata,
    Column("oid", Text, nullable=False),
    Column("selector", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("oid", "selector", "version"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

ledger = Table(
    "migrations",
    metadata,
    Column("name", Text, primary_key=True),
    Column("applied_at", Double, nullable=False),
)


def m001_tables(connection: Connection) -> None:
    """Everything of the first version."""
    metadata.create_all(connection)


def m002_states(connection: Connection) -> None:
    """The states that an attempt went through, with their times."""
    if "states" not in {column["name"] for column in inspect(connection).get_columns(attempts.name)}:
        connection.execute(text("ALTER TABLE attempts ADD COLUMN states TEXT"))


def m003_passages(connection: Connection) -> None:
    """A table for what requests share. Journals that are there stay as they are, and are read as they are."""
    passages.create(connection, checkfirst=True)


# Ordered. A released step is never changed: a later one alters what it made, and `m001_tables` then makes its tables
# from a copy of this file's metadata as it was.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (m001_tables, m002_states, m003_passages)


def migrate(connection: Connection, place: str, now: float) -> None:
    """Apply the steps that the ledger lacks, in the caller's transaction. A new database runs all of them.

    Raises ImageForeign when the database holds tables that are not ours, or steps of a later batos.
    """
    known = [step.__name__ for step in MIGRATIONS]
    found = inspect(connection).get_table_names()
    if found and ledger.name not in found:
        raise ImageForeign(path=place, reason=f"Its mission database holds other tables: {', '.join(sorted(found))}.")
    applied = set(connection.scalars(select(ledger.c.name))) if found else set()
    if later := applied.difference(known):
        raise ImageForeign(path=place, reason=f"A later batos wrote it ({', '.join(sorted(later))}); use that one.")
    for step in MIGRATIONS:
        if step.__name__ not in applied:
            step(connection)
            connection.execute(insert(ledger).values(name=step.__name__, applied_at=now))
