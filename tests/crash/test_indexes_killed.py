"""Whoever writes the indexes of memory dies at each of the moments that have a name: they are merely behind, and what
is searched next is what the image says. All three kinds of index go through the same story."""

import os
from contextlib import closing, suppress

import pytest

from batos.faults import Crash, armed
from batos.image.image import Image
from batos.image.undo import undo
from batos.memory.catalog import index_document, lay_catalog, unindex_document
from batos.memory.search import Searcher
from batos.memory.summarizing import summarize
from batos.memory.verifying import verify
from batos.testing import HashedEmbedder
from storages import STORAGES, new_place

FULL = os.environ.get("BATOS_FULL") == "1"
MOMENTS = ("image.before_commit", "image.after_commit", "index.before_commit", "index.after_commit")
PLACES = STORAGES if FULL else ("sqlite",)

pytestmark = pytest.mark.timeout(600 if FULL else 60)

PARTS = "\n\n".join(f"# Part {number}\n\nHunters of part {number} in the dark." for number in range(7))


@pytest.fixture(params=PLACES)
def image(request, tmp_path):
    with (
        new_place(request.param, tmp_path, lambda: request.getfixturevalue("postgresql")) as place,
        Image.open(place) as opened,
    ):
        opened.change("lay the catalog", lay_catalog)
        yield opened


def story(image, searcher):
    """Remember, edit, forget, undo, summarise, embed and search, each of which writes the image or an index."""
    image.change("first", lambda world: index_document(world, "parts", PARTS, media="markdown"))
    summarize(image, searcher.sections)
    searcher.embed()
    image.change("edit", lambda world: index_document(world, "parts", PARTS.replace("dark", "mist"), media="markdown"))
    image.change("second", lambda world: index_document(world, "bread", "Flour and water."))
    searcher.search("flour")
    image.change("forget", lambda world: unindex_document(world, "bread"))
    searcher.embed()
    undo(image, image.newest().hex())
    summarize(image, searcher.sections)
    searcher.embed()


def died(image, moment, hit):
    """Whether the story ended at the moment, the `hit`-th time that it came there."""
    with closing(Searcher(image, HashedEmbedder())) as searcher, armed(moment, hit=hit):
        with suppress(Crash):
            story(image, searcher)
            return False
        return True


def check(image):
    """Another process, which knows nothing of what the dead one held in memory, finds what the image says."""
    with closing(Searcher(image, HashedEmbedder())) as searcher:
        assert verify(image, searcher).sound
        summarize(image, searcher.sections)
        searcher.embed()
        assert verify(image, searcher).sound
        with image.reading() as world:
            remembered = {
                name
                for name, document in world["knowledge_catalog"].metadata_index.items()
                if document.forgotten_at is None
            }
        found = {hit.document_id for hit in searcher.search("hunting flour mist dark", limit=50)}
        assert found == remembered
        assert searcher.statistics().waiting == 0


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_index_is_behind_at_most_wherever_its_writer_dies(image, moment):
    hit = 1
    while died(image, moment, hit):
        check(image)
        image.change("forget all", forget_all)
        hit += 1 if FULL else 3
    assert hit > 4


def forget_all(world):
    for name, document in list(world["knowledge_catalog"].metadata_index.items()):
        if document.forgotten_at is None:
            unindex_document(world, name)
