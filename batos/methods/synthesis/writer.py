"""The built-in backend's skill "method": answers with a source, asks for one example more, or refuses.

First a facet, then the naming conventions, then synthesis from the examples. It never answers with a source that
fails a given example.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batos.errors import SlotRefused
from batos.inference.port import Answer, Request
from batos.methods.synthesis import brief as briefs
from batos.methods.synthesis import conventions, emit
from batos.methods.synthesis.brief import Brief, Case, is_name, refused
from batos.methods.synthesis.budget import Budget
from batos.methods.synthesis.critic import Program
from batos.methods.synthesis.effects import Effects, Part, Solver, Unsolved
from batos.methods.synthesis.learned import Learned
from batos.methods.synthesis.nodes import Leaf, heads
from batos.methods.synthesis.trial import satisfies
from batos.methods.synthesis.values import MISSING
from batos.methods.synthesis.words import Words
from batos.objects.values import freeze

MODEL = "builtin"
ELSEWHERE = "configure a model backend such as `openai:URL#MODEL`"
MODEST = 1000
QUESTIONS = 2
RIVALS = 3
"""So many rivals are told in the notes."""


def write_method(request: Request) -> Answer:
    """The method that the request describes, as source in `text`.

    `notes` say which rule answered, and which rivals were ruled out. Where two methods fit equally well, `text` is
    empty and `question` holds an example without result, with both candidates' results; `question["about"]` is
    "result", or the name of the slot whose value afterwards is asked for. Raises BackendRefused where there is nothing
    to go on.
    """
    brief = briefs.read(request)
    answer = _written(brief)
    if answer.text in brief.refusals and answer.text:
        raise refused(
            f"The built-in backend has only one method to offer for {brief.selector!r}, and that was refused: "
            f"{brief.refusals[answer.text]} To have another one, {ELSEWHERE}."
        )
    return answer


def _written(brief: Brief) -> Answer:
    if brief.is_facet:
        return Answer(text=conventions.facet(brief), notes={"rule": "facet"}, model=MODEL)
    if (found := conventions.by_convention(brief)) is not None:
        source, convention = found
        if all(satisfies(source, brief.selector, case) for case in brief.cases):
            notes: dict[str, Any] = {"rule": f"convention {convention.pattern}", "says": convention.says}
            return Answer(text=source, notes=notes, model=MODEL)
    if not brief.cases:
        raise refused(
            f"The built-in backend cannot write {brief.selector!r} for {brief.owner}: the name follows none of its "
            f"conventions, and there are no examples to go on. Give examples with `teach`, or {ELSEWHERE}."
        )
    return from_examples(brief, Budget())


def from_examples(brief: Brief, budget: Budget) -> Answer:
    """The method that the examples of `brief` describe; answers, asks and refuses like `write_method`."""
    _check_examples(brief)
    words = Words(brief.selector, brief.intent)
    with Learned.of(brief, words) as learned:
        return _from_examples(brief, budget, learned)


def _from_examples(brief: Brief, budget: Budget, learned: Learned) -> Answer:
    names = emit.parameters(brief)
    shaken = refuted(brief, learned)
    solver = Solver(brief, names, budget, learned if learned.methods else None, shaken)

    def holds(source: str, case: Case) -> bool:
        return satisfies(source, brief.selector, case, learned.answer, learned.methods)

    try:
        effects = solver.effects()
        source = emit.method(brief.selector, names, effects)
        if any(case.raises and not (_modest(case) and holds(source, case)) for case in brief.cases):
            solver.guard(effects)
            source = emit.method(brief.selector, names, effects)
    except Unsolved as unsolved:
        raise refused(
            f"The built-in backend found nothing that gives {unsolved.about} of {brief.selector!r} among the "
            f"{budget.made:,} expressions it tried. Break the task into smaller methods, give simpler examples, "
            f"or {ELSEWHERE}."
        ) from None
    if not all(holds(source, case) for case in brief.cases):
        raise refused(
            f"The built-in backend found no method {brief.selector!r} that satisfies every example. Give simpler "
            f"examples, or {ELSEWHERE}."
        )
    return _verdict(brief, effects, source, budget, shaken)


def refuted(brief: Brief, learned: Learned) -> bool:
    """Whether the last answer spoke against what was the best method before it: then the method is another one now,
    and nothing has confirmed it."""
    answers = [case for case in brief.cases if case.asked]
    if not answers:
        return False
    before = replace(brief, cases=tuple(case for case in brief.cases if case is not answers[-1]))
    solver = Solver(before, emit.parameters(before), Budget(), learned if learned.methods else None)
    try:
        source = emit.method(brief.selector, emit.parameters(before), solver.effects())
    except Unsolved:
        return True
    return not satisfies(source, brief.selector, answers[-1], learned.answer, learned.methods)


def _verdict(brief: Brief, effects: Effects, source: str, budget: Budget, shaken: bool) -> Answer:
    notes: dict[str, Any] = {
        "rule": "examples",
        "cost": sum(part.verdict.best.cost for part in effects.parts),
        "expressions": budget.made,
        "rivals": [_rival(brief, part, rival) for part in effects.parts for rival in part.verdict.rivals[:RIVALS]],
    }
    doubts = [part.verdict.reason for part in effects.parts if part.verdict.reason]
    unsure = [part for part in effects.outcomes if shaken and not part.verdict.alone and not part.verdict.reason]
    open_ = [part for part in effects.outcomes if part.verdict.rival is not None or part.verdict.settling]
    asked = [*sorted(open_, key=lambda part: part.verdict.rival is None), *unsure]
    for part in asked if brief.asked < QUESTIONS else ():
        if (question := _question(part)) is not None:
            return Answer(question=question, notes={**notes, "candidate": source}, model=MODEL)
    if any(part.verdict.rival is not None for part in open_):
        doubts.insert(0, f"the examples still leave open what it does, after {brief.asked} questions")
    if unsure:
        doubts.append("the last answer spoke against what fitted before, and nothing confirms what fits now")
    if effects.guard is not None and effects.guard.verdict.rival is not None:
        doubts.append(f"the examples leave open for which arguments it raises {effects.raises}")
    if doubts:
        raise refused(
            f"The built-in backend did not write {brief.selector!r}: {doubts[0]}. Give more examples, or {ELSEWHERE}."
        )
    return Answer(text=source, notes=notes, model=MODEL)


def _modest(case: Case) -> bool:
    """Whether the method may be tried before it is told to raise: it might count up to its numbers."""
    return all(abs(value) <= MODEST for value in case.inputs if isinstance(value, (int, float)))


def _check_examples(brief: Brief) -> None:
    first = brief.cases[0]
    unfit = [name for name in first.kwargs if not is_name(name)]
    if unfit:
        raise refused(f"{unfit[0]!r} is no name that an argument of {brief.selector!r} can have. Rename it.")
    if sum(case.size for case in brief.cases) > briefs.LARGEST:
        raise refused(
            f"The examples of {brief.selector!r} are too large to search with. Give small examples that show the same, "
            f"or {ELSEWHERE}."
        )
    for case in brief.cases:
        if (len(case.args), list(case.kwargs)) != (len(first.args), list(first.kwargs)):
            raise refused(
                f"The examples of {brief.selector!r} differ in their number or names of arguments, and the built-in "
                f"backend writes no default values. Give every example the same arguments, or {ELSEWHERE}."
            )


def _question(part: Part) -> dict[str, Any] | None:
    """The probe on which the two best differ, with what each of them gives; None if it cannot be written down.

    Without a rival it is what the best gives: whether that is right shows more than the examples do.
    """
    place = len(part.task.results) + part.verdict.at
    if not len(part.task.results) <= place < len(part.task.cases):
        return None
    case = (part.before or part.task.cases)[place]
    rivals = (part.verdict.best, *([part.verdict.rival] if part.verdict.rival is not None else []))
    if any(each.entry.column[place] is MISSING for each in rivals):
        return None
    leaves = [head for each in rivals for head in heads(each.entry.node) if isinstance(head, Leaf)]
    read = set(case.slots) if part.before else {leaf.value for leaf in leaves if leaf.kind == "slot"}
    try:
        return {
            "args": freeze(list(case.args)),
            "kwargs": freeze(case.kwargs),
            "slots": {name: freeze(value) for name, value in case.slots.items() if name in read},
            "candidates": [freeze(each.entry.column[place]) for each in rivals],
            "about": part.slot or "result",
        }
    except SlotRefused:
        return None


def _rival(brief: Brief, part: Part, rival: Program) -> dict[str, Any]:
    """A program that fits the examples too: its source, and why it lost."""
    names = emit.parameters(brief)
    alone = Effects(returns=rival.entry.node)
    more = rival.cost - part.verdict.best.cost
    return {"source": emit.method(brief.selector, names, alone), "about": part.slot or "result", "costs_more": more}
