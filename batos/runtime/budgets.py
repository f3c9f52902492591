"""Budgets: what missions may spend, in tokens and in money, and what becomes of one that may spend no more.

There is one for each mission, one for each day (UTC) and one for each beat of the heartbeat. All are looked at before
an inference and charged in the transaction that records its answer, so that what was paid and what was answered never
disagree. Inferences that are on their way at the same time may together go over a limit by what they cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from batos.errors import BudgetExhausted, MissionError
from batos.runtime.briefs import Brief
from batos.runtime.counters import EVERY, UNITS, Budget, Purse, Unit, day_of
from batos.runtime.missions import MissionStore
from batos.settings import Settings

SCOPES = ("mission", "day", "heartbeat")
BEAT = "beat"  # in a brief's extra: whose heartbeat pays for it


def purses_of(brief: Brief) -> list[Purse]:
    """Who pays for a mission beside the mission itself and the day."""
    return [("heartbeat", str(brief.extra[BEAT]))] if BEAT in brief.extra else []


def apply_limits(store: MissionStore, settings: Settings) -> None:
    """Store the limits that hold where nobody has set another one."""
    for scope in SCOPES:
        for unit in UNITS:
            limit = float(getattr(settings, f"{scope}_{unit}"))
            if store.budget(scope, EVERY, unit).limit != limit:
                store.set_limit(scope, EVERY, limit, unit)


def set_budget(store: MissionStore, scope: str, key: str, limit: float | None, unit: Unit) -> int:
    """Limit one mission, day or beat, None: as the others of its kind. Missions that wait for it go on, if they may.

    Returns how many those were.
    """
    store.set_limit(scope, key, limit, unit)
    resumed = 0
    for mission in store.waiting_for_person():
        if [scope, key] == (mission.pending or {}).get("budget"):
            with suppress(MissionError):  # somebody else let it go on
                store.resume(mission.id)
                resumed += 1
    return resumed


def listed(store: MissionStore, now: float) -> Iterator[Budget]:
    """Today's budgets, and those that a mission waits for."""
    purses = [("day", day_of(now))]
    purses += [tuple(mission.pending["budget"]) for mission in store.waiting_for_person() if _waits(mission.pending)]
    for scope, key in dict.fromkeys(purses):
        for unit in UNITS:
            yield store.budget(scope, key, unit)


def _waits(pending: Any) -> bool:
    return "budget" in (pending or {})


def waiting_for(error: BudgetExhausted, now: float, longest: float) -> tuple[dict[str, Any], float]:
    """What a mission waits for that may spend no more, as a person is told, and until when."""
    scope, key = str(error.facts["scope"]), str(error.facts["key"])
    tomorrow = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    deadline = tomorrow.timestamp() if scope == "day" else now + longest
    return {"reason": str(error), "budget": [scope, key]}, deadline


def renews(pending: Any) -> bool:
    """Whether who waited for this until the end may go on: a new day has a new budget."""
    return _waits(pending) and pending["budget"][0] == "day"
