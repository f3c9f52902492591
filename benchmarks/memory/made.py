"""Made-up collections: words with the frequencies of a natural language, and vectors with neighbours like real ones.

Words follow Zipf and Mandelbrot's law; each chunk repeats six words of its own topic, so that there is something to
rank. Vectors lie around 2,000 centres.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batos.memory.embedding import Embedder

if TYPE_CHECKING:
    from numpy.typing import NDArray

VOCABULARY, WORDS = 200_000, 120
TOPIC_WORDS, REPEATED = 6, 4
BLOCK = 2_000
DIMENSION = 384
CENTRES = 2_000


def texts(number: int, seed: int = 1) -> Iterator[tuple[str, NDArray[Any]]]:
    """(text of about 120 words, the six words of its topic)"""
    generator = np.random.default_rng(seed)
    shares = 1 / (np.arange(1, VOCABULARY + 1) + 2.7) ** 1.05
    summed = np.cumsum(shares / shares.sum())
    names = np.array([f"w{rank}" for rank in range(VOCABULARY + 1)])
    for start in range(0, number, BLOCK):
        size = min(BLOCK, number - start)
        plain = np.searchsorted(summed, generator.random((size, WORDS - TOPIC_WORDS * REPEATED)))
        topics = generator.integers(300, 30_000, (size, TOPIC_WORDS))
        for row in range(size):
            words = np.concatenate([plain[row], np.repeat(topics[row], REPEATED)])
            yield " ".join(names[words].tolist()), topics[row]


def questions(topics: Sequence[NDArray[Any]], number: int, seed: int = 7) -> list[str]:
    """Three words of a chunk's topic and two common ones, like a question without its stop words."""
    generator = np.random.default_rng(seed)
    chosen = generator.choice(len(topics), number, replace=False)
    return [
        " ".join(f"w{word}" for word in (*topics[row][:3], *generator.integers(60, 300, 2))) for row in chosen.tolist()
    ]


class MadeVectors(Embedder):
    """Stands where a model stands, for measurements that leave the model out: a vector is drawn, not computed."""

    model_id = "made-up"
    dimension = DIMENSION
    longest = 256

    def __init__(self, seed: int = 3) -> None:
        self._generator = np.random.default_rng(seed)
        self._centres = self._generator.standard_normal((CENTRES, DIMENSION)).astype(np.float32)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = self._centres[self._generator.integers(0, CENTRES, len(texts))]
        rows = rows + 0.9 * self._generator.standard_normal(rows.shape, dtype=np.float32)
        found: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return found

    def query(self, text: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.passages([text])[0]
        return found
