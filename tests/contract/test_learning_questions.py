"""At most two questions about a method, counted across the teachings that answer them."""

from __future__ import annotations

from typing import Any

import pytest

from batos.errors import MissionPending
from batos.inference.port import Answer, Request
from batos.methods.contract import Example
from batos.objects.uvm_object import own_slots
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


def examples_shown(backend: ScriptedBackend) -> list[Any]:
    contract: Any = backend.requests[-1].materials["contract"]
    return [example["args"] for example in contract["examples"]]


def asking_in_turn(count: int) -> ScriptedBackend:
    """Asks the first `count` times, whatever is said."""
    asked = iter("abc"[:count])

    def say(request: Request) -> Any:
        letter = next(asked, None)
        if letter is None:
            return SOURCE
        return Answer(question={"args": [letter], "kwargs": {}, "candidates": ["x"]}, model="scripted")

    return ScriptedBackend(say)


def test_an_open_question_is_no_example() -> None:
    backend = asking_in_turn(1)
    with temporary_image(model=backend) as image:
        image.create("teller")
        question_of(image, (("z",), "Z"))
        image.teach("teller", "shape_", examples=[(("y",), "Y")])  # something else than what was asked
        assert examples_shown(backend) == [["z"], ["y"]]
        assert image.send("teller", "shape_", "q") == "Q"


def test_a_question_that_teaching_passed_over_is_withdrawn_and_counts_for_nothing() -> None:
    backend = asking_in_turn(2)
    with temporary_image(model=backend) as image:
        image.create("teller")
        question_of(image, (("z",), "Z"))
        second = question_of(image, (("y",), "Y"))
        assert backend.requests[-1].materials["asked"] == 0
        with image.image.reading() as world:
            held = own_slots(world["teller"])["shape_"].examples
        assert [example["args"] for example in held if "result" not in example] == [["b"]]
        image.teach("teller", "shape_", examples=[second.answered("B")])
        assert examples_shown(backend) == [["z"], ["y"], ["b"]]
        assert backend.requests[-1].materials["asked"] == 1


def test_whoever_waits_for_the_earlier_question_is_shown_the_later_one() -> None:
    backend = asking_in_turn(2)
    with temporary_image(model=backend) as image:
        image.create("teller")
        waiting = image.submit("teller", "shape_", ["q"], examples=[(("z",), "Z")])
        with pytest.raises(MissionPending) as first:
            waiting.result()
        second = question_of(image, (("y",), "Y"))
        with pytest.raises(MissionPending) as later:
            waiting.result()
        assert [each.value.question.args for each in (first, later)] == [("a",), ("b",)]  # type: ignore[union-attr]
        image.teach("teller", "shape_", examples=[second.answered("B")])
        assert waiting.result() == "Q"
