"""One thing to solve: the result of a method, or the new value of one slot, over the examples and the probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batos.methods.synthesis.brief import Case
from batos.methods.synthesis.learned import Learned
from batos.methods.synthesis.words import Words


@dataclass(frozen=True)
class Task:
    """What to solve: `cases` are the examples and then the probes; `results` those of the examples.

    `slot` is the slot that the result is written to, if any; not `alone` if the method does other things too. `shaken`:
    the last answer to a question spoke against what fitted before it.
    """

    cases: list[Case]
    results: list[Any]
    parameters: tuple[str, ...]
    words: Words
    intent: str
    slot: str = ""
    alone: bool = True
    learned: Learned | None = None
    shaken: bool = False

    @property
    def examples(self) -> list[Case]:
        return self.cases[: len(self.results)]

    @property
    def probes(self) -> list[Case]:
        return self.cases[len(self.results) :]
