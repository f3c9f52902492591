"""The public tasks (`benchmarks/methods`), with a small part of the default budget: enough for nearly all of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from batos.inference.port import Answer, Request
from batos.methods import guardian
from batos.methods.synthesis import brief as briefs
from batos.methods.synthesis.budget import Budget
from batos.methods.synthesis.tasks import Score, Task, read_tasks, score
from batos.methods.synthesis.trial import satisfies
from batos.methods.synthesis.writer import from_examples

FOLDER = Path(__file__).parents[2] / "benchmarks" / "methods"
SMALL = 4000

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of this installation")


def small(request: Request) -> Answer:
    return from_examples(briefs.read(request), Budget(SMALL))


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return read_tasks(FOLDER)


@pytest.fixture(scope="module")
def scores(tasks: list[Task]) -> dict[str, Score]:
    return {task.selector: score(task, small) for task in tasks}


def test_every_reference_satisfies_its_own_examples(tasks: list[Task]) -> None:
    assert len(tasks) >= 150
    assert len({task.selector for task in tasks}) == len(tasks)
    for task in tasks:
        shown = task.model_copy(update={"check": task.train})
        assert all(satisfies(task.reference, task.selector, case) for case in (*task.checks(), *shown.checks()))


def test_most_tasks_are_right_and_hardly_one_is_wrong(scores: dict[str, Score]) -> None:
    outcomes = Counter(score.outcome for score in scores.values())
    assert outcomes["right"] / len(scores) >= 0.9
    assert outcomes["wrong"] / len(scores) <= 0.02
    assert sum(score.questions for score in scores.values()) / len(scores) <= 0.3


def test_every_source_passes_the_guardian(scores: dict[str, Score]) -> None:
    for selector, found in scores.items():
        if found.source:
            assert guardian.audit(found.source, selector).reason == "", found.source
