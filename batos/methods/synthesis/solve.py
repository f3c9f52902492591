"""One search for one result: from cases and results to a verdict over the programs that fit."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from batos.methods.synthesis.budget import Budget, Exhausted, Prices
from batos.methods.synthesis.critic import Critic, Program
from batos.methods.synthesis.enumerate import Search
from batos.methods.synthesis.judge import CLOSE, Verdict, judge
from batos.methods.synthesis.leaves import leaves
from batos.methods.synthesis.nodes import Entry
from batos.methods.synthesis.operations import LONGEST
from batos.methods.synthesis.push import WholeGoal
from batos.methods.synthesis.task import Task
from batos.methods.synthesis.values import keys_in, texts_in

HIGHEST_LEVEL = 40

PATIENCE, SPARE, SMALL_MATTER = 3, 20_000, 2
"""A program that leaves hardly anything of the intent out has to stand only so many times the expressions it was found
with, and some to spare: one that is put together from parts costs more than the level at which it is found."""

NOTHING = Program(HIGHEST_LEVEL, Entry([], (), 0, 0), HIGHEST_LEVEL)


def solve(task: Task, budget: Budget) -> Verdict | None:
    """The verdict on the cheapest program that gives every result; None if none was found within the budget."""
    learned = task.learned
    more = learned.starts if learned is not None else None
    starts = leaves(task.cases, task.results, task.parameters, task.words, task.slot, more)
    prices = Prices.by(task.words, learned.operations(task.cases) if learned is not None else ())
    inputs = [[list(case.inputs), list(case.slots.values())] for case in task.examples]
    shown = tuple(" ".join(texts_in(values)).lower() for values in inputs)
    goal = WholeGoal(task.results, task.words, prices.by_name(), constants=bool(task.slot), shown=shown)
    search = Search(starts.starts, prices, budget, len(task.results), goal, longest=_longest(task))
    own = tuple(learned.prices) if learned is not None else ()
    critic = Critic(task.words, starts, keys_in(inputs), _names(task), task.alone, own)
    programs: list[Program] = []
    best, found_at = NOTHING, 0
    with collector_off():
        while search.level < HIGHEST_LEVEL:
            exhausted = False
            try:
                search.advance()
            except Exhausted:
                exhausted = True
            programs += [critic.priced(entry) for entry in goal.candidates]
            goal.candidates.clear()
            cheapest = min(programs, key=lambda program: program.cost, default=best)
            if cheapest.cost < best.cost:
                best, found_at = cheapest, budget.made
            if best is not NOTHING and best.missed <= SMALL_MATTER:
                budget.lower(PATIENCE * found_at + SPARE)
            if exhausted or search.level >= best.cost + CLOSE:
                break
    return judge(programs, goal, inputs, task, starts)


def _longest(task: Task) -> tuple[int, ...]:
    """For each example, how long a text on the way to the result may be: little longer than what is there."""
    shown = zip(task.cases, task.results, strict=False)
    values = [[list(case.inputs), case.slots, result] for case, result in shown]
    return tuple(2 + max((len(text) for text in texts_in(each) + keys_in(each)), default=LONGEST) for each in values)


def _names(task: Task) -> set[str]:
    """The words of slots and record keys."""
    slots = list(task.cases[0].slots)
    keys = keys_in([[list(case.inputs), list(case.slots.values())] for case in task.cases])
    return {part.lower() for name in (*slots, *keys) for part in name.split("_")}


@contextmanager
def collector_off() -> Iterator[None]:
    """A search makes millions of tuples and no cycles; the cycle collector would only walk them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
