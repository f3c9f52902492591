"""What commands print: calm and aligned on a terminal, plain in a pipe, one JSON document for programs.

Texts come from documents, models and clients, so control characters in them are shown, never sent to the terminal.
"""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PIPE_COLUMNS = 10_000  # nobody looks at a pipe, so nothing is wrapped in it
SHOWN_AS_CODES = (
    "Cc",
    "Cf",
    "Cs",
    "Co",
)  # control, format (which turns the order of letters round), surrogates, private
KEPT = "\n\t"
GAP = "  "
SHORT = 12  # the first characters of an id or a hash, enough to tell it by
NARROWEST = 30  # columns for the last column of a table, however narrow the terminal


@cache
def console() -> Console:
    """Standard output."""
    return _console(stderr=False)


@cache
def error_console() -> Console:
    """Standard error: for what is no result."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    width = None if (sys.stderr if stderr else sys.stdout).isatty() else PIPE_COLUMNS
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def deliver(as_json: bool, document: Any, show: Callable[[], None]) -> None:
    """Print `document` as JSON, or have it shown to a person."""
    if as_json:
        print(clean(json.dumps(document, indent=2, ensure_ascii=False, default=str)))
    else:
        show()


def say(text: str, style: str = "") -> None:
    """Print a line, wrapped between words on a terminal."""
    console().print(styled(text, style))


def note(text: str) -> None:
    """Tell a person something that is no result."""
    error_console().print(styled(text, "dim"))


def clean(text: str) -> str:
    """`text` with every character that would act on the terminal, or hide, written as JSON writes it: by its code."""
    return "".join(letter if _harmless(letter) else _code(letter) for letter in text.replace("\r\n", "\n"))


def _harmless(letter: str) -> bool:
    return letter in KEPT or unicodedata.category(letter) not in SHOWN_AS_CODES


def _code(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def styled(text: object, style: str = "") -> Text:
    from rich.text import Text

    return Text(clean(str(text)), style=style)


def line(*parts: tuple[object, str]) -> Text:
    """Texts in a line, each with its style."""
    from rich.text import Text

    return Text.assemble(*(styled(text, style) for text, style in parts))


def paragraph(text: Text | str, indent: int = 0) -> None:
    """Print a text, wrapped between words on a terminal, every line of it indented."""
    from rich.text import Text

    whole = styled(text) if isinstance(text, str) else text
    for part in whole.wrap(console(), max(console().width - indent, NARROWEST)):
        part.rstrip()
        console().print(Text(" " * indent) + part, crop=False, no_wrap=True, overflow="ignore")


def table(rows: Iterable[Sequence[object]], header: Sequence[str] = ()) -> None:
    """Print rows in columns, numbers to the right. A cell is any value, or text with a style.

    On a terminal the last column wraps within itself; where little room is left for it, it goes to lines of its own.
    """
    from rich.cells import cell_len
    from rich.text import Text

    materials = [list(row) for row in rows]
    listed = [[cell if isinstance(cell, Text) else styled(cell) for cell in row] for row in materials]
    if not listed:
        return
    if header:
        listed.insert(0, [styled(title, "dim") for title in header])
    columns = list(zip(*listed, strict=True))[:-1]
    numbers = [all(isinstance(row[place], int | float) for row in materials) for place in range(len(columns))]
    widths = [max(cell_len(cell.plain) for cell in column) for column in columns]
    taken = sum(width + len(GAP) for width in widths)
    beside = console().width - taken >= NARROWEST
    indent = taken if beside else 2 * len(GAP)
    for *cells, wide in listed:
        line = Text()
        for cell, width, is_number in zip(cells, widths, numbers, strict=True):
            pad = " " * (width - cell_len(cell.plain))
            line += Text.assemble(pad, cell, GAP) if is_number else Text.assemble(cell, pad, GAP)
        if beside:
            first, *rest = wide.wrap(console(), console().width - taken) or [Text()]
            line += first
        else:
            rest = [wide] if wide.plain and not (header and wide is listed[0][-1]) else []
        line.rstrip()
        console().print(line, crop=False, no_wrap=True, overflow="ignore")
        for part in rest:
            paragraph(part, indent)


def heading(text: str) -> None:
    """Begin a part of the output."""
    console().print()
    console().print(styled(text, "bold"))


def code(source: str, indent: int = 2) -> Text:
    """Python source, coloured on a terminal."""
    from rich.syntax import Syntax

    shown = clean(source.strip("\n"))
    coloured = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(shown)
    coloured.rstrip()
    return indented(coloured, indent)


def diff(before: str, after: str) -> Text:
    """What changes from one source to another, as a unified diff."""
    import difflib

    from rich.text import Text

    styles = {"+": "green", "-": "red", "@": "dim"}
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "now", "proposed", lineterm="")
    return indented(Text("\n").join(styled(line, styles.get(line[:1], "")) for line in lines), 2)


def indented(text: Text, columns: int) -> Text:
    from rich.text import Text

    return Text("\n").join(Text(" " * columns) + line for line in text.split("\n", allow_blank=True))


def one_line(value: object, most: int = 100) -> str:
    """A value in one line, its end left out where it is too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def literal(value: object, most: int = 100) -> str:
    """A value as JSON has it, which a person can type again; in one line."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return one_line(text, most)


def moment(seconds: float) -> str:
    """A time since the epoch as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
