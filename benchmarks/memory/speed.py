"""What remembering and searching cost in time: ingest, rebuild, catching up, queries, conflicts between writers."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from batos.image.image import Image
from batos.memory.catalog import index_document, lay_catalog
from batos.memory.embedding import Embedder
from batos.memory.search import Searcher
from batos.memory.summarizing import summarize
from batos.memory.turn_taking import remember
from benchmarks.figures import Figure, percentile
from benchmarks.memory.made import MadeVectors, questions, texts
from benchmarks.memory.speed_peers import measure_peers

PER_COMMIT, PER_DOCUMENT = 100, 10
WRITERS, PER_WRITE = 4, 10
EMBEDDED = 400
ASKED = 200
SUMMARISED = 10_000  # chunks


@contextmanager
def empty_image(scheme: str = "sqlite") -> Iterator[Image]:
    with tempfile.TemporaryDirectory() as folder, Image.open(f"{scheme}:{folder}/image") as image:
        image.change("lay the catalog", lay_catalog)
        yield image


def measure_speed(embedder: Embedder | None, quick: bool) -> Iterator[Figure]:
    size = 2_000 if quick else 100_000
    with empty_image() as image, closing(Searcher(image, MadeVectors())) as searcher:
        topics, rate = _ingest(image, searcher, size)
        beside = f"{size:,} chunks, commit and catch-up per {PER_COMMIT}"
        yield Figure("ingest_s", rate, "chunks remembered and indexed by words, per second", "≥ 3,000", beside)
        yield Figure("catchup_ms", _catch_up(image, searcher), "catch-up after a commit of one chunk, p50 ms", "≤ 1")
        yield _rebuild(image, searcher)
        searcher.embed()
        asked = questions(topics, ASKED if size > ASKED else size // 2)
        yield from _queries(searcher, asked, f"{size:,} chunks without summaries")
    yield from _below_summaries(min(size, SUMMARISED))
    yield from measure_peers(size, asked, PER_COMMIT, install=not quick)
    yield _conflicts(2.0 if quick else 12.0)
    if embedder is not None:
        yield _embedding(embedder, 40 if quick else EMBEDDED)


def _ingest(image: Image, searcher: Searcher, size: int) -> tuple[list[Any], float]:
    """The topics, and chunks per second: image and text index together, without the making of the texts."""
    topics, sections, documents, taken = [], [], [], 0.0
    for number, (text, topic) in enumerate(texts(size), 1):
        topics.append(topic)
        sections.append(f"## Section {number}\n\n{text}\n\n")
        if len(sections) == PER_DOCUMENT:
            documents.append((f"note-{number}", "".join(sections)))
            sections = []
        if len(documents) * PER_DOCUMENT == PER_COMMIT:
            taken += _remember(image, searcher, documents)
            documents = []
    return topics, size / taken


def _remember(image: Image, searcher: Searcher, documents: Sequence[tuple[str, str]]) -> float:
    def work(world: Any) -> None:
        for document_id, text in documents:
            index_document(world, document_id, text, media="markdown", tainted=True)

    begun = time.perf_counter()
    remember(image, "remember", work)
    searcher.catch_up_words()
    return time.perf_counter() - begun


def _catch_up(image: Image, searcher: Searcher, rounds: int = 50) -> float:
    times = []
    for number in range(rounds):
        image.change("one more", lambda world, n=number: index_document(world, f"more-{n}", f"fresh zebra {n}"))
        begun = time.perf_counter()
        searcher.catch_up_words()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e3


def _rebuild(image: Image, searcher: Searcher) -> Figure:
    searcher.index.discard("it is measured how long it takes to make it again.")
    begun = time.perf_counter()
    read = searcher.catch_up_words()
    rate = read / (time.perf_counter() - begun)
    return Figure("rebuild_s", rate, "text index made again from the log, chunks per second", "≥ 9,000")


def _below_summaries(size: int) -> Iterator[Figure]:
    """The same queries where every document has summaries, which lead a search as well. Fewer chunks, because writing
    the summaries of more takes longer than all the rest."""
    with empty_image() as image, closing(Searcher(image, MadeVectors())) as searcher:
        topics, _ = _ingest(image, searcher, size)
        summaries = summarize(image, searcher.sections)
        searcher.embed()
        asked = questions(topics, min(ASKED, size // 2))
        yield from _queries(searcher, asked, f"{size:,} chunks below {summaries:,} summaries", "_summaries")


def _queries(searcher: Searcher, asked: Sequence[str], held: str, key: str = "") -> Iterator[Figure]:
    for question in asked[:20]:
        searcher.search(question, 10)
    times, spent = [], time.process_time()
    for question in asked:
        begun = time.perf_counter()
        searcher.search(question, 10)
        times.append((time.perf_counter() - begun) * 1e3)
    busy = (time.process_time() - spent) / len(asked) * 1e3
    beside = f"{held}, both arms, embedding excluded; mean of processor time {busy:.1f} ms"
    yield Figure(f"query_p50{key}", percentile(times, 0.5), "hybrid query, p50 ms", "≤ 4", beside)
    yield Figure(f"query_p95{key}", percentile(times, 0.95), "hybrid query, p95 ms", "≤ 12", beside)


def _conflicts(seconds: float) -> Figure:
    """Several threads that remember ten chunks a commit, each a document of its own."""
    with empty_image() as image:
        given = [text for text, _ in texts(1_000)]
        counts = [[0, 0] for _ in range(WRITERS)]
        until = time.perf_counter() + seconds

        def write(writer: int) -> None:
            number = 0
            while time.perf_counter() < until:
                batch = [(f"{writer}/{number}/{part}", given[(number + part) % 1_000]) for part in range(PER_WRITE)]

                def work(world: Any, batch: Sequence[tuple[str, str]] = batch) -> None:
                    counts[writer][0] += 1
                    for document_id, text in batch:
                        index_document(world, document_id, text, tainted=True)

                remember(image, "remember", work)
                counts[writer][1] += 1
                number += 1

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        attempts, kept_commits = (sum(column) for column in zip(*counts, strict=True))
        with closing(Searcher(image)) as searcher:
            kept = searcher.statistics().documents
        assert kept == kept_commits * PER_WRITE, "a document that was committed is not there"
    beside = f"{attempts} attempts, {kept:,} documents, none lost"
    return Figure(
        "conflict_rate",
        (attempts - kept_commits) / attempts,
        "conflicts ÷ attempts, 4 writers, 10 chunks each",
        "≤ .01",
        beside,
    )


def _embedding(embedder: Embedder, number: int) -> Figure:
    """Remembering with the model ÷ the model alone, on the same texts, taking turns."""
    ratios, rates = [], []
    for turn in range(3):
        given = [text for text, _ in texts(number, seed=100 + turn)]
        short = [" ".join(text.split()[:20]) for text in given]
        begun = time.perf_counter()
        embedder.passages(short)
        bare = time.perf_counter() - begun
        with empty_image() as image, closing(Searcher(image, embedder)) as searcher:
            begun = time.perf_counter()
            for start in range(0, number, PER_COMMIT):
                _remember(
                    image, searcher, [(f"{start}-{at}", one) for at, one in enumerate(short[start : start + 100])]
                )
            searcher.embed()
            whole = time.perf_counter() - begun
        ratios.append(bare / whole)
        rates.append(number / bare)
    beside = f"bare {statistics.median(rates):.0f} texts of 20 words/s"
    return Figure("embed_ratio", statistics.median(ratios), "ingest with the model ÷ model alone", "≥ .8", beside)
