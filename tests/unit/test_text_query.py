"""Questions become index queries: none is ever a syntax error, and what a text says is found."""

import sqlite3

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batos.image.derived import NOWHERE
from batos.memory.query import MOST_TERMS, expressions, stop_words, terms
from batos.memory.text import Row, TextIndex

OPERATORS = ['"', "AND", "OR", "NOT", "NEAR(", "*", "^", ":", "-", "(", ")", "+", "body:", "\0", "'", "--", "{"]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    opened = TextIndex(tmp_path_factory.mktemp("index") / "text.sqlite3", "image")
    with opened.writing():
        opened.add([Row(1, "note", 0, "note", "The owl sleeps by day.")])
    yield opened
    opened.close()


def found(index, question):
    sought = expressions(question)
    return [id_ for id_, _ in index.best(sought, 100)] if sought else []


scraps = st.one_of(st.sampled_from(OPERATORS), st.text(max_size=8))


@given(question=st.one_of(st.text(), st.lists(scraps).map(" ".join)))
@example(question='owl" OR "')
@example(question="\0owl\0")
@example(question="\ud800 owl")
@example(question="ᾈ²⅓ ﷺ ꬰ ۝")
def test_no_question_is_a_syntax_error(index, question):
    assert found(index, question) in ([], [1])


@pytest.mark.parametrize("question", ["", "   ", "?!… -- \"\" ''", "\0", "***", "()", "_"])
def test_a_question_without_words_finds_nothing(question):
    assert expressions(question) == []


def test_a_question_of_a_megabyte_is_cut(index):
    assert found(index, "owl " * 250_000) == [1]
    assert len(terms(" ".join(f"word{number}" for number in range(150_000)))) == MOST_TERMS


def test_stop_words_are_left_out_unless_there_is_nothing_else():
    assert terms("What is the owl?") == ["owl"]
    assert terms("what is the") == ["what", "is", "the"]


def test_the_stop_words_are_lower_case_words():
    assert all(word.isalpha() and word == word.casefold() for word in stop_words())


@pytest.mark.parametrize(
    "text, question",
    [
        ("a café in Zürich", "CAFE zurich"),
        ("Straße", "strasse"),
        ("the owls were sleeping", "owl sleeps"),
        ("class KnowledgeCatalog:", "knowledge"),
        ("a knowledge catalog", "KnowledgeCatalog"),
        ("def _process_synthesis_(self)", "synthesis"),
        ("image.ingest_text", "image.ingest_text"),
        ("東京都に住む", "京都"),
        ("東京都に住む", "都"),
        ("東京都に住む", "む"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full"),
        ("x" * 5000, "x" * 5000),
    ],
)
def test_what_means_the_same_is_found(tmp_path, text, question):
    index = TextIndex(tmp_path / "text.sqlite3", "image")
    with index.writing():
        index.add([Row(7, "d", 0, "", text)])

    assert found(index, question) == [7]
    index.close()


words = st.text(st.sampled_from("abcdefghij"), min_size=1, max_size=5)


sentences = st.lists(words, min_size=1, max_size=6)


@settings(max_examples=40)
@given(texts=st.lists(sentences, min_size=1, max_size=6), question=sentences)
def test_it_finds_at_least_what_a_plain_scan_finds(tmp_path_factory, texts, question):
    index = TextIndex(tmp_path_factory.mktemp("scan") / "text.sqlite3", "image")
    with index.writing():
        index.add([Row(number, "d", number, "", " ".join(text)) for number, text in enumerate(texts)])

    sought = set(terms(" ".join(question)))
    plain = {number for number, text in enumerate(texts) if sought & set(text)}
    assert set(found(index, " ".join(question))) >= plain
    index.close()


def test_a_word_in_the_title_counts_more(index, tmp_path):
    index = TextIndex(tmp_path / "text.sqlite3", "image")
    with index.writing():
        index.add([Row(1, "a", 0, "owls", "some bird text"), Row(2, "b", 0, "birds", "some owls text")])
        index.add([Row(number, "c", number, "other", "more text here") for number in range(3, 9)])

    assert found(index, "owls") == [1, 2]
    index.close()


def test_a_phrase_in_quotes_counts_more(tmp_path):
    index = TextIndex(tmp_path / "text.sqlite3", "image")
    with index.writing():
        index.add([Row(1, "a", 0, "", "day night owl"), Row(2, "b", 0, "", "night day owl")])
        index.add([Row(number, "c", number, "", "more text here") for number in range(3, 9)])

    assert found(index, '"night day"')[0] == 2
    index.close()


def test_what_is_supposed_is_ranked_and_then_gone(tmp_path):
    index = TextIndex(tmp_path / "text.sqlite3", "image")
    with index.writing():
        index.add([Row(1, "a", 0, "", "an owl")])

    with index.supposing(["a"], [Row(-1, "a", 0, "", "a raven")]):
        assert (found(index, "owl"), found(index, "raven")) == ([], [-1])
    assert (found(index, "owl"), found(index, "raven")) == ([1], [])
    index.close()


def test_rows_and_position_are_kept_together_or_not_at_all(tmp_path):
    index = TextIndex(tmp_path / "text.sqlite3", "image")

    def write_half():
        with index.writing():
            index.add([Row(1, "a", 0, "", "an owl")])
            index.move_to(b"\0" * 7 + b"\1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()

    assert (found(index, "owl"), index.position) == ([], NOWHERE)
    index.close()


@pytest.mark.parametrize("content", [b"", b"this is no database" * 99, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_index_is_begun_anew(tmp_path, content):
    path = tmp_path / "text.sqlite3"
    path.write_bytes(content)
    index = TextIndex(path, "image")

    assert index.position == NOWHERE
    index.close()


def test_an_index_of_another_image_or_another_program_is_begun_anew(tmp_path):
    for number, foreign in enumerate(["create table origin (a)", "create table notes (text)"]):
        path = tmp_path / f"{number}.sqlite3"
        with sqlite3.connect(path) as other:
            other.execute(foreign)
        other.close()
        index = TextIndex(path, "image")
        assert index.count() == 0
        with index.writing():
            index.add([Row(1, "a", 0, "", "an owl")])
        index.close()
        second = TextIndex(path, "another image")
        assert second.count() == 0
        second.close()
