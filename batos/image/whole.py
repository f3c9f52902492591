"""A folder that is there when it is whole: made beside its place under another name, synced, and renamed.

What an interrupted one leaves is removed by the next to the same place.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batos.errors import BackupRefused
from batos.image.files import files_of, force_to_disk

PARTIAL = ".partial"


@contextmanager
def made_whole(target: Path) -> Iterator[Path]:
    """A new folder beside `target` to fill; it becomes `target` if the block ends well, and goes if it does not."""
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise BackupRefused(path=target, reason="there is something at that place already. Name another.")
    partial = target.with_name(target.name + PARTIAL)
    marker = _begun(target, partial)
    try:
        yield partial
        (partial / PARTIAL).unlink()
        _sync(partial)
        partial.rename(target)
        force_to_disk(target.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        os.close(marker)


def _begun(target: Path, partial: Path) -> int:
    """An empty folder `partial`, with a marker that is locked while it is filled: what a dead one left may go."""
    marker = partial / PARTIAL
    if partial.exists() and not marker.exists():
        raise BackupRefused(path=target, reason=f"{partial} is in the way; move it elsewhere.")
    partial.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BackupRefused(path=target, reason="another copy is being made there.") from None
    for entry in partial.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry != marker:
            entry.unlink()
    return lock


def _sync(folder: Path) -> None:
    for path in (*files_of(folder), *(entry for entry in folder.rglob("*") if entry.is_dir()), folder):
        force_to_disk(path)
