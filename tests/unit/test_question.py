"""What a question asks for: whom it names, which days it speaks of, and that no question is an error."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.memory.question import Span, span_of, understood

TODAY = date(2024, 3, 14)  # a Thursday
PEOPLE = ("Ada Lovelace", "Alan", "Will")


@pytest.mark.parametrize(
    "text, first, last",
    [
        ("what happened on 2023-05-08?", "2023-05-08", "2023-05-08"),
        ("what happened in 2023-05?", "2023-05-01", "2023-05-31"),
        ("who came on 8 May 2023?", "2023-05-08", "2023-05-08"),
        ("who came on May 8th, 2023?", "2023-05-08", "2023-05-08"),
        ("who came on 1 May?", "2023-05-01", "2023-05-01"),
        ("who came on 1 March?", "2024-03-01", "2024-03-01"),
        ("who came in February 2024?", "2024-02-01", "2024-02-29"),
        ("who came on 31 February 2023?", "2023-02-01", "2023-02-28"),
        ("who came in 2022?", "2022-01-01", "2022-12-31"),
        ("what did I say yesterday?", "2024-03-13", "2024-03-13"),
        ("what did I say last week?", "2024-03-04", "2024-03-10"),
        ("what did I say last month?", "2024-02-01", "2024-02-29"),
        ("what did I say last year?", "2023-01-01", "2023-12-31"),
        ("what did I say last Friday?", "2024-03-08", "2024-03-08"),
        ("what did I say two weeks ago?", "2024-02-26", "2024-03-03"),
    ],
)
def test_dates_become_spans_of_days(text, first, last):
    assert span_of(text, TODAY) == Span(first, last)


@pytest.mark.parametrize("text", ["", "owls", "may I come in?", "2023-02-31", "31 February", "in the year 1000"])
def test_a_text_without_a_day_has_no_span(text):
    assert span_of(text, TODAY) is None


def test_a_span_holds_moments_within_its_days():
    span = Span("2024-03-04", "2024-03-10")

    assert span.holds("2024-03-10T23:59")
    assert not span.holds("2024-03-11T00:00")
    assert not span.holds(None)


@pytest.mark.parametrize(
    "question, named, meaning",
    [
        ("What does Ada like?", {"Ada Lovelace"}, "What does I like?"),
        ("What is Ada Lovelace's dog called?", {"Ada Lovelace"}, "What is I dog called?"),
        ("what does alan like?", {"Alan"}, "what does I like?"),
        ("Will it rain?", {"Will"}, "I it rain?"),
        ("will it rain?", set(), "will it rain?"),
        ("Did Ada meet Alan?", {"Ada Lovelace", "Alan"}, "Did I meet I?"),
        ("Who likes owls?", set(), "Who likes owls?"),
    ],
)
def test_who_is_named_and_speaks_asks_in_the_first_person(question, named, meaning):
    found = understood(question, PEOPLE, TODAY)

    assert found.speakers == named
    assert found.meaning == meaning


@pytest.mark.parametrize(
    "question, likely",
    [
        ("What does Ada like?", "Ada Lovelace"),
        ("What did Alan give to Ada Lovelace?", "Alan"),
        ("What does Ada's brother say to Alan?", "Alan"),
        ("where did ada meet alan?", "Ada Lovelace"),
        ("Where did Ada and Alan meet?", None),
        ("Whose owl is it, Alan's or Ada's?", None),
        ("Who likes owls?", None),
    ],
)
def test_who_is_named_first_is_likely_to_have_said_the_answer(question, likely):
    assert understood(question, PEOPLE, TODAY).likely == likely


def test_nobody_is_likely_among_namesakes():
    assert understood("What did Ada say?", ("Ada Lovelace", "Ada Yonath"), TODAY).likely is None


@given(st.text(), st.lists(st.text(max_size=20), max_size=5))
def test_no_question_is_an_error(question, people):
    found = understood(question, people, TODAY)

    assert found.meaning
    assert len(found.parts) >= len(found.words)
