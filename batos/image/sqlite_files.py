"""SQLite files as files: copied while others write, made smaller, looked at for damage. Knows no tables."""

from __future__ import annotations

import sqlite3
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import BinaryIO

LOG_HEADER, FRAME_HEADER, INDEX_HEADER = 32, 24, 48  # bytes, as SQLite's file format has them
QUIET_SECONDS = 0.05  # without a commit: then nobody will mind that writers wait
QUICK_BYTES = 64 * 2**20  # what is rewritten within a second or so, for which it need not be quiet
BETWEEN_TRIES = 0.1
# SQLite's default of 4,096 leaves nearly half of a page empty behind a record of 2 kB, and an empty database has a page
# for each table and index. The price: a record of a mebibyte takes twice as long to write.
PAGE_BYTES = 1024
# What SQLite raises for a damaged file; the second where its sentence quotes a name that is no text any more.
DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError)
SMALL_PAGES = f"PRAGMA page_size = {PAGE_BYTES}"
# How long a write-ahead log gets before it is brought into the database, which forces two files to the disk. Twice
# SQLite's default; four times as long, looking through it costs more than is spared.
LOG_PAGES = 2000
LONG_LOG = f"PRAGMA wal_autocheckpoint = {LOG_PAGES}"


def connect(path: Path, timeout: float = 10.0) -> sqlite3.Connection:
    """A connection that begins its transactions when told to."""
    return sqlite3.connect(path, timeout=timeout, isolation_level=None)


def begin(path: Path) -> None:
    """Make an empty database, whose pages will be small whoever makes tables in it."""
    with closing(connect(path)) as database:
        database.execute(SMALL_PAGES)
        database.execute("PRAGMA journal_mode = WAL").fetchall()


def copy(source: Path, target: Path) -> None:
    """Copy a database as of one moment. Writers are not held up: the copy has a snapshot of its own."""
    with closing(connect(source)) as reading, closing(connect(target)) as writing:
        reading.backup(writing)
    settle(target)


def settle(path: Path) -> None:
    """Make one file of a database that nobody has open, whole: a copy must not depend on a log beside it."""
    with closing(connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE").fetchall()


def compact(path: Path, patience: float) -> str:
    """Give free pages back to the disk and empty the write-ahead log; what was deleted is nowhere in the file then.

    Waits for a quiet moment, and for readers to be done, at most about `patience` seconds each. Returns "", or a
    sentence that says why the file is not smaller yet; nothing is lost then.
    """
    with closing(connect(path)) as database:
        database.execute("PRAGMA secure_delete = ON").fetchall()
        if _content(database) > QUICK_BYTES and not _quiet(database, patience):
            return f"{path.name} is written all the time; it gets smaller when this is done again while it is idle."
        try:
            database.execute("VACUUM")
        except sqlite3.OperationalError as error:
            return f"{path.name} could not be rewritten ({error}); do this again later."
        if _emptied(database, patience):
            return ""
        return f"{path.name} is being read all the time; it gets smaller when that ends."


def _quiet(database: sqlite3.Connection, patience: float) -> bool:
    """Wait for a while without a commit; whether there was one in time."""
    end = time.monotonic() + patience
    while True:
        before = _number(database, "data_version")
        time.sleep(QUIET_SECONDS)
        if _number(database, "data_version") == before:
            return True
        if time.monotonic() >= end:
            return False


def _content(database: sqlite3.Connection) -> int:
    pages = _number(database, "page_count") - _number(database, "freelist_count")
    return pages * _number(database, "page_size")


def _emptied(database: sqlite3.Connection, patience: float) -> bool:
    """Bring the write-ahead log into the file and cut it to nothing.

    Most of it without being in anybody's way; the end of it keeps writers out, so it is tried shortly and again.
    """
    end = time.monotonic() + patience
    database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    database.execute("PRAGMA busy_timeout = 20").fetchall()
    while True:
        busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(BETWEEN_TRIES)


def unread_commits(path: Path) -> int:
    """How many commits stand in the write-ahead log behind the place where SQLite stopped believing it.

    It stops where a checksum is wrong, and forgets the rest without a word. A machine that crashed in the middle of a
    commit leaves one at most; more of them means that the log was damaged later. To be asked while a connection has
    the database open: until then nobody has read the log.
    """
    log, index = path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
    if not log.exists() or not index.exists():
        return 0
    with path.open("rb") as file:
        page = int.from_bytes(file.read(18)[16:18], "big")
    with log.open("rb") as file:
        header = file.read(LOG_HEADER)
        frames = list(_frames(file, 65536 if page == 1 else page))
    # The salts of a log that was begun anew are others; older frames may still follow its own.
    salts = header[16:24] if _is_whole(header) or not frames else frames[0][8:16]
    committing = [number for number, frame in enumerate(frames, 1) if frame[8:16] == salts and any(frame[4:8])]
    known = index.read_bytes()[:INDEX_HEADER]
    if known[32:40] not in (header[16:24], bytes(8)):  # a writer has begun the log anew meanwhile
        return 0
    believed = int.from_bytes(known[16:20], sys.byteorder)
    return sum(number > believed for number in committing)


def _is_whole(header: bytes) -> bool:
    """Whether the checksum at the end of the log's header is that of the rest, by SQLite's own sum."""
    if len(header) < LOG_HEADER:
        return False
    order = ">" if header[3] & 1 else "<"
    words = struct.unpack(f"{order}6I", header[:24])
    first = second = 0
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return header[24:] == struct.pack(">II", first, second)


def _frames(file: BinaryIO, page: int) -> Iterator[bytes]:
    """The headers of the log's frames: page number, size of the database if it is a commit's last, salts, checksums."""
    for position in count(LOG_HEADER, FRAME_HEADER + page):
        file.seek(position)
        header = file.read(FRAME_HEADER)
        if len(header) < FRAME_HEADER:
            return
        yield header


def damage(path: Path) -> str:
    """What SQLite finds wrong with its file; "" if nothing."""
    try:
        with closing(connect(path)) as database:
            # Not `quick_check`, which does not compare indexes with their tables.
            told = [row[0] for row in database.execute("PRAGMA integrity_check(5)")]
    except DAMAGED as error:
        return str(error)
    return "" if told == ["ok"] else "; ".join(told)


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])
