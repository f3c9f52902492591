"""Citation marks: `[1]` in a text stands for the first chunk of its request, `[2]` for the second.

One place says how chunks are numbered for a model, how a mark is set, and how marks are read back. Marks are counted
from 1 because people and models count so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MARK = re.compile(r"(?<![\w`)\"'])\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?![\w(])")
LOOSE_MARK = re.compile(r"\s*" + MARK.pattern)
CLOSING = re.compile(r"[.!?:]+[\"'”’)\]]*$")


def numbered(chunks: Sequence[Mapping[str, Any]]) -> str:
    """The chunks of a request as prompts show them to a model, each under its mark."""
    return "\n\n".join(
        f"[{number}] {chunk['document_id']}, part {chunk['chunk_index']}\n{chunk['text']}"
        for number, chunk in enumerate(chunks, 1)
    )


def cited(sentence: str, *numbers: int) -> str:
    """`sentence` with marks before its closing punctuation; a block of code after the first line stays behind it."""
    first, newline, block = sentence.partition("\n")
    marks = "".join(f" [{number}]" for number in numbers)
    closing = CLOSING.search(first)
    at = closing.start() if closing else len(first)
    return first[:at] + marks + (first[at:] or ".") + newline + block


def without_marks(text: str) -> str:
    """`text` as it was before it was cited."""
    return LOOSE_MARK.sub("", text)


def cited_chunks(text: str, chunks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The chunks that the marks in `text` stand for, as `{"document_id", "chunk_index"}`, each once, in order.

    Marks that stand for no chunk are passed over: a model invents them.
    """
    numbers = [int(number) for mark in MARK.findall(text) for number in mark.split(",")]
    return [
        {"document_id": chunks[number - 1]["document_id"], "chunk_index": chunks[number - 1]["chunk_index"]}
        for number in dict.fromkeys(numbers)
        if 1 <= number <= len(chunks)
    ]
