"""What a question is doing while it is answered, told from the events of the runtime or from the journal.

The states of a cycle say little about how far it is, because it runs again from its start after every round; what it
asks for does. Where a daemon works the image, its events come over the bridge; where others do, the journal tells.

Of a model that streams, the answer is shown as it is woven. That is a draft, and called so: what the quality gate says
of it is not known yet, and it is gone from the terminal before an answer is printed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batos.cli import show
from batos.cli.stages import Event, Stages
from batos.runtime.events import gist

if TYPE_CHECKING:
    from batos.runtime.mission import Mission
    from batos.runtime.uvm import Uvm

TITLES = {
    "searching": "DECOMPOSING: searching memory",
    "planning": "DECOMPOSING: planning",
    "facets": "DELEGATING",
    "weaving": "SYNTHESIZING: weaving",
    "judging": "SYNTHESIZING: judging",
}
POLL_SECONDS = 0.25
DRAFT = re.compile(r'"answer"\s*:\s*"((?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)')


@dataclass
class Asking(Stages):
    """The stages of one question."""

    titles: dict[str, str] = field(default_factory=lambda: TITLES)
    _state: str = ""  # of the cycle itself, not of one within it; unknown where the journal is followed
    _answered: dict[str, None] = field(default_factory=dict)
    _said: str = ""

    def _need(self, event: Event) -> None:
        if event["mission"] in self._learning:
            self._in("facets")
        if event["mission"] != self.mission:
            return
        self._hear(event)
        if event["phase"] == "text":
            return
        ended = event["phase"] == "ended"
        found = event.get("gist") or gist(event.get("answer"))
        asking = self._is_in("facets") or bool(self._answered)
        match event["need"], event["name"], event["purpose"]:
            case _ if self._is_within() or (asking and event["purpose"] not in ("weave", "verdict")):
                if ended and event["purpose"] == "facet":
                    self._answered[event.get("step") or "a facet"] = None
                self._tell("facets", self._consulted())
            case "observe", "search", _:
                self._tell("searching", show.counted(found.get("passages", 0), "passage") if ended else "")
            case "inference", _, "plan":
                self._tell("planning", _planned(found.get("plan")))
            case "inference", _, "facet":
                if ended:
                    self._answered[event.get("step") or "a facet"] = None
                self._tell("facets", self._consulted())
            case "inference", _, "weave":
                self._tell("weaving", str(found.get("model", "")))
            case "inference", _, "verdict":
                self._tell("judging", str(found.get("model", "")))

    def _cycle(self, event: Event) -> None:
        if event["mission"] == self.mission and event["depth"] == 0:
            self._state = event["state"]

    def _is_within(self) -> bool:
        """Whether a need belongs to the facets, or to the cycle within of a persona."""
        return self._state == "DELEGATING"

    def _hear(self, event: Event) -> None:
        """Take in what is said of the answer. What a cycle within weaves is none yet."""
        if event["purpose"] != "weave" or self._is_within():
            return
        if event["phase"] == "started":
            self._said = self.draft = ""
        elif event["phase"] == "text":
            self._said += event["text"]
            self.draft = _answer_in(self._said)

    def _consulted(self) -> str:
        learned = sorted(name for name in self._learning.values() if name)
        parts = [", ".join(_short(name) for name in self._answered)] if self._answered else []
        if learned:
            parts.append(f"learned first: {', '.join(learned)}")
        return "; ".join(parts)


def _answer_in(said: str) -> str:
    """The text of the answer in a JSON document that may not be finished."""
    found = DRAFT.search(said)
    return str(json.loads(f'"{found[1]}"', strict=False)) if found else ""


def _short(step: str) -> str:
    return step.removesuffix("_facet_").replace("_", " ")


def _planned(plan: Mapping[str, Any] | None) -> str:
    if not plan:
        return ""
    return f"{plan['archetype']}, {plan['lead']} leads, asks {', '.join(map(_short, plan['relevant_pillars']))}"


@contextmanager
def told_of(uvm: Uvm, stages: Asking) -> Iterator[bool]:
    """Within the block, `stages` hears what is done for its mission, wherever that is. False if nobody can tell it."""
    from batos.cli.listening import listening

    ended = uvm.subscribe("*", stages.take)
    try:
        if uvm.works:
            yield True
        else:
            with listening(uvm.image.path, stages.take) as reached:
                yield reached
    finally:
        ended()


def followed(uvm: Uvm, mission: Mission, stages: Asking, timeout: float | None) -> Any:
    """The mission's answer, with its stages told meanwhile as its journal grows. Raises like `Mission.result`."""
    from batos.errors import MissionTimeout

    seen: set[tuple[str, int]] = set()
    deadline = None if timeout is None else stages.clock.monotonic() + timeout
    while True:
        left = None if deadline is None else deadline - stages.clock.monotonic()
        try:
            return mission.result(POLL_SECONDS if left is None else max(0.0, min(POLL_SECONDS, left)))
        except MissionTimeout:
            if left is not None and left <= POLL_SECONDS:
                raise
        if uvm.works:  # who worked it has ended, and this process has taken it up
            return mission.result(None if deadline is None else max(0.0, deadline - stages.clock.monotonic()))
        for key, entry in uvm.store.journal(mission.id).items():
            if key not in seen:
                seen.add(key)
                stages.take(_event(mission.id, entry))


def _event(mission: str, entry: Any) -> Event:
    """A journal entry as the event that told of it."""
    request = entry.request
    return {
        "kind": "need", "phase": "ended", "mission": mission, "need": entry.kind, "name": request.get("name", ""),
        "purpose": request.get("purpose"), "step": (request.get("materials") or {}).get("facet"),
        "answer": entry.answer,
    }  # fmt: skip
