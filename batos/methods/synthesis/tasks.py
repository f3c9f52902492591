"""Task files (`benchmarks/methods/README.md` describes them) and how a writer of methods does on them.

A task is *right* if the source passes the check examples it never saw, *wrong* if it does not, *refused* if there is
none. A writer may ask up to `QUESTIONS` questions, which the task's reference answers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from batos.errors import BackendRefused
from batos.inference.port import Answer, Request
from batos.methods.synthesis import brief as briefs
from batos.methods.synthesis.brief import Case
from batos.methods.synthesis.trial import Receiver, compiled, satisfies
from batos.objects.values import freeze

QUESTIONS = 2
Outcome = Literal["right", "wrong", "refused"]


class Example(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    slots: dict[str, Any] | None = None
    result: Any = None
    raises: str | None = None
    slots_after: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        stated = self.model_dump(mode="json", exclude_unset=True)
        return {**stated, "args": list(self.args), "kwargs": self.kwargs, "given": True}


class Task(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    selector: str
    intent: str
    slots: dict[str, Any] = {}
    train: tuple[Example, ...]
    check: tuple[Example, ...]
    reference: str

    def request(self, answered: tuple[dict[str, Any], ...] = ()) -> Request:
        examples = [*(example.as_json() for example in self.train), *answered]
        materials: dict[str, Any] = {
            "selector": self.selector,
            "object": {"name": "task", "slots": self.slots, "methods": [], "parents": []},
            "contract": {"intent": self.intent, "examples": examples},
            "message": {},
        }
        return Request(purpose="method", materials=materials)

    def checks(self) -> tuple[Case, ...]:
        """The check examples with thawed values."""
        return briefs.read(self.model_copy(update={"train": self.check}).request()).cases

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """The question as an example, with what the reference gives."""
        asked = {"args": question["args"], "kwargs": question.get("kwargs", {}), "slots": question.get("slots", {})}
        (case,) = briefs.read(self.model_copy(update={"train": ()}).request((asked,))).cases
        receiver = Receiver(case.slots)
        try:
            result = compiled(self.reference, self.selector)(receiver, *case.args, **case.kwargs)
        except Exception as error:  # the reference's answer to this input is an exception
            return {**asked, "raises": type(error).__name__}
        after = {name: freeze(value) for name, value in vars(receiver).items() if name != "_p_changed"}
        stated = any("result" in example.model_fields_set for example in self.train)
        written = any(example.slots_after for example in self.train)
        outcome = {"result": freeze(result)} if stated else {}
        return {**asked, **outcome, **({"slots_after": after} if written else {})}


@dataclass(frozen=True)
class Score:
    outcome: Outcome
    questions: int
    source: str
    reason: str = ""


def read_tasks(folder: Path) -> list[Task]:
    """The tasks of every file in `folder`, by file name."""
    return [
        Task.model_validate(fields)
        for path in sorted(folder.glob("*.toml"))
        for fields in tomllib.loads(path.read_text(encoding="utf-8"))["task"]
    ]


def score(task: Task, write: Callable[[Request], Answer]) -> Score:
    """How `write` does on the task."""
    answered: tuple[dict[str, Any], ...] = ()
    try:
        answer = write(task.request())
        while answer.question is not None and len(answered) < QUESTIONS:
            answered += (task.answer(answer.question),)
            answer = write(task.request(answered))
    except BackendRefused as refusal:
        return Score("refused", len(answered), "", str(refusal))
    if answer.question is not None:
        return Score("refused", len(answered), "", "it asked more questions than it may")
    right = all(satisfies(answer.text, task.selector, case) for case in task.checks())
    return Score("right" if right else "wrong", len(answered), answer.text)
