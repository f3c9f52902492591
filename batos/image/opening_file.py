"""Opening an image's database in a file: nothing it names is run, and an end that is missing is noticed.

FileStorage mends what it finds: it cuts the file where a commit seems to be incomplete, and goes on without what
follows. That is right after a crash, and a silent loss where the file was damaged. So the end is looked at first.
"""

from __future__ import annotations

import logging
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from zc.lockfile import LockError
from ZODB.blob import LAYOUT_MARKER
from ZODB.FileStorage import FileStorage

from batos.errors import ImageBusy, ImageCorrupt
from batos.image.loading import harmless_unpickler

if TYPE_CHECKING:
    from batos.image.storages import Address

log = logging.getLogger(__name__)

BEGINNING = 4  # after the format's name
# A commit: id, length up to the second mention of it, status, lengths of user, note and facts. Its records follow.
HEADER = struct.Struct(">8sQcHHH")
LENGTH = struct.Struct(">Q")
OID = 8  # bytes, with which a record begins; the id of its commit follows
UNFINISHED, FINISHED = b"c", (b" ", b"u", b"p")


def check(where: Address) -> None:
    with where.database.open("rb") as file:
        if file.read(2) not in (b"", b"FS"):
            raise ImageCorrupt(path=where.name, reason=f"{where.database.name} does not start like a database.")


def open_storage(where: Address) -> Any:
    """The ZODB storage in the image's `objects/`. Raises `ImageBusy` or `ImageCorrupt`."""
    _lay_out(where.objects / "blobs")
    try:
        return _GuardedFileStorage(where)
    except LockError:
        reason = "another process holds it. Images opened with file: serve one process; use the daemon, or sqlite:."
        raise ImageBusy(path=where.name, reason=reason) from None


def _lay_out(blobs: Path) -> None:
    """Say how blobs lie in their folder, where a founder that was killed had made it and not said so yet.

    ZODB would take such a folder for one of long ago, in which they lie otherwise, or not know what to do with it.
    """
    marker = blobs / LAYOUT_MARKER
    if not blobs.is_dir() or (marker.exists() and marker.read_bytes().strip()) or any(blobs.rglob("*.blob")):
        return
    draft = blobs / f"{LAYOUT_MARKER}.draft"
    draft.write_text("bushy")
    draft.replace(marker)


def read_commits(file: BinaryIO, start: int = BEGINNING) -> tuple[int, str]:
    """Where the last finished commit ends, and what is wrong with those from `start` on, as a clause or "".

    One that was not finished may follow: a crash leaves it. What the commits hold is not looked at.
    """
    size = file.seek(0, 2)
    while start < size:
        file.seek(start)
        header = file.read(HEADER.size)
        if len(header) < HEADER.size:
            return start, ""  # the crash came while it was written
        tid, length, status, *texts = HEADER.unpack(header)
        records = HEADER.size + sum(texts)
        end = start + length + LENGTH.size
        if status == UNFINISHED:
            return start, "" if end >= size else f"commits follow the one at byte {start}, which was not finished"
        if status not in FINISHED or length < records:
            return start, f"no commit begins at byte {start}"
        if end > size:
            return start, f"the commit at byte {start} was finished, but {end - size} bytes of it are missing"
        file.seek(end - LENGTH.size)
        if file.read(LENGTH.size) != LENGTH.pack(length):
            return start, f"the commit at byte {start} does not end where it says"
        file.seek(start + records + OID)
        if length > records and file.read(len(tid)) != tid:
            return start, f"the commit at byte {start} and what it holds are of two moments"
        start = end
    return start, ""


class _GuardedFileStorage(FileStorage):
    """A FileStorage that runs nothing, forgets nothing and keeps nothing open when it cannot be opened."""

    def __init__(self, where: Address) -> None:
        self._where = where
        try:
            super().__init__(str(where.database), blob_dir=str(where.objects / "blobs"))
        except BaseException:
            for name in ("_file", "_files", "_tfile", "_lock_file"):
                opened = getattr(self, name, None)
                if opened is not None:
                    opened.close()
            raise

    def _restore_index(self) -> Any:
        known = _indexed_length(Path(f"{self._file_name}.index"))
        size = self._file.seek(0, 2)
        if size < known and known > BEGINNING:  # a file that is still empty was not founded, or a crash came meanwhile
            raise self._damaged(f"its end is missing: it has {size} bytes and had {known}")
        end, damage = read_commits(self._file, self._last_commit(known))
        if damage and known > BEGINNING:  # the index may be that of another file
            known = BEGINNING
            end, damage = read_commits(self._file)
        if damage:
            raise self._damaged(damage)
        if BEGINNING <= end < size:
            log.info("%s: a commit that was interrupted at byte %s is taken out", self._file_name, end)
            self._file.truncate(end)
        # Without an index of this file, one is made again from the records.
        restored = super()._restore_index() if known > BEGINNING else None
        if restored is None and known > BEGINNING:  # it does not agree with a commit that it tells of
            _, damage = read_commits(self._file)
            if damage:
                raise self._damaged(damage)
        return restored

    def _last_commit(self, end: int) -> int:
        """Where the commit begins that ends there: FileStorage forgets it if it does not agree with the index."""
        if end <= BEGINNING:
            return end
        self._file.seek(end - LENGTH.size)
        (length,) = LENGTH.unpack(self._file.read(LENGTH.size))
        return max(end - LENGTH.size - int(length), BEGINNING)

    def _damaged(self, what: str) -> ImageCorrupt:
        return ImageCorrupt(path=self._where.name, reason=f"{self._where.database.name}: {what}.")


def _indexed_length(index: Path) -> int:
    """How long the database was when its index was saved; without an index that is what it should be, its beginning.

    An index is a pickle, and FileStorage reads it with an unpickler that runs whatever it names.
    """
    if not index.exists():
        return BEGINNING
    with index.open("rb") as file:
        unpickler = harmless_unpickler(file)
        try:
            length = unpickler.load()
            while unpickler.load() is not None:
                pass
        except OSError:
            raise
        except Exception:  # a pickle from elsewhere may fail in any way
            return BEGINNING
    return max(length, BEGINNING) if isinstance(length, int) else BEGINNING
