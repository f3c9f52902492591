"""What a user asks about batos, batos answers from the documents that it brings along, and cites them."""

from importlib.resources import files

import pytest

from batos.testing import temporary_image

ANSWERS = [
    ("How do I undo a learned method?", "image.undo", "batos/how-to"),
    ("How do I install it?", "`./run`", "batos/how-to"),
    ("How do I create an object?", "image.create", "batos/how-to"),
    ("How do I see why a method was written?", "batos why", "batos/how-to"),
    ("How do I add my own files to memory?", "batos ingest", "batos/how-to"),
    ("What file types can be ingested?", "plain text", "batos/memory"),
    ("Where is my data stored?", "`objects/`", "batos/image"),
    ("How do I stop the daemon?", "Ctrl-C", "batos/how-to"),
    ("Is it safe to run generated code?", "sandbox", "batos/safety"),
    ("What Python versions are supported?", "3.13", "batos/what-batos-is"),
    ("What happens if my computer crashes?", "leaves an image that opens", "batos/image"),
    ("Who are ROBIN, BRICK, BABS and ALFRED?", "points of view", "batos/thinking"),
    ("How do I connect a client to the bridge?", "BridgeClient.connect", "batos/bridge"),
    ("What is the licence?", "MIT", "batos/what-batos-is"),
    ("What is a mission?", "one durable request", "batos/missions"),
    ("How does the sandbox protect me?", "no files, no network", "batos/safety"),
    ("How do I connect a language model?", "OpenAI-compatible", "batos/how-to or batos/inference"),
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
    assert set(document.split(" or ")) & {cited for cited, _ in answer.citations}
