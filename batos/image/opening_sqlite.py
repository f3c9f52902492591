"""Opening an image's database on SQLite: looked at before it is opened, founded whole, refusals told."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batos.errors import ImageBusy, ImageCorrupt, ImageForeign, ImageUnavailable, ImageUnwritable
from batos.image import sqlite_files

if TYPE_CHECKING:
    from batos.image.storages import Address

TABLES = {"object_state", "current_object", "transaction"}  # of RelStorage, where it keeps history
FOUNDING = "founding-"
IDS = "oids.sqlite3"


def check(where: Address) -> None:
    """Look at the tables and the length through a connection that cannot write."""
    try:
        with closing(sqlite3.connect(f"{where.database.as_uri()}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            unread = sqlite_files.unread_commits(where.database)
            (size,) = database.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            ).fetchone()
    except sqlite_files.DAMAGED as error:
        raise as_unavailable(where.name, error) from None
    if tables and not tables >= TABLES:
        raise ImageForeign(path=where.name, reason="its database was made by another program.")
    if unread > 1:
        reason = f"its write-ahead log is broken, and {unread} changes stand behind the break."
        raise ImageCorrupt(path=where.name, reason=reason)
    log = where.database.with_name(f"{where.database.name}-wal")  # while it holds anything, pages may be in it
    if not (log.exists() and log.stat().st_size) and where.database.stat().st_size < size:
        raise ImageCorrupt(path=where.name, reason=f"the end of {where.database.name} is missing.")


def as_unavailable(name: str, error: sqlite3.DatabaseError | UnicodeDecodeError) -> ImageUnavailable:
    text = str(error)
    if isinstance(error, UnicodeDecodeError) or text.startswith("Could not decode"):
        return ImageCorrupt(path=name, reason="a name or a text in its database is none any more.")
    if "locked" in text or "busy" in text:
        return ImageBusy(path=name, reason="another process has locked its database. Try again.")
    if isinstance(error, sqlite3.OperationalError):
        return ImageUnwritable(path=name, reason=f"{text}.")
    return ImageCorrupt(path=name, reason=f"{text}.")


def open_storage(where: Address, commit_lock_seconds: int) -> Any:
    """The ZODB storage in the image's `objects/`."""
    with _one_at_a_time(where.objects) as folder:
        if not where.exists:
            _found(where, commit_lock_seconds)
            os.fsync(folder)
        _remove_garbage(where.objects / IDS)
        if not (where.objects / IDS).exists():
            sqlite_files.begin(where.objects / IDS)
        storage = _relstorage(where.objects, commit_lock_seconds)
        try:
            _keep_ids_unique(storage, where.database)
        except BaseException:
            storage.close()
            raise
        return storage


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[int]:
    """Other processes that open an image in `folder` wait meanwhile: two may find the same empty one."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield held
    finally:
        os.close(held)


def _found(where: Address, commit_lock_seconds: int) -> None:
    """Make the database elsewhere and move it here: RelStorage makes its tables one by one, and a crash leaves some."""
    for left_over in where.objects.glob(f"{FOUNDING}*"):
        shutil.rmtree(left_over)
    with tempfile.TemporaryDirectory(prefix=FOUNDING, dir=where.objects) as draft:
        made = Path(draft) / where.database.name
        sqlite_files.begin(made)
        _relstorage(Path(draft), commit_lock_seconds).close()
        made.rename(where.database)


def _remove_garbage(ids: Path) -> None:
    """The file of ids is made again when it is missing, but not when it is damaged."""
    if not ids.exists():
        return
    try:
        with closing(sqlite3.connect(ids)) as database:
            database.execute("SELECT zoid FROM new_oid").fetchall()
    except sqlite3.OperationalError:  # empty, or locked
        return
    except sqlite_files.DAMAGED:
        ids.unlink()


def _keep_ids_unique(storage: Any, database: Path) -> None:
    """Object ids are handed out from a file that is never synced: after a crash of the machine it may be behind, and
    would hand out those that are taken."""
    with closing(sqlite3.connect(database)) as connection:
        ((newest,),) = connection.execute("SELECT max(zoid) FROM object_state").fetchall()
    storage._adapter.oidallocator.set_min_oid(None, newest or 0)


def _relstorage(folder: Path, commit_lock_seconds: int) -> Any:
    # Imported here because a `file:` image should not pay for it.
    from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
    from relstorage.options import Options
    from relstorage.storage import RelStorage

    from batos.image.leftovers import guard_leftovers

    guard_leftovers()
    options = Options(
        keep_history=True,
        blob_dir=str(folder / "blobs"),
        shared_blob_dir=False,
        commit_lock_timeout=commit_lock_seconds,
    )
    # The driver's default, NORMAL, may lose a commit when the operating system crashes.
    pragmas = {"synchronous": "FULL", "wal_autocheckpoint": sqlite_files.LOG_PAGES}
    adapter = Sqlite3Adapter(str(folder), pragmas=pragmas, options=options)
    return RelStorage(adapter, options=options)
