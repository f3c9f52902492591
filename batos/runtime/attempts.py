"""One attempt at a mission: its cycle run in a transaction, and committed with its receipt."""

from __future__ import annotations

from typing import Any

from batos.faults import fault
from batos.image.receipts import Receipt
from batos.mind import walking
from batos.mind.cycle import Cycle
from batos.mind.needs import Need
from batos.mind.walking import CycleFailed
from batos.objects.lookup import noting_reads
from batos.objects.tallying import tallying
from batos.runtime.briefs import Leased, Mission, brief_json, from_text
from batos.runtime.events import Events
from batos.runtime.performers import Workplace
from batos.settings import Settings


class Attempts:
    """Runs them in whatever thread asks for one."""

    def __init__(self, place: Workplace, settings: Settings, events: Events) -> None:
        self._place = place
        self._settings = settings
        self._events = events

    def run(self, leased: Leased, events: list[dict[str, Any]]) -> Cycle | None:
        """Run the cycle and commit it with its receipt. None if an earlier delivery has done so.

        Raises `Suspended`, `Pending`, `CycleFailed`, or a conflict. The states that it enters are added to `events`.
        """
        try:
            return self._committed(leased, events)
        finally:
            for event in events:  # told when the transaction has ended, whichever way
                self._events.publish(**event)

    def _committed(self, leased: Leased, events: list[dict[str, Any]]) -> Cycle | None:
        image, mission = self._place.image, leased.mission
        answers = {key: from_text(answer) for key, answer in (leased.answers or {}).items()}
        brief = brief_json(mission.brief)
        with noting_reads() as reads, image.transaction(_note(mission), mission=mission.id) as world:
            if mission.id in world.receipts:
                return None
            cycle = Cycle(image, world, mission.id, brief, answers, self._settings, mission.created_at, events)
            cycle.now = self._place.clock.now
            cycle.granted = self._place.granted
            try:
                with tallying(cycle.book):
                    walking.run(cycle)
            except CycleFailed:
                self._count(cycle)
                raise
            cycle.check()
            world.root["receipts"][mission.id] = Receipt(
                mission.id,
                "proposed" if cycle.pending else "done",
                brief=brief,
                answer=cycle.answer,
                pending=cycle.pending,
                journal=tuple(cycle.used),
                trace=tuple(cycle.trace),
                children=tuple(cycle.children),
                made_at=self._place.clock.now(),
            )
            world.rely_on(reads)
            fault("cycle.before_commit")
        fault("cycle.after_commit")
        self._count(cycle)
        return cycle

    def _count(self, cycle: Cycle) -> None:
        """Count the calls of methods in the attempt that came to an end, and in none of those before it."""
        for call in cycle.calls:
            self._place.store.count_call(*call)
        self._place.store.count_calls(cycle.book)

    def log(
        self,
        mission: Mission,
        result: str,
        started: float,
        events: list[dict[str, Any]],
        needs: tuple[Need, ...] = (),
    ) -> None:
        names = [f"{need.kind} {need.name}" for need in needs]
        states = [(event["state"], event["depth"], round(event["at"] - started, 6)) for event in events]
        self._place.store.log_attempt(mission.id, result, names, started, self._place.clock.now(), states)


def _note(mission: Mission) -> str:
    brief = mission.brief
    return {"learn": f"learn {brief.selector}", "ask": "answer a question", "display": "make the workbench"}.get(
        brief.type, f"{brief.selector} (mission)"
    )
