"""Formats: how the bytes of a file become a text that can be cut along its structure.

Headings of HTML and DOCX become Markdown headings, so a chunk knows where it stands; chat logs and the records of JSON
lines become turns, where they say who spoke. The libraries are those of the extra `documents`. What they raise on a
broken or hostile file becomes one sentence.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from batos.errors import MemoryRefused, MissingExtra
from batos.memory.records import Media
from batos.memory.turns import Turn, read_log, read_time, written
from batos.objects.values import as_text

# An office file is an archive; unpacked it may be so large, and so many times larger than packed.
LARGEST_UNPACKED = 128 * 1024 * 1024
LARGEST_RATIO = 200
MOST_PAGES = 5_000
SECONDS = 60.0  # for the pages of one file

SPEAKERS = ("speaker", "author", "from", "sender", "name", "user", "role")
TEXTS = ("text", "content", "message", "body")
TIMES = ("time", "timestamp", "date", "created_at", "ts")


@dataclass(frozen=True)
class Unreadable(Exception):
    """Why these bytes are no text; `reason` completes a sentence about their file."""

    reason: str


def convert(suffix: str, data: bytes, source: str) -> tuple[str, Media] | None:
    """The text of a file of a format that is not plain text, None for all others. Raises `MemoryRefused`."""
    converter = CONVERTERS.get(suffix)
    if converter is None:
        return None
    try:
        text = converter(data)
    except Unreadable as unreadable:
        raise MemoryRefused(source=source, reason=unreadable.reason) from None
    except ImportError:
        raise MissingExtra(feature=f"Reading {suffix} files", extra="documents") from None
    except (Exception, RecursionError) as error:  # the file is a stranger's, and so are the library's ways to fail
        reason = f"it is damaged, or no {suffix[1:].upper()} file ({type(error).__name__})."
        raise MemoryRefused(source=source, reason=reason) from None
    if not text.strip():
        raise MemoryRefused(source=source, reason="it holds no text.")
    return as_text(text), "markdown"


def structured(suffix: str, text: str, source: str) -> tuple[str, Media] | None:
    """A conversation or records that a decoded text holds; None for any other text. Raises `MemoryRefused`."""
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(text, source)
    if suffix in ("", ".txt", ".log", ".chat") and (found := read_log(text)) is not None:
        return found, "chat"
    return None


# HTML

_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_LEFT_OUT = ("script", "style", "template", "noscript", "svg", "head", "nav", "form", "iframe")
_BLOCKS = (*_HEADINGS, "p", "li", "pre", "blockquote", "td", "th", "dt", "dd", "figcaption", "caption")


def _html(data: bytes) -> str:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(data, "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    for element in soup(_LEFT_OUT):
        element.decompose()
    parts = [f"# {title}"] if title and not soup.find("h1") else []
    parts += [_html_block(element) for element in soup.find_all(_BLOCKS) if element.find_parent(_BLOCKS) is None]
    text = "\n\n".join(part for part in parts if part.strip("# -\n"))
    return text or soup.get_text("\n", strip=True)


def _html_block(element: Any) -> str:
    if element.name == "pre":
        return f"```\n{element.get_text().strip()}\n```"
    text = " ".join(element.get_text(" ").split())
    mark = _HEADINGS.get(element.name) or ("-" if element.name == "li" else "")
    return f"{mark} {text}".strip()


# PDF


def _pdf(data: bytes) -> str:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("it is protected by a password. Save it without one.")
    if len(reader.pages) > MOST_PAGES:
        raise Unreadable(f"it has more than {MOST_PAGES:,} pages. Split it.")
    until = time.monotonic() + SECONDS
    pages = []
    for page in reader.pages:
        pages.append(page.extract_text().strip())
        if time.monotonic() > until:
            raise Unreadable(f"reading its pages takes longer than {SECONDS:g} s. Split it.")
    if not any(pages):
        raise Unreadable("its pages are pictures without text.")
    return "\n\n".join(page for page in pages if page)


# DOCX

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # how a locked document begins, and an old one


def _docx(data: bytes) -> str:
    if data.startswith(COMPOUND):
        raise Unreadable("it is protected by a password, or in the form that Word had before 2007. Save it as DOCX.")
    check_archive(zipfile.ZipFile(io.BytesIO(data)))
    from docx import Document
    from docx.table import Table

    document = Document(io.BytesIO(data))
    return "\n\n".join(
        _docx_table(block) if isinstance(block, Table) else _docx_paragraph(block)
        for block in document.iter_inner_content()
    )


def _docx_paragraph(paragraph: Any) -> str:
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    text = " ".join(str(paragraph.text).split())
    if style == "Title":
        return f"# {text}"
    level = style.removeprefix("Heading ")
    if level != style and level.isdigit():
        return f"{'#' * min(6, int(level))} {text}"
    return f"- {text}" if style.startswith("List") else text


def _docx_table(table: Any) -> str:
    rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def check_archive(archive: zipfile.ZipFile) -> None:
    """Raises `Unreadable` for an archive that is locked, or would unpack to far more than it is."""
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > LARGEST_UNPACKED or unpacked > LARGEST_RATIO * max(packed, 1_000):
        raise Unreadable(f"it unpacks to {unpacked // 2**20:,} MiB, which is too much for what it is.")
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable("it is protected by a password. Save it without one.")


# JSON lines


def _json_lines(text: str, source: str) -> tuple[str, Media]:
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError):
            raise MemoryRefused(source=source, reason=f"its line {number} is no JSON.") from None
    turns = [_turn(record) for record in records]
    said = [turn for turn in turns if turn is not None]
    if said and len(said) == len(turns):
        return written(said), "chat"
    return "\n\n".join(_record(record) for record in records), "text"


def _turn(record: Any) -> Turn | None:
    if not isinstance(record, dict):
        return None
    speaker, text = _first(record, SPEAKERS), _first(record, TEXTS)
    if not isinstance(speaker, str) or not isinstance(text, str):
        return None
    return Turn(speaker, text, _time(_first(record, TIMES)))


def _first(record: dict[str, Any], names: Iterable[str]) -> Any:
    return next((record[name] for name in names if name in record), None)


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        return read_time(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1_000 if value > 1e11 else value
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return None


def _record(record: Any) -> str:
    if not isinstance(record, dict):
        return record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
    return "\n".join(_fields(record))


def _fields(record: dict[str, Any]) -> Iterator[str]:
    for name, value in record.items():
        yield f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


CONVERTERS: dict[str, Callable[[bytes], str]] = {
    ".html": _html,
    ".htm": _html,
    ".xhtml": _html,
    ".pdf": _pdf,
    ".docx": _docx,
}
