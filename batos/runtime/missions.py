"""The mission database's one door: missions, their leases, waits and journal. What is read, counted and spent stands in
the classes that it inherits from.

Every method is one transaction. What must not be lost (a submission, a round of answers, a person's decision) is on the
disk when it returns. Leases, waits and acknowledgements are not synced: losing one only means that the mission is
delivered again, and its journal answers it for free. Knows nothing of images, cycles or models.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Protocol
from uuid import uuid4

from batos.errors import ImageBusy, LeaseLost, MissionError, UnknownMission
from batos.faults import fault
from batos.runtime import counters, journal, leases, waits
from batos.runtime.bookkeeping import (
    ACK,
    ASK,
    ASK_AND_RECORD,
    CHARGE,
    DECISION,
    GIVE_BACK,
    GO_ON,
    HAND_OVER,
    JOURNAL,
    LEARN,
    LEASE,
    SUBMIT,
    WAIT,
    WAIT_FOR_MISSIONS,
)
from batos.runtime.briefs import (
    COLUMNS,
    JSON,
    Awaited,
    Brief,
    EndState,
    Filed,
    Leased,
    Mission,
    NeedKey,
    from_text,
    mission_of,
    to_text,
)
from batos.runtime.counters import Budget, CallCount, Purse
from batos.runtime.database import Contended, Transaction
from batos.runtime.journal import Attempt, JournalEntry
from batos.runtime.reading import PENDING_BELOW, Reading

__all__ = [
    "Attempt", "Brief", "Budget", "CallCount", "Filed", "JournalEntry", "Leased", "Mission", "MissionStore",
]  # fmt: skip

LEASE_TRIES = 10

OPEN_LEARN = f"""
    SELECT {COLUMNS} FROM missions
    WHERE type = 'learn' AND target = :target AND selector = :selector AND state IN ('queued', 'running', 'waiting')"""
SHOW_INSTEAD = """
    UPDATE missions SET pending = :pending WHERE id = :id AND state = 'waiting' AND waiting_for = 'person'"""


class Idle(Protocol):
    """Workers that have nothing to do. What is leased for them is leased with `name`, for `seconds`."""

    name: str
    seconds: float

    def claim(self) -> bool: ...

    def give(self, leased: Leased | None) -> None: ...


class MissionStore(Reading):
    """An open mission database, safe from any thread; any number of processes may hold the same one.

    Methods that take a `token` raise LeaseLost, and write nothing, once the lease is no longer the worker's. All raise
    ImageUnavailable or one of its kinds when the database cannot do what it should.
    """

    idle: Idle | None = None  # for whom a mission is leased in the transaction that files it

    # Filing

    def submit(
        self,
        brief: Brief,
        *,
        parent: str | None = None,
        priority: int = 0,
        run_at: float | None = None,
        mission_id: str | None = None,
    ) -> str:
        """File a mission, on the disk when this returns. Filing an id again changes nothing.

        Returns the mission's id. For a learn that is open already it is that one's, and so is the contract.
        """
        identity = mission_id or uuid4().hex
        now = self._clock.now()

        idle = self.idle if run_at is None else None
        if idle is None or not idle.claim():
            with self._write(SUBMIT) as tx:
                return self._filed(tx, identity, brief, parent, priority, now if run_at is None else run_at, now)
        try:
            with self._write(HAND_OVER) as tx:
                leased = leases.insert_leased(
                    tx, identity, brief, idle.name, parent=parent, priority=priority, now=now, seconds=idle.seconds
                )
                if leased is None:
                    identity = self._filed(tx, identity, brief, parent, priority, now, now)
                fault(LEASE.before)
            fault(LEASE.after)
        except BaseException:
            idle.give(None)
            raise
        idle.give(leased)
        if leased is None:
            self.wake(1)
        return identity

    def _filed(
        self, tx: Transaction, identity: str, brief: Brief, parent: str | None, priority: int, run_at: float, now: float
    ) -> str:
        if leases.insert(tx, identity, brief, parent=parent, priority=priority, run_at=run_at, now=now):
            return identity
        if tx.row("SELECT 1 FROM missions WHERE id = :id", id=identity):
            return identity
        return self._open_learn(tx, brief).id

    def submit_learn(
        self, brief: Brief, waiting_mission: str, lease_token: str, *, need: NeedKey | None = None, priority: int = 0
    ) -> Filed:
        """File the learn that a mission must wait for, or join the open one for the same target and selector.

        The wait is filed in the same transaction, and refused, with the circle, if it would close one: then nothing is
        filed. With `need`, the learn's end is recorded as its answer in the waiting mission's journal:
        `{"mission", "state", "outcome"}`, where an open state means that the wait ended first, by its deadline.
        The mission goes on running; `wait_for_missions` is what makes it wait.
        """
        now = self._clock.now()
        with self._write(LEARN) as tx:
            tx.serialize(waits.ONE_AFTER_THE_OTHER)
            leases.hold(tx, lease_token)
            identity = uuid4().hex
            if leases.insert(tx, identity, brief, parent=waiting_mission, priority=priority, run_at=now, now=now):
                waits.add(tx, waiting_mission, identity, need)
                return Filed(identity, "queued")
            learn = self._open_learn(tx, brief)
            if circle := waits.circle(tx, waiting_mission, learn.id):
                return Filed(learn.id, learn.state, circle)
            waits.add(tx, waiting_mission, learn.id, need)
            return Filed(learn.id, learn.state)

    # Working

    def lease(self, worker: str, now: float, seconds: float) -> Leased | None:
        """Take the best mission that may run: due, and none running for its target. None if there is no such mission.

        What ran out is queued again first: leases not renewed, waits past their deadline.
        """
        for _ in range(LEASE_TRIES):
            try:
                with self._write(LEASE) as tx:
                    leases.return_expired(tx, now, self._max_leases_lost)
                    return leases.take(tx, worker, now, seconds)
            except Contended:  # PostgreSQL: another worker took another mission of the target at the same time
                continue
        raise ImageBusy(path=self._db.place, reason=f"{LEASE_TRIES} times another worker took the mission first.")

    def renew(self, tokens: Iterable[str], now: float, seconds: float) -> frozenset[str]:
        """Keep the leases for `seconds` from now. Returns the tokens that hold nothing any more."""
        with self._write(LEASE) as tx:
            return frozenset(token for token in sorted(tokens) if not leases.renew(tx, token, now + seconds))

    def workers(self) -> frozenset[str]:
        """The names of all who hold a lease."""
        rows = self._db.rows("SELECT DISTINCT worker FROM missions WHERE lease IS NOT NULL")
        return frozenset(worker for (worker,) in rows)

    def end_leases(self, worker: str) -> None:
        """Let the leases of a worker that is known to be gone run out now."""
        with self._write(GIVE_BACK) as tx:
            tx.run(leases.END_OF_WORKER, worker=worker, now=self._clock.now())

    def release(self, token: str, run_at: float | None = None) -> None:
        """Give a mission back unfinished, to run again at `run_at` or as soon as may be."""
        with self._write(GIVE_BACK) as tx:
            leases.requeue(tx, leases.hold(tx, token), self._clock.now(), run_at)

    def wait_for_needs(self, token: str) -> None:
        """It runs no longer, so another mission of its target may; the lease stays with who performs its needs."""
        self._pause(token, "needs")

    def wait_for_needs_of(self, tokens: Iterable[str]) -> None:
        """`wait_for_needs` for several in one transaction. Those that hold nothing any more are left out."""
        now = self._clock.now()
        held = [token.rpartition(":") for token in tokens]
        with self._write(WAIT) as tx:
            tx.run_each(
                waits.PAUSE_FOR_NEEDS, [{"mission": mission, "lease": lease, "now": now} for mission, _, lease in held]
            )

    def wait_for_missions(self, token: str, children: Sequence[str], deadline: float | None = None) -> None:
        """Wait until all `children` have ended, or until `deadline`; the lease is given up.

        Goes straight back to the queue if all have ended. Raises WaitCircle, and it runs on, if one waits for it.
        """
        now = self._clock.now()
        asks = False
        with self._write(WAIT_FOR_MISSIONS, settles=leases.held_by(token)) as tx:
            tx.serialize(waits.ONE_AFTER_THE_OTHER)
            mission = leases.hold(tx, token)
            if waits.add_open(tx, mission, children):
                waits.pause(tx, mission, "missions", now, deadline=deadline)
                asks = tx.row(PENDING_BELOW, mission=mission) is not None
            else:
                leases.requeue(tx, mission, now)
        if asks:  # whoever waits for a mission that waits for this one is waiting for a person from now on
            self._settlements.notify()

    def wait_for_person(self, token: str, pending: JSON, deadline: float | None = None) -> None:
        """Wait for `resume` or `finish_waiting`, or until `deadline`. `pending` is what the person is shown."""
        self._pause(token, "person", pending=pending, deadline=deadline)

    def record_round(
        self,
        token: str,
        entries: Sequence[JournalEntry],
        *,
        charge: Sequence[Purse] = (),
        pending: JSON = None,
        deadline: float | None = None,
    ) -> dict[NeedKey, JSON]:
        """Record a round of performed needs, what they cost, and that the mission may run again: all or nothing.

        With `pending` it may not run yet, but waits for a person, or until `deadline`.

        The mission's and the day's budget are charged, and those in `charge`. Returns the answers as they are stored,
        which the caller must go on with: the first one recorded wins.
        """
        with self._write(JOURNAL if pending is None else ASK_AND_RECORD) as tx:
            mission, answers = self._recorded(tx, token, entries, charge)
            if pending is None:
                leases.requeue(tx, mission, self._clock.now())
            else:
                waits.pause(tx, mission, "person", self._clock.now(), deadline=deadline, pending=pending)
        return {key: from_text(answer) for key, answer in answers.items()}

    def record_and_go_on(
        self,
        held: Leased,
        entries: Sequence[JournalEntry],
        worker: str,
        seconds: float,
        *,
        charge: Sequence[Purse] = (),
    ) -> Leased | None:
        """`record_round`, and `worker` takes the mission at once. None, and it is queued, if its target is taken."""
        now = self._clock.now()
        leased, affordable = None, False
        try:
            with self._write(GO_ON) as tx:
                leased = leases.go_on(tx, held, now, seconds)
                if leased is not None:
                    answers = self._journaled(tx, held.mission.id, entries, charge)
                    affordable = counters.can_pay(tx, self._purses(held.mission.id, charge))
                else:
                    mission, answers = self._recorded(tx, held.token, entries, charge)
                    leased = leases.take_again(tx, mission, worker, now, seconds)
                    if leased is None:
                        leases.requeue(tx, mission, now)
        except Contended:  # PostgreSQL: another worker took another mission of the target at the same time
            self.record_round(held.token, entries, charge=charge)
        if leased is None:
            self.wake(1)
            return None
        known = None if held.answers is None else {**held.answers, **answers}
        return Leased(leased.mission, leased.token, leased.until, known, monotonic() if affordable else None)

    def _recorded(
        self, tx: Transaction, token: str, entries: Sequence[JournalEntry], charge: Sequence[Purse]
    ) -> tuple[str, dict[NeedKey, str]]:
        mission = leases.hold(tx, token)
        if entries:
            tx.run(leases.FORGIVE, mission=mission)
        return mission, self._journaled(tx, mission, entries, charge)

    def _journaled(
        self, tx: Transaction, mission: str, entries: Sequence[JournalEntry], charge: Sequence[Purse]
    ) -> dict[NeedKey, str]:
        answers = journal.insert(tx, mission, entries)
        counters.charge(tx, entries, self._purses(mission, charge))
        return answers

    def charge(self, entries: Sequence[JournalEntry], purses: Sequence[Purse]) -> None:
        """Charge what was performed for no mission that runs, as for a replay."""
        with self._write(CHARGE) as tx:
            counters.charge(tx, entries, purses)

    def finish(self, token: str, state: EndState, outcome: JSON) -> None:
        """Acknowledge a mission's end; who waited for it is queued in the same transaction."""
        with self._write(ACK, settles=leases.held_by(token)) as tx:
            queued = self._ended(tx, token, state, outcome, self._clock.now())
        if queued:  # and whoever ended it looks itself for another one of the same target
            self.wake(queued)

    def _ended(self, tx: Transaction, token: str, state: EndState, outcome: JSON, now: float) -> int:
        mission, _, lease = token.rpartition(":")
        queued = waits.end(tx, mission, state, outcome, now, lease)
        if queued is None:
            raise LeaseLost(mission=mission)
        return queued

    def finish_and_lease(
        self, token: str, state: EndState, outcome: JSON, worker: str, seconds: float
    ) -> Leased | None:
        """`finish`, and `lease` the next one in the same transaction."""
        now = self._clock.now()
        try:
            with self._write(ACK, settles=leases.held_by(token)) as tx:
                queued = self._ended(tx, token, state, outcome, now)
                leases.return_expired(tx, now, self._max_leases_lost)
                leased = leases.take(tx, worker, now, seconds)
        except Contended:  # PostgreSQL: another worker took another mission of the target at the same time
            self.finish(token, state, outcome)
            return self.lease(worker, now, seconds)
        if queued:
            self.wake(queued)
        return leased

    def prune(self, before: float) -> int:
        """Take out the answers and attempts of missions that ended before that time. Returns how many answers."""
        with self._write(DECISION) as tx:
            for table in ("attempts", "passages"):
                tx.run(journal.PRUNE.format(table=table), before=before)
            return tx.run(journal.PRUNE.format(table="journal"), before=before)

    # Deciding

    def finish_waiting(self, mission_id: str, state: EndState, outcome: JSON) -> None:
        """End a mission that waits for a person. Raises MissionError if it does not."""
        with self._write(DECISION) as tx:
            self._awaits_person(tx, mission_id)
            waits.end(tx, mission_id, state, outcome, self._clock.now())

    def resume(self, mission_id: str, contract: JSON = None) -> None:
        """Queue a mission that waits for a person, with another contract if one is given. Raises MissionError."""
        with self._write(DECISION) as tx:
            brief = self._awaits_person(tx, mission_id).brief
            if contract is not None:
                changed = Brief(
                    brief.type, brief.target, brief.selector, brief.args, brief.kwargs, contract, brief.extra
                )
                tx.run("UPDATE missions SET brief = :brief WHERE id = :id", brief=changed.details(), id=mission_id)
            tx.run("UPDATE missions SET pending = NULL WHERE id = :id", id=mission_id)
            leases.requeue(tx, mission_id, self._clock.now())

    def show_instead(self, mission_id: str, pending: JSON) -> None:
        """Another question for the person that a mission waits for. Nothing happens if it waits for nobody."""
        with self._write(ASK) as tx:
            tx.run(SHOW_INSTEAD, id=mission_id, pending=to_text(pending))

    def answer(self, mission_id: str, entry: JournalEntry) -> None:
        """Record a person's decision in the journal of a mission that waits for it. Raises MissionError."""
        with self._write(DECISION) as tx:
            self._awaits_person(tx, mission_id)
            journal.insert(tx, mission_id, [entry])
            tx.run("UPDATE missions SET pending = NULL WHERE id = :id", id=mission_id)
            leases.requeue(tx, mission_id, self._clock.now())

    def reopen(self, mission_id: str, awaited: Sequence[str] = ()) -> None:
        """Queue a mission again that ended in a future which the image, restored from a backup, does not know.

        It waits for those of `awaited` that are open. Nothing happens if it has not ended, or is a learn and another
        for the same target and selector is open.
        """
        now = self._clock.now()
        with self._write(DECISION) as tx:
            tx.serialize(waits.ONE_AFTER_THE_OTHER)
            if tx.run(leases.REOPEN, mission=mission_id, now=now) and waits.add_open(tx, mission_id, awaited):
                waits.pause(tx, mission_id, "missions", now)

    def cancel(self, mission_id: str) -> bool:
        """End it as failed with the outcome `{"cancelled": true}`; a worker's token is void. False if it had ended."""
        with self._write(DECISION) as tx:
            if not tx.row("SELECT 1 FROM missions WHERE id = :id", id=mission_id):
                raise UnknownMission(mission=mission_id)
            return waits.end(tx, mission_id, "failed", {"cancelled": True}, self._clock.now()) is not None

    # Within

    def _pause(self, token: str, waiting_for: Awaited, *, deadline: float | None = None, pending: JSON = None) -> None:
        with self._write(ASK if waiting_for == "person" else WAIT) as tx:
            mission = leases.hold(tx, token)
            waits.pause(tx, mission, waiting_for, self._clock.now(), deadline=deadline, pending=pending)

    def _open_learn(self, tx: Transaction, brief: Brief) -> Mission:
        row = tx.row(OPEN_LEARN, target=brief.target, selector=brief.selector)
        if row is None:
            raise MissionError(mission=brief.selector, reason="it could not be filed; submit it again.")
        return mission_of(row)

    def _awaits_person(self, tx: Transaction, mission_id: str) -> Mission:
        row = tx.row(f"SELECT {COLUMNS} FROM missions WHERE id = :id", id=mission_id)
        if row is None:
            raise UnknownMission(mission=mission_id)
        mission = mission_of(row)
        if mission.waiting_for != "person":
            raise MissionError(mission=mission_id, reason=f"it is {mission.state} and waits for nobody's decision.")
        return mission
