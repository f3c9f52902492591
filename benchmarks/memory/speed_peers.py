"""What the same texts and questions cost elsewhere: FTS5 alone, tantivy, bm25s, and all vectors compared by numpy.

None of them keeps the texts as objects with history, so none is a rival for the whole; they are the floor under its
parts. Each is asked for the ten best rows, and nothing is read of them.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, percentile
from benchmarks.memory.made import MadeVectors, texts
from benchmarks.memory.peers import lexical_peers, sought

LIMIT = 10
WARMING = 20
DRAWN_AT_ONCE = 5_000


def measure_peers(size: int, questions: Sequence[str], per_commit: int, install: bool) -> Iterator[Figure]:
    """`size` made-up texts, and as many vectors."""
    yield from _fts5(size, questions, per_commit)
    yield from _elsewhere(size, questions, install)
    yield from _numpy(size, len(questions))


def _fts5(size: int, questions: Sequence[str], per_commit: int) -> Iterator[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(f"{folder}/words.sqlite3", isolation_level=None)) as database,
    ):
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = normal")
        database.execute("create virtual table words using fts5 (body, tokenize = 'porter unicode61')")
        taken = 0.0
        given = enumerate(text for text, _ in texts(size))
        while rows := list(islice(given, per_commit)):
            begun = time.perf_counter()
            database.execute("begin")
            database.executemany("insert into words (rowid, body) values (?, ?)", rows)
            database.execute("commit")
            taken += time.perf_counter() - begun
        yield Figure("ingest_s_fts5", size / taken, "the texts into FTS5 alone, per second", "", f"{size:,} texts")

        def ask(question: str) -> None:
            statement = "select rowid from words where words match ? order by rank limit ?"
            database.execute(statement, (sought(question), LIMIT)).fetchall()

        yield from _asked("fts5", _timed(ask, questions))


def _elsewhere(size: int, questions: Sequence[str], install: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.jsonl"
        with file.open("w", encoding="utf-8") as lines:
            lines.writelines(f"{json.dumps(text)}\n" for text, _ in texts(size))
        asked = [*questions[:WARMING], *questions]
        found = lexical_peers({"file": str(file), "questions": asked, "limit": LIMIT}, install)
    for name, measured in found.items():
        yield Figure(f"ingest_s_{name}", measured["rate"], f"the texts into {name}, per second")
        yield from _asked(name, measured["asked"][WARMING:])


def _numpy(size: int, asked: int) -> Iterator[Figure]:
    model = MadeVectors()
    sizes = [min(DRAWN_AT_ONCE, size - start) for start in range(0, size, DRAWN_AT_ONCE)]
    vectors = np.concatenate([model.passages([""] * number) for number in sizes])

    def ask(_: Any) -> None:
        scores = vectors @ model.query("")
        np.argpartition(-scores, min(LIMIT, size - 1))

    yield from _asked("numpy", _timed(ask, range(asked)))


def _timed(ask: Callable[[Any], None], questions: Sequence[Any]) -> list[float]:
    """Milliseconds of each."""
    for question in questions[:WARMING]:
        ask(question)
    times = []
    for question in questions:
        begun = time.perf_counter()
        ask(question)
        times.append((time.perf_counter() - begun) * 1e3)
    return times


def _asked(name: str, times: Sequence[float]) -> Iterator[Figure]:
    for key, share in (("p50", 0.5), ("p95", 0.95)):
        yield Figure(f"query_{key}_{name}", percentile(times, share), f"a query of {name} alone, {key} ms")
