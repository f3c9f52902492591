"""What a mission was shown of memory, kept once in its journal.

Every request about a question carries the same passages twice, as materials and in the prompt; whole, they were nine
tenths of a journal. So a passage is a row of its own under its hash, and a stored request, or what a search answered,
refers to it. Only what is stored is cut up so: whoever reads a journal gets each request as it was made, to the letter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from batos.runtime.briefs import JSON, from_text, to_text

SMALLEST = 1000  # letters that passages have together; below, they are stored where they stand
REFERENCES = "$passages"
BEGINS_CUT = f'{{"value":{{"{REFERENCES}":'
DIGITS = 32  # of a passage's SHA-256, in hex

Texts = Mapping[str, str]
"""The passages of one mission as they are stored: hash -> JSON."""


def cut_request(request: JSON, found: dict[str, str]) -> JSON:
    """The request of an inference as it is stored. Its passages are added to `found`."""
    materials = request.get("materials")
    if not isinstance(materials, dict) or not _are_passages(materials.get("chunks")):
        return request
    chunks = materials["chunks"]
    messages = [{**message, "content": _cut(message["content"], chunks)} for message in request["messages"]]
    return {**request, "messages": messages, "materials": {**materials, "chunks": _referred(chunks, found)}}


def cut_answer(answer: JSON, found: dict[str, str]) -> JSON:
    """What a need of the kind `observe` was answered, as it is stored."""
    if not _are_passages(answer.get("value")):
        return answer
    return {**answer, "value": _referred(answer["value"], found)}


def whole_request(request: JSON, texts: Texts) -> JSON:
    materials = request.get("materials") if isinstance(request, dict) else None
    if not isinstance(materials, dict) or not isinstance(materials.get("chunks"), dict):
        return request
    chunks = _looked_up(materials["chunks"], texts)
    messages = [{**message, "content": _joined(message["content"], chunks)} for message in request["messages"]]
    return {**request, "messages": messages, "materials": {**materials, "chunks": chunks}}


def whole_answer(written: str, texts: Texts) -> str:
    """A stored answer as the text that was recorded."""
    if not written.startswith(BEGINS_CUT):
        return written
    answer = from_text(written)
    return to_text({**answer, "value": _looked_up(answer["value"], texts)})


def _are_passages(found: object) -> bool:
    if not isinstance(found, list) or not all(isinstance(chunk, dict) for chunk in found):
        return False
    texts = [chunk.get("text") for chunk in found]
    return all(isinstance(text, str) for text in texts) and sum(map(len, texts)) >= SMALLEST


def _referred(chunks: Sequence[JSON], found: dict[str, str]) -> dict[str, list[str]]:
    hashes = []
    for chunk in chunks:
        text = to_text(chunk)
        hashes.append(hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGITS])
        found[hashes[-1]] = text
    return {REFERENCES: hashes}


def _looked_up(references: Mapping[str, Sequence[str]], texts: Texts) -> list[JSON]:
    return [from_text(texts[hash_]) for hash_ in references[REFERENCES]]


def _cut(content: Any, chunks: Sequence[JSON]) -> Any:
    """A prompt in pieces: a text, or the number of the passage whose text stands there."""
    pieces: list[str | int] = []
    at = 0
    for number, chunk in enumerate(chunks):
        place = content.find(chunk["text"], at) if chunk["text"] else -1
        if place >= 0:
            pieces += [content[at:place], number]
            at = place + len(chunk["text"])
    return [*pieces, content[at:]] if pieces else content


def _joined(content: Any, chunks: Sequence[JSON]) -> Any:
    if not isinstance(content, list):
        return content
    return "".join(chunks[piece]["text"] if isinstance(piece, int) else piece for piece in content)
