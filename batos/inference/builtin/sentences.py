"""Whole sentences out of the chunks of a request, as a person would quote them.

Chunks hold Markdown, plain text or Python. A *passage* is a sentence, a list item, a row of a table or a sentence of a
docstring, freed of markup, with the headings above it. What would read as debris is left out: headings by themselves,
fenced code (except a short block that a sentence introduces), sentences cut off by the edge of a chunk. Nothing here
knows questions; nothing here invents a word.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from batos.inference.builtin.words import content_stems, lexicon

Kind = Literal["sentence", "item", "row", "code"]

FENCE = re.compile(r"^\s*(```|~~~)")
HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(.*)$")
ROW = re.compile(r"^\s*\|(.*)\|\s*$")
RULE = re.compile(r"^[\s|:=*_-]+$")
QUOTE = re.compile(r"^\s*>\s?")
DOCSTRING = re.compile(r'[rRuU]?("""|\'\'\')(.*?)\1', re.DOTALL)
END = re.compile(r"[.!?][\"'”’)\]]*(?=\s+[\"'“‘(`\w]|$)")
RUN_IN = re.compile(r"^\s*\*\*([^*]{1,60})[.]\*\*\s+(?=\S)")
UNDERLINE = re.compile(r"^\s{0,3}(=+|-+)\s*$")
MARKUP = (
    (re.compile(r"<!--.*?-->|</?[A-Za-z][^<>\n]*>", re.DOTALL), ""),
    (re.compile(r"!\[[^\]]*\]\([^)\s]*\)"), ""),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\[[^\]]*\]"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)_(?=[^\s_])([^_]+?)(?<=[^\s_])_(?!\w)"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!|<>-])"), r"\1"),
)
CODE_SPAN = re.compile(r"`[^`]*`")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
HIDDEN = re.compile("\x00(\\d+)\x00")
BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("“", "”"))
LONGEST_BLOCK = 8
"""Lines of code that a sentence may bring along."""
READABLE_ROW = range(2, 4)
"""Cells of a table's row that read as a sentence."""
LONGEST = 420
"""Characters of a quotable sentence."""


class Chunk(BaseModel):
    """One chunk as requests carry it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    document_id: str
    chunk_index: int
    text: str
    metadata: dict[str, JsonValue] = {}
    score: float = 0.0
    nearness: tuple[float, ...] = ()
    """How near each passage of this chunk comes to the question, where an embedding model is at hand (`meaning`)."""

    @property
    def reference(self) -> dict[str, JsonValue]:
        """What citations name a chunk by."""
        return {"document_id": self.document_id, "chunk_index": self.chunk_index}


@dataclass(frozen=True)
class Passage:
    """Something quotable. `chunk` is the index of its chunk in the request, `position` its place in the chunk;
    passages with equal `paragraph` stand next to each other in one paragraph, list or table; `near` is the cosine of
    its meaning and the question's, None where nobody measured it."""

    text: str
    kind: Kind
    chunk: int
    position: int
    paragraph: int
    headings: tuple[str, ...]
    near: float | None = None

    @cached_property
    def ordered_stems(self) -> tuple[str, ...]:
        """What the passage is about. Text quoted within code is an example of something else, and does not count."""
        return content_stems(CODE_SPAN.sub(lambda span: QUOTED.sub("", span.group()), self.text))

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(self.ordered_stems)


@dataclass(frozen=True)
class _Block:
    """Lines that belong together, before they are cut into sentences."""

    kind: Kind
    lines: tuple[str, ...]
    headings: tuple[str, ...]


def offered_chunks(materials: dict[str, JsonValue]) -> tuple[Chunk, ...]:
    """The chunks in a request's materials. Raises pydantic.ValidationError for materials of another shape."""
    chunks: Any = materials.get("chunks") or []
    return tuple(Chunk.model_validate(chunk) for chunk in chunks)


def passages(chunks: Sequence[Chunk]) -> tuple[Passage, ...]:
    """Every passage of `chunks`, in order."""
    return tuple(passage for index, chunk in enumerate(chunks) for passage in _of_chunk(index, chunk))


def squeezed(text: str) -> str:
    """`text` with every run of white space as one blank."""
    return " ".join(text.split())


def _of_chunk(index: int, chunk: Chunk) -> Iterator[Passage]:
    text = chunk.text
    if chunk.document_id.endswith(".py"):
        text = "\n\n".join(inspect.cleandoc(match.group(2)) for match in DOCSTRING.finditer(text))
    blocks = list(_blocks(text, _recorded_headings(chunk)))
    position = 0
    for paragraph, block in enumerate(blocks):
        following = blocks[paragraph + 1] if paragraph + 1 < len(blocks) else None
        for quotable in _quotable(block, following, opens_chunk=paragraph == 0):
            kind: Kind = "code" if "\n" in quotable else block.kind
            near = chunk.nearness[position] if position < len(chunk.nearness) else None
            yield Passage(quotable, kind, index, position, paragraph, block.headings, near)
            position += 1


def _recorded_headings(chunk: Chunk) -> tuple[str, ...]:
    """What the catalog recorded as standing above a chunk: its title, and the path of sections."""
    found: list[str] = []
    for key in ("title", "headings", "heading", "section"):
        value = chunk.metadata.get(key)
        values = value if isinstance(value, list) else [value]
        found += [entry for entry in values if isinstance(entry, str)]
    return tuple(dict.fromkeys(found))


class _Cutter:
    """Cuts a text into blocks, line by line, and keeps the path of headings above the current line."""

    def __init__(self, above: tuple[str, ...]) -> None:
        self.blocks: list[_Block] = []
        self._above = above
        self._path: list[tuple[int, str]] = []
        self._kind: Kind = "sentence"
        self._lines: list[str] = []
        self._fenced = False

    def feed(self, line: str) -> None:
        if FENCE.match(line):
            self._start("sentence" if self._fenced else "code")
            self._fenced = not self._fenced
        elif self._fenced:
            self._lines.append(line)
        elif heading := HEADING.match(line):
            self._heading(len(heading.group(1)), heading.group(2))
        elif (underline := UNDERLINE.match(line)) and self._kind == "sentence" and len(self._lines) == 1:
            self._heading(1 if underline.group(1)[0] == "=" else 2, self._lines.pop())
        elif RULE.match(line) and self._kind == "row":
            self._lines.clear()  # what stands above the rule of a table names its columns
        elif not line.strip() or RULE.match(line):
            self._start("sentence")
        elif row := ROW.match(line):
            self._start("row", row.group(1))
        elif item := ITEM.match(line):
            self._start("item", item.group(1))
        elif line.startswith(("    ", "\t")) and not self._lines and not self._after_item():
            self._start("code", line)
        elif self._kind == "code" and not line.startswith(("    ", "\t")):
            self._start("sentence", line)
        else:
            self._lines.append(QUOTE.sub("", line))

    def finish(self) -> list[_Block]:
        self._start("sentence")
        return self.blocks

    def _start(self, kind: Kind, *lines: str) -> None:
        if self._lines:
            headings = self._above + tuple(title for _, title in self._path)
            if self._kind in ("sentence", "item") and (run_in := RUN_IN.match(self._lines[0])):
                self._lines[0] = self._lines[0][run_in.end() :]
                headings += (plain(run_in.group(1)),)
            self.blocks.append(_Block(self._kind, tuple(self._lines), tuple(dict.fromkeys(headings))))
        self._kind = kind
        self._lines = list(lines)

    def _heading(self, level: int, title: str) -> None:
        self._start("sentence")
        self._path = [(above, text) for above, text in self._path if above < level]
        self._path.append((level, plain(title)))

    def _after_item(self) -> bool:
        return bool(self.blocks) and self.blocks[-1].kind == "item"


def _blocks(text: str, above: tuple[str, ...]) -> list[_Block]:
    cutter = _Cutter(above)
    for line in text.splitlines():
        cutter.feed(line)
    return cutter.finish()


def _quotable(block: _Block, following: _Block | None, *, opens_chunk: bool) -> Iterator[str]:
    if block.kind == "code":
        return
    if block.kind == "row":
        if row := _row(block.lines[0]):
            yield row
        return
    for number, sentence in enumerate(_sentences(plain(" ".join(block.lines)))):
        cut_off = opens_chunk and number == 0 and block.kind == "sentence" and sentence[:1].islower()
        if cut_off or not _reads_well(sentence):
            continue
        if sentence.endswith(":"):
            if following and following.kind == "code" and len(following.lines) <= LONGEST_BLOCK:
                yield sentence + "\n" + textwrap.indent(textwrap.dedent("\n".join(following.lines)), "    ").rstrip()
        elif block.kind == "item" or END.search(sentence[-3:]):
            yield sentence


def plain(text: str) -> str:
    """`text` without Markdown's markup, white space squeezed; what stands in code spans is kept, backticks and all."""
    spans: list[str] = []

    def hide(match: re.Match[str]) -> str:
        spans.append(match.group())
        return f"\x00{len(spans) - 1}\x00"

    text = CODE_SPAN.sub(hide, text.replace("\x00", ""))
    for pattern, replacement in MARKUP:
        text = pattern.sub(replacement, text)
    return squeezed(HIDDEN.sub(lambda match: spans[int(match.group(1))], text))


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for end in END.finditer(text):
        sentence = text[start : end.end()].strip()
        if not _abbreviated(sentence) and _balanced(sentence):
            yield sentence
            start = end.end()
    if rest := text[start:].strip():
        yield rest


def _abbreviated(sentence: str) -> bool:
    last = sentence.rsplit(" ", 1)[-1]
    word = last.rstrip(".").lstrip("(\"'“‘")
    initial = len(word) == 1 and word.isupper()
    return last.endswith(".") and (initial or word.lower() in lexicon().abbreviations)


def _balanced(sentence: str) -> bool:
    outside = CODE_SPAN.sub("", sentence)
    return "`" not in outside and all(outside.count(left) == outside.count(right) for left, right in BRACKETS)


def _reads_well(sentence: str) -> bool:
    """Whether a sentence is prose of quotable length, and not the remains of code, of a table or of a figure."""
    outside = CODE_SPAN.sub("code", sentence)
    letters = sum(char.isalpha() or char == " " for char in outside)
    return (
        len(sentence) <= LONGEST
        and len(outside.split()) >= 3
        and letters >= 0.75 * len(outside)
        and _balanced(sentence)
        and not re.search(r"[=;{}]\s*$|^\W*(def|class|import|from|return)\b.*[:(=]", outside)
    )


def _row(line: str) -> str | None:
    cells = [plain(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", line)]
    cells = [cell for cell in cells if re.search(r"\w", cell)]
    row = f"{cells[0]}: {'; '.join(cells[1:])}" if len(cells) in READABLE_ROW else ""
    return row if len(row.split()) >= 4 and _reads_well(row) else None
