"""What the First Conversation is doing, told from the events of the runtime.

A mission's cycle is run again from its start after every answer, so its states say little about how far it is; the
needs that are performed do. One that the journal answers, because an earlier run got that far, is not performed again
and is not shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from batos.cli.show import counted
from batos.clock import Clock

Event = dict[str, Any]

TITLES = {
    "reading": "Reading its own documents",
    "planning": "Planning",
    "facets": "Asking its facets",
    "writing": "Writing the workbench",
    "accepting": "Checking the workbench",
    "keeping": "Keeping it",
}
FACET = "_facet_"


@dataclass
class Stage:
    """One stage, from `began` to `ended` on a monotonic clock; None while it lasts.

    `open_ended` ones go on until something happens, so it is told at once that they began.
    """

    title: str
    began: float
    ended: float | None = None
    detail: str = ""
    failed: bool = False
    open_ended: bool = False


@dataclass
class Stages:
    """Takes events from any thread; `shown` is called with each stage when it begins, says more, and ends, `closing`
    once when there is nothing more to show. `draft` is a text in the making, which a terminal shows below them."""

    clock: Clock
    shown: Callable[[Stage], None] = lambda stage: None
    closing: Callable[[], None] = lambda: None
    mission: str | None = None
    documents: int = 0
    draft: str = ""
    stages: list[Stage] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=lambda: TITLES)
    _learning: dict[str, str] = field(default_factory=dict)
    _read: int = 0
    _asked: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # From the outside

    def begin(self, title: str, detail: str = "", *, open_ended: bool = False) -> Stage:
        """Begin a stage; what went on before has ended."""
        with self._lock:
            self.end()
            stage = Stage(title, self.clock.monotonic(), detail=detail, open_ended=open_ended)
            self.stages.append(stage)
            self.shown(stage)
            return stage

    def end(self, detail: str | None = None, *, failed: bool = False) -> None:
        """End the stage that is going on, if one is."""
        with self._lock:
            if not self.stages or self.stages[-1].ended is not None:
                return
            stage = self.stages[-1]
            stage.ended, stage.failed = self.clock.monotonic(), failed
            stage.detail = stage.detail if detail is None else detail
            self.shown(stage)

    def close(self) -> None:
        """Nothing more is shown; other output may follow."""
        self.end()
        self.closing()

    def take(self, event: Event) -> None:
        """Look at one event of the runtime."""
        with self._lock:
            if event["kind"] == "need":
                self._need(event)
            elif event["kind"] == "mission":
                self._mission(event)
            elif event["kind"] == "change":
                self._change(event)
            elif event["kind"] == "cycle":
                self._cycle(event)

    # Events

    def _need(self, event: Event) -> None:
        ended = event["phase"] == "ended"
        if event["mission"] in self._learning:
            self._in("facets")
        if event["mission"] != self.mission:
            return
        match event["need"], event["name"], event["purpose"]:
            case "tool", "ingest_own_documents", _:
                self._tell("reading", _read(_value(event)) if ended else self._reading())
            case "observe", _, _:
                self._in("planning")
            case "inference", _, "plan":
                self._tell("planning", _planned(_value(event)) if ended else "")
            case "inference", _, "facet":
                self._asked += ended
                self._tell("facets", self._consulted())
            case "inference", _, "workbench":
                self._tell("writing", _written(_value(event)) if ended else "")
            case "program", "workbench", _:
                self._tell("accepting", _accepted(event["answer"]) if ended else "audit, a run off screen, its picture")
                if ended and _is_accepted(event["answer"]):
                    self._tell("keeping", "source and picture, in one commit")

    def _mission(self, event: Event) -> None:
        if event["type"] == "learn" and event["selector"].endswith(FACET):
            if event["state"] == "running":
                self._learning.setdefault(event["id"], "")
            elif event["state"] == "done":
                self._learning[event["id"]] = event["selector"].removesuffix(FACET).replace("_", " ")
            self._tell("facets", self._consulted())
        elif event["id"] == self.mission and event["state"] == "done" and self._is_in("keeping"):
            self.end()

    def _change(self, event: Event) -> None:
        if self._is_in("reading") and event["note"].startswith("ingest "):
            self._read += 1
            self._tell("reading", self._reading())

    def _cycle(self, event: Event) -> None:
        """States say little here: see above."""

    # Telling

    def _in(self, key: str) -> Stage:
        """The stage `key`, begun if it is not the one that is going on."""
        return self.stages[-1] if self._is_in(key) else self.begin(self.titles[key])

    def _is_in(self, key: str) -> bool:
        return bool(self.stages) and self.stages[-1].title == self.titles.get(key) and self.stages[-1].ended is None

    def _tell(self, key: str, detail: str) -> None:
        stage = self._in(key)
        stage.detail = detail or stage.detail
        self.shown(stage)

    def _reading(self) -> str:
        return f"{self._read} of {self.documents}" if self.documents else ""

    def _consulted(self) -> str:
        parts = [f"{self._asked} answered"] if self._asked else []
        learned = sorted(name for name in self._learning.values() if name)
        if learned:
            parts.append(f"{len(learned)} learned first: {', '.join(learned)}")
        return ", ".join(parts)


def _value(event: Event) -> Any:
    return (event.get("answer") or {}).get("value") or {}


def _read(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number)


def _planned(answer: dict[str, Any]) -> str:
    plan = answer.get("data") or {}
    return f"{plan['archetype']}, {plan['lead']} leads" if {"archetype", "lead"} <= set(plan) else ""


def _written(answer: dict[str, Any]) -> str:
    lines = answer.get("text", "").count("\n")
    return f"{counted(lines, 'line')} by {answer['model']}" if answer.get("model") else ""


def _is_accepted(answer: dict[str, Any]) -> bool:
    return bool(answer.get("value", {}).get("accepted"))


def _accepted(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return ""
    verdict = answer["value"]
    if not _is_accepted(answer):
        return f"refused: {verdict['reason']}"
    panels, hits = counted(len(verdict["report"]["panels"]), "panel"), counted(verdict["report"]["count"], "hit")
    return f"audited, {panels} run off screen, {hits} found through it"
