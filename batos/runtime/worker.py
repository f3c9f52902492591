"""Workers: threads that lease missions, run their cycles, and record what came of it.

An attempt either commits, or is thrown away: because it needs something (the needs are then performed by other
threads, with no transaction open, and one journal transaction queues the mission again), because it lost a race (it
runs again at once), because a person must decide, or because it failed (a failure record is all that stays).
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import replace
from typing import Any

from transaction.interfaces import TransientError

from batos.errors import BudgetExhausted, ChangedMeanwhile, LeaseLost, WaitCircle
from batos.image.receipts import Receipt
from batos.mind.cycle import Cycle
from batos.mind.needs import Need, Pending, Suspended
from batos.mind.walking import CycleFailed
from batos.runtime.attempts import Attempts
from batos.runtime.briefs import Brief, EndState, Leased, Mission, brief_json
from batos.runtime.budgets import purses_of, renews, waiting_for
from batos.runtime.deciding import ask_instead, newly_installed, resume_who_wait
from batos.runtime.events import Events
from batos.runtime.holding import Holding
from batos.runtime.idling import Idling
from batos.runtime.journal import JournalEntry
from batos.runtime.performers import Workplace
from batos.runtime.processes import own_name
from batos.runtime.rounds import Relieved, Round, Rounds
from batos.settings import Settings

log = logging.getLogger(__name__)

RACES = 12
IDLE_SECONDS = 1.0


class Workers:
    """`start` them, `stop` them; in between they work."""

    def __init__(self, place: Workplace, settings: Settings, events: Events) -> None:
        self._place = place
        self._settings = settings
        self._events = events
        self._name = own_name()
        self._stopping = threading.Event()
        self._holding = Holding(place.store, place.clock, settings.lease_seconds)
        self._idling = Idling(place.store, self._holding, self._name, settings.lease_seconds)
        self._attempts = Attempts(place, settings, events)
        self._rounds = Rounds(place, settings.performers, events, self._work, self._answered)

    def start(self) -> None:
        if self._settings.workers:
            self._holding.start()
            self._rounds.start(self._settings.workers)
            self._place.store.idle = self._idling

    def stop(self) -> None:
        """Let running attempts end and threads go. What is unfinished stays queued, or comes back with its lease."""
        self._stopping.set()
        self._idling.stop()
        self._place.store.wake()
        self._holding.stop()
        self._rounds.stop()
        self._holding.give_back()

    # Leasing

    def _work(self) -> None:
        store = self._place.store
        while not self._stopping.is_set():
            seen = store.openings()
            try:
                leased = self._leased()
                while leased is not None:
                    seen = store.openings()
                    leased = self._run(leased)
            except LeaseLost:
                continue
            except Relieved:
                return
            except Exception:
                log.exception("a worker met a bug; the mission comes back when its lease ends")
            if self._idling.rest():
                store.wait_work(IDLE_SECONDS, seen)
                self._idling.rise()

    def _leased(self) -> Leased | None:
        """The next mission to run: one that is meant for an idle worker, or the best of the queue."""
        if self._stopping.is_set():
            return None
        meant = self._idling.taken()
        if meant is not None:
            return meant
        leased = self._place.store.lease(self._worker, self._place.clock.now(), self._settings.lease_seconds)
        return None if leased is None else self._holding.keep(leased)

    @property
    def _worker(self) -> str:
        return f"{self._name}:{threading.current_thread().name}"

    # Running

    def _run(self, leased: Leased) -> Leased | None:
        """One or more attempts, until the mission commits, fails, or has to wait. What is to be run next: the same, if
        it may go on at once, or the best of the queue, where there is any."""
        mission = leased.mission
        self._tell(mission, "running")
        if mission.overdue and mission.pending is not None and not renews(mission.pending):
            return self._fail(leased, CycleFailed(f"Nobody decided in time: {mission.pending['reason']}"))
        if leased.answers is None:
            leased = replace(leased, answers=self._place.store.written_answers(mission.id))
        for race in range(RACES):
            started = self._place.clock.now()
            events: list[dict[str, Any]] = []
            cycle: Cycle | None = None
            try:
                cycle = self._attempts.run(leased, events)
            except Suspended as suspended:
                self._attempts.log(mission, "suspended", started, events, suspended.needs)
                needs = suspended.needs
            except Pending as pending:
                self._attempts.log(mission, "pending", started, events)
                self._wait_for_person(leased, pending)
                return self._leased()
            except (TransientError, ChangedMeanwhile):
                self._attempts.log(mission, "conflict", started, events)
                self._stopping.wait(random.uniform(0, 0.001 * 2**race))
                continue
            except CycleFailed as failed:
                self._attempts.log(mission, "failed", started, events)
                return self._fail(leased, failed)
            else:
                self._attempts.log(mission, "committed", started, events)
                return self._finish(leased, cycle)
            # Out of the block, whose exception holds on to the whole attempt.
            return self._suspend(leased, needs) or self._leased()
        self._place.store.release(leased.token, run_at=self._place.clock.now() + 0.05)
        self._holding.go(leased.token)
        return self._leased()

    def _tell(self, mission: Mission, state: str) -> None:
        brief = mission.brief
        self._events.publish(
            "mission", id=mission.id, state=state, type=brief.type, target=brief.target, selector=brief.selector
        )

    # Ending

    def _finish(self, leased: Leased, cycle: Cycle | None) -> Leased | None:
        mission = leased.mission
        if cycle is None:
            with self._place.image.reading() as world:
                receipt = world.receipts[mission.id]
                outcome = {"answer": receipt.answer, "reason": receipt.reason, "pending": receipt.pending}
                state = "failed" if receipt.outcome == "failed" else "done"
        else:
            for child in cycle.children:
                file_child(self._place, child, mission.id)
            outcome, state = {"answer": cycle.answer, "reason": "", "pending": cycle.pending}, "done"
        if mission.brief.type == "learn":  # before its own sender is told
            version = (outcome["answer"] or {}).get("version")
            if version is not None:
                newly_installed(self._place.store, mission.brief.target, mission.brief.selector, version)
            if "question" in (outcome["pending"] or {}):
                ask_instead(self._place.store, outcome["pending"])
            resume_who_wait(self._place.image, self._place.store)
        return self._end(leased, state, outcome)  # type: ignore[arg-type]

    def _end(self, leased: Leased, state: EndState, outcome: dict[str, Any]) -> Leased | None:
        """Acknowledge it, and take the next one."""
        store, token = self._place.store, leased.token
        if self._stopping.is_set():
            store.finish(token, state, outcome)
            following = None
        else:
            following = store.finish_and_lease(token, state, outcome, self._worker, self._settings.lease_seconds)
        self._holding.go(token, following)
        self._tell(leased.mission, state)
        return following

    def _fail(self, leased: Leased, failed: CycleFailed) -> Leased | None:
        """Nothing of the cycle is kept but this record; then the mission is told to have failed."""
        mission = leased.mission
        if failed.bug:
            log.error("mission %s met a bug", mission.id, exc_info=failed.__cause__)

        def record(world: Any) -> None:
            if mission.id not in world.receipts:
                world.root["receipts"][mission.id] = Receipt(
                    mission.id,
                    "failed",
                    brief=brief_json(mission.brief),
                    reason=failed.reason,
                    journal=failed.journal,
                    trace=failed.trace,
                    made_at=self._place.clock.now(),
                )

        self._place.image.change(f"failure of mission {mission.id}", record, mission=mission.id)
        return self._end(leased, "failed", {"answer": None, "reason": failed.reason})

    def _wait_for_person(self, leased: Leased, pending: Pending) -> None:
        deadline = self._place.clock.now() + self._settings.pending_seconds
        self._place.store.wait_for_person(leased.token, pending.pending, deadline)
        self._holding.go(leased.token)
        self._tell(leased.mission, "waiting")
        # It may have been decided between the attempt's snapshot and now; then nobody else would wake it.
        resume_who_wait(self._place.image, self._place.store)

    # Suspending

    def _suspend(self, leased: Leased, needs: tuple[Need, ...]) -> Leased | None:
        """Wait for missions that learn, or see to the other needs. Both at once is two rounds."""
        others = tuple(need for need in needs if need.kind != "learn")
        if others:
            self._tell(leased.mission, "waiting")
            done = self._rounds.begin(leased, others)
            return self._gone_on(done) if done is not None else None
        children: list[str] = []
        refused: list[JournalEntry] = []
        for need in needs:
            filed = self._place.store.submit_learn(_learn(need), leased.mission.id, leased.token, need=need.key)
            if filed.circle:
                refused.append(self._circle(leased.mission, need, filed.circle))
            else:
                children.append(filed.mission_id)
        if refused:
            self._place.store.record_round(leased.token, refused)
        else:
            self._place.store.wait_for_missions(leased.token, children)
        self._holding.go(leased.token)
        self._tell(leased.mission, "waiting")
        return None

    def _circle(self, mission: Mission, need: Need, circle: tuple[str, ...]) -> JournalEntry:
        """A need that would wait for itself is answered with the refusal."""
        selectors = [self._place.store.get(identity).brief.selector for identity in circle]
        told = " waits for ".join(selectors)
        facts = {"mission": mission.id, "selector": need.name, "circle": told}
        answer = {"error": {"type": WaitCircle.__name__, "facts": facts}}
        now = self._place.clock.now()
        return JournalEntry("learn", need.hash, need.occurrence, need.request, answer, made_at=now)

    def _gone_on(self, done: Round) -> Leased | None:
        """Record a round, to go on with its mission at once. None if another one runs for its target now, or it may
        spend no more."""
        if done.exhausted is not None:
            self._wait_for_budget(done, done.exhausted)
            return None
        if not done.entries:
            return None
        again = None
        lasting, pays = self._settings.lease_seconds, purses_of(done.leased.mission.brief)
        try:
            again = self._place.store.record_and_go_on(done.leased, done.entries, self._name, lasting, charge=pays)
        finally:
            self._holding.go(done.leased.token, again)
        return again

    def _answered(self, done: Round) -> None:
        """Record a round that no worker stayed with. If one has nothing to do, the mission is meant for it."""
        mission = done.leased.mission.id
        try:
            if done.exhausted is not None:
                self._wait_for_budget(done, done.exhausted)
            elif self._idling.claim():
                self._hand_over(done)
            elif done.entries:
                pays = purses_of(done.leased.mission.brief)
                self._place.store.record_round(done.leased.token, done.entries, charge=pays)
                self._holding.go(done.leased.token)
        except LeaseLost:
            log.warning("the lease of mission %s ran out while its needs were performed", mission)
            self._holding.go(done.leased.token)
        except Exception:
            log.exception("the answers of mission %s could not be recorded", mission)

    def _wait_for_budget(self, done: Round, exhausted: BudgetExhausted) -> None:
        """Record what could be paid for, and wait until more may be spent."""
        pending, deadline = waiting_for(exhausted, self._place.clock.now(), self._settings.pending_seconds)
        pays = purses_of(done.leased.mission.brief)
        self._place.store.record_round(done.leased.token, done.entries, charge=pays, pending=pending, deadline=deadline)
        self._holding.go(done.leased.token)
        self._tell(done.leased.mission, "waiting")

    def _hand_over(self, done: Round) -> None:
        again = None
        try:
            again = self._gone_on(done)
        finally:
            self._idling.give(again)


def _learn(need: Need) -> Brief:
    request = need.request
    return Brief(
        "learn",
        request["target"],
        need.name,
        tuple(request["args"]),
        request["kwargs"],
        request["contract"],
        request["extra"],
    )


def file_child(place: Workplace, child: dict[str, Any], parent: str) -> None:
    """File a mission that a committed receipt lists. Filing it again changes nothing."""
    brief = child["brief"]
    filed = Brief(brief["type"], brief["target"], brief["selector"], tuple(brief["args"]), brief["kwargs"])
    place.store.submit(filed, parent=parent, mission_id=child["mission"])
