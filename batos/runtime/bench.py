"""How well a model writes methods: small tasks, learned in an image of their own by the same path as everything else.

For each task an object is made and the method taught by the `train` examples: extraction, guardian, type check and
trial judge what the model writes, and give reasons for another round. What was learned is then run in the sandbox on
the `check` examples, which the model never saw. A question of the writer is answered by the task's reference, which
runs in the sandbox too, at most `QUESTIONS` times.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import Any, Literal

from batos.clock import Clock, SystemClock
from batos.errors import BackendUnavailable, BatosError, MissionFailed, MissionPending, SandboxRaised, SettingRefused
from batos.image.handles import Handle
from batos.inference.port import Answer, Backend, Request, open_backend
from batos.methods.contract import Example
from batos.methods.tasks import Stated, Task
from batos.mind.trial import try_out
from batos.objects.records import Method
from batos.objects.sending import activate
from batos.objects.uvm_object import own_slots, put
from batos.objects.values import plain
from batos.runtime.uvm import Uvm
from batos.settings import Settings

QUESTIONS = 2
UNLIMITED = 10**12
"""Tokens; who measures a model means to spend what it takes."""

Outcome = Literal["right", "wrong", "refused"]
Progress = Callable[["Result", int, int], None]


@dataclass(frozen=True)
class Result:
    """How one task went. *Right* is a source that passes the checks, *wrong* one that does not: nobody would have
    noticed. *Refused* is no source, for `reason`. `rounds` are requests for a source, `seconds` wall time."""

    family: str
    selector: str
    outcome: Outcome
    rounds: int
    questions: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    source: str = ""
    reason: str = ""

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class Summary:
    """Results of several tasks: shares of `right` and `wrong`; questions, rounds, tokens and seconds per task."""

    tasks: int
    right: float
    wrong: float
    refused: float
    questions: float
    rounds: float
    tokens: float
    seconds: float


def summary(results: Iterable[Result]) -> Summary:
    listed = list(results)
    count = max(len(listed), 1)

    def share(outcome: Outcome) -> float:
        return sum(each.outcome == outcome for each in listed) / count

    return Summary(
        tasks=len(listed),
        right=share("right"),
        wrong=share("wrong"),
        refused=share("refused"),
        questions=sum(each.questions for each in listed) / count,
        rounds=sum(each.rounds for each in listed) / count,
        tokens=sum(each.tokens for each in listed) / count,
        seconds=sum(each.seconds for each in listed) / count,
    )


def by_family(results: Iterable[Result]) -> dict[str, Summary]:
    families: dict[str, list[Result]] = {}
    for each in results:
        families.setdefault(each.family, []).append(each)
    return {family: summary(listed) for family, listed in families.items()}


def document(model: str, results: list[Result]) -> dict[str, Any]:
    """Everything as plain data."""
    families = {family: asdict(found) for family, found in by_family(results).items()}
    return {
        "model": model, **asdict(summary(results)), "families": families, "results": [asdict(each) for each in results]
    }  # fmt: skip


class Metered:
    """A backend that notes what it was asked for and what that took; the answers are those of `backend`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.name = backend.name
        self.unavailable: BackendUnavailable | None = None
        self._lock = Lock()
        self._answers: list[Answer | None] = []

    def generate(self, request: Request) -> Answer:
        answer = None
        try:
            answer = self.backend.generate(request)
        except BackendUnavailable as error:
            self.unavailable = error
            raise
        finally:
            with self._lock:
                self._answers.append(answer)
        return answer

    def taken(self) -> tuple[int, int, int]:
        """Requests, tokens read and tokens written since the last call."""
        with self._lock:
            answers, self._answers = self._answers, []
        answered = [answer for answer in answers if answer is not None]
        read = sum(answer.prompt_tokens for answer in answered)
        return len(answers), read, sum(answer.completion_tokens for answer in answered)

    def close(self) -> None:
        self.backend.close()


def bench_model(
    model: str | Backend,
    tasks: list[Task],
    *,
    keep: str | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> list[Result]:
    """Have `model` write a method for each task. `keep` names a new image to keep what was learned in.

    Raises `BackendUnavailable` when the model cannot be reached, and what opening a model or an image raises.
    """
    metered = Metered(open_backend(model, clock=clock or SystemClock()))
    settings = Settings(heartbeat=False, policy="auto", mission_tokens=UNLIMITED, day_tokens=UNLIMITED)
    results = []
    with tempfile.TemporaryDirectory(prefix="batos-bench-") as folder:
        alone = replace(settings, approvals=f"{folder}/approvals.json")
        with Uvm(keep or f"sqlite:{folder}/bench.image", model=metered, settings=alone, clock=clock, work=True) as uvm:
            if any(name.startswith(NAMED) for name in uvm.names()):
                reason = "it holds tasks of an earlier measurement. Name an image that does not exist yet."
                raise SettingRefused(name="--image", value=keep, reason=reason)
            learned: list[tuple[str, Handle]] = []
            for number, task in enumerate(tasks):
                name = f"{NAMED}{number}"
                results.append(_Trial(uvm, metered, task, name).run())
                if progress is not None:
                    progress(results[-1], number + 1, len(tasks))
                learned.append((name, uvm[name]))
                uvm.delete(name)  # or the sources would stand in the next prompts as similar methods
            if keep:
                _name_again(uvm, learned)
    return results


NAMED = "bench_task_"
"""What the objects of the tasks are called, before their number."""


def _name_again(uvm: Uvm, learned: list[tuple[str, Handle]]) -> None:
    with uvm.transaction("keep what was learned for the tasks") as world:
        for name, handle in learned:
            world.bind(name, world.object(handle._oid))


class _Trial:
    """One task in the image."""

    def __init__(self, uvm: Uvm, metered: Metered, task: Task, name: str) -> None:
        self.uvm, self.metered, self.task, self.name = uvm, metered, task, name
        self.questions = 0

    def run(self) -> Result:
        self.metered.taken()
        begun = self.uvm.clock.monotonic()
        self.uvm.create(self.name, _thawed(self.task.slots))
        reason = self._learned()
        seconds = self.uvm.clock.monotonic() - begun
        rounds, read, written = self.metered.taken()
        if self.metered.unavailable is not None:
            raise self.metered.unavailable
        source = "" if reason else self._source()
        outcome: Outcome = "refused" if reason else "right"
        if source and (verdict := self._checked(source))["status"] != "passed":
            outcome, reason = "wrong", verdict["reason"]
        return Result(
            self.task.family,
            self.task.selector,
            outcome,
            rounds,
            self.questions,
            read,
            written,
            seconds,
            source,
            reason,
        )

    def _learned(self) -> str:
        """Teach it, answering questions; why it was not learned, or nothing."""
        examples = [stated.example() for stated in self.task.train]
        while True:
            try:
                self.uvm.teach(self.name, self.task.selector, intent=self.task.intent, examples=examples)
            except MissionPending as pending:
                if pending.question is None:
                    return str(pending.facts["reason"])
                if self.questions == QUESTIONS:
                    return f"it asked more than {QUESTIONS} questions; the last was: {pending.facts['reason']}"
                self.questions += 1
                answered = self._answered(pending.question)
                if answered is None:
                    return f"it asked what the task does not answer: {pending.facts['reason']}"
                examples = [answered]
            except MissionFailed as failed:
                return str(failed.facts["reason"])
            except BatosError as error:
                return str(error)
            else:
                return ""

    def _source(self) -> str:
        with self.uvm.image.reading() as world:
            method = own_slots(world[self.name])[self.task.selector]
            return method.source or "" if isinstance(method, Method) else ""

    def _checked(self, source: str) -> dict[str, Any]:
        """The verdict of the sandbox on the examples that were not shown."""
        with self.uvm.image.reading() as world:
            target = world.add(world[self.name]).hex()
        request = {
            "source": source,
            "selector": self.task.selector,
            "target": target,
            "contract": {"examples": [stated.as_json() for stated in self.task.check]},
            "message": {"args": [], "kwargs": {}},
            "original": False,
            "facet": False,
        }
        return try_out(self.uvm.image, self.uvm.place.sandbox, request)

    def _answered(self, question: Example) -> Example | None:
        """The question as an example, with what the reference does; None if there is none, or it cannot run."""
        if not self.task.reference:
            return None
        method = Method(self.task.selector, self.task.reference.strip() + "\n")
        with self.uvm.image.reading() as world:  # nothing of this is kept
            receiver = world[self.name]
            for slot, value in {**_thawed(self.task.slots), **(question.slots or {})}.items():
                put(receiver, slot, value)
            put(receiver, self.task.selector, method)
            try:
                result = plain(activate(method, receiver, question.args, dict(question.kwargs)))
            except SandboxRaised as raised:
                return replace(question, raises=raised.facts["kind"], given=True)
            except BatosError:
                return None
            slots = {slot: plain(value) for slot, value in own_slots(receiver).items() if slot in self._written()}
        answered = question.answered(result) if self._states("result") else replace(question, given=True)
        return replace(answered, slots_after=slots) if slots else answered

    def _written(self) -> set[str]:
        return {slot for stated in self.task.train for slot in stated.slots_after or {}}

    def _states(self, outcome: str) -> bool:
        return any(outcome in stated.model_fields_set for stated in self.task.train)


def _thawed(slots: dict[str, Any]) -> dict[str, Any]:
    return dict(Stated(slots=slots).example().slots or {})
