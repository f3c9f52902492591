"""Text from outside, made ready for labels with markup: shown as it is, with a few places lifted out.

The text of a passage may hold anything, markup included; only what this module itself puts in acts as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from batos.workbench.kit.theme import ACCENT_CODE, FIGURES

HEADINGS = re.compile(r"(?:\s*#{1,6}[ \t]+([^\n]+?)[ \t]*(?:\n|$))*")
FENCED = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
FIGURES_SIZE = 14  # the monospaced letters are larger than the others at one size


def plain(text: str) -> str:
    """`text` so that a label with markup shows it as it is."""
    return text.replace("&", "&amp;").replace("[", "&bl;").replace("]", "&br;")


def marked(text: str, words: Iterable[str]) -> str:
    """`text` with the places of `words`, whatever their case, in the accent colour."""
    wanted = sorted({word for word in words if word}, key=len, reverse=True)
    if not wanted:
        return plain(text)
    parts = re.split(f"({'|'.join(re.escape(word) for word in wanted)})", text, flags=re.IGNORECASE)
    shown = [plain(part) for part in parts]
    shown[1::2] = [f"[color={ACCENT_CODE}]{part}[/color]" for part in shown[1::2]]
    return "".join(shown)


def heading(text: str) -> str:
    """The innermost heading that a passage of Markdown begins with, without markup; empty where there is none."""
    found = HEADINGS.match(text)
    return (found[1] or "").replace("`", "") if found else ""


def passage(text: str, words: list[str], length: int | None) -> str:
    """What a passage of Markdown says under its heading: code in its own letters, about `length` characters of it."""
    found = HEADINGS.match(text)
    body = FENCED.sub(_on_one_line, text[found.end() :] if found else text)
    parts = CODE.split(excerpt(" ".join(body.split()), words, length))
    return "".join(code(marked(part, words)) if n % 2 else marked(part, words) for n, part in enumerate(parts))


def prose(text: str) -> str:
    """An answer in words, its line breaks kept: code in its own letters."""
    return "".join(code(plain(part)) if n % 2 else plain(part) for n, part in enumerate(CODE.split(text)))


def _on_one_line(block: re.Match[str]) -> str:
    return f"`{' '.join(block[1].replace('`', '').split())}`"


def code(markup: str) -> str:
    return f"[font={FIGURES}][size={FIGURES_SIZE}]{markup}[/size][/font]"


def excerpt(text: str, words: list[str], length: int | None) -> str:
    """The part of `text` around the first of `words` in it, in whole words; all of it where `length` is None.

    Code that it cuts is closed at the cut, or the text beside it would look like code.
    """
    if length is None or len(text) <= length:
        return text
    places = [place for word in words if (place := text.lower().find(word.lower())) >= 0]
    start = max(0, min(min(places, default=0) - length // 3, len(text) - length))
    end = start + length
    if start > 0:
        start = text.find(" ", start, end) + 1 or start
    if end < len(text):
        end = text.rfind(" ", start, end) if " " in text[start:end] else end
    begins = "`" if text.count("`", 0, start) % 2 else ""
    ends = "`" if text.count("`", 0, end) % 2 else ""
    return f"{'… ' if start else ''}{begins}{text[start:end]}{ends}{' …' if end < len(text) else ''}"
