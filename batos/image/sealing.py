"""A checksum at the end of each record, looked at whenever the record is read.

No storage keeps one that it looks at: a bit that a disk turned would be read as another text or another number. A
record is two pickles, and what stands behind the second is read by nobody else. One without a seal is taken as it is:
another program may have written it.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

from ZODB.serialize import ObjectReader

from batos.errors import RecordUnreadable

MARK = b"\0crc"
SIZE = len(MARK) + 4


def sealed(data: bytes) -> bytes:
    return data + MARK + crc32(data).to_bytes(4, "big")


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
