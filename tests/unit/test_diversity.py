"""Composite entropy at its ends and between them."""

from __future__ import annotations

import pytest

from batos.mind.diversity import diversity


@pytest.mark.parametrize(
    "answers, expected",
    [
        ({}, 0.0),
        ({"a": "bats sleep"}, 0.0),
        ({"a": "bats sleep", "b": ""}, 0.0),
        ({"a": "bats sleep", "b": "Sleep, bats! [1]"}, 0.0),
        ({"a": "bats sleep", "b": "moths fly"}, 1.0),
        ({"a": "bats sleep", "b": "moths fly", "c": "owls hunt"}, 1.0),
        ({"a": "bats sleep", "b": "bats fly"}, 0.5),
    ],
)
def test_it_goes_from_the_same_to_nothing_in_common(answers, expected):
    assert diversity(answers)["diversity"] == expected


def test_what_an_answer_adds_is_what_no_other_says():
    adds = diversity({"a": "bats sleep in caves", "b": "bats sleep", "c": ""})["adds"]
    assert adds == {"a": 0.5, "b": 0.0, "c": 0.0}
