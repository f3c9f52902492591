"""The queue: filing a mission, taking the best one, and what becomes of its lease.

Functions on a transaction that the caller opened.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from batos.errors import LeaseLost
from batos.runtime import waits
from batos.runtime.briefs import COLUMNS, Brief, Leased, Mission, mission_of
from batos.runtime.database import Transaction

INSERT = """
    INSERT INTO missions (id, parent, type, target, selector, brief, state, priority, run_at, created_at, changed_at,
                          leases_lost)
    VALUES (:id, :parent, :type, :target, :selector, :brief, 'queued', :priority, :run_at, :now, :now, 0)
    ON CONFLICT DO NOTHING"""

# The same for a worker that has nothing to do, if no other mission runs for the target.
INSERT_LEASED = """
    INSERT INTO missions (id, parent, type, target, selector, brief, state, priority, run_at, created_at, changed_at,
                          leases_lost, worker, lease, lease_until)
    SELECT :id, :parent, :type, :target, :selector, :brief, 'running', :priority, :now, :now, :now, 0, :worker, :lease,
        :until
    WHERE NOT EXISTS (SELECT 1 FROM missions AS other WHERE other.target = :target AND other.state = 'running')
    ON CONFLICT DO NOTHING"""

# Oldest first within a priority: a mission that comes back with its answers goes before those filed after it.
TAKE = f"""
    UPDATE missions SET state = 'running', worker = :worker, lease = :lease, lease_until = :until, changed_at = :now
    WHERE seq = (
        SELECT seq FROM missions AS candidate
        WHERE state = 'queued' AND run_at <= :now AND NOT EXISTS (
            SELECT 1 FROM missions AS other WHERE other.target = candidate.target AND other.state = 'running')
        ORDER BY priority DESC, seq LIMIT 1{{lock}})
    RETURNING {COLUMNS}"""

TAKE_ON_SQLITE = TAKE.format(lock="")
TAKE_ON_POSTGRESQL = TAKE.format(lock=" FOR UPDATE OF candidate SKIP LOCKED")

# Of a mission that never stopped running, so that nobody else can have its target. How long it is leased stands in an
# index, so that is changed only when half of it is over.
FURTHER = """
    UPDATE missions SET lease = :lease, leases_lost = 0, deadline = NULL, changed_at = :now{longer}
    WHERE id = :mission AND lease = :held AND state = 'running'"""
GO_ON = FURTHER.format(longer="")
GO_ON_LONGER = FURTHER.format(longer=", lease_until = :until")

TAKE_AGAIN = f"""
    UPDATE missions SET state = 'running', worker = :worker, lease = :lease, lease_until = :until, waiting_for = NULL,
        deadline = NULL, changed_at = :now
    WHERE id = :mission AND NOT EXISTS (
        SELECT 1 FROM missions AS other
        WHERE other.target = missions.target AND other.state = 'running' AND other.id <> missions.id)
    RETURNING {COLUMNS}"""

QUEUE = """
    UPDATE missions SET state = 'queued', lease = NULL, lease_until = NULL, waiting_for = NULL, changed_at = :now"""

REQUEUE = QUEUE + ", deadline = NULL, run_at = COALESCE(:run_at, run_at) WHERE id = :mission"
# To be sorted by the caller: told to ORDER BY seq, SQLite would read the whole table in that order.
RAN_OUT = """
    SELECT seq, id, leases_lost FROM missions WHERE lease_until <= :now
    UNION ALL SELECT seq, id, NULL FROM missions WHERE state = 'waiting' AND deadline <= :now"""

REOPEN = (
    QUEUE
    + """, outcome = NULL
    WHERE id = :mission AND state IN ('done', 'failed', 'dead') AND NOT (type = 'learn' AND EXISTS (
        SELECT 1 FROM missions AS other WHERE other.type = 'learn' AND other.target = missions.target
            AND other.selector = missions.selector AND other.state IN ('queued', 'running', 'waiting')))"""
)
# Who got further is not what brings workers down: a person who ends a daemon again and again is.
FORGIVE = "UPDATE missions SET leases_lost = 0 WHERE id = :mission AND leases_lost > 0"
RETURN_LOST = QUEUE + ", leases_lost = leases_lost + 1 WHERE id = :mission AND lease_until <= :now"
RETURN_OVERDUE = QUEUE + " WHERE id = :mission AND state = 'waiting' AND deadline <= :now"  # keeps it: see Mission

END_OF_WORKER = "UPDATE missions SET lease_until = :now WHERE worker = :worker AND lease IS NOT NULL"


def insert(
    tx: Transaction, mission: str, brief: Brief, *, parent: str | None, priority: int, run_at: float, now: float
) -> bool:
    """File a mission. False if its id is known, or an equal learn is open."""
    return bool(
        tx.run(
            INSERT, id=mission, parent=parent, type=brief.type, target=brief.target, selector=brief.selector,
            brief=brief.details(), priority=priority, run_at=run_at, now=now,
        )
    )  # fmt: skip


def insert_leased(
    tx: Transaction,
    mission: str,
    brief: Brief,
    worker: str,
    *,
    parent: str | None,
    priority: int,
    now: float,
    seconds: float,
) -> Leased | None:
    """File a mission and lease it. None, and nothing done, if it cannot run now or is known."""
    lease, until, details = uuid4().hex, now + seconds, brief.details()
    if not tx.run(
        INSERT_LEASED, id=mission, parent=parent, type=brief.type, target=brief.target, selector=brief.selector,
        brief=details, priority=priority, now=now, worker=worker, lease=lease, until=until,
    ):  # fmt: skip
        return None
    written = Brief.read(brief.type, brief.target, brief.selector, details)
    standing = Mission(
        mission, written, "running", parent, priority, run_at=now, created_at=now, changed_at=now, leases_lost=0,
        worker=worker, waiting_for=None, deadline=None, pending=None, outcome=None,
    )  # fmt: skip
    return Leased(standing, f"{mission}:{lease}", until, answers={})


def take(tx: Transaction, worker: str, now: float, seconds: float) -> Leased | None:
    """Lease the best mission that may run. Whatever it waited for before, it waits for nothing now."""
    lease = uuid4().hex
    statement = TAKE_ON_POSTGRESQL if tx.on_postgresql else TAKE_ON_SQLITE
    row = tx.row(statement, worker=worker, lease=lease, until=now + seconds, now=now)
    if row is None:
        return None
    mission = mission_of(row)
    tx.run("DELETE FROM waits WHERE mission = :mission", mission=mission.id)
    return Leased(mission, f"{mission.id}:{lease}", now + seconds)


def go_on(tx: Transaction, leased: Leased, now: float, seconds: float) -> Leased | None:
    """Give a mission that got further another token. None if it did not run all the while."""
    lease, until = uuid4().hex, leased.until
    mission, _, held = leased.token.rpartition(":")
    statement = GO_ON
    if until - now < seconds / 2:
        statement, until = GO_ON_LONGER, now + seconds
    if not tx.run(statement, mission=mission, held=held, lease=lease, until=until, now=now):
        return None
    standing = leased.mission
    if standing.leases_lost or standing.deadline is not None:
        standing = replace(standing, leases_lost=0, deadline=None)
    return Leased(standing, f"{mission}:{lease}", until)


def take_again(tx: Transaction, mission: str, worker: str, now: float, seconds: float) -> Leased | None:
    """Lease a mission that its worker holds anew, with another token, if no other one runs for its target."""
    lease = uuid4().hex
    row = tx.row(TAKE_AGAIN, mission=mission, worker=worker, lease=lease, until=now + seconds, now=now)
    return None if row is None else Leased(mission_of(row), f"{mission}:{lease}", now + seconds)


def held_by(token: str) -> str:
    """The mission that the token is, or was, the lease of."""
    return token.rpartition(":")[0]


def hold(tx: Transaction, token: str) -> str:
    """The mission that the token leases. Raises LeaseLost if it does so no longer."""
    mission, _, lease = token.rpartition(":")
    lock = " FOR UPDATE" if tx.on_postgresql else ""
    if tx.row(f"SELECT 1 FROM missions WHERE id = :mission AND lease = :lease{lock}", mission=mission, lease=lease):
        return mission
    raise LeaseLost(mission=mission)


def renew(tx: Transaction, token: str, until: float) -> bool:
    mission, _, lease = token.rpartition(":")
    statement = "UPDATE missions SET lease_until = :until WHERE id = :mission AND lease = :lease"
    return bool(tx.run(statement, mission=mission, lease=lease, until=until))


def requeue(tx: Transaction, mission: str, now: float, run_at: float | None = None) -> None:
    """Back to the queue with nothing lost, to run at `run_at` or as soon as may be."""
    tx.run(REQUEUE, mission=mission, run_at=run_at, now=now)


def return_expired(tx: Transaction, now: float, max_leases_lost: int) -> None:
    """Queue again what ran out: leases of workers that are gone, and waits past their deadline.

    A mission that lost more than `max_leases_lost` workers since its last answer is dead: it is more likely their cause
    than their victim.
    """
    ran_out = tx.rows(RAN_OUT, now=now)
    if not ran_out:
        return
    tx.serialize(waits.ONE_AFTER_THE_OTHER)
    lost = sorted(row for row in ran_out if row[2] is not None)
    overdue = sorted((seq, mission) for seq, mission, before in ran_out if before is None)
    for _, mission, before in lost:
        if tx.run(RETURN_LOST, mission=mission, now=now) and before >= max_leases_lost:
            reason = f"{before + 1} workers took it and were not heard of again"
            waits.end(tx, mission, "dead", {"reason": reason}, now)
    for _, mission in overdue:
        if tx.run(RETURN_OVERDUE, mission=mission, now=now):
            waits.give_up(tx, mission, now)
