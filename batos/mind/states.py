"""The prototypal state machine as a table. Nothing else in the system knows which state may follow which."""

from __future__ import annotations

from enum import StrEnum

from batos.errors import IllegalTransition


class State(StrEnum):
    IDLE = "IDLE"
    DECOMPOSING = "DECOMPOSING"
    DELEGATING = "DELEGATING"
    SYNTHESIZING = "SYNTHESIZING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


TRANSITIONS: dict[State, tuple[State, ...]] = {
    State.IDLE: (State.DECOMPOSING, State.FAILED),
    State.DECOMPOSING: (State.DELEGATING, State.FAILED),
    State.DELEGATING: (State.SYNTHESIZING, State.FAILED),
    State.SYNTHESIZING: (State.COMPLETE, State.FAILED),
    State.COMPLETE: (State.IDLE, State.FAILED),
    State.FAILED: (),
}


def after(state: State, successor: object) -> State:
    """`successor`, which the method of `state` named, as a state. Raises `IllegalTransition` if the table lacks it."""
    allowed = TRANSITIONS[state]
    for following in allowed:
        if successor == following:
            return following
    raise IllegalTransition(state=state.value, successor=successor, allowed=", ".join(allowed) or "none")


def mermaid() -> str:
    """The table as a Mermaid state diagram; `docs/states.md` holds it and a test compares."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.IDLE}"]
    lines += [f"    {state} --> {successor}" for state, row in TRANSITIONS.items() for successor in row]
    lines.append(f"    {State.FAILED} --> [*]")
    return "\n".join(lines)
