"""Contracts: examples in their written forms, what they accept, and the way to JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.errors import SettingRefused
from batos.methods.contract import UNSET, Contract, Example, same

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
examples = st.builds(
    Example,
    args=st.lists(values, max_size=3).map(tuple),
    kwargs=st.dictionaries(names, values, max_size=2),
    result=values | st.just(UNSET),
    slots=st.none() | st.dictionaries(names, values, max_size=2),
    slots_after=st.none() | st.dictionaries(names, values, max_size=2),
    given=st.booleans(),
)


def test_a_pair_is_short_for_arguments_and_result() -> None:
    assert Example.of((("ada lovelace",), "A.L.")) == Example(("ada lovelace",), result="A.L.")


@pytest.mark.parametrize("wrong", ["ada", ("ada", "A.L."), (1, 2, 3), 7])
def test_anything_else_is_refused_with_the_form_to_use(wrong: object) -> None:
    with pytest.raises(SettingRefused, match=r"write \(args, result\)"):
        Example.of(wrong)  # type: ignore[arg-type]


def test_none_is_a_result_and_an_unstated_one_is_a_question() -> None:
    assert not Example((1,), result=None).is_question
    question = Example((1,))
    assert question.is_question
    assert question.answered(None) == Example((1,), result=None)


def test_an_exception_is_named_by_a_built_in_name_or_class() -> None:
    assert Example((1,), raises=ValueError).raises == "ValueError"  # type: ignore[arg-type]
    with pytest.raises(SettingRefused):
        Example((1,), raises="NoSuchError")
    with pytest.raises(SettingRefused):
        Example((1,), result=2, raises="ValueError")


@pytest.mark.parametrize(
    ("stated", "got", "accepted"),
    [
        (1, 1, True),
        (1, True, False),
        (1, 1.0, False),
        ([1, {"a": (2,)}], [1, {"a": (2,)}], True),
        ([1, {"a": (2,)}], [1, {"a": [2]}], False),
        ({1}, {True}, False),
        (float("nan"), float("nan"), True),
    ],
)
def test_results_are_compared_with_their_types(stated: object, got: object, accepted: bool) -> None:
    assert Example((), result=stated).accepts(got) is accepted


def test_slots_that_are_not_named_are_not_compared() -> None:
    example = Example((), slots_after={"count": 1})
    assert example.accepts("anything", slots={"count": 1, "other": 5})
    assert not example.accepts("anything", slots={"count": 2})
    assert not example.accepts("anything", slots={})


def test_an_unexpected_exception_is_never_accepted() -> None:
    assert not Example((), result=None).accepts(raised="ValueError")
    assert not Example((), slots_after={}).accepts(raised="ValueError")
    assert Example((), raises="ValueError").accepts(raised="ValueError")
    assert not Example((), raises="ValueError").accepts(None)


@given(examples)
def test_an_example_survives_json(example: Example) -> None:
    data = json.loads(json.dumps(example.to_json()))
    back = Example.from_json(data)
    assert back.to_json() == example.to_json()
    assert same(back.args, example.args)
    assert back.is_question == example.is_question


@given(values)
def test_every_value_is_the_same_as_itself(value: object) -> None:
    assert same(value, value)


def test_only_given_examples_are_proof() -> None:
    contract = Contract.of("doubles", [((1,), 2), Example((2,), result=4, given=False), Example((3,))])
    assert contract.given == (Example((1,), result=2),)
    assert Contract.from_json(contract.to_json()) == contract


def test_an_answer_is_known_to_have_been_asked_for() -> None:
    question = Example((1,), given=False, asked=True)
    contract = Contract.of(None, [((2,), 4)]).with_example(question)
    assert (contract.questions, len(contract.answered.examples)) == (0, 1)
    answered = contract.with_example(Example((1,), result=2))
    assert (answered.questions, len(answered.answered.examples)) == (1, 2)
    assert answered.given == answered.examples
    assert Contract.from_json(answered.to_json()).questions == 1


def test_a_restated_example_replaces_the_one_before_it() -> None:
    contract = Contract.of(None, [((1,), 2)]).with_example(Example((1,), result=3))
    assert [example.result for example in contract.examples] == [3]
