"""Recall of evidence: how much of what answers a question is among the first hits."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from batos.image.image import Image
from batos.memory.catalog import index_document, lay_catalog
from batos.memory.chunking import Fits
from batos.memory.embedding import Embedder, window_of
from batos.memory.search import Hit, Searcher
from batos.memory.summarizing import summarize
from batos.memory.turns import said, written
from benchmarks.figures import Figure
from benchmarks.memory.locomo import Asked, Conversation, Said, read_conversations
from benchmarks.memory.peers import DensePeer, Peer, peers_elsewhere, plain_bm25

BUDGET = 1_000
DEEP = 80

TurnId = tuple[int, int]
# A question to (what turns a hit covers, its text), best first.
Ask = Callable[[str], Sequence[tuple[frozenset[TurnId], str]]]


@dataclass
class Recall:
    """Recall of each question in turn."""

    at_10: list[float] = field(default_factory=list)
    in_budget: list[float] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)

    def of(self, category: int) -> float:
        return statistics.fmean(
            found for found, asked in zip(self.at_10, self.categories, strict=True) if asked == category
        )


def measure_recall(data: Path, embedder: Embedder, quick: bool) -> Iterator[Figure]:
    conversations = [one for one in read_conversations(data) if one.asked]
    if not conversations:
        raise SystemExit(f'{data} holds no question whose evidence is a turn of its conversation ("D1:3").')
    if quick:
        conversations = [Conversation(one.said[:120], one.asked[:20]) for one in conversations[:1]]
    found: dict[str, Recall] = {}
    for number, conversation in enumerate(conversations, 1):
        print(f"conversation {number} of {len(conversations)}", file=sys.stderr, flush=True)
        for name, ask in _engines(conversation, embedder, quick):
            _ask_all(found.setdefault(name, Recall()), conversation.asked, ask, embedder)
    yield from _figures(found)


def _figures(found: dict[str, Recall]) -> Iterator[Figure]:
    ours, plain = found["hybrid"], found["bm25"]
    beside = " ".join(f"{name} {statistics.fmean(recall.at_10):.3f}" for name, recall in found.items())
    yield Figure("recall10", statistics.fmean(ours.at_10), "recall@10, unit turn", "≥ .82", beside)
    categories = sorted(set(ours.categories))
    for category in categories:
        shown = " ".join(f"{name} {recall.of(category):.3f}" for name, recall in found.items())
        yield Figure(f"recall10_category_{category}", ours.of(category), "recall@10 of one category", "", shown)
    if 1 in categories:
        gain = ours.of(1) / max(plain.of(1), 1e-9)
        yield Figure("multihop_gain", gain, "recall@10 on category 1 ÷ plain BM25's", "≥ 1.4")
    beside = " ".join(f"{name} {statistics.fmean(recall.in_budget):.3f}" for name, recall in found.items())
    yield Figure("recall_1000tok", statistics.fmean(ours.in_budget), "recall within 1,000 tokens", "≥ .85", beside)
    gap = max(max(found["words"].of(one), found["meaning"].of(one)) - ours.of(one) for one in categories)
    yield Figure("worst_arm_gap", gap, "better arm less hybrid, worst category", "≤ .005")
    for name in found.keys() - {"hybrid", "words", "meaning"}:
        yield Figure(f"recall10_{name}", statistics.fmean(found[name].at_10), "recall@10 of a peer")


def _ask_all(recall: Recall, asked: Sequence[Asked], ask: Ask, embedder: Embedder) -> None:
    for one in asked:
        hits = ask(one.question)
        recall.at_10.append(_share(one, [covered for covered, _ in hits[:10]]))
        recall.in_budget.append(_share(one, _within(hits, embedder)))
        recall.categories.append(one.category)


def _share(asked: Asked, covered: Sequence[frozenset[TurnId]]) -> float:
    return len(asked.evidence & frozenset().union(*covered)) / len(asked.evidence)


def _within(hits: Sequence[tuple[frozenset[TurnId], str]], embedder: Embedder) -> list[frozenset[TurnId]]:
    room, kept = BUDGET, []
    for covered, text in hits:
        room -= embedder.count_tokens(text)
        if room < 0:
            break
        kept.append(covered)
    return kept


def _engines(conversation: Conversation, embedder: Embedder, quick: bool) -> Iterator[tuple[str, Ask]]:
    texts = [one.bare for one in conversation.said]
    questions = [one.question for one in conversation.asked]
    for peer in (plain_bm25(texts), DensePeer(texts, embedder), *peers_elsewhere(texts, questions, DEEP, not quick)):
        yield peer.name, _of_peer(peer, conversation.said)
    with remembered(conversation, window_of(embedder)) as image, ExitStack() as opened:
        covered = _covered(conversation, image)
        for name, weight in (("words", 1.0), ("meaning", 0.0), ("hybrid", None)):
            model = None if name == "words" else embedder
            searcher = Searcher(image, model) if weight is None else Searcher(image, model, words_weight=weight)
            opened.callback(searcher.close)
            summarize(image, searcher.sections)
            searcher.embed()

            def ask(question: str, searcher: Searcher = searcher) -> list[tuple[frozenset[TurnId], str]]:
                hits = searcher.search(question, DEEP)
                return [(covered[hit.document_id, hit.chunk_index], _quoted(hit)) for hit in hits]

            yield name, ask


def _quoted(hit: Hit) -> str:
    """The turn with its speaker. Its time is metadata, which none of the peers has."""
    return f"{hit.metadata['speaker']}: {said(hit.text)}" if "speaker" in hit.metadata else hit.text


def _of_peer(peer: Peer, said: Sequence[Said]) -> Ask:
    return lambda question: [(frozenset({said[row].id}), said[row].bare) for row in peer.ask(question, DEEP)]


@contextmanager
def remembered(conversation: Conversation, fits: Fits | None) -> Iterator[Image]:
    """An image that holds the conversation, a document for each session."""
    with tempfile.TemporaryDirectory() as folder, Image.open(f"{folder}/image") as image:
        image.change("lay the catalog", lay_catalog)
        for number, said in conversation.sessions().items():
            text = written(one.turn for one in said)

            def work(world, number=number, text=text):
                metadata = {"source": "conversation"}
                return index_document(world, f"session-{number:02}", text, metadata, "chat", fits=fits)

            image.change("remember", work)
        yield image


def _covered(conversation: Conversation, image: Image) -> dict[tuple[str, int], frozenset[TurnId]]:
    """What turn each chunk belongs to; a long turn is several chunks."""
    found: dict[tuple[str, int], frozenset[TurnId]] = {}
    with image.reading() as world:
        catalog = world["knowledge_catalog"].metadata_index
        for number, said in conversation.sessions().items():
            document = catalog[f"session-{number:02}"]
            ends, position = [], 0
            for one in said:
                position += len(written([one.turn]))
                ends.append((position, one.id))
            start = 0
            for chunk in document.chunks:
                turn = next(id_ for end, id_ in ends if start < end)
                found[document.document_id, chunk.chunk_index] = frozenset({turn})
                start += len(chunk.text)
    return found
