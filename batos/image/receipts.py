"""The records that the image keeps about missions: receipts and proposals. Neither takes part in undo."""

from __future__ import annotations

from typing import Any, Literal

from persistent import Persistent

Outcome = Literal["done", "failed", "proposed"]


class Receipt(Persistent):
    """The one record per mission, written in the commit that holds the mission's effects (or, when it failed, alone).

    `answer` is frozen JSON; `pending` is what a person is asked, when the outcome is a proposal or a question.
    `journal` lists (kind, request hash, occurrence) of what was used, in order of asking. `trace` lists the states that
    were visited with what was decided there. `children` are missions to be filed.
    """

    def __init__(
        self,
        mission: str,
        outcome: Outcome,
        *,
        brief: dict[str, Any],
        answer: Any = None,
        pending: dict[str, Any] | None = None,
        reason: str = "",
        journal: tuple[tuple[str, str, int], ...] = (),
        trace: tuple[dict[str, Any], ...] = (),
        children: tuple[dict[str, Any], ...] = (),
        made_at: float = 0.0,
    ) -> None:
        self.mission = mission
        self.outcome = outcome
        self.brief = brief
        self.answer = answer
        self.pending = pending
        self.reason = reason
        self.journal = journal
        self.trace = trace
        self.children = children
        self.made_at = made_at


class Proposal(Persistent):
    """A change that waits for a person: a method to install on `target` (a raw object) under `method.selector`."""

    def __init__(
        self,
        proposal: str,
        target: Any,
        method: Any,
        *,
        mission: str,
        reason: str,
        audit: tuple[str, ...] = (),
        made_at: float = 0.0,
    ) -> None:
        self.proposal = proposal
        self.target = target
        self.method = method
        self.mission = mission
        self.reason = reason
        self.audit = audit
        self.made_at = made_at
        self.state: Literal["open", "approved", "refused"] = "open"
