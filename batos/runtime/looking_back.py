"""What was, and why it is as it is, as the running system offers it: the part of `Uvm` that is about the past."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from batos.image.differing import Difference, diff
from batos.image.finding import When
from batos.image.forking import Forked
from batos.image.handles import Handle
from batos.image.history import Change, history, undo
from batos.image.inspecting import inspect
from batos.image.views import LIFETIME
from batos.runtime import explaining
from batos.runtime.filing import Filing
from batos.runtime.forking import fork_system
from batos.runtime.performers import Workplace
from batos.runtime.views import SystemView
from batos.settings import Settings

if TYPE_CHECKING:
    from batos.memory.search import Searcher
    from batos.runtime.replaying import Replayed


class LookingBack(Filing):
    """`Uvm` has the attributes."""

    settings: Settings
    place: Workplace
    searcher: Searcher

    def history(self, target: str | Handle) -> list[Change]:
        """The changes of an object, newest first."""
        return history(self.image, self._handle(target)._oid)

    def at(self, when: When, lifetime: float = LIFETIME) -> SystemView:
        """The image as of a change id, a time, or the newest change with a note; to read, for `lifetime` seconds.

        Raises `UnknownChange`, or `PackedAway`.
        """
        return SystemView(self.image, self.store, self.searcher, when, lifetime)

    def diff(self, target: str, before: When, after: When | None = None) -> Difference:
        """What is different about an object between two moments (until now), slot by slot."""
        return diff(self.image, target, before, after)

    def fork(self, target: str | Path, when: When | None = None) -> Forked:
        """Make the image as of a moment (now) a new one at `target`, with its history; open missions stay here.

        Raises `ForkRefused`, `UnknownChange`, `PackedAway`.
        """
        return fork_system(self.image, self.store, target, when)

    def undo(self, change: str) -> str:
        """Put back what a change wrote. Raises `UndoRefused`, or `UnknownChange`."""
        return undo(self.image, change)

    def why(self, target: str, selector: str) -> explaining.Why:
        """Where a slot came from: its mission, what was asked and answered, the chunks."""
        return explaining.why(self.image, self.store, target, selector)

    def inspect(self, target: str) -> dict[str, Any]:
        """An object's own slots, parents and selectors. Raises `UnknownObject`."""
        return inspect(self.image, target)

    def replay(self, mission: str, model: str | None = None) -> Replayed:
        """Run a mission that has ended again, on the image as it is now, with another model or today's code.

        Nothing of it is kept but what it costs. Raises `UnknownMission`, `MissionError`, `UnknownBackend`.
        """
        from batos.runtime.replaying import replay  # few programs ever do

        return replay(self.place, self.settings, mission, model)
