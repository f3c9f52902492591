"""Cutting a text into pieces that are found, cited and read as one.

A text is first cut where its author cut it: Markdown at headings, Python at functions and classes. A part that is over
the budget is cut further by `semantic-text-splitter`. Cutting by section keeps an edit local: the pieces of other
sections stay what they were. The pieces, joined, are the text, always.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from batos.memory.records import Media
from batos.memory.turns import begun

Fits = Callable[[str], bool]

# Our rule counts fewer tokens than the tokenizers of embedding models, whose windows start at 256; this leaves room.
BUDGET = 200
# The splitter's time grows with the square of its text for some texts (a row of bars, say): it is given blocks.
LONGEST_BLOCK = 4_000
# Each chunk holds its headings, so one endless heading must not be multiplied.
LONGEST_HEADING = 200

_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"  # a CJK sign is a token
    r"|[^\W_]{1,8}"  # so are up to eight letters or digits,
    r"|[^\s\w]|_"  # each other sign,
    r"|\s{16}"  # and a long gap
)
# The same for ASCII, in a third of the time: signs as letter or digit, blank, and any other.
_KINDS = bytes(ord("a" if sign.isalnum() else " " if sign.isspace() else ".") for sign in map(chr, range(256)))
_EIGHT, _GAP = b"a" * 8, b" " * 16

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DEFINITIONS = ("def", "class", "async")
_LAYOUT = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)


@dataclass(frozen=True)
class Piece:
    """`speaker` and `date` (ISO form) are those of a turn of a conversation."""

    text: str
    heading: tuple[str, ...]
    tokens: int
    speaker: str | None = None
    date: str | None = None


@dataclass(frozen=True)
class Section:
    """A part of a text as its author divided it, under its headings, outermost first, or a turn of a conversation."""

    heading: tuple[str, ...]
    text: str
    speaker: str | None = None
    date: str | None = None


def count_tokens(text: str) -> int:
    """The size of `text`, without a tokenizer's files: started eights of letters, CJK signs, punctuation marks, and
    gaps of sixteen blanks count one each. Each token is at least one character and at most sixteen with its gap."""
    if not text.isascii():
        return len(_TOKEN.findall(text))
    kinds = text.encode().translate(_KINDS).replace(_EIGHT, b".")
    started = kinds.count(b" a") + kinds.count(b".a") + kinds.startswith(b"a")
    return kinds.count(b".") + started + kinds.count(_GAP)


def split(text: str, media: Media = "text", budget: int = BUDGET, fits: Fits | None = None) -> list[Piece]:
    """`text` as pieces of at most `budget` tokens, and such as the model that will embed them `fits`. An empty text has
    none."""
    pieces = []
    for section in sections(text, media, budget):
        for part, tokens in _parts(section.text, media, budget, fits):
            pieces.append(Piece(part, section.heading, tokens, section.speaker, section.date))
    return pieces


def _parts(text: str, media: Media, budget: int, fits: Fits | None) -> Iterator[tuple[str, int]]:
    """(part, its tokens): `text` cut until every part is within the budget and fits: halving the budget ends with
    single characters."""
    tokens = count_tokens(text)
    if tokens <= budget:
        parts: Iterable[tuple[str, int]] = ((text, tokens),)
    else:
        kind = MarkdownSplitter if media == "markdown" else TextSplitter
        splitter = kind.from_callback(count_tokens, budget, trim=False)
        parts = ((part, count_tokens(part)) for block in _blocks(text) for part in splitter.chunks(block))
    for part, tokens in parts:
        if fits is None or budget == 1 or fits(part):
            yield part, tokens
        else:
            yield from _parts(part, "text", max(1, min(budget, tokens) // 2), fits)


def _blocks(text: str) -> Iterator[str]:
    """`text` in parts of at most `LONGEST_BLOCK` characters, ending with a paragraph, line or word if they can."""
    start = 0
    while len(text) - start > LONGEST_BLOCK:
        half, full = start + LONGEST_BLOCK // 2, start + LONGEST_BLOCK
        ends = (text.rfind(mark, half, full) + len(mark) for mark in ("\n\n", "\n", " ") if mark in text[half:full])
        end = next(ends, full)
        yield text[start:end]
        start = end
    yield text[start:]


def sections(text: str, media: Media, budget: int = BUDGET) -> list[Section]:
    """`text` cut where its author cut it; a Python class is only cut into its methods when it is over the budget."""
    if not text:
        return []
    if media == "markdown":
        return _with_bodies(_markdown(text), budget)
    if media == "python":
        return _python(text, budget)
    if media == "chat":
        return _turns(text)
    return [Section((), text)]


def _turns(text: str) -> list[Section]:
    """The turns of a conversation; what stands before the first is nobody's."""
    beginnings = begun(text)
    starts = [beginning.start for beginning in beginnings]
    found = [Section((), text[: starts[0]])] if starts and starts[0] else []
    for beginning, end in zip(beginnings, [*starts[1:], len(text)], strict=True):
        found.append(Section((), text[beginning.start : end], beginning.speaker, beginning.date))
    return found or [Section((), text)]


def _lines(text: str) -> list[str]:
    """The lines with their ends; `str.splitlines` would also cut at form feeds and the like."""
    return list(io.StringIO(text, newline=""))


# Markdown


def _markdown(text: str) -> Iterator[Section]:
    lines = _lines(text)
    path: list[tuple[int, str]] = []
    start = 0
    for number, level, title in _headings(lines):
        if number > start:
            yield Section(_titles(path), "".join(lines[start:number]))
        while path and path[-1][0] >= level:
            path.pop()
        path.append((level, title))
        start = number
    yield Section(_titles(path), "".join(lines[start:]))


def _titles(path: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(title[:LONGEST_HEADING] for _, title in path if title)


def _headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """(line number, level, title) of each heading outside code fences."""
    fence = ""
    for number, line in enumerate(lines):
        # Most lines have none of these signs, and a pattern takes ten times as long to tell.
        mark = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if fence:
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif mark:
            fence = mark[1]
        elif "#" in line and (found := _HEADING.match(line.rstrip("\r\n"))):
            yield number, len(found[1]), (found[2] or "").strip()
        elif _is_underlined(lines, number):
            yield number, 1 if "=" in lines[number + 1] else 2, line.strip()


def _is_underlined(lines: list[str], number: int) -> bool:
    """Whether the line is a heading by the `===` or `---` below it, standing alone under an empty line."""
    if number + 1 == len(lines) or lines[number + 1].lstrip(" ")[:1] not in ("=", "-"):
        return False
    if not lines[number].strip() or lines[number].startswith(("    ", "\t", ">", "|", "-")):
        return False
    alone = number == 0 or not lines[number - 1].strip()
    return alone and _UNDERLINE.match(lines[number + 1].rstrip("\r\n")) is not None


def _with_bodies(found: Iterable[Section], budget: int) -> list[Section]:
    """The sections, where one that is only a heading is joined to the next: alone it would answer nothing."""
    joined: list[Section] = []
    bare: list[str] = []
    room = budget
    for section in found:
        only_heading = _is_bare(section.text)
        room -= count_tokens(section.text) if only_heading else 0
        bare.append(section.text)
        last = section.heading
        if not only_heading or room < 0:
            joined.append(Section(last, "".join(bare)))
            bare, room = [], budget
    if bare:
        joined.append(Section(last, "".join(bare)))
    return joined


def _is_bare(text: str) -> bool:
    return all(not line.strip() or _HEADING.match(line.rstrip("\r\n")) for line in text.split("\n"))


# Python


@dataclass(frozen=True)
class _Statement:
    """Where a statement at some depth begins, comments above it included; `name` if it defines something."""

    line: int
    depth: int
    name: str | None


def _python(text: str, budget: int) -> list[Section]:
    lines = _lines(text)
    try:
        found = list(_statements(lines))
    except (tokenize.TokenError, SyntaxError):
        return [Section((), text)]
    parts = _cut(lines, 0, len(lines), found, 0, ())
    whole = []
    for start, end, heading in parts:
        inner = [statement for statement in found if statement.depth == 1 and start < statement.line < end]
        if heading and inner and count_tokens("".join(lines[start:end])) > budget:
            whole.extend(_cut(lines, start, end, inner, 1, heading))
        else:
            whole.append((start, end, heading))
    return [Section(heading, "".join(lines[start:end])) for start, end, heading in whole]


def _cut(
    lines: list[str], start: int, end: int, found: list[_Statement], depth: int, above: tuple[str, ...]
) -> list[tuple[int, int, tuple[str, ...]]]:
    """The lines from `start` to `end` as (start, end, heading): definitions alone, what lies between them together."""
    cuts: list[tuple[int, tuple[str, ...]]] = [(start, above)]
    for statement in found:
        if statement.depth != depth:
            continue
        heading = (*above, statement.name[:LONGEST_HEADING]) if statement.name else above
        if statement.name or cuts[-1][1] != above:
            if statement.line == cuts[-1][0]:
                cuts.pop()
            cuts.append((statement.line, heading))
    ends = [line for line, _ in cuts[1:]] + [end]
    return [(line, stop, heading) for (line, heading), stop in zip(cuts, ends, strict=True) if stop > line]


def _statements(lines: list[str]) -> Iterator[_Statement]:
    """The statements at depth 0 and 1. Tokens, not the syntax tree: no warnings, no deep recursion on hostile text."""
    depth, fresh, decorated, defining = 0, True, None, False
    start = 0
    for token in tokenize.generate_tokens(iter(lines).__next__):
        if token.type == tokenize.INDENT:
            depth += 1
        elif token.type == tokenize.DEDENT:
            depth -= 1
        if token.type == tokenize.NEWLINE:
            fresh = True
        elif token.type in _LAYOUT or token.type == tokenize.ENDMARKER or depth > 1:
            continue
        elif fresh:
            fresh = False
            start = _above(lines, token.start[0] - 1) if decorated is None else decorated
            decorated = start if token.string == "@" else None
            defining = token.string in _DEFINITIONS
            if not defining and decorated is None:
                yield _Statement(start, depth, None)
        elif defining and token.type == tokenize.NAME and token.string not in _DEFINITIONS:
            defining = False
            yield _Statement(start, depth, token.string)


def _above(lines: list[str], number: int) -> int:
    """The first of the comment lines that stand directly above line `number`."""
    while number > 0 and lines[number - 1].lstrip().startswith("#"):
        number -= 1
    return number
