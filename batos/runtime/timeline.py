"""A mission's timeline: its attempts with their states, and the needs that were performed between them.

Times come from the log of attempts and from the journal. All of it is data; how it is drawn is told in `drawing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batos.runtime.drawing import svg, text
from batos.runtime.journal import Attempt, JournalEntry


@dataclass(frozen=True)
class Span:
    """`began` and `ended` are seconds since the mission was filed."""

    label: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True)
class AttemptSpan(Span):
    """`states` are the states it went through, those of cycles within the cycle among them; `label` how it ended."""

    states: tuple[Span, ...]


@dataclass(frozen=True)
class NeedSpan(Span):
    kind: str
    failed: bool


@dataclass(frozen=True)
class Timeline:
    """`str` draws it in characters, `svg` as a picture."""

    title: str
    attempts: tuple[AttemptSpan, ...]
    needs: tuple[NeedSpan, ...]

    @property
    def seconds(self) -> float:
        return max((span.ended for span in (*self.attempts, *self.needs)), default=0.0)

    def svg(self) -> str:
        return svg(self)

    def __str__(self) -> str:
        return text(self)


def timeline(mission: dict[str, Any], attempts: Sequence[Attempt], journal: Sequence[JournalEntry]) -> Timeline:
    """From a mission as `Uvm.mission` tells it, its attempts in order, and its journal."""
    filed = mission["created_at"]
    title = f"mission {mission['mission'][:8]}: {mission['target']} {mission['selector']}, {mission['state']}"
    needs = sorted((_need(entry, attempts, filed) for entry in journal), key=lambda span: (span.began, span.ended))
    return Timeline(title, tuple(_attempt(attempt, filed) for attempt in attempts), tuple(needs))


def _attempt(attempt: Attempt, filed: float) -> AttemptSpan:
    began, ended = attempt.started - filed, attempt.ended - filed
    entered = [(_called(state, depth), began + after) for state, depth, after in attempt.states]
    ends = [*(at for _, at in entered[1:]), ended]
    states = tuple(Span(name, at, end) for (name, at), end in zip(entered, ends, strict=True))
    return AttemptSpan(attempt.result, began, ended, states)


def _called(state: str, depth: int) -> str:
    return state if not depth else f"{state} within"


def _need(entry: JournalEntry, attempts: Sequence[Attempt], filed: float) -> NeedSpan:
    ended = entry.made_at
    began = ended - entry.seconds
    if entry.kind == "learn":  # a mission of its own: it began when the attempt that missed it ended
        began = max((attempt.ended for attempt in attempts if attempt.ended <= ended), default=began)
    return NeedSpan(_label(entry), began - filed, ended - filed, entry.kind, "error" in entry.answer)


def _label(entry: JournalEntry) -> str:
    """What was asked, as a person would call it."""
    request = entry.request
    materials = request.get("materials") or {}
    if entry.kind == "inference":
        name = materials.get("facet") or request.get("purpose") or "inference"
        who = request.get("persona") or materials.get("persona")
        return f"{name} ({who})" if who else str(name)
    if entry.kind == "learn":
        outcome = entry.answer.get("outcome") or {}
        answer = outcome.get("answer") or outcome.get("pending") or {}
        return f"learn {answer.get('selector') or 'a method'}"
    return f"{request.get('called') or request.get('name') or entry.kind}"
