"""What others write during a search, or a verification, makes neither miss what was remembered all along."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from batos.memory.catalog import index_document
from batos.memory.search import Searcher
from batos.memory.verifying import verify
from contract.memory_tools import image

__all__ = ["image"]  # the fixture


@pytest.fixture
def memory(image):
    searcher = Searcher(image)
    yield searcher
    searcher.close()


def remember(image, document_id, text, media="text"):
    return image.change("remember", lambda world: index_document(world, document_id, text, media=media))


def test_a_document_that_is_replaced_before_the_reader_begins_is_found(image, memory, monkeypatch):
    remember(image, "owls", "Owls eat mice.")
    catch_up, replaced = memory._catch_up, []

    def level_too_soon(newest):
        catch_up(newest)
        if not replaced:
            replaced.append(remember(image, "owls", "Owls eat mice and voles."))

    monkeypatch.setattr(memory, "_catch_up", level_too_soon)

    assert [hit.text for hit in memory.search("mice")] == ["Owls eat mice and voles."]


@pytest.mark.parametrize("step", ["best", "places"])
def test_a_document_that_is_replaced_once_the_reader_has_begun_is_found(image, memory, monkeypatch, step):
    remember(image, "owls", "Ada: Owls eat mice.\n", "chat")
    memory.catch_up()
    work, replaced = getattr(memory.index, step), []

    def overtaken(*args, **more):
        if not replaced:
            with ThreadPoolExecutor(1) as other:
                told = "Ada: Owls eat mice and voles.\n"
                replaced.append(other.submit(remember, image, "owls", told, "chat").result())
                other.submit(memory.catch_up_words).result()
        return work(*args, **more)

    monkeypatch.setattr(memory.index, step, overtaken)

    assert [hit.text for hit in memory.search("mice")] == ["Ada: Owls eat mice and voles.\n"]


def test_a_document_that_is_replaced_during_a_transaction_is_found_as_it_was(image, memory):
    remember(image, "owls", "Owls eat mice.")
    with image.transaction("look") as world:
        with ThreadPoolExecutor(1) as other:
            other.submit(remember, image, "owls", "Owls eat mice and voles.").result()

        assert [hit.text for hit in memory.search("mice")] == ["Owls eat mice."]
        assert [hit.text for hit in memory.search("mice", world=world)] == ["Owls eat mice."]


def test_what_is_written_while_memory_is_verified_is_no_fault(image, memory, monkeypatch):
    remember(image, "owls", "Owls eat mice.")
    catch_up, replaced = memory.catch_up, []

    def level_too_soon():
        catch_up()
        if not replaced:
            replaced.append(remember(image, "owls", "Owls eat mice and voles."))

    monkeypatch.setattr(memory, "catch_up", level_too_soon)

    assert verify(image, memory).sound
