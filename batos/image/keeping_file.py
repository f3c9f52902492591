"""Care of an image on FileStorage: counting what lies in its file, and packing it.

The parts of ZODB's pack are put together anew here, for three reasons. Its own forgets what is reachable only from
transactions after the horizon (an undo may bring back what was deleted before it). Between its two renames there is no
database at all, and whoever is killed there finds an empty image. And it does not sync the new file before the old one
is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ZODB.FileStorage.FileStorage import RedundantPackWarning
from ZODB.FileStorage.format import CorruptedDataError, DataHeader, FileStorageFormatter, TxnHeader
from ZODB.FileStorage.fspack import GC, FileStoragePacker
from ZODB.POSException import POSKeyError
from ZODB.serialize import referencesf

from batos.errors import ImageBusy, ImageCorrupt
from batos.faults import fault
from batos.image.files import force_to_disk, size_of
from batos.image.image import Image
from batos.image.keeping import PIECE, BlobFile, Held, Scrub
from batos.image.log import NEWEST
from batos.image.storages import telling_storage_errors

START = 4  # transactions begin after the four bytes that say what file it is
UNFINISHED = "c"
TRIES = 5

References = Callable[[bytes], Iterable[bytes]]


class LogFile(FileStorageFormatter):
    """The transactions in a FileStorage file, read from the file alone: no index, no lock, nothing unpickled."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def transactions(self) -> Iterator[tuple[TxnHeader, int, int]]:
        """(header, where it begins, where it ends) of all that are committed, oldest first."""
        position = START
        while True:
            try:
                header = self._read_txn_header(position)
                end = position + header.tlen
                whole = header.status != UNFINISHED and self._read_num(end) == header.tlen
            except (CorruptedDataError, ValueError):  # a commit that is just being written
                return
            if not whole:
                return
            yield header, position, end + 8
            position = end + 8

    def records(self, header: TxnHeader, position: int) -> Iterator[DataHeader]:
        """The headers of the records in the transaction that begins at `position`."""
        end = position + header.tlen
        place = position + header.headerlen()
        while place < end:
            record = self._read_data_header(place)
            yield record
            place += record.recordlen()


class FileKeeper:
    def __init__(self, image: Image) -> None:
        self._image = image
        self._storage: Any = image.db.storage
        self._path = image.where.database
        self._blobs = image.where.objects / "blobs"

    def newest(self) -> bytes:
        return self._storage.lastTransaction()  # type: ignore[no-any-return]

    def held(self, until: bytes = NEWEST) -> Held:
        transactions = records = size = 0
        objects = set()
        with self._path.open("rb") as file:
            log = LogFile(file)
            for header, begin, _ in log.transactions():
                if header.tid > until:
                    break
                transactions += 1
                for record in log.records(header, begin):
                    records += 1
                    size += record.plen
                    objects.add(record.oid)
        blobs = sum(bytes_ for (_, tid), bytes_ in self.blob_sizes().items() if tid <= until)
        return Held(transactions, records, len(objects), size + blobs)

    def size(self) -> int:
        return size_of(self._image.where.objects)

    def pack(self, horizon: bytes, scrub: Scrub | None = None) -> None:
        storage = self._storage
        with storage._lock:
            if storage._pack_is_in_progress:
                raise ImageBusy(path=self._image.path, reason="it is being packed.")
            storage._pack_is_in_progress = True
        try:
            with telling_storage_errors(self._image.where):
                self._packed(horizon, scrub)
        finally:
            with storage._lock:
                storage._pack_is_in_progress = False
        self._remove_leftovers(horizon)
        with storage._lock:
            storage._save_index()

    def _packed(self, horizon: bytes, scrub: Scrub | None) -> None:
        for _ in range(TRIES):
            packer = _Packer(self._storage, referencesf, horizon, scrub)
            try:
                end = packer.pack()  # holds the commit lock when it returns an end
                if end is None:
                    return
                try:
                    if not packer.lost_what_came_back():
                        self._switch(packer, end)
                        return
                finally:
                    self._storage._commit_lock.release()
            except RedundantPackWarning:
                return
            except KeyError as missing:
                reason = f"object {missing.args[0].hex()} is referred to but missing, so nothing was packed."
                raise ImageCorrupt(path=self._image.path, reason=reason) from missing
            finally:
                packer.close()
        raise ImageBusy(path=self._image.path, reason="what a pack would remove is being used again. Try later.")

    def _switch(self, packer: _Packer, end: int) -> None:
        """Put the packed file in the place of the old one, in one step that a crash cannot halve."""
        storage = self._storage
        made = Path(f"{self._path}.pack")
        force_to_disk(made)
        Path(f"{self._path}.index").unlink(missing_ok=True)  # it tells positions, and how long the file was
        fault("pack.before_switch")
        with storage._files.write_lock(), storage._lock:
            storage._files.empty()
            storage._file.close()
            try:
                made.replace(self._path)
            finally:
                storage._file = self._path.open("r+b")
            storage._initIndex(packer.index, storage._tindex)
            storage._pos = end
        force_to_disk(self._path.parent)
        fault("pack.after_switch")

    def _remove_leftovers(self, horizon: bytes) -> None:
        """Files of this pack and of interrupted ones, and what the last commits left in their scratch file."""
        for path in self._leftovers(horizon):
            path.unlink(missing_ok=True)
        with self._storage._commit_lock:
            self._storage._tfile.truncate(0)

    def _leftovers(self, horizon: bytes) -> Iterator[Path]:
        for path in (Path(f"{self._path}.pack"), Path(f"{self._path}.old"), self._blobs / ".removed"):
            if path.exists():
                yield path
        for file in self._blob_files():
            if file.tid <= horizon and not self._is_stored(file):
                yield file.path

    def _is_stored(self, file: BlobFile) -> bool:
        try:
            self._storage.loadSerial(file.oid, file.tid)
        except POSKeyError:
            return False
        except (CorruptedDataError, MemoryError):  # the record or its length is harmed: somebody's blob still
            return True
        return True

    def shrink(self, patience: float) -> str:
        """The packed file has no free room to give back."""
        return ""

    def blob_sizes(self) -> dict[tuple[bytes, bytes], int]:
        return {(file.oid, file.tid): file.path.stat().st_size for file in self._blob_files()}

    def blob(self, oid: bytes, tid: bytes) -> Iterator[bytes]:
        with Path(self._storage.loadBlob(oid, tid)).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def copies(self) -> Iterator[BlobFile]:
        """The blobs' own files are read."""
        return iter(())

    def stray_files(self) -> list[Path]:
        return list(self._leftovers(self.newest()))

    def _blob_files(self) -> Iterator[BlobFile]:
        """ZODB keeps the blob `oid` under a folder for each byte of its id, and the file has the transaction's id."""
        for path in self._blobs.glob("0x*/*/*/*/*/*/*/*/0x*.blob"):
            oid = bytes(int(part, 16) for part in path.parts[-9:-1])
            yield BlobFile(path, oid, int(path.stem, 16).to_bytes(8, "big"))


class _Collector(GC):
    """Decides what is kept: all that is reachable at the horizon, or that a later transaction wrote or refers to."""

    def findReachableFromFuture(self) -> None:
        super().findReachableFromFuture()
        self.written_before = self.oid2curpos  # the base class deletes its own name for it
        self.findReachableAtPacktime(self.needed_since(self.packpos, self.eof))

    def needed_since(self, begin: int, end: int) -> list[bytes]:
        """Objects from before the horizon that transactions between two positions need, and that are not kept yet."""
        wanted = set()
        while begin < end:
            header = self._read_txn_header(begin)
            place = begin + header.headerlen()
            while place < begin + header.tlen:
                record = self._read_data_header(place)
                place += record.recordlen()
                data = self._file.read(record.plen) if record.plen else b""
                wanted.update([record.oid, *(self.referencesf(data) if data else ())])
            begin += header.tlen + 8
        return [oid for oid in wanted if oid in self.written_before and oid not in self.reachable]


class _Packer(FileStoragePacker):
    def __init__(self, storage: Any, references: References, horizon: bytes, scrub: Scrub | None) -> None:
        super().__init__(storage, references, horizon, True)
        self.gc = _Collector(self._file, self.file_end, horizon, True, references)
        self._scrub = scrub

    def copyDataRecords(self, pos: int, th: TxnHeader) -> tuple[int, int]:
        if self._scrub is not None:
            th.user, th.descr, th.ext = self._scrub(th.user), self._scrub(th.descr), self._scrub(th.ext)
        return super().copyDataRecords(pos, th)  # type: ignore[no-any-return]

    def lost_what_came_back(self) -> bool:
        """Whether a transaction that was committed during the pack needs what the pack leaves out."""
        with Path(self._path).open("rb") as file:
            self.gc._file = file
            return bool(self.gc.needed_since(self.gc.eof, self._storage.getSize()))
