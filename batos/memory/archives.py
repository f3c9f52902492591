"""Archives: the files in a zip or tar, read from memory and never unpacked to the disk.

An archive in an archive is not opened. What would unpack to far more than it is, is refused before anything of it is
read.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from batos.errors import MemoryRefused
from batos.memory.formats import LARGEST_RATIO, LARGEST_UNPACKED, Unreadable, check_archive

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MOST_MEMBERS = 10_000


def is_archive(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def members(source: str, data: bytes, largest: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """(path in the archive, how to read it) of each ordinary file, in order. Raises `MemoryRefused`.

    A file larger than `largest` bytes is read one byte too long, so that whoever reads it sees that.
    """
    try:
        if source.lower().endswith(".zip"):
            yield from _zip_members(data, largest)
        else:
            yield from _tar_members(data, largest)
    except Unreadable as unreadable:
        raise MemoryRefused(source=source, reason=unreadable.reason) from None
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, ValueError, RuntimeError) as error:
        reason = f"it is damaged, or no archive ({type(error).__name__})."
        raise MemoryRefused(source=source, reason=reason) from None


def _zip_members(data: bytes, largest: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    check_archive(archive)
    found = [member for member in archive.infolist() if not member.is_dir()]
    _check_number(len(found))
    for member in sorted(found, key=lambda one: one.filename):

        def read(member: zipfile.ZipInfo = member) -> bytes:
            with archive.open(member) as file:
                return file.read(largest + 1)

        yield member.filename, read


def _tar_members(data: bytes, largest: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = []
        unpacked = 0
        for member in archive:  # to go on to the next one is to unpack this one
            unpacked += member.size
            if unpacked > LARGEST_UNPACKED or unpacked > LARGEST_RATIO * max(len(data), 1_000):
                raise Unreadable(f"it unpacks to {unpacked // 2**20:,} MiB or more, which is too much for what it is.")
            if member.isfile():
                found.append(member)
            _check_number(len(found))
        for member in sorted(found, key=lambda one: one.name):

            def read(member: tarfile.TarInfo = member) -> bytes:
                file = archive.extractfile(member)
                return file.read(largest + 1) if file is not None else b""

            yield member.name, read


def _check_number(number: int) -> None:
    if number > MOST_MEMBERS:
        raise Unreadable(f"it holds more than {MOST_MEMBERS:,} files.")
