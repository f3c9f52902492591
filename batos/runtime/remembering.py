"""Documents that an image has read, as the running system offers them: the part of `Uvm` that is about memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from batos.clock import Clock
from batos.errors import EmbedderFailed, OwnDocument
from batos.image.world import World
from batos.memory import validity
from batos.memory.catalog import IndexReport, get_document, index_document, unindex_document
from batos.memory.embedding import window_of
from batos.memory.ingesting import IngestReport, Progress, ingest_path
from batos.memory.search import Hit, Searcher
from batos.memory.summaries import summaries_above
from batos.memory.summarizing import summarize
from batos.memory.turn_taking import remember
from batos.memory.verifying import Agreement, verify
from batos.runtime.filing import Filing
from batos.runtime.mission import Mission

log = logging.getLogger(__name__)


class Remembering(Filing):
    """`Uvm` has the attributes."""

    searcher: Searcher
    clock: Clock

    def ingest(
        self,
        path: str | Path,
        progress: Callable[[Progress], None] | None = None,
        *,
        since: str | None = None,
        until: str | None = None,
        supersedes: str | tuple[str, int] | None = None,
    ) -> IngestReport:
        """Read a file or folder into memory. Raises `MemoryRefused`; in a folder, bad files are only reported.

        `since` and `until` are the days (ISO form) between which it holds, where that is known. `supersedes` is the
        document whose place it takes, or one of its chunks, as (id, number); raises `UnknownDocument`, `UnknownObject`.
        With an embedding model, all that memory holds can then be searched by meaning; if the model fails, the log
        says so, and a later call goes on.
        """
        said = validity.Validity(since, until, supersedes)
        report = ingest_path(self.image, path, progress, self.searcher.embedder, said)
        self.summarize(lambda done: progress(Progress(done, done, "summarizing")) if progress else None)
        try:
            self.searcher.embed(lambda done, total: progress(Progress(done, total, "embedding")) if progress else None)
        except EmbedderFailed as error:
            log.warning("What was read can be searched by words. %s", error)
        return report

    def summarize(self, told: Callable[[int], None] = lambda done: None) -> int:
        """Write the summaries of documents that changed, as extracts; how many. `told` hears how many documents are
        done."""
        return summarize(self.image, self.searcher.sections, told)

    def summaries_above(self, document_id: str, chunk_index: int) -> list[str]:
        """What the summaries over a chunk say, from the lowest up; nothing where there are none."""
        with self.image.reading() as world:
            return [summary.text for summary in summaries_above(world, document_id, chunk_index)]

    def summarize_by_model(self, document_id: str) -> Mission:
        """File a mission that has the model write the summaries of a document, in place of extracts."""
        return self._file("knowledge_catalog", "summarize_", (document_id,), {}, "summarize", None, {})

    def ingest_text(
        self, document_id: str, text: str, metadata: Mapping[str, Any] | None = None, *, own: bool = True
    ) -> IndexReport:
        """Remember a text under an id. Raises `MemoryRefused`, and `OwnDocument` unless it may take the place of a
        document of the system's `own`."""
        fits = window_of(self.searcher.embedder)

        def work(world: World) -> IndexReport:
            if not own:
                _leave_own(world, document_id)
            tainted = None if own else True  # whatever it says, a client brought it
            now = self.clock.now()
            return index_document(world, document_id, text, metadata, tainted=tainted, now=now, fits=fits)

        return remember(self.image, f"ingest {document_id}", work)

    def limit_validity(
        self, document_id: str, since: str | None = None, until: str | None = None, chunk_index: int | None = None
    ) -> None:
        """Say from what day until what day (ISO form) a document, or only one chunk of it, holds.

        Raises `UnknownDocument`, `UnknownObject`, `MemoryRefused`.
        """
        days = (since, until, chunk_index)
        self.image.change(f"limit {document_id}", lambda world: validity.limit_validity(world, document_id, *days))

    def supersede(self, former: str, successor: str, chunk_index: int | None = None) -> None:
        """Say that one document took the place of another, or of only one chunk of it, which a search then finds only
        when it is asked to.

        Raises `UnknownDocument`, `UnknownObject`, `MemoryRefused`.
        """
        now = self.clock.now()
        note = f"{successor} supersedes {former}"
        self.image.change(note, lambda world: validity.supersede(world, former, successor, chunk_index, now=now))

    def search(self, query: str, limit: int = 5, where: Mapping[str, Any] | None = None) -> list[Hit]:
        """The passages that answer `query` best. No query is an error."""
        return self.searcher.search(query, limit, where)

    def forget(self, document_id: str, *, own: bool = True) -> int:
        """Make memory forget a document; the number of its passages. Raises `UnknownObject`, and `OwnDocument` unless
        it may be one of the system's `own`."""

        def work(world: World) -> int:
            if not own:
                _leave_own(world, document_id)
            return unindex_document(world, document_id, now=self.clock.now())

        return self.image.change(f"forget {document_id}", work)

    def verify_memory(self) -> Agreement:
        """Compare the indexes with every passage and summary of the image."""
        return verify(self.image, self.searcher)


def _leave_own(world: World, document_id: str) -> None:
    document = get_document(world, document_id)
    if document is not None and not document.tainted:
        raise OwnDocument(name=document_id)
