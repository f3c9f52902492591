"""What people type becomes values and examples; what looks like a mistake is refused."""

import json

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from batos.cli import reading
from batos.methods.contract import Example

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(PLAIN)
def test_json_is_read_as_json(value):
    assert reading.value(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["grace hopper", "3 apples", "", "it's", "-"])
def test_other_text_is_text(text):
    assert reading.value(text) == text


@pytest.mark.parametrize("text", ["[1, 2", '"open', "{a: 1}"])
def test_what_begins_like_json_and_is_none_is_refused_with_a_way_to_write_it(text):
    with pytest.raises(typer.BadParameter) as refused:
        reading.value(text)
    assert json.dumps(text) in str(refused.value)


def test_pairs_are_named_values():
    assert reading.named(['name="Ada"', "born=1815", "note=a = b"]) == {"name": "Ada", "born": 1815, "note": "a = b"}


@pytest.mark.parametrize("text", ["name", "=1", "two words=1"])
def test_a_pair_without_a_name_is_refused(text):
    with pytest.raises(typer.BadParameter, match="NAME=VALUE"):
        reading.named([text])


@pytest.mark.parametrize(
    "text, example",
    [
        ('["ada lovelace"] => "A.L."', Example(("ada lovelace",), result="A.L.")),
        ("[2, 3] => 5", Example((2, 3), result=5)),
        ("ada lovelace => A.L.", Example(("ada lovelace",), result="A.L.")),
        ("[] => [1]", Example((), result=[1])),
        ('["a => b"] => "b"', Example(("a => b",), result="b")),
        ('["x"] => raises ValueError', Example(("x",), raises="ValueError")),
        ('{"args": [1], "slots_after": {"total": 3}}', Example((1,), slots_after={"total": 3})),
    ],
)
def test_an_example_is_a_message_and_its_outcome(text, example):
    (read,) = reading.examples([text])
    assert read.to_json() == example.to_json()


@given(st.lists(PLAIN, max_size=3), PLAIN)
def test_every_example_in_json_is_read_back(args, result):
    if isinstance(result, str) and result.startswith("raises "):
        return
    (read,) = reading.examples([f"{json.dumps(args)} => {json.dumps(result)}"])
    assert (list(read.args), read.result) == (args, result)


@pytest.mark.parametrize("text", ["no arrow", "[1 => 2", '{"result": 1}', '["x"] => raises Nonsense'])
def test_what_is_no_example_is_refused(text):
    with pytest.raises(typer.BadParameter):
        reading.examples([text])


@pytest.mark.parametrize("text", ["[1] = 2", "[1] -> 2", "1 2"])
def test_an_example_without_an_arrow_is_shown_how_one_is_written(text):
    with pytest.raises(typer.BadParameter, match="Write ARGUMENTS => RESULT"):
        reading.examples([text])
