"""Any collection as three files in the folder that `--data` names: `documents.jsonl` and `queries.jsonl`, lines of
`{"id", "text"}`, and `relevance.tsv`, lines of query id, document id and degree (a heading line is passed over).

Documents are ranked by their best chunk. nDCG takes the degrees as gains (Järvelin and Kekäläinen, 2002).
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from batos.image.image import Image
from batos.memory.catalog import index_document, lay_catalog
from batos.memory.chunking import Fits
from batos.memory.embedding import Embedder, window_of
from batos.memory.encoders.minilm import open_minilm, set_up
from batos.memory.search import Searcher
from batos.memory.summarizing import summarize
from benchmarks.figures import Figure
from benchmarks.memory.peers import DensePeer, peers_elsewhere, plain_bm25

PER_COMMIT = 100
DEEP = 40  # chunks asked for, so that ten documents are among them
Ranking = Sequence[str]


def measure(quick: bool, data: Path | None) -> Iterator[Figure]:
    if data is None:
        raise SystemExit("retrieval reads a folder: give it with --data FOLDER.")
    set_up(lambda told: print(told, file=sys.stderr))
    yield from measure_retrieval(data, open_minilm(), quick)


def measure_retrieval(data: Path, embedder: Embedder, quick: bool) -> Iterator[Figure]:
    documents, queries, relevant = _read(data)
    queries = {query: text for query, text in queries.items() if relevant.get(query)}
    if not queries:
        raise SystemExit(f"{data / 'relevance.tsv'} names no relevant document of any query.")
    if quick:
        queries = dict(list(queries.items())[:20])
    rankings = _rankings(documents, queries, embedder, quick)
    for key, name in (("ndcg10", "nDCG@10"), ("recall10", "recall@10")):
        scored = {engine: _mean(key, ranking, relevant) for engine, ranking in rankings.items()}
        beside = " ".join(f"{engine} {value:.3f}" for engine, value in scored.items())
        yield Figure(key, scored["hybrid"], name, "", beside)
        for engine in scored.keys() - {"hybrid"}:
            yield Figure(f"{key}_{engine}", scored[engine], f"{name} of {engine}")


def _read(folder: Path) -> tuple[dict[str, str], dict[str, str], dict[str, dict[str, float]]]:
    documents, queries = (
        {str(row["id"]): str(row.get("text") or "") for row in map(json.loads, _lines(folder / name))}
        for name in ("documents.jsonl", "queries.jsonl")
    )
    relevant: dict[str, dict[str, float]] = {}
    for line in _lines(folder / "relevance.tsv"):
        query, *parts = line.split("\t")
        degree = _degree(parts.pop()) if len(parts) > 1 else 1.0
        if parts and degree > 0:
            relevant.setdefault(query, {})[parts[-1]] = degree
    return documents, queries, relevant


def _degree(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # of a heading
        return 0.0


def _lines(file: Path) -> list[str]:
    """Not `splitlines`, which takes signs for ends of lines that may stand in a line of JSON."""
    return [line.removesuffix("\r") for line in file.read_text("utf-8-sig").split("\n") if line.strip()]


def _rankings(
    documents: Mapping[str, str], queries: Mapping[str, str], embedder: Embedder, quick: bool
) -> dict[str, dict[str, Ranking]]:
    """engine → query id → document ids, best first"""
    ids, texts = list(documents), list(documents.values())
    found: dict[str, dict[str, Ranking]] = {}
    peers = peers_elsewhere(texts, list(queries.values()), 10, install=not quick)
    for peer in (plain_bm25(texts), DensePeer(texts, embedder), *peers):
        found[peer.name] = {query: [ids[row] for row in peer.ask(text, 10)] for query, text in queries.items()}
    with tempfile.TemporaryDirectory() as folder, Image.open(f"{folder}/image") as image:
        image.change("lay the catalog", lay_catalog)
        # Ids of our own, because an id is searched too and must not help here.
        names = {f"{number:x}": document for number, document in enumerate(ids)}
        _remember(image, list(zip(names, texts, strict=True)), window_of(embedder))
        for name, weight in (("words", 1.0), ("meaning", 0.0), ("hybrid", None)):
            model = None if name == "words" else embedder
            options = {} if weight is None else {"words_weight": weight}
            with closing(Searcher(image, model, **options)) as searcher:
                summarize(image, searcher.sections)
                searcher.embed()
                found[name] = {query: _documents(searcher, text, names) for query, text in queries.items()}
    return found


def _remember(image: Image, given: Sequence[tuple[str, str]], fits: Fits | None) -> None:
    for start in range(0, len(given), PER_COMMIT):

        def work(world, start=start):
            for name, text in given[start : start + PER_COMMIT]:
                if text.strip():
                    index_document(world, name, text, tainted=True, fits=fits)

        image.change("remember", work)


def _documents(searcher: Searcher, question: str, names: Mapping[str, str]) -> Ranking:
    hits = searcher.search(question, DEEP)
    return list(dict.fromkeys(names[hit.document_id] for hit in hits))[:10]


def _mean(key: str, rankings: Mapping[str, Ranking], relevant: Mapping[str, Mapping[str, float]]) -> float:
    score = _ndcg if key == "ndcg10" else _recall
    return statistics.fmean(score(ranking, relevant[query]) for query, ranking in rankings.items())


def _ndcg(ranking: Ranking, degrees: Mapping[str, float]) -> float:
    gained = sum(degrees.get(document, 0) / math.log2(place + 2) for place, document in enumerate(ranking[:10]))
    best = sorted(degrees.values(), reverse=True)[:10]
    return gained / sum(degree / math.log2(place + 2) for place, degree in enumerate(best))


def _recall(ranking: Ranking, degrees: Mapping[str, float]) -> float:
    return len(set(ranking[:10]) & degrees.keys()) / len(degrees)
