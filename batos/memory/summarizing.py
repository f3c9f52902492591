"""Bringing summaries level with their documents: what is due is told by the index of summaries."""

from __future__ import annotations

from collections.abc import Callable

from batos.image.image import Image
from batos.image.world import World
from batos.memory.catalog import CATALOG
from batos.memory.sections import Sections
from batos.memory.summaries import refresh

PER_COMMIT = 20  # documents


def summarize(image: Image, sections: Sections, told: Callable[[int], None] = lambda done: None) -> int:
    """Refresh the summaries of every document whose text they are not level with, as extracts; how many were written.

    `told` hears how many documents are done.
    """
    written = done = 0
    while due := _due(image, sections):

        def work(world: World, due: list[str] = due) -> int:
            return sum(refresh(world, document_id, image.clock.now()) for document_id in due)

        written += image.change(f"summarize {due[0]}" if len(due) == 1 else f"summarize {len(due)} documents", work)
        done += len(due)
        told(done)
    return written


def _due(image: Image, sections: Sections) -> list[str]:
    def level() -> list[str]:
        sections.catch_up(image.newest())
        return sections.index.due(PER_COMMIT)

    with image.reading() as world:
        if CATALOG not in world:
            return []
    found: list[str] = sections.mending(level)
    return found
