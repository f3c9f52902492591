"""A checksum at the end of each record, looked at whenever the record is read.

No storage keeps one that it looks at: a bit that a disk turned would be read as another text or another number. A
record is two pickles, and what stands behind the second is read by nobody else. One without a seal is taken as it is:
another program may have written it.

The record of a blob holds nothing but where its bytes are, so the SHA-256 of those stands in it too, before the seal.
Reading a blob does not compare it; the doctor does, and whoever restores a backup.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from zlib import crc32

from ZODB.serialize import ObjectReader

from batos.errors import RecordUnreadable

MARK = b"\0crc"
SIZE = len(MARK) + 4
BLOB_MARK = b"\0sha256"
BLOB_SIZE = len(BLOB_MARK) + hashlib.sha256().digest_size


def sealed(data: bytes) -> bytes:
    return data + MARK + crc32(data).to_bytes(4, "big")


def with_digest(data: bytes, blob: Path | None) -> bytes:
    """The record of a blob with the digest of its bytes, before it is sealed; None is a blob that was never written."""
    if blob is None:
        return data + BLOB_MARK + hashlib.sha256().digest()
    with blob.open("rb") as file:
        return data + BLOB_MARK + hashlib.file_digest(file, "sha256").digest()


def blob_digest(data: bytes) -> bytes | None:
    """The SHA-256 of the blob whose sealed record this is, if it is told."""
    told = data[-SIZE - BLOB_SIZE : -SIZE]
    return told[len(BLOB_MARK) :] if is_sealed(data) and told.startswith(BLOB_MARK) else None


def is_sealed(data: bytes) -> bool:
    return data[-SIZE:-4] == MARK


def check_seal(data: bytes) -> None:
    """Raises `RecordUnreadable` for a record that is not what was written."""
    if is_sealed(data) and crc32(memoryview(data)[:-SIZE]) != int.from_bytes(data[-4:], "big"):
        raise RecordUnreadable(reason="its bytes are not those that were written")


class SealReader(ObjectReader):
    """A connection's reader of records that looks at their seals."""

    def _get_unpickler(self, pickle: bytes) -> Any:
        check_seal(pickle)
        return super()._get_unpickler(pickle)
