"""What a user asks about batos, batos answers from the documents that it brings along, and cites them."""

from importlib.resources import files

import pytest

from batos.testing import temporary_image

ANSWERS = [
    ("How do I undo a learned method?", "image.undo", "batos/image"),
    ("What is a mission?", "one durable request", "batos/missions"),
    ("How does the sandbox protect me?", "no files, no network", "batos/safety"),
    ("How do I connect a language model?", "OpenAI-compatible", "batos/how-to"),
    ("How do I make the system forget a document?", "image.forget", "batos/how-to"),
    ("What does the heartbeat cost?", "spends nothing", "batos/heartbeat"),
    ("What do the exit codes mean?", "3 when the image is not available", "batos/how-to"),
    ("Can I use batos without a GPU or a model?", "neither a GPU nor a language model", "batos/what-batos-is"),
]


@pytest.fixture(scope="module")
def well_read():
    with temporary_image() as image:
        for document in files("batos").joinpath("documents").iterdir():
            image.ingest_text(f"batos/{document.name.removesuffix('.md')}", document.read_text(), {"kind": "document"})
        yield image


@pytest.mark.parametrize("question, words, document", ANSWERS)
def test_a_question_about_batos_is_answered_from_its_documents(well_read, question, words, document):
    answer = well_read.ask(question, timeout=30)

    assert answer.known
    assert words in " ".join(answer.text.split())
    assert document in {cited for cited, _ in answer.citations}
