"""Comparing the derived indexes with the image, chunk by chunk and summary by summary."""

from __future__ import annotations

from dataclasses import dataclass

from batos.image.image import Image
from batos.image.world import World
from batos.memory.catalog import documents
from batos.memory.follower import meaning, row
from batos.memory.records import ContextualSummary, MemoryChunk
from batos.memory.search import Searcher
from batos.memory.summaries import summaries, words_of
from batos.memory.summary_index import embedded_by, found_by
from batos.memory.vectors import Meaning
from batos.objects.uvm_object import state

MOST_TRIES = 10  # while others write


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

    @property
    def told(self) -> str:
        """In a sentence or two."""
        if self.sound:
            return f"The indexes agree with the image: {self.passages} passages, {self.summaries} summaries."
        return (
            f"Other than in the image are {self.words_differ} passages in the text index, {self.vectors_differ} in the "
            f"vector index, and {self.summaries_differ} summaries. `batos doctor --repair` makes those indexes again."
        )


def verify(image: Image, searcher: Searcher) -> Agreement:
    """Bring the indexes level, and compare every passage and summary: where it stands, its words, and what its vector
    is of. Where others write meanwhile, that is done again."""
    for _ in range(MOST_TRIES):
        searcher.catch_up()
        with image.reading() as world:
            found = _compared(world, searcher)
            if found.sound or searcher.is_level(world.connection.newest):
                break
    return found


def _compared(world: World, searcher: Searcher) -> Agreement:
    sections = searcher.sections
    kept = {_number(chunk): chunk for document in documents(world) for chunk in document.chunks}
    words = searcher.index.differing(row(id_, state(chunk)) for id_, chunk in kept.items())
    vectors = 0
    if searcher.vectors is not None:
        vectors = searcher.vectors.differing(Meaning(id_, meaning(state(chunk))) for id_, chunk in kept.items())
    above = {_number(summary): (summary.text, _beneath(summary)) for summary in summaries(world)}
    differ = sections.index.differing((id_, "", found_by(*texts)) for id_, texts in above.items())
    if sections.vectors is not None:
        differ += sections.vectors.differing(Meaning(id_, embedded_by(*texts)) for id_, texts in above.items())
    return Agreement(len(kept), words, vectors, len(above), differ)


def _beneath(summary: ContextualSummary) -> list[str]:
    return [words_of(child) for child in summary.children] if summary.level == 1 else []


def _number(record: MemoryChunk | ContextualSummary) -> int:
    return int.from_bytes(record._p_oid, "big")
