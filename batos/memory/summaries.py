"""Summaries above the chunks of a document, level upon level, and how they follow what changes below them.

Six neighbours make one summary, on each level, until one is on top. A refresh keeps every summary whose children are
still the same neighbours, so a change of one chunk costs one new summary on each level. Refreshing is a change of its
own and touches neither documents nor chunks: undoing what brought a document never meets a summary in its way.

What is built here are extracts. Whoever has a model writes its words into them (`rewrite`), in a cycle of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from BTrees.OOBTree import OOBTree

from batos.clock import SystemClock
from batos.image.world import World
from batos.memory.catalog import CATALOG, get_document
from batos.memory.extracts import extract
from batos.memory.records import ContextualSummary, Document, MemoryChunk
from batos.memory.turns import said
from batos.objects.uvm_object import own_slots, put, state
from batos.objects.values import as_text

WIDTH = 6  # children of one summary
LEAST = 3  # a document of fewer chunks is its own summary
BUDGET = 80  # tokens of an extract
EXTRACT = "extract"  # who wrote it

Child = MemoryChunk | ContextualSummary


def root_of(world: World, document_id: str) -> ContextualSummary | None:
    """The topmost summary of a document, if it has any and they are level with its text."""
    document = get_document(world, document_id)
    root = _roots(world).get(document_id)
    if document is None or root is None or root.document_hash != document.content_hash:
        return None
    return root  # type: ignore[no-any-return]


def summaries_above(world: World, document_id: str, chunk_index: int) -> list[ContextualSummary]:
    """The summaries over a chunk, from the lowest up."""
    path: list[ContextualSummary] = []
    found: Any = root_of(world, document_id)
    while found is not None:
        path.insert(0, found)
        below = found.children if found.level > 1 else ()
        found = next((child for child in below if child.first <= chunk_index <= child.last), None)
    return path


def walk(root: ContextualSummary) -> Iterator[ContextualSummary]:
    """A summary and all below it, from the top."""
    yield root
    if root.level > 1:
        for child in root.children:
            if isinstance(child, ContextualSummary):
                yield from walk(child)


def summaries(world: World) -> Iterator[ContextualSummary]:
    """Every summary that is kept, also of documents that were forgotten since."""
    for root in _roots(world).values():
        yield from walk(root)


def extracted(world: World) -> list[str]:
    """The documents with a summary that no model has written yet."""
    roots = ((document_id, root_of(world, document_id)) for document_id in _roots(world))
    return [
        document_id
        for document_id, root in roots
        if root is not None and any(summary.written_by == EXTRACT for summary in walk(root))
    ]


def refresh(world: World, document_id: str, now: float | None = None) -> int:
    """Bring the summaries of a document level with its chunks; how many were written anew. Those of a document that was
    forgotten are forgotten too."""
    if "summary_index" not in own_slots(world[CATALOG]):  # the image is older than summaries
        put(world[CATALOG], "summary_index", OOBTree())
    roots = _roots(world)
    former = list(walk(roots[document_id])) if document_id in roots else []
    document = get_document(world, document_id)
    known = {(summary.level, summary.content_hash): summary for summary in former}
    kept: list[ContextualSummary] = []
    written = 0
    if document is not None and len(document.chunks) >= LEAST:
        children: Sequence[Child] = document.chunks
        level = 0
        while len(children) > 1:
            level += 1
            built = [_summary(document, level, run, known) for run in _runs(children, former, level)]
            written += sum(fresh for _, fresh in built)
            children = [summary for summary, _ in built]
            kept += children
        _crown(roots, document, kept)
    elif former:
        del roots[document_id]
    _forget([summary for summary in former if summary not in kept], now)
    return written


def rewrite(summary: ContextualSummary, text: str, written_by: str) -> None:
    """Put a model's words in place of the extract."""
    put(summary, "text", as_text(text))
    put(summary, "written_by", written_by)


def words_of(child: Child) -> str:
    """What a child contributes: a turn with its speaker and without its time, any other chunk its text."""
    text = str(state(child)["text"]).strip()
    speaker = state(child).get("speaker")
    return f"{speaker}: {said(text)}" if speaker is not None else text


def _roots(world: World) -> Any:
    """The roots by document id."""
    return own_slots(world[CATALOG]).get("summary_index", {})


def _runs(children: Sequence[Child], former: Sequence[ContextualSummary], level: int) -> Iterator[Sequence[Child]]:
    """`children` in neighbouring groups: those of before where they still stand side by side, the others in sixes."""
    known = {summary.children[0]: summary for summary in former if summary.level == level}
    start = 0  # of what has no group yet
    place = 0
    while place < len(children):
        summary = known.get(children[place])
        length = len(summary.children) if summary is not None else 0
        # A group that was not full, at the end of a document that grew, takes in what came.
        whole = length == WIDTH or (length > 1 and place + length == len(children))
        if summary is not None and whole and tuple(children[place : place + length]) == summary.children:
            yield from _sixes(children[start:place])
            yield children[place : place + length]
            start = place = place + length
        else:
            place += 1
    yield from _sixes(children[start:])


def _sixes(children: Sequence[Child]) -> Iterator[Sequence[Child]]:
    """Groups of six; one that would be left alone joins the group before it."""
    for place in range(0, len(children), WIDTH):
        if len(children) - place == 1 and place:
            return
        end = place + WIDTH
        yield children[place : end + 1 if len(children) - end == 1 else end]


def _summary(
    document: Document, level: int, children: Sequence[Child], former: Mapping[tuple[int, str], ContextualSummary]
) -> tuple[ContextualSummary, bool]:
    """The summary of these children, and whether it had to be written."""
    digest = hashlib.sha256("\0".join(child.content_hash for child in children).encode()).hexdigest()
    ends = {"first": _first(children[0]), "last": _last(children[-1])}
    summary = former.get((level, digest))
    if summary is not None and summary.children == tuple(children):
        for name, place in ends.items():
            if state(summary)[name] != place:
                put(summary, name, place)
        return summary, False
    found = ContextualSummary(
        {"document*": document},
        document_id=document.document_id,
        level=level,
        **ends,
        children=tuple(children),
        text=extract([words_of(child) for child in children], BUDGET),
        written_by=EXTRACT,
        content_hash=digest,
        document_hash=None,
        forgotten_at=None,
    )
    return found, True


def _first(child: Child) -> int:
    return child.chunk_index if isinstance(child, MemoryChunk) else child.first


def _last(child: Child) -> int:
    return child.chunk_index if isinstance(child, MemoryChunk) else child.last


def _crown(roots: Any, document: Document, kept: Sequence[ContextualSummary]) -> None:
    for summary in kept:
        digest = document.content_hash if summary is kept[-1] else None
        if summary.document_hash != digest:
            put(summary, "document_hash", digest)
    if roots.get(document.document_id) is not kept[-1]:
        roots[document.document_id] = kept[-1]


def _forget(summaries: Sequence[ContextualSummary], now: float | None) -> None:
    moment = SystemClock().now() if now is None else now
    for summary in summaries:
        put(summary, "forgotten_at", moment)
