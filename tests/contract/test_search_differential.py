"""A search for a word finds every passage that holds it, after any history: now, in a view of the past, and within a
transaction with what it has not committed."""

import random
import re
from contextlib import suppress

import pytest

from batos.errors import BatosError
from batos.image.image import Image
from batos.image.undo import undo
from batos.memory.catalog import documents, index_document, lay_catalog, unindex_document
from batos.memory.search import Searcher
from batos.memory.summarizing import summarize
from batos.testing import HashedEmbedder

WORDS = ["owl", "mouse", "bread", "salt", "barn", "night"]
FILTERS = [{}, {}, {"document_id": "d0"}, {"document_id": "d1"}, {"under": "d"}, {"under": "d1"}]
STEPS = 25


class History:
    """Documents that come, change and go, as chance has it."""

    def __init__(self, image, memory, seed):
        self.image, self.memory = image, memory
        self.chance = random.Random(seed)
        self.laid = image.newest()
        self.moments = []

    def text(self, media):
        said = [f"{self.word()} {self.word()}" for _ in range(self.chance.randint(1, 6))]
        if media == "chat":
            return "".join(
                f"{self.chance.choice(['Ada', 'Alan'])}: {words}{self.chance.choice('.?')}\n" for words in said
            )
        return "\n\n".join(f"# {self.word()}\n\n{words}." for words in said)

    def word(self):
        return self.chance.choice(WORDS)

    def change(self, world):
        name, media = f"d{self.chance.randint(0, 4)}", self.chance.choice(["chat", "markdown"])
        with suppress(BatosError):  # of a document that is not there
            if self.chance.random() < 0.7:
                index_document(world, name, self.text(media), media=media)
            else:
                unindex_document(world, name)

    def take_a_step(self):
        self.image.change("a change", self.change)
        self.moments.append(self.image.newest())
        if self.moments[-1] != self.laid and self.chance.random() < 0.2:
            with suppress(BatosError):  # where it was undone already
                undo(self.image, self.moments[-1].hex())
        if self.chance.random() < 0.2:
            summarize(self.image, self.memory.sections)

    def compare(self, world):
        word, where = self.word(), self.chance.choice(FILTERS)
        hits = self.memory.search(word, 1_000, where, world)
        found = {(hit.document_id, hit.chunk_index, hit.text) for hit in hits}
        assert len(found) == len(hits)
        assert found >= set(holding(world, word, where))


def holding(world, word, where):
    for document in documents(world, where.get("under", "")):
        if where.get("document_id", document.document_id) == document.document_id:
            for chunk in document.chunks:
                if word in re.findall(r"\w+", " ".join((*chunk.heading, chunk.text))):
                    yield document.document_id, chunk.chunk_index, chunk.text


@pytest.mark.parametrize("model", [None, HashedEmbedder()], ids=["words", "meaning"])
@pytest.mark.parametrize("seed", range(2))
def test_every_passage_with_the_word_is_found(tmp_path, seed, model):
    with Image.open(tmp_path / "image") as image:
        image.change("lay the catalog", lay_catalog)
        memory = Searcher(image, model)
        history = History(image, memory, seed)
        for _ in range(STEPS):
            history.take_a_step()
            with image.reading() as world:
                history.compare(world)
            with image.reading_at(history.chance.choice(history.moments)) as world:
                history.compare(world)
            with suppress(ZeroDivisionError), image.transaction("several changes") as world:
                for _ in range(3):
                    history.change(world)
                    history.compare(world)
                raise ZeroDivisionError
        memory.close()
