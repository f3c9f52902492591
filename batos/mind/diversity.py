"""Composite entropy: how much the answers of a plan's steps differ, and what each of them adds.

`diversity` is the generalised Jensen-Shannon divergence of the answers' word distributions, with equal weights, divided
by its maximum log2(n): 0 when all say the same, 1 when no two share a word (J. Lin, Divergence measures based on the
Shannon entropy, IEEE Transactions on Information Theory 37, 1991). `adds` is, for each answer, the share of its words
that no other answer has. Answers that say nothing add nothing, and are not counted in n.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from batos.inference.citations import without_marks

_WORD = re.compile(r"[^\W_]{2,}")


def diversity(answers: Mapping[str, str]) -> dict[str, Any]:
    """`{"diversity": 0 to 1, "adds": {step: 0 to 1}}` of the answers by step; 0 where fewer than two say anything."""
    counted = {step: Counter(_WORD.findall(without_marks(text).lower())) for step, text in answers.items()}
    shared = Counter(word for words in counted.values() for word in words)
    adds = {
        step: round(sum(n for word, n in words.items() if shared[word] == 1) / words.total(), 3) if words else 0.0
        for step, words in counted.items()
    }
    said = [words for words in counted.values() if words]
    return {"diversity": round(_divergence(said), 3) if len(said) > 1 else 0.0, "adds": adds}


def _divergence(said: list[Counter[str]]) -> float:
    mixture: dict[str, float] = {}
    for words in said:
        for word, n in words.items():
            mixture[word] = mixture.get(word, 0.0) + n / words.total()
    mean = sum(_entropy(n / words.total() for n in words.values()) for words in said) / len(said)
    return (_entropy(share / len(said) for share in mixture.values()) - mean) / math.log2(len(said))


def _entropy(shares: Iterable[float]) -> float:
    return -sum(share * math.log2(share) for share in shares)
