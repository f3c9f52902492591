"""The knowledge catalog: documents in and out of an image, within a transaction that is open already.

`metadata_index` in the slots of `knowledge_catalog` maps document ids to documents; it is all that two writers share.
The catalog does not search, and reads no files.
"""

from __future__ import annotations

import difflib
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from BTrees.OOBTree import OOBTree

from batos.clock import SystemClock
from batos.errors import MemoryRefused, UnknownDocument, UnknownObject
from batos.image.world import World
from batos.memory.chunking import Fits, Piece, split
from batos.memory.records import Document, Media, MemoryChunk
from batos.memory.shipped import content_hash, is_shipped
from batos.objects.uvm_object import UvmObject, put, state
from batos.objects.values import admit, plain, texts_in

CATALOG = "knowledge_catalog"
LONGEST_ID = 1_000
MOST_GUESSES = 5_000  # ids that a mistyped one is compared with


@dataclass(frozen=True)
class IndexReport:
    """What indexing did to a document, in chunks. `kept` ones are the same objects as before."""

    document_id: str
    status: Literal["added", "changed", "unchanged"]
    added: int
    kept: int
    forgotten: int
    tainted: bool


def lay_catalog(world: World) -> UvmObject:
    """The catalog object, made if the image has none yet."""
    if CATALOG not in world:
        world.create(CATALOG, {"metadata_index": OOBTree(), "summary_index": OOBTree()})
    return world[CATALOG]


def index_document(
    world: World,
    document_id: str,
    text: str,
    metadata: Mapping[str, Any] | None = None,
    media: Media = "text",
    *,
    tainted: bool | None = None,
    now: float | None = None,
    fits: Fits | None = None,
) -> IndexReport:
    """Remember `text` under `document_id`, in place of what was there; the same text again changes nothing.

    Chunks whose text and heading stay the same stay the same objects, the others are tombstoned. `metadata["kind"]`
    ("document" if absent) says what kind of document it is. Text that did not come with batos is tainted; only code
    that wrote the text itself may say otherwise. `fits` says which chunks a model can embed whole. Raises
    `MemoryRefused` for a text, and `SlotRefused` for metadata, that cannot be kept.
    """
    admit("metadata", dict(metadata or {}))  # what cannot be stored is refused before anything is written
    _check(document_id, text, metadata or {})
    digest = content_hash(text)
    outside = not is_shipped(digest) if tainted is None else tainted
    facts = {
        "kind": str((metadata or {}).get("kind", "document")),
        "media": media,
        "tainted": outside,
        "content_hash": digest,
        "forgotten_at": None,
    }
    documents = _documents(world)
    document = documents.get(document_id)
    known = document is not None and document.forgotten_at is None
    if known and document.content_hash == digest and document.media == media:
        changed = _write(document, facts, metadata)
        return IndexReport(document_id, "changed" if changed else "unchanged", 0, len(document.chunks), 0, outside)
    if document is None:
        document = Document([world["traits"]] if "traits" in world else [], document_id=document_id, chunks=())
        documents[document_id] = document
    _write(document, facts, metadata)
    added, kept, forgotten = _replace_chunks(document, split(text, media, fits=fits), now)
    world.pending_documents.append(document_id)
    return IndexReport(document_id, "changed" if known else "added", added, kept, forgotten, outside)


def unindex_document(world: World, document_id: str, *, now: float | None = None) -> int:
    """Forget a document: no search finds it any more. The number of its chunks. Raises `UnknownObject`.

    It is tombstoned, not erased: history still has it, and undoing the change brings it back.
    """
    document = find_document(world, document_id)
    moment = _moment(now)
    for obj in (document, *document.chunks):
        put(obj, "forgotten_at", moment)
    world.pending_documents.append(document_id)
    return len(document.chunks)


def get_document(world: World, document_id: str) -> Document | None:
    """The document of this id; None if there is none, or it was forgotten."""
    found = _documents(world).get(document_id)
    return found if found is not None and found.forgotten_at is None else None


def find_document(world: World, document_id: str) -> Document:
    """Like `get_document`, but raises `UnknownDocument`, with ids that are close."""
    found = get_document(world, document_id)
    if found is None:
        ids = islice(_documents(world).keys(), MOST_GUESSES)
        close = [name for name in difflib.get_close_matches(document_id, ids, n=3) if get_document(world, name)]
        hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else "`batos documents` lists them."
        raise UnknownDocument(name=document_id, known=hint)
    return found


def documents(world: World, prefix: str = "") -> Iterator[Document]:
    """The documents whose ids begin with `prefix`, in the order of their ids."""
    for document_id, document in _documents(world).items(prefix or None):
        if not document_id.startswith(prefix):
            return
        if document.forgotten_at is None:
            yield document


def find_chunk(world: World, document_id: str, chunk_index: int) -> MemoryChunk:
    """Raises `UnknownObject` when the document has no such chunk now."""
    chunks = find_document(world, document_id).chunks
    if not 0 <= chunk_index < len(chunks):
        raise UnknownObject(name=f"{document_id}#{chunk_index}", known=f"The document has {len(chunks)} chunks.")
    return chunks[chunk_index]


def text_of(document: Document) -> str:
    """The text that was indexed."""
    return "".join(chunk.text for chunk in document.chunks)


def _documents(world: World) -> Any:
    return world[CATALOG].metadata_index


def _check(document_id: str, text: str, metadata: Mapping[str, Any]) -> None:
    name = document_id if len(document_id) <= 80 else f"{document_id[:80]}…"
    if not document_id.strip() or len(document_id) > LONGEST_ID:
        raise MemoryRefused(source=repr(name), reason=f"a document's id has 1 to {LONGEST_ID} characters.")
    if not text.strip():
        raise MemoryRefused(source=name, reason="it holds no text.")
    try:
        "".join((document_id, text, *texts_in(plain(dict(metadata))))).encode("utf-8")
    except UnicodeEncodeError:
        reason = "it holds half of a surrogate pair, which is not text. Decode it with the right encoding."
        raise MemoryRefused(source=ascii(name), reason=reason) from None


def _moment(now: float | None) -> float:
    return SystemClock().now() if now is None else now


def _write(document: Document, facts: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> bool:
    """Set the slots that differ; whether any did."""
    given = dict(metadata or {})
    own = state(document)
    differing = {name: value for name, value in facts.items() if name not in own or own[name] != value}
    if "metadata" not in own or plain(own["metadata"]) != given:
        differing["metadata"] = given
    for name, value in differing.items():
        put(document, name, value)
    return bool(differing)


def _replace_chunks(document: Document, pieces: list[Piece], now: float | None) -> tuple[int, int, int]:
    """Give `document` these pieces; (added, kept, forgotten). A chunk with the same words in the same place in the
    outline is kept, wherever it moved to."""
    former: defaultdict[tuple[str, tuple[str, ...]], deque[MemoryChunk]] = defaultdict(deque)
    for chunk in document.chunks:
        former[chunk.text, chunk.heading].append(chunk)
    chunks = []
    kept = 0
    for place, piece in enumerate(pieces):
        waiting = former[piece.text, piece.heading]
        if waiting:
            chunk = waiting.popleft()
            kept += 1
            if chunk.chunk_index != place or chunk.forgotten_at is not None:
                put(chunk, "chunk_index", place)
                put(chunk, "forgotten_at", None)
        else:
            chunk = _new_chunk(document, place, piece)
        chunks.append(chunk)
    gone = [chunk for waiting in former.values() for chunk in waiting if chunk.forgotten_at is None]
    for chunk in gone:
        put(chunk, "forgotten_at", _moment(now))
    if tuple(chunks) != document.chunks:
        put(document, "chunks", tuple(chunks))
    return len(chunks) - kept, kept, len(gone)


def _new_chunk(document: Document, place: int, piece: Piece) -> MemoryChunk:
    return MemoryChunk(
        {"document*": document},
        document_id=document.document_id,
        chunk_index=place,
        text=piece.text,
        heading=piece.heading,
        tokens=piece.tokens,
        content_hash=content_hash(piece.text),
        forgotten_at=None,
        **{name: value for name, value in (("speaker", piece.speaker), ("date", piece.date)) if value is not None},
    )
