"""Opening the object database of an image from its address.

`PATH` and `sqlite:PATH`: RelStorage on SQLite with history, synced on every commit; several processes may share it.
`file:PATH`: FileStorage, one process, fastest. The image is a directory; the database lives in its `objects/`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zc.lockfile import LockError
from ZODB.FileStorage import FileStorage

from batos.errors import ImageBusy, ImageCorrupt, ImageForeign, ImageMissing, ImageUnavailable, ImageUnwritable

Scheme = Literal["sqlite", "file"]
DATABASE = {"sqlite": "main.sqlite3", "file": "objects.fs"}
COMMIT_LOCK_SECONDS = 10


@dataclass(frozen=True)
class Address:
    scheme: Scheme
    path: Path

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    @property
    def exists(self) -> bool:
        return (self.objects / DATABASE[self.scheme]).exists()


def address(uri: str | Path) -> Address:
    """Read an image's address; a bare path means the storage that is there, or SQLite. Raises `ImageUnavailable`."""
    text = str(uri)
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in DATABASE:
        if colon and "/" not in scheme and scheme.isalpha() and len(scheme) > 1:
            raise ImageUnavailable(path=text, reason=f"{scheme!r} is no storage. Use PATH, sqlite:PATH or file:PATH.")
        scheme, rest = "sqlite", text
        if (Path(text) / "objects" / DATABASE["file"]).exists():
            scheme = "file"
    return Address("file" if scheme == "file" else "sqlite", Path(rest).expanduser().absolute())


def prepare(where: Address, create: bool) -> None:
    """Check that there is an image, or make room for one. Raises the `ImageUnavailable` that says what is wrong."""
    path = where.path
    if where.exists:
        _check_header(where)
        return
    if path.exists() and not path.is_dir():
        raise ImageForeign(path=path, reason="it is a file.")
    if path.exists() and any(entry.name not in ("objects", "run", "index") for entry in path.iterdir()):
        raise ImageForeign(path=path, reason="the folder holds other things.")
    if not create:
        raise ImageMissing(path=path)
    try:
        where.objects.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise ImageUnwritable(path=path, reason=f"{error.strerror}.") from None


def _check_header(where: Address) -> None:
    database = where.objects / DATABASE[where.scheme]
    try:
        with database.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise ImageUnavailable(path=where.path, reason=f"{error.strerror}.") from None
    wanted = b"SQLite format 3\0" if where.scheme == "sqlite" else b"FS"
    if start and not start.startswith(wanted):
        raise ImageCorrupt(path=where.path, reason=f"{database.name} does not start like a database.")


def open_storage(where: Address) -> Any:
    """The ZODB storage at `where`. Raises `ImageBusy`, `ImageCorrupt` or `ImageUnwritable`."""
    try:
        return _file(where) if where.scheme == "file" else _sqlite(where)
    except LockError:
        reason = "another process holds it. Images opened with file: serve one process; use the daemon, or sqlite:."
        raise ImageBusy(path=where.path, reason=reason) from None
    except sqlite3.DatabaseError as error:
        raise ImageCorrupt(path=where.path, reason=f"{error}.") from None
    except OSError as error:
        raise ImageUnwritable(path=where.path, reason=f"{error.strerror or error}.") from None


def _file(where: Address) -> Any:
    return FileStorage(str(where.objects / DATABASE["file"]), blob_dir=str(where.objects / "blobs"))


def _sqlite(where: Address) -> Any:
    # Imported here because a `file:` image should not pay for it.
    from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
    from relstorage.options import Options
    from relstorage.storage import RelStorage

    options = Options(
        keep_history=True,
        blob_dir=str(where.objects / "blobs"),
        shared_blob_dir=False,
        commit_lock_timeout=COMMIT_LOCK_SECONDS,
    )
    # The driver's default, NORMAL, may lose a commit when the operating system crashes.
    adapter = Sqlite3Adapter(str(where.objects), pragmas={"synchronous": "FULL"}, options=options)
    return RelStorage(adapter, options=options)
