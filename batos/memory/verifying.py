"""Comparing the derived indexes with the image, chunk by chunk and summary by summary."""

from __future__ import annotations

from dataclasses import dataclass

from batos.image.image import Image
from batos.memory.catalog import documents
from batos.memory.search import Searcher
from batos.memory.summaries import summaries


@dataclass(frozen=True)
class Agreement:
    """Of how many passages and summaries the indexes say something else than the image, be it that they lack them or
    have too many.
    """

    passages: int
    words_differ: int
    vectors_differ: int
    summaries: int = 0
    summaries_differ: int = 0

    @property
    def sound(self) -> bool:
        return not (self.words_differ or self.vectors_differ or self.summaries_differ)


def verify(image: Image, searcher: Searcher) -> Agreement:
    """Bring the indexes level, and compare every passage."""
    with image.reading() as world:
        searcher.catch_up()
        kept = {
            int.from_bytes(chunk._p_oid, "big"): (chunk.document_id, chunk.chunk_index)
            for document in documents(world)
            for chunk in document.chunks
        }
        indexed = searcher.index.all_places()
        words = sum(indexed.get(id_) != place for id_, place in kept.items()) + len(indexed.keys() - kept.keys())
        vectors = len(searcher.vectors.ids() ^ kept.keys()) if searcher.vectors is not None else 0
        above = {int.from_bytes(summary._p_oid, "big") for summary in summaries(world)}
        sections = searcher.sections
        differ = len(sections.index.ids() ^ above)
        if sections.vectors is not None:
            differ += len(sections.vectors.ids() ^ above)
    return Agreement(len(kept), words, vectors, len(above), differ)
