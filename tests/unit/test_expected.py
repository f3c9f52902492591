"""What a question expects to be told, and what a text tells: plain rules, and none of them is ever an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.memory.expected import LENGTH, NAME, NUMBER, ONLY_ASKS, TIME, expected, told


@pytest.mark.parametrize(
    "question, kind",
    [
        ("When did Ada see the owl?", TIME),
        ("and when was that?", TIME),
        ("In what year did she move?", TIME),
        ("In which month was the fair?", TIME),
        ("What is the date of the fair?", TIME),
        ("How long was the journey?", LENGTH),
        ("How many owls were there?", NUMBER),
        ("How old is the tree?", NUMBER),
        ("Where does Ada live?", NAME),
        ("What city is it in?", NAME),
        ("Which children's book did she read?", NAME),
        ("What's the name of the owl?", NAME),
        ("What did Ada see when she came home?", 0),
        ("How did it happen?", 0),
        ("Is that where it was?", 0),
        ("Wann kam die Eule?", 0),
        ("", 0),
    ],
)
def test_how_a_question_is_put_says_what_it_expects(question, kind):
    assert expected(question) == kind


@pytest.mark.parametrize(
    "text, kinds",
    [
        ("It came yesterday.", TIME),
        ("That was back in 1998.", TIME | NUMBER),
        ("We waited for hours!", LENGTH),
        ("Three weeks ago.", TIME | LENGTH | NUMBER),
        ("I saw 4 of them", NUMBER),
        ("I read Middlemarch.", NAME),
        ("Great! Thanks, Ada.", 0),
        ("I know, I know", 0),
        ("Lastly, the weaker oneness", 0),
        ("Wow! How did you find it?", ONLY_ASKS),
        ("Who was it, 3 of them?  And when did they come?", ONLY_ASKS | NUMBER),
        ("Did you? I saw an owl there. Was it yours?", 0),
        ("Really?", ONLY_ASKS),
        ("Is it? It is.", 0),
        ("本当ですか？", ONLY_ASKS),
        ("", 0),
    ],
)
def test_a_text_tells_what_its_words_and_letters_say(text, kinds):
    assert told(text) == kinds


@given(st.text())
def test_no_text_is_an_error(text):
    assert 0 <= told(text) <= TIME | LENGTH | NUMBER | NAME | ONLY_ASKS
    assert expected(text) in (0, TIME, LENGTH, NUMBER, NAME)
