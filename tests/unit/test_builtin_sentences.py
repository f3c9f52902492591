"""What can be quoted from a chunk, and what is left out because it would read as debris."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.inference.builtin.sentences import Chunk, passages, plain, squeezed


def quoted(text: str, document: str = "page.md", **metadata: object) -> list[str]:
    chunk = Chunk.model_validate({"document_id": document, "chunk_index": 0, "text": text, "metadata": metadata})
    return [passage.text for passage in passages([chunk])]


def test_sentences_are_whole_across_wrapped_lines():
    assert quoted("An image is a\ndirectory. It holds\nobjects.") == ["An image is a directory.", "It holds objects."]


def test_markup_is_removed_and_code_spans_stay():
    text = "The **image** is *living*, see [the map](design.md) and `__slots__` of `*parent*`."
    assert quoted(text) == ["The image is living, see the map and `__slots__` of `*parent*`."]


@pytest.mark.parametrize(
    "text",
    [
        "Allowed are lists, e.g. of numbers, and maps.",
        "It was written by J. Smith in one go.",
        "It runs at 3.5 times the speed of the old one.",
        "Send `image.undo(change). Then` as it stands here.",
        "One object (the first. Or the last) wins.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(text: str):
    assert quoted(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "## A heading alone",
        "```python\nimage.undo(change)\n```",
        "    indented = code()",
        "| name | parents |\n|---|---|",
        "x = 1; y = {",
        "Two words.",
        "A sentence without its end because the chunk was cut",
        "and the end of a sentence that began in the chunk before.",
        "What follows is missing here:",
        "",
    ],
)
def test_debris_is_left_out(text: str):
    assert quoted(text) == []


def test_a_sentence_brings_the_short_block_of_code_that_it_introduces():
    assert quoted("Undo takes a change:\n\n```python\nchange = 'c7'\nimage.undo(change)\n```\n") == [
        "Undo takes a change:\n    change = 'c7'\n    image.undo(change)"
    ]


def test_a_sentence_does_not_bring_a_long_block():
    block = "\n".join(f"line({number})" for number in range(30))
    assert quoted(f"Undo takes a change:\n\n```python\n{block}\n```\n") == []


def test_list_items_and_rows_of_tables_are_quotable():
    assert quoted("- an item needs no full stop\n- nor does the next one") == [
        "an item needs no full stop",
        "nor does the next one",
    ]
    assert quoted("| word | what it is |\n|---|---|\n| mirror | talks *about* an object |") == [
        "mirror: talks about an object"
    ]


def test_passages_know_the_headings_above_them():
    text = "# Image\n\n## Undo\n\nIt is a new change.\n\n## Pack\n\n**Retention.** Old records are removed.\n"
    chunk = Chunk(document_id="page.md", chunk_index=0, text=text, metadata={"heading": ["Manual"]})
    assert [(passage.text, passage.headings) for passage in passages([chunk])] == [
        ("It is a new change.", ("Manual", "Image", "Undo")),
        ("Old records are removed.", ("Manual", "Image", "Pack", "Retention")),
    ]


def test_python_is_quoted_from_its_docstrings_only():
    source = (
        'def undo(change):\n    """Puts back what a change wrote.\n\n    Raises UndoRefused.\n    """\n    return 1\n'
    )
    assert quoted(source, "undo.py") == ["Puts back what a change wrote."]


WORDS = st.lists(st.sampled_from(["image", "mirror", "undo", "the", "of", "a", "`send`", "it"]), min_size=3, max_size=9)
SENTENCES = WORDS.map(lambda found: "The " + " ".join(found) + ".")
BREAKS = st.sampled_from([" ", "\n", "\n\n", "  \n"])


@given(st.lists(st.tuples(SENTENCES, BREAKS), max_size=8))
def test_sentences_of_plain_text_are_found_exactly(written: list[tuple[str, str]]):
    assert quoted("".join(sentence + gap for sentence, gap in written)) == [sentence for sentence, _ in written]


@given(st.text(alphabet=st.sampled_from("ab A.!?:`*_#|-[]()>~\n\t =1"), max_size=200))
def test_no_text_breaks_the_reader_and_nothing_is_invented(text: str):
    letters = "".join(char for char in text if char.isalnum())
    for sentence in quoted(text):
        assert "".join(char for char in sentence if char.isalnum()) in letters
        assert plain(squeezed(sentence)) == squeezed(sentence)
