"""Hybrid queries over a million chunks: texts and vectors are made up, and put straight into the indexes.

What is left out is the image: at this size it would be measured how fast objects are written, not how fast they are
found. The ranking is the product's own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np

from batos.memory.candidates import Arms, Pending
from batos.memory.question import understood
from batos.memory.ranking import ranked
from batos.memory.search import CANDIDATES
from batos.memory.text import Row, TextIndex
from batos.memory.vectors import Meaning, VectorIndex
from benchmarks.figures import Figure, percentile
from benchmarks.memory.made import MadeVectors, questions, texts

BLOCK = 5_000
ASKED = 200
TOLD = 10


class Nothing(Pending):
    """No open transaction."""

    def __init__(self) -> None:
        self.documents = set()
        self.chunks = {}


def measure(quick: bool, data: Path | None, chunks: int = 1_000_000) -> Iterator[Figure]:
    chunks = 5_000 if quick else chunks
    with tempfile.TemporaryDirectory() as folder:
        model = MadeVectors()
        with (
            closing(TextIndex(Path(folder) / "text.sqlite3", "made")) as text,
            closing(VectorIndex(Path(folder) / "vectors.sqlite3", "made", model)) as vectors,
        ):
            topics = _fill(text, vectors, chunks)
            with vectors.comparing():
                pass  # they are read into memory
            before = _resident()
            yield from _ask(text, vectors, questions(topics, min(ASKED, chunks // 2)), chunks)
            yield Figure(
                "rss_gib_1m", max(before, _resident()), "memory of the process, GiB", "≤ 3", f"{chunks:,} chunks"
            )


def _fill(text: TextIndex, vectors: VectorIndex, chunks: int) -> list[np.ndarray]:
    topics, rows = [], []
    begun = time.monotonic()
    for number, (words, topic) in enumerate(texts(chunks), 1):
        topics.append(topic)
        rows.append(Row(number, f"note-{number}", 0, f"note-{number}", words))
        if len(rows) == BLOCK or number == chunks:
            with text.writing():
                text.add(rows)
            with vectors.writing():
                vectors.put([Meaning(row.id, str(row.id)) for row in rows])
            vectors.fill()
            rows = []
            print(f"{number:,} chunks after {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return topics


def _ask(text: TextIndex, vectors: VectorIndex, asked: list[str], chunks: int) -> Iterator[Figure]:
    times, processor = [], []
    for number, words in enumerate([*asked[:10], *asked]):
        question = understood(words, text.speakers(), date(2024, 1, 1))
        begun, spent = time.perf_counter(), time.process_time()
        arms = Arms(text, vectors, question, {}, Nothing())
        assert list(islice(ranked(question, arms.evidence(CANDIDATES)), TOLD))
        if number >= 10:
            times.append((time.perf_counter() - begun) * 1e3)
            processor.append((time.process_time() - spent) * 1e3)
    busy = percentile(processor, 0.95)
    beside = f"{chunks:,} chunks, p50 {percentile(times, 0.5):.1f} ms; p95 of processor time {busy:.1f} ms"
    yield Figure("query_p95_1m", percentile(times, 0.95), "hybrid query, p95 ms", "≤ 40", beside)


def _resident() -> float:
    """GiB that this process holds now."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 2**20
