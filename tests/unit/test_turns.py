"""Conversations as text: what is written is read back, and what messengers export is understood."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.memory.chunking import split
from batos.memory.turns import Turn, begun, read_log, read_time, said, written

MAY = datetime(2023, 5, 8, 13, 56)  # noqa: DTZ001 - the zone of a log is not known


def test_a_conversation_is_cut_into_its_turns():
    text = written([Turn("Ada", "Hello!\nHow are you?", MAY), Turn("Alan", "Fine.")])

    pieces = split(text, "chat")

    assert text == "Ada (8 May 2023, 13:56): Hello!\n  How are you?\nAlan: Fine.\n"
    assert [(piece.speaker, piece.date) for piece in pieces] == [("Ada", "2023-05-08T13:56"), ("Alan", None)]
    assert said(pieces[0].text) == "Hello!\n  How are you?\n"


names = st.text(st.characters(codec="utf-8"), max_size=70)
turns = st.builds(Turn, names, st.text(st.characters(codec="utf-8")), st.sampled_from([None, MAY]))


@given(st.lists(turns, max_size=6))
def test_each_turn_with_words_is_one_beginning_and_the_pieces_are_the_text(conversation):
    text = written(conversation)

    assert len(begun(text)) == sum(bool(turn.text.strip()) for turn in conversation)
    assert "".join(piece.text for piece in split(text, "chat")) == text


@pytest.mark.parametrize(
    "log",
    [
        "[2023-05-08 13:56] Ada: Hello!\n[2023-05-08 13:57] Alan: Hi.\n",
        "08/05/2023, 13:56 - Ada: Hello!\n08/05/2023, 13:57 - Alan: Hi.\n",
        "2023-05-08 13:56:00 <Ada> Hello!\n2023-05-08 13:57:00 <Alan> Hi.\n",
        "Ada (8 May 2023, 13:56): Hello!\nAlan (8 May 2023, 13:57): Hi.\n",
    ],
)
def test_logs_of_messengers_are_read(log):
    text = read_log(log)

    assert text is not None
    assert [(one.speaker, one.date) for one in begun(text)] == [
        ("Ada", "2023-05-08T13:56"),
        ("Alan", "2023-05-08T13:57"),
    ]


@pytest.mark.parametrize(
    "text", ["", "Note: one\nNote: two\n", "Plain prose.\nIn lines.\n", "[2023-05-08 13:56] Ada: x\n"]
)
def test_what_is_no_log_is_not_taken_for_one(text):
    assert read_log(text) is None


@pytest.mark.parametrize(
    "text", ["8 May 2023, 13:56", "2023-05-08 13:56", "2023-05-08T13:56", "1:56 pm on 8 May, 2023", "08.05.2023 13:56"]
)
def test_times_are_read_in_the_usual_forms(text):
    assert read_time(text) == MAY


@given(st.text())
def test_no_text_is_an_error(text):
    read_time(text)
    read_log(text)
    begun(text)
