"""Opening the object database of an image from its address.

`PATH` and `sqlite:PATH`: RelStorage on SQLite with history, synced on every commit; several processes may share it.
`file:PATH`: FileStorage, one process, fastest. The image is a directory; the database lives in its `objects/`.
`postgresql:DSN`: RelStorage on a server, for any number of machines; see `postgresql.py`.

What lies there is looked at before a storage opens it, because storages make what they miss and mend what they do not
know: a stranger's database would get tables, and a shortened file would lose its end for good.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from zc.lockfile import LockError
from ZODB.FileStorage import FileStorage

from batos.errors import (
    ImageBusy,
    ImageCorrupt,
    ImageForeign,
    ImageMissing,
    ImageUnavailable,
    ImageUnwritable,
)
from batos.image import postgresql
from batos.image.loading import harmless_unpickler

Scheme = Literal["sqlite", "file", "postgresql"]
DATABASE: dict[Scheme, str] = {"sqlite": "main.sqlite3", "file": "objects.fs"}
OURS = {"objects", "run", "index"}  # what an image holds before its first database is complete
TABLES = {"object_state", "current_object", "transaction"}  # of RelStorage, where it keeps history
COMMIT_LOCK_SECONDS = 10


@dataclass(frozen=True)
class Address:
    """Where an image is. On PostgreSQL, `path` is what this machine keeps of it, and `dsn` may hold a password."""

    scheme: Scheme
    path: Path
    dsn: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The image as messages call it."""
        return postgresql.shown(self.dsn) if self.scheme == "postgresql" else str(self.path)

    @property
    def missions(self) -> str | Path:
        """Where its mission database is, as the mission store is told."""
        return f"postgresql:{self.dsn}" if self.scheme == "postgresql" else self.path / "missions.sqlite3"

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    @property
    def database(self) -> Path:
        return self.objects / DATABASE[self.scheme]

    @property
    def exists(self) -> bool:
        return self.database.exists()


def address(uri: str | Path) -> Address:
    """Read an image's address; a bare path means the storage that is there, or SQLite. Raises `ImageUnavailable`."""
    text = str(uri)
    scheme, colon, rest = text.partition(":")
    if "\0" in text or not text:
        raise ImageUnavailable(path=repr(text), reason="it is no path.")
    if colon and scheme == "postgresql":
        dsn, local = postgresql.read_address(text)
        return Address("postgresql", local, dsn)
    if colon and scheme in ("sqlite", "file"):
        return Address("file" if scheme == "file" else "sqlite", Path(rest).expanduser().absolute())
    if colon and "/" not in scheme and scheme.isalpha() and len(scheme) > 1:
        raise ImageUnavailable(
            path=text, reason=f"{scheme!r} is no storage. Use PATH, sqlite:PATH, file:PATH, postgresql:DSN."
        )
    path = Path(text).expanduser().absolute()
    with _telling_os_errors(path):
        return Address("file" if (path / "objects" / DATABASE["file"]).exists() else "sqlite", path)


def prepare(where: Address, create: bool) -> None:
    """Check that there is an image, or make room for one. Raises the `ImageUnavailable` that says what is wrong."""
    path = where.path
    if where.scheme == "postgresql":
        with _telling_os_errors(path):
            postgresql.prepare(where, create)
        return
    with _telling_os_errors(path):
        if path.exists() and not path.is_dir():
            raise ImageForeign(path=path, reason="it is a file.")
        _check_layout(where)
        if where.exists:
            _check_file(where) if where.scheme == "file" else _check_sqlite(where)
            return
        if path.exists() and any(entry.name not in OURS for entry in path.iterdir()):
            raise ImageForeign(path=path, reason="the folder holds other things.")
        if not create:
            raise ImageMissing(path=path)
        where.objects.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)


@contextmanager
def _telling_os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ImageUnwritable(path=path, reason=f"{error.strerror or error}.") from None


def _check_layout(where: Address) -> None:
    """One storage, and no links: opening a storage truncates some files beside the database, wherever they are."""
    if not where.objects.is_dir():
        if where.objects.exists():
            raise ImageForeign(path=where.path, reason="its `objects` is a file.")
        return
    for scheme, name in DATABASE.items():
        if scheme != where.scheme and (where.objects / name).exists():
            reason = f"it is kept by another storage; open it as {scheme}:{where.path}."
            raise ImageUnavailable(path=where.path, reason=reason)
    links = sorted(entry.name for entry in where.objects.iterdir() if entry.is_symlink())
    if links:
        raise ImageForeign(path=where.path, reason=f"its objects/{links[0]} is a link to somewhere else.")


def _check_file(where: Address) -> None:
    with where.database.open("rb") as file:
        if file.read(2) not in (b"", b"FS"):
            raise ImageCorrupt(path=where.path, reason=f"{where.database.name} does not start like a database.")


def _indexed_length(index: Path) -> int | None:
    """How long the database was when its index was saved; None without an index that is what it should be."""
    if not index.exists():
        return None
    with index.open("rb") as file:
        unpickler = harmless_unpickler(file)
        try:
            length = unpickler.load()
            while unpickler.load() is not None:
                pass
        except OSError:
            raise
        except Exception:  # a pickle from elsewhere may fail in any way
            return None
    return length if isinstance(length, int) else None


def _check_sqlite(where: Address) -> None:
    """Look at the tables through a connection that cannot write."""
    try:
        with closing(sqlite3.connect(f"{where.database.as_uri()}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise _sqlite_error(where, error) from None
    if tables and not tables >= TABLES:
        raise ImageForeign(path=where.path, reason="its database was made by another program.")


def _sqlite_error(where: Address, error: sqlite3.DatabaseError) -> ImageUnavailable:
    text = str(error)
    if "locked" in text or "busy" in text:
        return ImageBusy(path=where.path, reason="another process has locked its database. Try again.")
    if isinstance(error, sqlite3.OperationalError):
        return ImageUnwritable(path=where.path, reason=f"{text}.")
    return ImageCorrupt(path=where.path, reason=f"{text}.")


def as_unavailable(where: Address, error: BaseException) -> ImageUnavailable | None:
    """What the disk, the database or its server refused, as the error that says so; None for anything else."""
    if isinstance(error, ImageUnavailable):
        return error
    if isinstance(error, sqlite3.DatabaseError):
        return _sqlite_error(where, error)
    if isinstance(error, OSError):
        return ImageUnwritable(path=where.name, reason=f"{error.strerror or error}.")
    return postgresql.as_unavailable(where.name, error) if where.scheme == "postgresql" else None


@contextmanager
def telling_storage_errors(where: Address) -> Iterator[None]:
    """What the disk, the database or its server refuse, as an `ImageUnavailable` that says so. ZODB's errors pass."""
    try:
        yield
    except Exception as error:
        told = as_unavailable(where, error)
        if told is None or told is error:
            raise
        raise told from error


def open_storage(where: Address) -> Any:
    """The ZODB storage at `where`. Raises `ImageBusy`, `ImageCorrupt` or `ImageUnwritable`."""
    try:
        with telling_storage_errors(where):
            return OPENING[where.scheme](where)
    except LockError:
        reason = "another process holds it. Images opened with file: serve one process; use the daemon, or sqlite:."
        raise ImageBusy(path=where.path, reason=reason) from None
    except ImageUnavailable:
        raise
    except Exception as error:  # whatever a storage trips over, it cannot be opened
        raise ImageCorrupt(path=where.path, reason=f"{type(error).__name__}: {error}.") from error


class _GuardedFileStorage(FileStorage):
    """A FileStorage that runs nothing, forgets nothing and keeps nothing open when it cannot be opened.

    Its index is a pickle, which it would read with an unpickler that runs whatever it names. It would take a file that
    lost its end for one whose last commit was interrupted, and go on without it.
    """

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
        if known is None:
            return None  # it is made again from the records
        size = self._where.database.stat().st_size
        if size < known:
            reason = f"the end of {self._where.database.name} is missing: it has {size} bytes and had {known}."
            raise ImageCorrupt(path=self._where.path, reason=reason)
        return super()._restore_index()


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
    with _one_at_a_time(where.objects):  # two processes may find the same empty folder
        return RelStorage(adapter, options=options)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _postgresql(where: Address) -> Any:
    return postgresql.open_storage(where, COMMIT_LOCK_SECONDS)


OPENING: dict[Scheme, Callable[[Address], Any]] = {
    "sqlite": _sqlite,
    "file": _GuardedFileStorage,
    "postgresql": _postgresql,
}
