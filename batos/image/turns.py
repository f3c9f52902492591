"""Whose turn it is: packing and erasing need an image's files for themselves, backups only that nobody does that.

Ordinary reading and writing takes no turn. The kernel gives a turn back when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batos.errors import ImageBusy, ImageUnwritable

NAME = "care.lock"
PATIENCE = 0.5  # seconds that one who needs the files alone waits for those who read in the past
BETWEEN_TRIES = 0.02


@contextmanager
def alone(image_path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Nobody packs, erases, copies or looks at the image's past within the block. Raises `ImageBusy` when somebody does
    so for longer than `patience` seconds."""
    with _turn(image_path, fcntl.LOCK_EX, patience):
        yield


@contextmanager
def together(image_path: Path) -> Iterator[None]:
    """Nobody packs or erases within the block; others may copy too. Raises `ImageBusy`."""
    with _turn(image_path, fcntl.LOCK_SH, 0.0):
        yield


@contextmanager
def _turn(image_path: Path, kind: int, patience: float) -> Iterator[None]:
    folder = image_path / "run"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ImageUnwritable(path=image_path, reason=f"{folder / NAME}: {error.strerror}.") from None
    try:
        if not _locked(file, kind, time.monotonic() + patience):
            reason = "it is being packed, erased from or copied. Try again when that is done."
            raise ImageBusy(path=image_path, reason=reason)
        yield
    finally:
        os.close(file)


def _locked(file: int, kind: int, end: float) -> bool:
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(BETWEEN_TRIES)
        else:
            return True
