"""Reading files as texts. What cannot be read is refused with a sentence; nothing is guessed.

Plain texts are in UTF-8, or in UTF-16 or UTF-32 with a byte order mark; other formats are in `formats`, archives in
`archives`. In a folder, hidden entries and caches are passed over and links are not followed, so a folder leads nowhere
but into itself.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batos.errors import MemoryRefused
from batos.memory.archives import is_archive, members
from batos.memory.formats import convert, structured
from batos.memory.records import Media

LARGEST = 16 * 1024 * 1024
MEDIA: dict[str, Media] = {".md": "markdown", ".markdown": "markdown", ".py": "python", ".pyi": "python"}
KINDS = "Markdown, text, code, HTML, PDF, DOCX, chat logs, JSON lines, and zip and tar archives of them"
CACHES = frozenset({"__pycache__", "node_modules"})

# The longer mark first: that of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Material:
    """A text as it was read. `source` is the absolute path of its file; in an archive, the archive's and on from
    there."""

    source: Path
    text: str
    media: Media


def files_of(path: Path) -> list[Path]:
    """The file itself, or the files of the folder and its subfolders, in order. Raises `MemoryRefused`."""
    if path.is_dir():
        return sorted(_walk(path.resolve()))
    if not path.exists():
        raise MemoryRefused(source=shown(path), reason="there is no such file or folder.")
    return [path.resolve()]


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        if error.filename == str(folder):
            raise MemoryRefused(source=shown(folder), reason=f"it cannot be read: {error.strerror}.") from None

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _passed_over(name)]
        yield from (Path(parent, name) for name in names if not _passed_over(name))


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name in CACHES


def read(path: Path) -> Material:
    """Read one file. Raises `MemoryRefused` with the reason for one that holds no text that we can read."""
    return _material(path, _bytes(path))


def read_all(path: Path) -> Iterator[Material | MemoryRefused]:
    """The file, or each file in the archive; in an archive, the error in place of one that cannot be read."""
    if not is_archive(path):
        yield read(path)
        return
    for name, content in members(shown(path), _bytes(path), LARGEST):
        inner = Path(path, *(part for part in Path(name).parts if part not in ("/", "..", ".")))
        if any(_passed_over(part) for part in inner.parts[len(path.parts) :]):
            continue
        try:
            yield _material(inner, content())
        except MemoryRefused as refused:
            yield refused
        except Exception as error:  # a damaged member
            yield MemoryRefused(source=shown(inner), reason=f"it is damaged ({type(error).__name__}).")


def _material(path: Path, data: bytes) -> Material:
    suffix = path.suffix.lower()
    if len(data) > LARGEST:
        raise MemoryRefused(source=shown(path), reason=f"it is larger than {LARGEST // 2**20} MiB. Split it.")
    if not data.strip():
        raise MemoryRefused(source=shown(path), reason="it is empty.")
    if (converted := convert(suffix, data, shown(path))) is not None:
        return Material(path, *converted)
    text = _decode(path, data)
    if (found := structured(suffix, text, shown(path))) is not None:
        return Material(path, *found)
    return Material(path, text, MEDIA.get(suffix, "text"))


def _bytes(path: Path) -> bytes:
    try:
        # Not following a link and not blocking: what was a file when it was listed may be a pipe by now.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise MemoryRefused(source=shown(path), reason="it is not an ordinary file.")
            data = file.read(LARGEST + 1)
    except OSError as error:
        reason = "it is a link." if path.is_symlink() else f"it cannot be read: {error.strerror}."
        raise MemoryRefused(source=shown(path), reason=reason) from None
    if len(data) > LARGEST:
        raise MemoryRefused(source=shown(path), reason=f"it is larger than {LARGEST // 2**20} MiB. Split it.")
    return data


def _decode(path: Path, data: bytes) -> str:
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if encoding is None:
        if b"\0" in data:
            raise MemoryRefused(source=shown(path), reason=f"it is binary; what can be read is {KINDS}.")
        encoding = "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        reason = f"it is not {encoding.removesuffix('-sig').upper()} text. Convert it to UTF-8 (`iconv` does that)."
        raise MemoryRefused(source=shown(path), reason=reason) from None


def shown(path: Path) -> str:
    """The path as text that can be printed and stored, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "replace")
