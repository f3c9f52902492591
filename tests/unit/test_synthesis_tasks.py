"""Every third of the public tasks (`benchmarks/methods`), with a small part of the default budget: enough for most.

Everything but the synthesiser is left out here, for speed: sources run in process, where `batos bench-model` has them
run in the sandbox.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from batos.errors import BackendRefused, TasksRefused
from batos.inference.port import Request
from batos.methods import guardian
from batos.methods.synthesis import brief as briefs
from batos.methods.synthesis.brief import Case
from batos.methods.synthesis.budget import Budget
from batos.methods.synthesis.trial import Receiver, compiled, satisfies
from batos.methods.synthesis.writer import from_examples
from batos.methods.tasks import Stated, Task, public_tasks
from batos.objects.values import freeze

SMALL = 6000
EVERY = 1 if os.environ.get("BATOS_FULL") else 3
QUESTIONS = 2


@dataclass
class Score:
    outcome: str
    questions: int
    source: str = ""


def request(task: Task, examples: tuple[Stated, ...], answered: list[dict[str, Any]]) -> Request:
    stated = [*(example.as_json() for example in examples), *answered]
    materials: dict[str, Any] = {
        "selector": task.selector,
        "object": {"name": "task", "slots": task.slots, "methods": [], "parents": []},
        "contract": {"intent": task.intent, "examples": stated},
        "message": {},
        "asked": len(answered),
    }
    return Request(purpose="method", materials=materials)


def cases(task: Task, examples: tuple[Stated, ...]) -> tuple[Case, ...]:
    return briefs.read(request(task, examples, [])).cases


def answer(task: Task, question: dict[str, Any]) -> dict[str, Any]:
    """The question as an example, with what the reference gives."""
    asked = {name: question[name] for name in ("args", "kwargs", "slots")} | {"asked": True}
    (case,) = briefs.read(request(task, (), [asked])).cases
    receiver = Receiver(case.slots)
    try:
        result = compiled(task.reference, task.selector)(receiver, *case.args, **case.kwargs)
    except Exception as error:
        return {**asked, "raises": type(error).__name__}
    after = {name: freeze(value) for name, value in vars(receiver).items() if name != "_p_changed"}
    stated = any("result" in example.model_fields_set for example in task.train)
    written = any(example.slots_after for example in task.train)
    return {**asked, **({"result": freeze(result)} if stated else {}), **({"slots_after": after} if written else {})}


def score(task: Task) -> Score:
    answered: list[dict[str, Any]] = []
    try:
        found = from_examples(briefs.read(request(task, task.train, answered)), Budget(SMALL))
        while found.question is not None and len(answered) < QUESTIONS:
            answered.append(answer(task, found.question))
            found = from_examples(briefs.read(request(task, task.train, answered)), Budget(SMALL))
    except BackendRefused:
        return Score("refused", len(answered))
    if found.question is not None:
        return Score("refused", len(answered))
    right = all(satisfies(found.text, task.selector, case) for case in cases(task, task.check))
    return Score("right" if right else "wrong", len(answered), found.text)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    try:
        return public_tasks()
    except TasksRefused:
        pytest.skip("the public tasks are not part of this installation")


@pytest.fixture(scope="module")
def scores(tasks: list[Task]) -> dict[str, Score]:
    return {task.selector: score(task) for task in tasks[::EVERY]}


def test_every_reference_satisfies_its_own_examples(tasks: list[Task]) -> None:
    assert len(tasks) >= 150
    assert len({task.selector for task in tasks}) == len(tasks)
    for task in tasks:
        shown = cases(task, (*task.train, *task.check))
        assert all(satisfies(task.reference, task.selector, case) for case in shown)


@pytest.mark.timeout(300)
def test_most_tasks_are_right_and_hardly_one_is_wrong(scores: dict[str, Score]) -> None:
    outcomes = Counter(score.outcome for score in scores.values())
    assert outcomes["right"] / len(scores) >= 0.9
    assert outcomes["wrong"] / len(scores) <= 0.02
    assert sum(score.questions for score in scores.values()) / len(scores) <= 0.3


def test_every_source_passes_the_guardian(scores: dict[str, Score]) -> None:
    for selector, found in scores.items():
        if found.source:
            assert guardian.audit(found.source, selector).reason == "", found.source
