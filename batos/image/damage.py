"""What is damaged in an image's database, as far as its storage lets anyone tell. Reads all of it, changes nothing.

SQLite and PostgreSQL are asked whether their tables hold together, and RelStorage keeps an MD5 of every state. A file
of FileStorage holds together where each commit ends where the next one begins. Each record has a seal besides, looked
at whenever it is read; see `sealing.py`. The bytes of blobs are compared in `soundness.py`. Nothing tells that the note
of a change is another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

from ZODB.FileStorage.format import CorruptedDataError
from ZODB.fsIndex import fsIndex

from batos.image import opening_file, postgresql, sqlite_files
from batos.image.image import Image
from batos.image.keeping_file import LogFile
from batos.image.storages import telling_log_errors

MOST_TOLD = 5
# What is there without what it belongs to, in both databases.
ASTRAY = (
    ("the current version of object {:016x} is not there",
     "SELECT zoid FROM current_object WHERE NOT EXISTS (SELECT 1 FROM object_state state "
     "WHERE state.zoid = current_object.zoid AND state.tid = current_object.tid)"),
    ("object {:016x} has a newer version than the one it is said to have",
     "SELECT zoid FROM current_object WHERE tid < (SELECT max(tid) FROM object_state state "
     "WHERE state.zoid = current_object.zoid)"),
    ("object {:016x} has versions, but none is current",
     "SELECT DISTINCT zoid FROM object_state WHERE zoid NOT IN (SELECT zoid FROM current_object)"),
    ("object {:016x} has a version of a change that never was",
     'SELECT DISTINCT zoid FROM object_state WHERE tid NOT IN (SELECT tid FROM "transaction")'),
)  # fmt: skip
STATES = "SELECT zoid, tid, md5, state FROM object_state WHERE state IS NOT NULL"


def find_damage(image: Image) -> tuple[str, ...]:
    """Clauses, the first few of each kind; none where all is well."""
    where = image.where
    if where.scheme == "file":
        with telling_log_errors(where), where.database.open("rb") as file:
            _, broken = opening_file.read_commits(file)
            told = [broken] if broken else _first(_in_log(LogFile(file)))
            return tuple(f"{where.database.name}: {clause}" for clause in told)
    with telling_log_errors(where):
        if where.scheme == "postgresql":
            with closing(postgresql.connect(where.dsn)) as server:
                server.set_session(readonly=True, isolation_level="REPEATABLE READ")
                with server.cursor("states") as states, server.cursor() as cursor:
                    return tuple(_in_tables(cursor, states))
        if broken := sqlite_files.damage(where.database):
            return (f"{where.database.name}: {broken}",)
        with closing(sqlite_files.connect(where.database)) as database:
            database.execute("BEGIN")
            return tuple(_in_tables(database.cursor(), database.cursor()))


def _in_log(log: LogFile) -> Iterator[str]:
    """Each record says which commit it belongs to, and where the version before it stands; together they fill it."""
    newest = fsIndex()
    for header, begin, _ in log.transactions():
        try:
            records = list(log.records(header, begin))
        except (CorruptedDataError, ValueError):
            records = []
        room = header.tlen - header.headerlen()
        belong = all(record.tloc == begin and record.tid == header.tid for record in records)
        for record in records:
            belong &= record.prev == newest.get(record.oid, 0)
        for record, start in zip(records, _starts(records, begin, header), strict=True):
            newest[record.oid] = start
        if not belong or sum(record.recordlen() for record in records) != room:
            yield f"the commit at byte {begin} has records that do not belong to it"


def _starts(records: Iterable[Any], begin: int, header: Any) -> Iterator[int]:
    """Where each of a commit's records stands in the file."""
    start = begin + header.headerlen()
    for record in records:
        yield start
        start += record.recordlen()


def _in_tables(cursor: Any, states: Any) -> Iterator[str]:
    for says, query in ASTRAY:
        cursor.execute(query)
        yield from _first(says.format(zoid) for (zoid,) in cursor.fetchall())
    states.execute(STATES)
    yield from _first(
        f"object {zoid:016x} of change {tid:016x} does not hold what was written"
        for zoid, tid, digest, state in states
        if hashlib.md5(state, usedforsecurity=False).hexdigest() != digest
    )


def _first(clauses: Iterable[str]) -> Iterator[str]:
    more = 0
    for number, clause in enumerate(clauses):
        if number < MOST_TOLD:
            yield clause
        else:
            more += 1
    if more:
        yield f"{more} more of this kind"
