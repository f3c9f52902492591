"""What care asks of a storage beyond ZODB's own interface: how much it holds, packing, room given back to the disk.

One keeper per storage; all of them count and pack alike, so that one preview tells what either will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from batos.image.image import Image
from batos.image.log import NEWEST
from batos.image.storages import telling_log_errors

PIECE = 2**20  # bytes of a blob that are read at once

# Overwrites what must not be kept in the facts of a transaction, in as many bytes as it was.
Scrub = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Held:
    """`bytes` are those of the records and blobs alone, without what the storage needs around them."""

    transactions: int = 0
    records: int = 0
    objects: int = 0
    bytes: int = 0

    def __sub__(self, other: Held) -> Held:
        return Held(
            self.transactions - other.transactions,
            self.records - other.records,
            self.objects - other.objects,
            self.bytes - other.bytes,
        )


@dataclass(frozen=True)
class BlobFile:
    """A file with the bytes that the blob `oid` had from `tid` on. Over SQLite it is only a copy."""

    path: Path
    oid: bytes
    tid: bytes


class Keeper(Protocol):
    def newest(self) -> bytes:
        """The id of the newest transaction, whoever committed it."""

    def held(self, until: bytes = NEWEST) -> Held:
        """What transactions up to and with `until` hold."""

    def size(self) -> int:
        """The bytes that the database takes, with its blobs."""

    def pack(self, horizon: bytes, scrub: Scrub | None = None) -> None:
        """Remove what nothing after `horizon` can reach, and scrub the facts of the transactions that are kept."""

    def shrink(self, patience: float) -> str:
        """Give the room back to the disk. Returns "", or a sentence that says why not all of it is back yet."""

    def blob_sizes(self) -> dict[tuple[bytes, bytes], int]:
        """The bytes of every stored version of every blob, by (oid, tid)."""

    def blob(self, oid: bytes, tid: bytes) -> Iterator[bytes]:
        """The stored bytes of one version of a blob, piece by piece."""

    def copies(self) -> Iterator[BlobFile]:
        """The files that are copies of stored blobs, which are read in their place."""

    def stray_files(self) -> list[Path]:
        """Files that an interrupted pack left, and blob files of versions that are stored no more."""


def copies_of_blobs(folder: Path) -> Iterator[BlobFile]:
    """The files of RelStorage's cache, which keeps the blob `oid` under `oid modulo 997`/`oid divided by 997`."""
    for path in folder.glob("*/*.*.blob"):
        quotient, tid, _ = path.name.split(".")
        oid = int(quotient) * 997 + int(path.parent.name)
        yield BlobFile(path, oid.to_bytes(8, "big"), bytes.fromhex(tid))


def keeper_of(image: Image) -> Keeper:
    if image.where.scheme == "postgresql":
        from batos.image.keeping_postgresql import PostgresqlKeeper

        return PostgresqlKeeper(image)
    if image.where.scheme == "file":
        from batos.image.keeping_file import FileKeeper

        return FileKeeper(image)
    from batos.image.keeping_sqlite import SqliteKeeper

    return SqliteKeeper(image)


def stored_records(image: Image) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(tid, oid, data) of every stored version of every object, oldest first. A deleted object's data is b""."""
    storage: Any = image.db.storage
    with telling_log_errors(image.where):
        with getattr(storage, "_lock", nullcontext()):  # as for `transactions_since`
            log = storage.iterator(None, storage.lastTransaction() if image.where.scheme == "file" else None)
        try:
            for transaction in log:
                for record in transaction:
                    yield transaction.tid, record.oid, record.data or b""
        finally:
            log.close()
