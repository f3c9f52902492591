"""The objects of memory: a document, its chunks, which delegate to it, and summaries of several chunks.

A chunk's parent slot is its document, so `chunk.metadata`, `chunk.kind` or `chunk.tainted` are the document's slots,
stored once. Each chunk is one small record of its own: four writers adding documents share nothing but a BTree. They
have classes of their own, and are not plain `UvmObject`s, because whoever follows the transaction log tells chunks
apart by class, without reading what everything else holds.

None is ever deleted: `forgotten_at` marks what no search may find any more.
"""

from __future__ import annotations

from typing import Any, Literal

from batos.objects.uvm_object import UvmObject, state

Media = Literal["markdown", "text", "python", "chat"]


class Document(UvmObject):
    """A text under an id. `chunks` are its current ones, in order; their texts joined are the text.

    `metadata` is what the caller gave. `tainted` text came from outside and may not be learned from unasked.
    `content_hash` is the SHA-256 of the text, `forgotten_at` seconds since the epoch, or None. Where it is known,
    `since` and `until` are the days (ISO form) between which it holds, and `superseded_by` the id of what took its
    place.
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


class ContextualSummary(UvmObject):
    """What several neighbouring chunks of a document say, or several such summaries. Its parent slot is `document*`.

    `level` is 1 above chunks. `children` are what it summarises, in order; they cover the chunks from `first` to `last`
    of the document. `text` was written by `written_by`: a mission's id, or "extract" for central sentences of the
    children. `content_hash` is the SHA-256 of the children's hashes. The topmost summary of a document is its `root`:
    it has the hash of the document that it is level with in `document_hash`, the others have None.

    It holds as long as its document, from which it has `since`, `until` and `superseded_by`. It leads a search to its
    chunks and is never a hit itself, so no answer cites it.
    """

    document_id: str
    level: int
    first: int
    last: int
    children: tuple[MemoryChunk | ContextualSummary, ...]
    text: str
    written_by: str
    content_hash: str
    document_hash: str | None
    forgotten_at: float | None


def document_of(chunk: MemoryChunk | ContextualSummary) -> Document:
    return state(chunk)["document*"]  # type: ignore[no-any-return]
