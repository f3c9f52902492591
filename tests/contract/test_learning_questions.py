"""At most two questions about a method, counted across the teachings that answer them."""

from __future__ import annotations

from typing import Any

import pytest

from batos.errors import MissionPending
from batos.inference.port import Answer, Request
from batos.methods.contract import Example
from batos.runtime.uvm import Uvm
from batos.testing import ScriptedBackend, temporary_image

SOURCE = "def shape_(self, text):\n    return text.upper()\n"


def scripted(asking: int) -> ScriptedBackend:
    def say(request: Request) -> Any:
        asked = int(request.materials["asked"])  # type: ignore[arg-type]
        if asked < asking:
            return Answer(question={"args": ["abc"[asked]], "kwargs": {}, "candidates": ["x"]}, model="scripted")
        return SOURCE

    return ScriptedBackend(say)


def question_of(image: Uvm, *examples: Any) -> Example:
    with pytest.raises(MissionPending) as pending:
        image.teach("teller", "shape_", examples=examples)
    question = pending.value.question
    assert isinstance(question, Example)
    return question


def test_a_writer_is_told_how_often_it_asked() -> None:
    backend = scripted(asking=2)
    with temporary_image(model=backend) as image:
        image.create("teller")
        question = question_of(image, (("z",), "Z"))
        question = question_of(image, question.answered("A"))
        image.teach("teller", "shape_", examples=[question.answered("B")])
        assert [request.materials["asked"] for request in backend.requests] == [0, 1, 2]
        contract = image.why("teller", "shape_").contract
    assert [example["args"] for example in contract["examples"]] == [["z"], ["a"], ["b"]]
    assert [example.get("asked", False) for example in contract["examples"]] == [False, True, True]


def test_an_open_question_is_no_example() -> None:
    backend = scripted(asking=1)
    with temporary_image(model=backend) as image:
        image.create("teller")
        question_of(image, (("z",), "Z"))
        image.teach("teller", "shape_", examples=[(("y",), "Y")])  # something else than what was asked
        shown = backend.requests[-1].materials["contract"]
        assert [example["args"] for example in shown["examples"]] == [["z"], ["y"]]  # type: ignore[index,call-overload]
        assert image.send("teller", "shape_", "q") == "Q"
