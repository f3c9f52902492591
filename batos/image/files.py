"""The files of an image, and what they weigh."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def files_of(folder: Path) -> Iterator[Path]:
    """Every plain file in the folder and below, in order. A file that goes meanwhile is passed over."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def weigh(path: Path) -> int:
    """Its bytes; 0 for one that is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def size_of(folder: Path) -> int:
    """The bytes of all files in the folder and below."""
    return sum(map(weigh, files_of(folder)))


def force_to_disk(path: Path) -> None:
    """Return when a file's bytes, or the entries of a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
