"""What is written down in the mission database: JSON, and nothing that would be read back as something else."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.mind.needs import Need
from batos.runtime import performers
from batos.runtime.briefs import from_text, to_text
from batos.testing import temporary_image

ANY_TEXT = st.text(st.characters(codec=None))  # lone surrogates too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


@given(JSON)
def test_json_is_read_back_as_it_was(value):
    assert from_text(to_text(value)) == value
    assert to_text(value).isascii()


def test_what_is_no_number_is_read_back_too():
    assert math.isnan(from_text(to_text([math.nan]))[0])


OTHERS = [
    {1, 2}, frozenset(), datetime.now(UTC), datetime.now(UTC).date(), Decimal(1), UUID(int=1), Path("a"), object(),
    (number for number in ()), {(1, 2): 3},
]  # fmt: skip


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_what_json_has_not_is_refused_wherever_it_stands(value):
    with pytest.raises(TypeError):
        to_text(value)
    with pytest.raises(TypeError):
        to_text({"answer": ["as text it would pass for text", value, "\ud800"]})


@pytest.mark.parametrize("value", [*OTHERS, b"bytes"], ids=lambda value: type(value).__name__)
def test_a_program_that_answers_such_a_thing_has_failed(value, monkeypatch):
    need = Need("program", "other", {}, "h", 0)
    with temporary_image() as image:
        monkeypatch.setattr(performers, "_performer", lambda need: lambda place, request: {"found": value})
        answer = performers.perform(image.place, "m", need).answer
    assert answer["error"]["type"] == "MissionError"
    assert "performing program other failed" in answer["error"]["facts"]["reason"]
