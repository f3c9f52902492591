"""Opening the object database of an image from its address.

`PATH` and `sqlite:PATH`: RelStorage on SQLite with history, synced on every commit; several processes may share it.
`file:PATH`: FileStorage, one process, fastest. The image is a directory; the database lives in its `objects/`.
`postgresql:DSN`: RelStorage on a server, for any number of machines; see `postgresql.py`.

What lies there is looked at before a storage opens it, because storages make what they miss and mend what they do not
know: a stranger's database would get tables, and a shortened file would lose its end for good.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal

from transaction.interfaces import TransientError

from batos.errors import BatosError, ImageCorrupt, ImageForeign, ImageMissing, ImageUnavailable, ImageUnwritable
from batos.image import opening_file, opening_sqlite, postgresql

Scheme = Literal["sqlite", "file", "postgresql"]
DATABASE: dict[Scheme, str] = {"sqlite": "main.sqlite3", "file": "objects.fs"}
OURS = {"objects", "run", "index"}  # what an image holds before its first database is complete
COMMIT_LOCK_SECONDS = 10
ROOM = 2**15  # bytes; what SQLite maps to be shared is as large


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
        reason = f"{scheme!r} is no storage. Use PATH, sqlite:PATH, file:PATH or postgresql:DSN."
        raise ImageUnavailable(path=text, reason=reason)
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
            _check_room(where)
            opening_file.check(where) if where.scheme == "file" else opening_sqlite.check(where)
            return
        if path.exists() and any(entry.name not in OURS for entry in path.iterdir()):
            raise ImageForeign(path=path, reason="the folder holds other things.")
        if not create:
            scheme = "file:" if where.scheme == "file" else ""
            raise ImageMissing(path=scheme + shlex.quote(where.name))  # its sentence is a command to be typed
        where.objects.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        _check_room(where)


@contextmanager
def _telling_os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ImageUnwritable(path=path, reason=f"{error.strerror or error}.") from None


def _check_layout(where: Address) -> None:
    """One storage, and no links: opening a storage truncates some files beside the database, wherever they are."""
    if not where.objects.exists():
        return
    if not where.objects.is_dir():
        raise ImageForeign(path=where.path, reason="its `objects` is a file.")
    for scheme, name in DATABASE.items():
        if scheme != where.scheme and (where.objects / name).exists():
            reason = f"it is kept by another storage; open it as {scheme}:{where.path}."
            raise ImageUnavailable(path=where.path, reason=reason)
    links = sorted(entry.name for entry in where.objects.iterdir() if entry.is_symlink())
    if links:
        raise ImageForeign(path=where.path, reason=f"its objects/{links[0]} is a link to somewhere else.")


def _check_room(where: Address) -> None:
    """Opening writes a little: a lock, an index of what is shared. What keeps it from that says so best by itself."""
    with TemporaryFile(dir=where.objects) as file:
        file.write(bytes(ROOM))
        file.flush()


def as_unavailable(where: Address, error: BaseException) -> ImageUnavailable | None:
    """What the disk, the database or its server refused, as the error that says so; None for anything else."""
    if isinstance(error, ImageUnavailable):
        return error
    if isinstance(error, sqlite3.DatabaseError):
        return opening_sqlite.as_unavailable(where.name, error)
    if isinstance(error, OSError):
        return ImageUnwritable(path=where.name, reason=f"{error.strerror or error}.")
    return postgresql.as_unavailable(where.name, error) if where.scheme == "postgresql" else None


class telling_storage_errors:  # a class, since it is entered for each transaction
    """What the disk, the database or its server refuse, as an `ImageUnavailable` that says so. ZODB's errors pass."""

    __slots__ = ("_where",)

    def __init__(self, where: Address) -> None:
        self._where = where

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception):
            told = as_unavailable(self._where, error)
            if told is not None and told is not error:
                raise told from error


@contextmanager
def telling_log_errors(where: Address) -> Iterator[None]:
    """The same where the log is read: whatever a storage trips over there is damage."""
    try:
        with telling_storage_errors(where):
            yield
    except (BatosError, TransientError):
        raise
    except Exception as error:
        reason = f"its log cannot be read to the end ({type(error).__name__}: {error})."
        raise ImageCorrupt(path=where.name, reason=reason) from error


def open_storage(where: Address) -> Any:
    """The ZODB storage at `where`. Raises `ImageBusy`, `ImageCorrupt` or `ImageUnwritable`."""
    try:
        with telling_storage_errors(where):
            if where.scheme == "file":
                return opening_file.open_storage(where)
            opening = postgresql if where.scheme == "postgresql" else opening_sqlite
            return opening.open_storage(where, COMMIT_LOCK_SECONDS)
    except ImageUnavailable:
        raise
    except Exception as error:  # whatever a storage trips over, it cannot be opened
        raise ImageCorrupt(path=where.name, reason=f"{type(error).__name__}: {error}.") from error
