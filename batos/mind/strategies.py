"""What each kind of mission does in each state: one row per kind, four functions per row.

The state prototypes know the states; a row knows the work. IDLE and FAILED are the same for every mission.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from batos.errors import MissionError
from batos.mind import answering, delivering, displaying, improving, learning, rechecking, summarizing
from batos.mind.cycle import Cycle

Step = Callable[[Cycle], None]


@dataclass(frozen=True)
class Strategy:
    """`decompose` writes `plan` into the scratch slot, `delegate` `partial_responses`, `synthesize` `final_response`;
    `complete` applies the effects and sets the cycle's answer."""

    decompose: Step
    delegate: Step
    synthesize: Step
    complete: Step


def _of(module: object) -> Strategy:
    return Strategy(*(getattr(module, name) for name in ("decompose", "delegate", "synthesize", "complete")))


STRATEGIES: dict[str, Strategy] = {
    "unhandled_message": _of(delivering),
    "learn": _of(learning),
    "ask": _of(answering),
    "display": _of(displaying),
    "recheck": _of(rechecking),
    "summarize": _of(summarizing),
    "systemic_self_improvement": _of(improving),
}


def strategy_of(cycle: Cycle) -> Strategy:
    """The row for the cycle's mission. Raises `MissionError` for a type that is not in the table."""
    kind = cycle.brief["type"]
    if kind not in STRATEGIES:
        known = ", ".join(sorted(STRATEGIES))
        raise MissionError(mission=cycle.mission, reason=f"there is no mission type {kind!r}; known are {known}.")
    return STRATEGIES[kind]
