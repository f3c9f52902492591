"""Reading JSON out of a model's text, and the check against a schema, measured against pydantic's own."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batos.inference.schema import NotJson, read_json, violation


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    who: Literal["robin", "brick"]
    times: int = Field(ge=0, le=3)
    note: str | None = Field(default=None, max_length=4, pattern="^[a-z]*$")


class Plan(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    steps: list[Step] = Field(min_length=1, max_length=2)
    weights: dict[str, bool] = {}


SCHEMA = Plan.model_json_schema()
SCALARS = st.none() | st.booleans() | st.integers(-1, 4) | st.sampled_from(["robin", "brick", "ab", "toolong", "A1"])
STEPS = st.fixed_dictionaries({}, optional={"who": SCALARS, "times": SCALARS, "note": SCALARS, "more": SCALARS})
PLANS = st.fixed_dictionaries(
    {"steps": st.lists(STEPS | SCALARS, max_size=3)},
    optional={"weights": SCALARS | st.dictionaries(st.text(), SCALARS)},
)
GOOD_STEPS = st.fixed_dictionaries(
    {"who": st.sampled_from(["robin", "brick"]), "times": st.integers(0, 3)},
    optional={"note": st.none() | st.just("ab")},
)
GOOD_PLANS = st.fixed_dictionaries(
    {"steps": st.lists(GOOD_STEPS, min_size=1, max_size=2)},
    optional={"weights": st.dictionaries(st.text(), st.booleans())},
)


@given(PLANS | GOOD_PLANS | SCALARS)
def test_a_value_fits_a_schema_exactly_when_pydantic_takes_it(value: object):
    try:
        Plan.model_validate(value)
        fits = True
    except ValidationError:
        fits = False
    assert (violation(value, SCHEMA) is None) == fits


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({}, "$ lacks 'steps'"),
        ({"steps": []}, "$.steps must have at least 1 items"),
        ({"steps": [{"who": "robin", "times": 9}]}, "$.steps[0].times must be at most 3"),
        ({"steps": [{"who": "babs", "times": 1}]}, '$.steps[0].who must be one of ["robin", "brick"]'),
    ],
)
def test_a_violation_is_named_with_its_place(value: object, found: str):
    assert violation(value, SCHEMA) == found


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '  {"a": 1}\n',
        '<think>{"a": 2}</think>{"a": 1}',
        'still thinking</think>\n{"a": 1}',
        '```json\n{"a": 1}\n```',
        '<think>hm</think>\n```\n{"a": 1}\n```',
    ],
)
def test_json_is_found_in_the_wrappings_that_models_use(text: str):
    assert read_json(text, {"type": "object"}) == {"a": 1}


def test_a_think_tag_inside_a_value_is_part_of_the_value():
    assert read_json('{"a": "<think>b</think>c"}', {}) == {"a": "<think>b</think>c"}


@given(st.text())
def test_any_text_is_either_json_or_refused(text: str):
    try:
        value = read_json(text, {"type": "array"})
    except NotJson:
        return
    assert isinstance(value, list)
