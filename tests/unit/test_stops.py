"""Pieces of an answer and the texts at which it ends, however the pieces are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batos.inference.stops import Ending, ended

LETTERS = st.text("abc", max_size=12)
STOPS = st.lists(st.text("abc", min_size=1, max_size=3), max_size=3)


@given(st.lists(LETTERS, max_size=6), STOPS)
def test_what_is_told_is_the_answer_up_to_the_first_stop(pieces, stops):
    ending = Ending(stops)
    told = "".join(ending.add(piece) for piece in pieces) + ending.rest()

    whole = "".join(pieces)
    assert told == ended(whole, stops)
    assert ending.handed == len(told)
    assert ending.stopped == any(stop in whole for stop in stops)


def test_nothing_is_held_back_that_cannot_begin_a_stop():
    ending = Ending(("xyz",))
    assert [ending.add(piece) for piece in ("one x", "two", "xy", "z and more", "more")] == ["one ", "xtwo", "", "", ""]
