"""What a method does as a whole: the slots it writes, the value it returns, when it raises.

Each is solved as a search of its own over the same inputs; here they are told apart and put together again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from batos.methods.synthesis.brief import ABSENT, Brief, Case
from batos.methods.synthesis.budget import Budget
from batos.methods.synthesis.judge import Verdict
from batos.methods.synthesis.learned import Learned
from batos.methods.synthesis.nodes import Choice, Leaf, Node
from batos.methods.synthesis.probes import probes
from batos.methods.synthesis.solve import solve
from batos.methods.synthesis.task import Task
from batos.methods.synthesis.values import MISSING, same
from batos.methods.synthesis.words import Words


@dataclass(frozen=True)
class Part:
    """One solved search: of slot `slot`, of the result (""), or of the test for raising ("raises").

    `before` are the cases of a task over the slots after the writes, as a caller sees them: before the writes.
    """

    slot: str
    task: Task
    verdict: Verdict
    before: list[Case] | None = None

    @property
    def node(self) -> Node:
        return self.verdict.best.entry.node


@dataclass
class Effects:
    """The parts of a method. `returns` is a node over the slots as they are before the writes, unless `late`."""

    writes: list[Part] = field(default_factory=list)
    result: Part | None = None
    late: bool = False
    returns: Node | None = None
    guard: Part | None = None
    raises: str | None = None

    @property
    def outcomes(self) -> list[Part]:
        """The writes and the result."""
        return [*self.writes, *([self.result] if self.result else [])]

    @property
    def parts(self) -> list[Part]:
        return [*([self.guard] if self.guard else []), *self.outcomes]


class Unsolved(Exception):
    """No program was found; `about` says for what."""

    def __init__(self, about: str) -> None:
        super().__init__(about)
        self.about = about


class Solver:
    """Solves the parts of one brief, sharing one budget evenly."""

    def __init__(
        self,
        brief: Brief,
        parameters: tuple[str, ...],
        budget: Budget,
        learned: Learned | None = None,
        shaken: bool = False,
    ) -> None:
        self.learned = learned
        self.shaken = shaken
        self.brief = brief
        self.parameters = parameters
        self.budget = budget
        self.words = Words(brief.selector, brief.intent, ordinals=not _alike(brief.cases[0].inputs))
        self.finished = [case for case in brief.cases if case.raises is None]
        self.probes = probes(brief) if self.finished else []

    def effects(self) -> Effects:
        """All parts but the guard. Raises Unsolved."""
        slots = self._written()
        results = [case.result for case in self.finished]
        returned = any(result is not ABSENT and result is not None for result in results)
        share = len(slots) + (2 if returned and slots else 1)
        effects = Effects(writes=[self._write(slot, share) for slot in slots])
        if not returned:
            return effects
        if any(result is ABSENT for result in results):
            raise Unsolved("the result, which only some examples state,")
        for slot in slots:
            if all(same(case.result, (case.slots_after or {}).get(slot, ABSENT)) for case in self.finished):
                effects.returns, effects.late = (Leaf("slot", slot),), True
                return effects
        self._solve_result(effects, results, share)
        return effects

    def guard(self, effects: Effects) -> None:
        """Add the test that tells the inputs for which the method raises. Raises Unsolved."""
        raising = [case.raises is not None for case in self.brief.cases]
        kinds = {case.raises for case in self.brief.cases} - {None}
        if len(kinds) != 1 or not self.finished:
            raise Unsolved("one kind of error to raise in some cases")
        effects.guard = self._solve("raises", [*self.brief.cases, *self.probes], list(raising), 2)
        effects.raises = kinds.pop()

    def _written(self) -> list[str]:
        """The slots that some example changes, in the order of the examples."""
        changed: dict[str, None] = {}
        for case in self.finished:
            for slot, value in (case.slots_after or {}).items():
                if slot not in case.slots or not same(case.slots[slot], value):
                    changed[slot] = None
        return list(changed)

    def _write(self, slot: str, share: int) -> Part:
        known = [case for case in self.finished if slot in (case.slots_after or {})]
        after = [(case.slots_after or {})[slot] for case in known]
        return self._solve(slot, [*known, *self.probes], after, share)

    def _solve_result(self, effects: Effects, results: list[Any], share: int) -> None:
        cases = [*self.finished, *self.probes]
        before = self._try("", cases, results, share)
        after = self._try("", self._afterwards(effects, cases), results, share) if effects.writes else None
        if after is not None:
            after = replace(after, before=cases)
        found = [part for part in (after, before) if part is not None]
        if not found:
            raise Unsolved("the result")
        if before is not None and any(_decided(part.node, before.node) for part in effects.writes):
            found.reverse()
        effects.result = min(found, key=lambda part: part.verdict.best.cost)
        effects.late = effects.result is after
        effects.returns = effects.result.node

    def _afterwards(self, effects: Effects, cases: list[Case]) -> list[Case]:
        """The cases with their slots as they are after the writes."""
        states = [dict(case.slots) for case in cases]
        for case, state in zip(cases, states, strict=True):
            state.update(case.slots_after or {})
        for part in effects.writes:
            computed = part.verdict.best.entry.column
            for back in range(1, len(self.probes) + 1):
                if computed[-back] is not MISSING:
                    states[-back][part.slot] = computed[-back]
        return [replace(case, slots=state) for case, state in zip(cases, states, strict=True)]

    def _solve(self, slot: str, cases: list[Case], results: list[Any], share: int) -> Part:
        part = self._try(slot, cases, results, share)
        if part is None:
            raise Unsolved(f"the new value of slot {slot!r}" if slot != "raises" else "the cases to raise in")
        return part

    def _try(self, slot: str, cases: list[Case], results: list[Any], share: int) -> Part | None:
        alone = share == 1
        task = Task(
            cases, results, self.parameters, self.words, self.brief.intent, slot, alone, self.learned, self.shaken
        )
        budget = Budget(self.budget.expressions // share, self.budget.cells)
        verdict = solve(task, budget)
        self.budget.made += budget.made
        return Part(slot, task, verdict) if verdict is not None else None


def _decided(write: Node, result: Node) -> bool:
    """Whether a write chooses by the very test that the result gives: then the result says what was decided."""
    chosen = isinstance(write[0], Choice) and write[1] == result
    return chosen or any(_decided(child, result) for child in write[1:])


def _alike(inputs: tuple[Any, ...]) -> bool:
    """Whether there are several arguments, all of one type."""
    return len(inputs) > 1 and len({type(value) for value in inputs}) == 1
