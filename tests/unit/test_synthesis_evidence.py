"""How much results say to someone who sees the inputs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.methods.synthesis.evidence import bits

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text("abc ", max_size=6) | st.floats(-9, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy", max_size=2), inner, max_size=2),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("little", "much"),
    [
        (True, 7),
        (7, 7000),
        (7, 0.125),
        ("ada", "A.L."),
        ("lovelace", "lovelace@example.org"),
        ([1, 2], [1, 2, 3]),
        ("", "x"),
    ],
)
def test_some_results_say_more_than_others(little: Any, much: Any) -> None:
    inputs = ["ada lovelace"]
    assert bits([little], [inputs]) < bits([much], [inputs])


def test_what_is_copied_from_the_inputs_says_little() -> None:
    assert bits(["lovelace"], [["ada lovelace"]]) < bits(["lovelace"], [["alan turing"]])
    assert bits([["b", "a"]], [[["a", "b"]]]) < bits([["b", "a"]], [[["x", "y"]]])
    assert bits([36], [[36, 2]]) < bits([36], [[35, 2]])


def test_a_result_that_was_seen_before_says_hardly_anything() -> None:
    once = bits(["A.L."], [[""]])
    assert bits(["A.L."] * 5, [[""]] * 5) <= once + 4


@given(st.lists(VALUES, min_size=1, max_size=4), VALUES)
def test_more_examples_never_say_less(results: list[Any], given_: Any) -> None:
    inputs = [[given_]] * len(results)
    sums = [bits(results[:count], inputs[:count]) for count in range(len(results) + 1)]
    assert sums == sorted(sums)
    assert sums[0] == 0
