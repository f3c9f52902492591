"""`bench_model`: the same path for every backend, and what it counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batos.errors import BackendUnavailable, SettingRefused
from batos.inference.port import Answer, Request
from batos.methods.tasks import Stated, Task
from batos.runtime.bench import Result, bench_model, by_family, document, summary
from batos.runtime.uvm import Uvm
from batos.testing import ScriptedBackend
from contract.openai_server import ModelServer

LAST = Task(
    selector="last_",
    intent="the last item",
    train=(Stated(args=([1, 2],), result=2), Stated(args=([4],), result=4)),
    check=(Stated(args=([7, 9],), result=9),),
    reference="def last_(self, items):\n    return items[-1]\n",
    family="lists",
)
DEPOSIT = Task(
    selector="deposit_",
    intent="add an amount to the balance",
    slots={"balance": 1},
    train=(Stated(args=(2,), slots_after={"balance": 3}), Stated(args=(5,), slots_after={"balance": 6})),
    check=(Stated(args=(1,), slots={"balance": 10}, slots_after={"balance": 11}),),
    reference="def deposit_(self, amount):\n    self.balance += amount\n    self._p_changed = True\n",
    family="writing",
)
RIGHT = {task.selector: task.reference for task in (LAST, DEPOSIT)}


def outcomes(results: list[Result]) -> list[tuple[str, int, int]]:
    return [(result.outcome, result.rounds, result.questions) for result in results]


def test_the_built_in_backend_is_measured_like_any_other() -> None:
    results = bench_model("builtin", [LAST, DEPOSIT])
    assert outcomes(results) == [("right", 1, 0), ("right", 1, 0)]
    assert results[1].source.startswith("def deposit_(self, number):\n    self.balance += number\n")


def test_a_source_that_the_examples_refuse_costs_a_round() -> None:
    said = ["def last_(self, items):\n    return items[0]\n", f"Sorry. ```python\n{LAST.reference}```"]
    (result,) = bench_model(ScriptedBackend(said), [LAST])
    assert outcomes([result]) == [("right", 2, 0)]
    assert result.source == LAST.reference


def test_a_source_that_fits_only_what_it_was_shown_is_wrong() -> None:
    said = ["def last_(self, items):\n    return {2: 2, 1: 4}[len(items)]\n"]
    (result,) = bench_model(ScriptedBackend(said), [LAST])
    assert result.outcome == "wrong"
    assert "should give 9 but gave 2" in result.reason


def test_what_the_gate_refuses_again_and_again_is_refused() -> None:
    (result,) = bench_model(ScriptedBackend(["def last_(self, items):\n    return open('x')\n"] * 3), [LAST])
    assert outcomes([result]) == [("refused", 2, 0)]  # the same kind of failure again ends it
    assert "no source for 'last_' was accepted" in result.reason
    assert result.source == ""


def asking(times: int) -> ScriptedBackend:
    """Asks for the last item of different lists, then knows."""
    asked: list[Request] = []

    def say(request: Request) -> Answer:
        asked.append(request)
        question: dict[str, Any] = {"args": [[0, len(asked)]], "kwargs": {}, "candidates": [0, len(asked)]}
        if len(asked) <= times:
            return Answer(question=question, model="scripted")
        return Answer(text=LAST.reference, model="scripted")

    return ScriptedBackend(say)  # type: ignore[arg-type]


def test_questions_are_answered_by_the_reference() -> None:
    backend = asking(2)
    (result,) = bench_model(backend, [LAST])
    assert outcomes([result]) == [("right", 3, 2)]
    examples = backend.requests[-1].materials["contract"]["examples"]  # type: ignore[index,call-overload]
    assert [(example["args"], example["result"]) for example in examples[2:]] == [([[0, 1]], 1), ([[0, 2]], 2)]  # type: ignore[index,union-attr,call-overload]


def test_a_third_question_is_a_refusal() -> None:
    (result,) = bench_model(asking(3), [LAST])
    assert (result.outcome, result.questions) == ("refused", 2)
    assert "asked more than 2 questions" in result.reason


def test_a_question_without_a_reference_is_a_refusal() -> None:
    (result,) = bench_model(asking(1), [LAST.model_copy(update={"reference": ""})])
    assert result.outcome == "refused"
    assert "asked what the task does not answer" in result.reason


def test_a_reference_answers_with_slots_and_with_what_it_raises() -> None:
    question = {"args": [5], "kwargs": {}, "slots": {"balance": 7}, "candidates": [1, 2], "about": "balance"}
    backend = ScriptedBackend([Answer(question=question, model="scripted"), DEPOSIT.reference])
    bench_model(backend, [DEPOSIT])
    (answered,) = backend.requests[1].materials["contract"]["examples"][2:]  # type: ignore[index,call-overload]
    assert answered["slots_after"] == {"balance": 12}  # type: ignore[index,call-overload]

    raising = DEPOSIT.model_copy(update={"reference": "def deposit_(self, amount):\n    raise ValueError('no')\n"})
    backend = ScriptedBackend([Answer(question=question, model="scripted"), DEPOSIT.reference])
    bench_model(backend, [raising])
    (answered,) = backend.requests[1].materials["contract"]["examples"][2:]  # type: ignore[index,call-overload]
    assert answered["raises"] == "ValueError"  # type: ignore[index,call-overload]


def test_a_model_server_is_measured_with_its_tokens() -> None:
    def say(body: dict[str, Any]) -> str:
        prompt = body["messages"][1]["content"]
        return next(source for selector, source in RIGHT.items() if f"did not understand: {selector}" in prompt)

    with ModelServer(say) as server:
        results = bench_model(f"openai:{server.url}#small", [LAST, DEPOSIT])
    assert outcomes(results) == [("right", 1, 0), ("right", 1, 0)]
    assert [(result.prompt_tokens, result.completion_tokens) for result in results] == [(7, 3), (7, 3)]
    assert not any("items[-1]" in str(received.body) for received in server.received), "a task saw another's source"


def test_a_server_that_is_down_ends_the_measurement() -> None:
    with ModelServer() as server:
        spec = f"openai:{server.url}#small"
    with pytest.raises(BackendUnavailable):
        bench_model(spec, [LAST])


def test_progress_is_told_task_by_task() -> None:
    told: list[tuple[str, int, int]] = []
    bench_model(
        ScriptedBackend(list(RIGHT.values())),
        [LAST, DEPOSIT],
        progress=lambda result, done, total: told.append((result.selector, done, total)),
    )
    assert told == [("last_", 1, 2), ("deposit_", 2, 2)]


def test_what_was_learned_is_kept_where_one_says_so(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept.image")
    bench_model("builtin", [LAST], keep=kept)
    with Uvm(kept, create=False, work=False) as uvm:
        assert uvm.send("bench_task_0", "last_", [3, 8]) == 8
        assert uvm.why("bench_task_0", "last_").provenance["model"] == "builtin"
    with pytest.raises(SettingRefused, match="earlier measurement"):
        bench_model("builtin", [LAST], keep=kept)


def test_shares_are_of_all_tasks_and_counts_are_per_task() -> None:
    right = Result("lists", "a_", "right", 1, 0, 10, 4, 1.0, "source")
    refused = replace(right, outcome="refused", rounds=3, questions=2, family="text", seconds=3.0)
    found = summary([right, refused])
    assert (found.right, found.wrong, found.refused) == (0.5, 0.0, 0.5)
    assert (found.questions, found.rounds, found.tokens, found.seconds) == (1.0, 2.0, 14.0, 2.0)
    assert list(by_family([right, refused])) == ["lists", "text"]
    shown = document("builtin", [right, refused])
    assert shown["model"] == "builtin"
    assert shown["families"]["text"]["refused"] == 1.0
    assert [each["selector"] for each in shown["results"]] == ["a_", "a_"]
