"""Who waits for whom: filing it, refusing circles, and what the end of a mission sets free.

Functions on a transaction that the caller opened. The edges never form a circle, because whoever adds one looks for it
in the same transaction, and such transactions come one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from batos.errors import WaitCircle
from batos.runtime import journal
from batos.runtime.briefs import JSON, Awaited, EndState, NeedKey, to_text
from batos.runtime.database import Transaction

ONE_AFTER_THE_OTHER = 1  # for Transaction.serialize

REACHED = """
    WITH RECURSIVE reached(mission, through) AS (
        SELECT CAST(:start AS TEXT), CAST('' AS TEXT)
        UNION
        SELECT waits.awaited, waits.mission FROM waits JOIN reached ON waits.mission = reached.mission)
    SELECT mission, through FROM reached"""

END = """
    UPDATE missions SET state = :state, outcome = :outcome, lease = NULL, lease_until = NULL, waiting_for = NULL,
        deadline = NULL, pending = NULL, changed_at = :now
    WHERE id = :mission AND state IN ('queued', 'running', 'waiting')"""
END_HELD = END + " AND lease = :lease"
SET_FREE = """
    DELETE FROM waits WHERE awaited = :mission OR mission = :mission RETURNING awaited, mission, hash, occurrence"""

WAKE = """
    UPDATE missions SET state = 'queued', waiting_for = NULL, deadline = NULL, changed_at = :now
    WHERE id = :mission AND waiting_for = 'missions'
        AND NOT EXISTS (SELECT 1 FROM waits WHERE waits.mission = missions.id)"""

PAUSE = """
    UPDATE missions SET state = 'waiting', waiting_for = :waiting_for, deadline = :deadline, pending = :pending,
        changed_at = :now{lease}
    WHERE id = :mission"""

PAUSE_WITH_LEASE = PAUSE.format(lease="")
PAUSE_WITHOUT_LEASE = PAUSE.format(lease=", lease = NULL, lease_until = NULL")

PAUSE_FOR_NEEDS = """
    UPDATE missions SET state = 'waiting', waiting_for = 'needs', deadline = NULL, pending = NULL, changed_at = :now
    WHERE id = :mission AND lease = :lease AND state = 'running'"""

UNANSWERED = """
    SELECT waits.awaited, missions.state, waits.hash, waits.occurrence
    FROM waits JOIN missions ON missions.id = waits.awaited WHERE waits.mission = :mission"""

IS_OPEN = "SELECT 1 FROM missions WHERE id = :mission AND state IN ('queued', 'running', 'waiting')"


def circle(tx: Transaction, waiting: str, awaited: str) -> tuple[str, ...] | None:
    """The circle that would close if `waiting` waited for `awaited`, as missions that each wait for the next."""
    through = dict(tx.rows(REACHED, start=awaited))
    if waiting not in through:
        return None
    path = [through[waiting]] if waiting != awaited else []
    while path and path[-1] != awaited:
        path.append(through[path[-1]])
    return (waiting, *reversed(path))


def add(tx: Transaction, waiting: str, awaited: str, need: NeedKey | None = None) -> None:
    """File that one mission waits for another. With `need`, the other's end is the answer to that need."""
    hash_, occurrence = need or ("", 0)
    tx.run(
        "INSERT INTO waits (mission, awaited, hash, occurrence) VALUES (:mission, :awaited, :hash, :occurrence) "
        "ON CONFLICT DO NOTHING",
        mission=waiting, awaited=awaited, hash=hash_, occurrence=occurrence,
    )  # fmt: skip


def add_open(tx: Transaction, waiting: str, children: Sequence[str]) -> bool:
    """File that `waiting` waits for those of `children` that have not ended; False if all have. Raises WaitCircle."""
    still_open = [child for child in children if tx.row(IS_OPEN, mission=child)]
    for child in still_open:
        if found := circle(tx, waiting, child):
            selector = tx.row("SELECT selector FROM missions WHERE id = :mission", mission=child)
            raise WaitCircle(mission=waiting, selector=selector and selector[0], circle=" → ".join(found))
        if not tx.row("SELECT 1 FROM waits WHERE mission = :a AND awaited = :b", a=waiting, b=child):
            add(tx, waiting, child)
    return bool(still_open)


def pause(
    tx: Transaction,
    mission: str,
    waiting_for: Awaited,
    now: float,
    *,
    deadline: float | None = None,
    pending: JSON = None,
) -> None:
    """Running no longer. Only a mission that waits for needs keeps its lease: its worker performs them."""
    tx.run(
        PAUSE_WITH_LEASE if waiting_for == "needs" else PAUSE_WITHOUT_LEASE,
        mission=mission, waiting_for=waiting_for, deadline=deadline, now=now,
        pending=None if pending is None else to_text(pending),
    )  # fmt: skip


def end(
    tx: Transaction, mission: str, state: EndState, outcome: JSON, now: float, lease: str | None = None
) -> int | None:
    """End an open mission, answer the needs that it was awaited for, and queue who waits for nothing else.

    Returns how many were queued; None, and nothing done, if it had ended already, or is not held by that `lease`.
    """
    tx.serialize(ONE_AFTER_THE_OTHER)
    values = {"mission": mission, "state": state, "outcome": to_text(outcome), "now": now}
    if not (tx.run(END, **values) if lease is None else tx.run(END_HELD, lease=lease, **values)):
        return None
    queued = 0
    for awaited, waiter, hash_, occurrence in tx.rows(SET_FREE, mission=mission):
        if awaited != mission:
            continue
        _answer(tx, waiter, (hash_, occurrence), {"mission": mission, "state": state, "outcome": outcome}, now)
        queued += tx.run(WAKE, mission=waiter, now=now)
    return queued


def give_up(tx: Transaction, mission: str, now: float) -> None:
    """Answer the needs that a mission waited for too long with how things stand."""
    for awaited, state, hash_, occurrence in tx.rows(UNANSWERED, mission=mission):
        _answer(tx, mission, (hash_, occurrence), {"mission": awaited, "state": state, "outcome": None}, now)


def _answer(tx: Transaction, waiting: str, need: NeedKey, answer: dict[str, JSON], now: float) -> None:
    if need[0]:
        entry = journal.JournalEntry("learn", *need, {"mission": answer["mission"]}, answer, made_at=now)
        journal.insert(tx, waiting, [entry])
