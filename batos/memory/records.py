"""The objects of memory: a document, and its chunks, which delegate to it.

A chunk's parent slot is its document, so `chunk.metadata`, `chunk.kind` or `chunk.tainted` are the document's slots,
stored once. Each chunk is one small record of its own: four writers adding documents share nothing but a BTree. Two
classes, and not plain `UvmObject`s, because whoever follows the transaction log tells chunks apart by class, without
reading what everything else holds.

Neither is ever deleted: `forgotten_at` marks what no search may find any more.
"""

from __future__ import annotations

from typing import Any, Literal

from batos.objects.uvm_object import UvmObject, state

Media = Literal["markdown", "text", "python", "chat"]


class Document(UvmObject):
    """A text under an id. `chunks` are its current ones, in order; their texts joined are the text.

    `metadata` is what the caller gave. `tainted` text came from outside and may not be learned from unasked.
    `content_hash` is the SHA-256 of the text, `forgotten_at` seconds since the epoch, or None.
    """

    document_id: str
    kind: str
    media: Media
    tainted: bool
    metadata: Any
    content_hash: str
    chunks: tuple[MemoryChunk, ...]
    forgotten_at: float | None


class MemoryChunk(UvmObject):
    """A part of a document that is found and cited as one. Its parent slot is `document*`.

    `chunk_index` is its place among the document's chunks, from 0; `heading` the headings it stands under, outermost
    first; `tokens` its size as `chunking.count_tokens` has it. A turn of a conversation also has a `speaker`, and a
    `date` in ISO form where that is known.
    """

    document_id: str
    chunk_index: int
    text: str
    heading: tuple[str, ...]
    tokens: int
    content_hash: str
    speaker: str | None
    date: str | None
    forgotten_at: float | None


def document_of(chunk: MemoryChunk) -> Document:
    return state(chunk)["document*"]  # type: ignore[no-any-return]
