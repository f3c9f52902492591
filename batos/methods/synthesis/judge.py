"""Whether the best program that fits may answer: answer, ask or refuse.

A program nearly always fits; the question is whether it is the right one. The rules weigh what the intent names and
the program leaves out (`critic`), look for rivals that cost as little (`rivals`), and for results that were learned by
heart (`doubts`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from batos.methods.synthesis.critic import Program
from batos.methods.synthesis.doubts import (
    ALONE,
    EXPLAINED,
    LEAVES_OUT,
    SMALL,
    complete,
    doubt,
    shown,
    spoken_for,
)
from batos.methods.synthesis.edges import is_blank
from batos.methods.synthesis.goal import Goal
from batos.methods.synthesis.leaves import Leaves
from batos.methods.synthesis.rivals import differs, embellishes, stands_in
from batos.methods.synthesis.task import Task
from batos.methods.synthesis.values import MISSING, key_of, same

CLOSE = 1
"""Rivals that cost at most this much more than the best are worth a question; with more than `FEW` examples, only
rivals that cost no more."""

FEW = 3

LEFT_OUT = 2
"""So much dearer may a rival be for each word of the intent that the best leaves out and it does not."""

STRAYING = 2
"""What it costs a program to give values of types that no result has."""

HOPELESS = 16
"""With more than so many bits between what a program shows and its size, not even two questions could show it."""

NEAREST = 30
"""So many rivals say where a question tells most."""

UNSHOWN = "the intent speaks of what is empty, and no example shows it"


@dataclass(frozen=True)
class Verdict:
    """`best` is the program; `rival` one that fits as well and differs at probe number `at`; `reason` why to doubt.

    Without a rival, `at` is a probe at which one could ask whether `best` is right: the one at which most of those
    that fit differ; -1 if there is none. `settling` says that an example more could settle the reason, `alone` that
    the intent names what the best does last, or that every rival is far from it and hardly anything is left out.
    """

    best: Program
    rival: Program | None
    at: int
    rivals: tuple[Program, ...]
    reason: str | None = None
    settling: bool = False
    alone: bool = False


def judge(programs: list[Program], goal: Goal, inputs: list[Any], task: Task, leaves: Leaves) -> Verdict | None:
    """The verdict over programs that fit, cheapest first; None if there are none. Once an answer has spoken against the
    best, answers count for no more than the rivals that they ruled out."""
    if not programs:
        return None
    words = task.words
    quiet = frozenset() if words.emptiness else frozenset(_blank(task))
    kinds = {type(result) for result in goal.results}
    ranked = sorted((_kept_to(kinds, program, goal.count) for program in programs), key=lambda program: program.cost)
    distinct = {key_of(program.entry.column[goal.count :]): program for program in reversed(ranked)}
    apart = sorted(distinct.values(), key=lambda program: program.cost)
    best = stands_in(apart, goal.results)
    rivals = [one for one in apart if one is not best and not embellishes(one.entry.node, best.entry.node, words)]
    margin = rivals[0].cost - best.cost if rivals else ALONE
    proven = complete(best, goal, leaves) or spoken_for(best, words, margin)
    reason = doubt(best, goal, inputs, task, leaves, proven, margin)
    few = goal.count - (sum(case.asked for case in task.examples) if task.shaken else 0) <= FEW
    within = [rival for rival in rivals if rival.cost - best.cost <= (CLOSE + _leaves_out(best, rival) if few else 0)]
    close = rivals if reason else within
    for rival in close:
        at = differs(best.entry, rival.entry, goal.results, quiet)
        if at is not None:
            return Verdict(best, rival, at, tuple(rivals), reason)
    lacks = best.size - shown(best, goal, inputs, task.intent)
    settling = reason in (SMALL, EXPLAINED) and lacks <= HOPELESS
    if reason is None and words.emptiness and not any(map(is_blank, task.examples)):
        said = [place for place in _blank(task) if best.entry.column[goal.count + place] not in (MISSING, "", [], {})]
        if said and not any(case.asked for case in task.examples):
            return Verdict(best, None, said[0], tuple(rivals), UNSHOWN, settling=True)
    alone = proven or (margin >= ALONE and best.missed <= LEAVES_OUT)
    return Verdict(best, None, _telling(best, rivals, goal, quiet), tuple(rivals), reason, settling, alone)


def _telling(best: Program, rivals: list[Program], goal: Goal, quiet: frozenset[int]) -> int:
    """The probe at which most of the nearest rivals say something else than the best; -1 if it never says anything."""
    count = len(best.entry.column) - goal.count
    heard = [place for place in range(count) if place not in quiet]
    spoken = [place for place in heard if best.entry.column[goal.count + place] is not MISSING]
    near = [program.entry.column[goal.count :] for program in rivals[:NEAREST]]

    def against(place: int) -> int:
        mine = best.entry.column[goal.count + place]
        return sum(column[place] is not MISSING and not same(column[place], mine) for column in near)

    return max(spoken, key=against, default=-1)


def _blank(task: Task) -> list[int]:
    return [place for place, case in enumerate(task.probes) if is_blank(case)]


def _kept_to(kinds: set[type], program: Program, given: int) -> Program:
    """The program, dearer if it gives values of other types elsewhere than in all examples: 1.0 for 1, or nothing."""
    strays = any(type(value) not in kinds for value in program.entry.column[given:] if value is not MISSING)
    return replace(program, cost=program.cost + STRAYING, size=program.size + STRAYING) if strays else program


def _leaves_out(best: Program, rival: Program) -> int:
    """How much dearer a rival may be that leaves out less of the intent: the best is perhaps too simple."""
    return LEFT_OUT * max(0, best.missed - rival.missed)
