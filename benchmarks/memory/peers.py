"""Peers: plain BM25 on SQLite's FTS5, the embedding model alone, and tantivy and bm25s in an environment of their
own.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from batos.memory.embedding import Embedder
from batos.memory.query import terms
from benchmarks.environments import NotInstalled, python_with

PACKAGES = ("tantivy>=0.22,<1", "bm25s>=0.2,<1", "PyStemmer>=2.2,<4")
SCRIPT = Path(__file__).parent.parent / "peers" / "lexical.py"


class Peer(Protocol):
    name: str

    def ask(self, question: str, limit: int) -> Sequence[int]:
        """Rows, best first."""


class Bm25Peer:
    """FTS5 with Porter stemming on the bare texts, the question without our stop words."""

    name = "bm25"

    def __init__(self, texts: Sequence[str]) -> None:
        self._database = sqlite3.connect(":memory:")
        self._database.execute("create virtual table words using fts5 (body, tokenize = 'porter unicode61')")
        self._database.executemany("insert into words (rowid, body) values (?, ?)", enumerate(texts))

    def ask(self, question: str, limit: int) -> Sequence[int]:
        expression = sought(question)
        if not expression:
            return []
        statement = "select rowid from words where words match ? order by rank limit ?"
        return [row for (row,) in self._database.execute(statement, (expression, limit))]


def sought(question: str) -> str:
    """The question as an expression of FTS5: its words without our stop words, joined by OR."""
    return " OR ".join(f'"{word}"' for word in terms(question))


def plain_bm25(texts: Sequence[str]) -> Peer:
    return Bm25Peer(texts)


class DensePeer:
    """The embedding model on bare texts and questions, all compared."""

    name = "dense"

    def __init__(self, texts: Sequence[str], embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors = embedder.passages(texts)

    def ask(self, question: str, limit: int) -> Sequence[int]:
        scores = self._vectors @ self._embedder.query(question)
        found: list[int] = np.argsort(-scores, kind="stable")[:limit].tolist()
        return found


class AnsweredPeer:
    """A peer that was asked everything at once, in another process."""

    def __init__(self, name: str, answers: dict[str, list[int]]) -> None:
        self.name = name
        self._answers = answers

    def ask(self, question: str, limit: int) -> Sequence[int]:
        return self._answers[question][:limit]


def peers_elsewhere(texts: Sequence[str], questions: Sequence[str], limit: int, install: bool) -> list[AnsweredPeer]:
    """tantivy and bm25s; none where they are not installed and may not be, or cannot."""
    asked = {question: " ".join(terms(question)) for question in questions}
    answered = lexical_peers({"texts": list(texts), "questions": asked, "limit": limit}, install)
    return [AnsweredPeer(name, answers) for name, answers in answered.items()]


def lexical_peers(given: dict[str, Any], install: bool) -> dict[str, Any]:
    """What tantivy and bm25s make of what is given, by their names (`benchmarks/peers/lexical.py`); nothing where they
    are not installed and may not be, or cannot."""
    try:
        python = python_with("lexical", PACKAGES, install=install)
    except NotInstalled as reason:
        print(reason, file=sys.stderr)
        return {}
    command = [str(python), str(SCRIPT)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True, timeout=1_000)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
