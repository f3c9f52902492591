"""Whoever reranks is asked once, with the best fifty, and its scores decide the order."""

from contextlib import closing
from importlib.util import find_spec

import pytest

from batos.image.image import Image
from batos.memory import catalog
from batos.memory.catalog import index_document
from batos.memory.search import RERANKED, Searcher

MISSING = [module for module in ("torch", "transformers") if find_spec(module) is None]
WORDS = ["[PAD]", "[CLS]", "[SEP]", "the", "opens", "museum", "when", "where", "noon", "dawn", "harbour", "hill"]
TIMES, PLACES = ("noon", "dawn"), ("harbour", "hill")


def test_the_best_fifty_are_put_into_the_order_of_the_reranker(tmp_path):
    asked = []

    def longest_first(question, texts):
        asked.append((question, list(texts)))
        return [float(len(text)) for text in texts]

    notes = {f"note-{number:02}": f"An owl. {'Padding. ' * (number % 7)}{number}" for number in range(80)}
    with remembered(tmp_path, notes) as image, closing(Searcher(image, rerank=longest_first)) as searcher:
        hits = searcher.search("owl", 3)
        assert searcher.search("?!") == []

    ((question, texts),) = asked
    assert (question, len(texts)) == ("owl", RERANKED)
    assert [hit.text for hit in hits] == sorted(texts, key=len, reverse=True)[:3] != texts[:3]
    assert [hit.score for hit in hits] == [float(len(hit.text)) for hit in hits]


@pytest.fixture
def one_thread():
    """The threads of a library of linear algebra wait for each other where others want the processor too."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}; pip install 'batos[peft]'")
def test_a_cross_encoder_finds_the_answer_that_words_do_not_tell(tmp_path, one_thread):
    """A transformer that reads question and text together, trained here to know a time from a place."""
    notes = {word: f"the museum opens {word}" for word in (*PLACES, *TIMES)}
    rerank = trained_cross_encoder()
    with remembered(tmp_path, notes) as image, closing(Searcher(image)) as searcher:
        plain = [hit.document_id for hit in searcher.search("when opens the museum", 4)]
        searcher.rerank = rerank
        times = [hit.document_id for hit in searcher.search("when opens the museum", 4)]
        places = [hit.document_id for hit in searcher.search("where opens the museum", 4)]

    assert plain == sorted(notes), "words alone do not tell them apart"
    assert set(times[:2]) == set(TIMES)
    assert set(places[:2]) == set(PLACES)


def remembered(folder, notes):
    image = Image.open(f"sqlite:{folder}/image")
    image.change("lay the catalog", catalog.lay_catalog)

    def remember(world):
        for name, text in notes.items():
            index_document(world, name, text)

    image.change("remember", remember)
    return image


def trained_cross_encoder():
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        num_labels=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForSequenceClassification(config)

    def scores(question, texts):
        pairs = [["[CLS]", *question.split(), "[SEP]", *text.split(), "[SEP]"] for text in texts]
        tokens = torch.tensor([[WORDS.index(word) for word in pair] for pair in pairs])
        parts = torch.tensor([[int(place > pair.index("[SEP]")) for place in range(len(pair))] for pair in pairs])
        return model(input_ids=tokens, token_type_ids=parts).logits[:, 0]

    lessons = [(f"{asked} opens the museum", asked) for asked in ("when", "where")]
    texts = [f"the museum opens {word}" for word in (*TIMES, *PLACES)]
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(60):
        given = torch.cat([scores(question, texts) for question, _ in lessons])
        wanted = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(given, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def rerank(question, texts):
        with torch.no_grad():
            return scores(question, texts).tolist()

    return rerank
