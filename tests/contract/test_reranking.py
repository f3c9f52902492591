"""Whoever reranks is asked once, with the best fifty, and its scores decide the order."""

from contextlib import closing

from batos.image.image import Image
from batos.memory import catalog
from batos.memory.catalog import index_document
from batos.memory.search import RERANKED, Searcher


def test_the_best_fifty_are_put_into_the_order_of_the_reranker(tmp_path):
    asked = []

    def longest_first(question, texts):
        asked.append((question, len(texts)))
        return [float(len(text)) for text in texts]

    with Image.open(f"sqlite:{tmp_path}/image") as image:
        image.change("lay the catalog", catalog.lay_catalog)

        def remember(world):
            for number in range(80):
                index_document(world, f"note-{number:02}", f"An owl. {'Padding. ' * (number % 7)}{number}")

        image.change("remember", remember)
        with closing(Searcher(image, rerank=longest_first)) as searcher:
            hits = searcher.search("owl", 3)
            assert searcher.search("?!") == []

    assert asked == [("owl", RERANKED)]
    assert [hit.score for hit in hits] == sorted((float(len(hit.text)) for hit in hits), reverse=True)
