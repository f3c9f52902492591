"""Running a past mission again, to see what would be different: with another model, or with today's code and objects.

Nothing is kept of it. Its journal answers what it asks; what the journal does not answer is asked now, and with another
model every inference is. Only questions are: a tool, a program or a learning that it would start is named, and ends the
run. What it costs is charged to the day and bounded as a mission's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from batos.errors import MissionError
from batos.image.image import Image
from batos.image.receipts import Receipt
from batos.mind import walking
from batos.mind.cycle import Cycle
from batos.mind.needs import Key, Need, Pending, Suspended
from batos.mind.walking import CycleFailed
from batos.objects.lookup import noting_reads
from batos.runtime.briefs import JSON, Mission, brief_json
from batos.runtime.counters import Purse, day_of
from batos.runtime.journal import JournalEntry
from batos.runtime.performers import Workplace, perform
from batos.settings import Settings

ASKABLE = ("inference", "observe")  # needs that change nothing outside
Found = Literal["same", "answered otherwise", "asked anew", "not asked any more"]


@dataclass(frozen=True)
class Step:
    """One need of a mission, then and now. `found` compares the two; an answer that is not there is None."""

    kind: str
    name: str
    purpose: str | None
    persona: str | None
    found: Found
    before: JSON
    now: JSON


@dataclass(frozen=True)
class Ending:
    """How a cycle ended: done, proposed or failed; a run that was not let go on, `would`. `states` are in order."""

    outcome: str
    answer: JSON
    reason: str
    states: tuple[str, ...]


@dataclass(frozen=True)
class Replayed:
    """`asked` is how many needs were performed for the run, `tokens` and `cost` what they took."""

    mission: str
    model: str
    steps: tuple[Step, ...]
    before: Ending
    now: Ending
    asked: int
    tokens: int
    cost: float

    @property
    def same(self) -> bool:
        same_steps = all(step.found == "same" for step in self.steps)
        return same_steps and (self.before.outcome, self.before.answer) == (self.now.outcome, self.now.answer)


class _Stop(Exception):
    """Ends the transaction of an attempt, of which nothing is to stay."""


def replay(place: Workplace, settings: Settings, mission_id: str, model: str | None = None) -> Replayed:
    """Run a mission that has ended again, on the image as it is now. `model` is a backend's spec.

    Raises `UnknownMission`, `MissionError` when it has not ended or its journal is gone, `UnknownBackend`.
    """
    mission = place.store.get(mission_id)
    if not mission.ended:
        reason = f"it is {mission.state}; only one that has ended can be replayed."
        raise MissionError(mission=mission_id, reason=reason)
    with place.image.reading() as world:
        receipt = world.receipts.get(mission_id)
        before = _ending_of(mission, receipt)
        used = [(hash_, occurrence) for _, hash_, occurrence in receipt.journal] if receipt else []
    journal = place.store.journal(mission_id)
    if lost := [key for key in used if key not in journal]:
        reason = f"{len(lost)} of its answers were taken out of the journal, as the setting journal_days says."
        raise MissionError(mission=mission_id, reason=reason)
    run = _Run(place, settings, mission, journal, model)
    now = run.ended()
    steps = tuple(_steps(used or list(journal), run.used, journal, run.journal))
    return Replayed(mission_id, model or place.backend.name, steps, before, now, len(run.made), run.tokens, run.cost)


class _Run:
    """Attempts, until one needs nothing more that it may have."""

    def __init__(
        self,
        place: Workplace,
        settings: Settings,
        mission: Mission,
        journal: dict[Key, JournalEntry],
        model: str | None,
    ) -> None:
        self._place = place
        self._settings = settings
        self._mission = mission
        self._model = model
        self.journal = {key: entry for key, entry in journal.items() if model is None or entry.kind != "inference"}
        self.used: list[Key] = []
        self.made: list[JournalEntry] = []

    @property
    def tokens(self) -> int:
        return sum(entry.prompt_tokens + entry.completion_tokens for entry in self.made)

    @property
    def cost(self) -> float:
        return sum(entry.cost for entry in self.made)

    def ended(self) -> Ending:
        while True:
            cycle, signal = self._attempt()
            self.used = [(hash_, occurrence) for _, hash_, occurrence in cycle.used]
            states = tuple(entry["state"] for entry in cycle.trace)
            if isinstance(signal, Suspended):
                forbidden = [need for need in signal.needs if need.kind not in ASKABLE]
                if not forbidden and len(self.made) + len(signal.needs) <= self._settings.max_asks:
                    self._ask(signal.needs)
                    continue
                return Ending("would", None, self._would(forbidden), states)
            if isinstance(signal, Pending):
                return Ending("proposed", None, str(signal), states)
            if signal is not None:
                return Ending("failed", None, str(signal), states)
            return Ending("proposed" if cycle.pending else "done", cycle.answer, "", states)

    def _would(self, forbidden: list[Need]) -> str:
        if not forbidden:
            return f"It would ask more than {self._settings.max_asks} times; the setting max_asks bounds this."
        return f"It would go on with {', '.join(f'{need.kind} {need.name}' for need in forbidden)}."

    def _attempt(self) -> tuple[Cycle, BaseException | None]:
        image: Image = self._place.image
        answers = {key: entry.answer for key, entry in self.journal.items()}
        signal: BaseException | None = None
        mission = self._mission
        try:
            with noting_reads(), image.transaction(f"replay of mission {mission.id}") as world:
                brief = brief_json(mission.brief)
                cycle = Cycle(image, world, mission.id, brief, answers, self._settings, mission.created_at)
                try:
                    walking.run(cycle)
                    cycle.check()
                except (Suspended, Pending, CycleFailed) as raised:
                    signal = raised.with_traceback(None)
                raise _Stop
        except _Stop:
            return cycle, signal

    def _ask(self, needs: tuple[Need, ...]) -> None:
        """Perform what no journal answers, and pay for it; the round is performed at once."""
        who = f"replay {self._mission.id}"
        with ThreadPoolExecutor(len(needs)) as pool:
            entries = list(pool.map(lambda need: perform(self._place, who, self._asked_of_model(need)), needs))
        purses: list[Purse] = [("mission", who), ("day", day_of(self._place.clock.now()))]
        self._place.store.charge(entries, purses)
        for need, entry in zip(needs, entries, strict=True):
            self.made.append(entry)
            self.journal[need.key] = entry

    def _asked_of_model(self, need: Need) -> Need:
        if need.kind != "inference" or self._model is None:
            return need
        return Need(need.kind, need.name, {**need.request, "backend": self._model}, need.hash, need.occurrence)


def _ending_of(mission: Mission, receipt: Receipt | None) -> Ending:
    outcome: dict[str, Any] = mission.outcome or {}
    states = tuple(entry["state"] for entry in receipt.trace) if receipt else ()
    if receipt is None:
        return Ending(mission.state, outcome.get("answer"), str(outcome.get("reason") or ""), states)
    return Ending(receipt.outcome, receipt.answer, receipt.reason, states)


def _steps(
    before: list[Key], now: list[Key], journal: dict[Key, JournalEntry], again: dict[Key, JournalEntry]
) -> Iterator[Step]:
    """Needs in order, those that have the same request beside each other."""
    matcher = difflib.SequenceMatcher(a=before, b=now, autojunk=False)
    for what, left, left_end, right, right_end in matcher.get_opcodes():
        if what == "equal":
            for then_key, now_key in zip(before[left:left_end], now[right:right_end], strict=True):
                yield _step(journal[then_key], again[now_key])
            continue
        for key in before[left:left_end]:
            yield _step(journal[key], None)
        for key in now[right:right_end]:
            yield _step(None, again[key])


def _step(before: JournalEntry | None, now: JournalEntry | None) -> Step:
    shown = now or before
    assert shown is not None
    found: Found = "asked anew"
    if before is not None:
        found = "not asked any more" if now is None else "same"
        if now is not None and _said(before.answer) != _said(now.answer):
            found = "answered otherwise"
    request = shown.request
    return Step(
        shown.kind,
        str(request.get("name", "")),
        request.get("purpose"),
        request.get("persona"),
        found,
        None if before is None else _said(before.answer),
        None if now is None else _said(now.answer),
    )


def _said(answer: JSON) -> JSON:
    """What an answer says, without who said it and what it cost."""
    given = answer.get("value", answer) if isinstance(answer, dict) else answer
    if isinstance(given, dict) and {"text", "model"} <= given.keys():
        return given["text"]
    return given
