"""A view of the past as the running system gives it: with `why`, down to the prompts, and a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batos.image.finding import When, find_moment
from batos.image.image import Image
from batos.image.views import LIFETIME, View, check_kept
from batos.memory.search import Hit, Searcher
from batos.runtime import explaining
from batos.runtime.missions import MissionStore


class SystemView(View):
    """The image as of one moment. What missions asked and were answered is told from the journal of today."""

    def __init__(
        self, image: Image, store: MissionStore, searcher: Searcher, when: When, lifetime: float = LIFETIME
    ) -> None:
        """Raises `UnknownChange`, and `PackedAway` for a moment that a pack gave up."""
        written = find_moment(image, when)
        check_kept(image, written.tid)
        super().__init__(image, written.tid, written.note, lifetime)
        self._store = store
        self._searcher = searcher

    def why(self, target: str, selector: str) -> explaining.Why:
        """Where a slot, as it was at that moment, came from. Raises `UnknownObject`."""
        return explaining.why(self, self._store, target, selector)

    def search(self, query: str, limit: int = 5, where: Mapping[str, Any] | None = None) -> list[Hit]:
        """The passages that memory held at that moment and that answer `query` best."""
        with self.reading() as world:
            return self._searcher.search(query, limit, where, world)
