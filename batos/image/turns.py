"""Whose turn it is: packing and erasing need an image's files for themselves, backups only that nobody does that.

Ordinary reading and writing takes no turn. The kernel gives a turn back when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batos.errors import ImageBusy, ImageUnwritable

NAME = "care.lock"


@contextmanager
def alone(image_path: Path) -> Iterator[None]:
    """Nobody packs, erases or copies the image within the block. Raises `ImageBusy` when somebody does already."""
    with _turn(image_path, fcntl.LOCK_EX):
        yield


@contextmanager
def together(image_path: Path) -> Iterator[None]:
    """Nobody packs or erases within the block; others may copy too. Raises `ImageBusy`."""
    with _turn(image_path, fcntl.LOCK_SH):
        yield


@contextmanager
def _turn(image_path: Path, kind: int) -> Iterator[None]:
    folder = image_path / "run"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ImageUnwritable(path=image_path, reason=f"{folder / NAME}: {error.strerror}.") from None
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        reason = "it is being packed, erased from or copied. Try again when that is done."
        raise ImageBusy(path=image_path, reason=reason) from None
    finally:
        os.close(file)
