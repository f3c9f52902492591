"""Another embedding model is built beside the old one, which answers until the new one is complete."""

from contextlib import closing

import pytest

from batos import faults
from batos.errors import EmbedderFailed
from batos.image.image import Image
from batos.memory import catalog
from batos.memory.catalog import index_document
from batos.memory.choosing import choose, chosen, spec_for, switch
from batos.memory.search import Searcher
from batos.testing import HashedEmbedder


@pytest.fixture
def image(tmp_path):
    with Image.open(f"sqlite:{tmp_path}/image") as opened:
        opened.change("lay the catalog", catalog.lay_catalog)

        def remember(world):
            for number in range(300):
                index_document(world, f"note-{number}", f"Hunters in the dark, part {number}.")

        opened.change("remember", remember)
        yield opened


def by_meaning(searcher):
    (hit, *_) = searcher.search("hunting")
    return hit.explanation.bm25 is None


def test_searches_go_on_with_the_old_model_until_the_new_one_is_complete(image):
    with closing(Searcher(image, HashedEmbedder("old"))) as old:
        old.embed()
        seen = []

        def told(done, total):
            seen.append((done, total, by_meaning(old), chosen(image)))

        assert switch(image, "openai:new", HashedEmbedder("new", 32), told) == 300
        assert seen == [(256, 300, True, None), (300, 300, True, None)]
        assert by_meaning(old)

    assert spec_for(image, "auto") == "openai:new"
    assert spec_for(image, "minilm") == "minilm"
    with closing(Searcher(image, HashedEmbedder("new", 32))) as new:
        assert by_meaning(new)
        assert new.statistics().waiting == 0
    choose(image, "auto")
    assert spec_for(image, "auto") == "auto"


def test_a_model_that_fails_midway_leaves_the_old_one_and_a_later_call_goes_on(image):
    choose(image, "openai:old")
    failing = HashedEmbedder("new")

    def told(done, total):
        failing.fails = EmbedderFailed(model="new", reason="it is gone.")

    with pytest.raises(EmbedderFailed):
        switch(image, "openai:new", failing, told)
    assert chosen(image) == "openai:old"

    failing.fails = None
    assert switch(image, "openai:new", failing) == 300 - 256
    assert chosen(image) == "openai:new"


def test_a_crash_before_the_choice_leaves_the_old_model(image):
    choose(image, "openai:old")
    faults.arm("memory.before_choice", faults.Crash())
    with pytest.raises(faults.Crash):
        switch(image, "openai:new", HashedEmbedder("new"))
    assert chosen(image) == "openai:old"
    assert switch(image, "openai:new", HashedEmbedder("new")) == 0
    assert chosen(image) == "openai:new"
