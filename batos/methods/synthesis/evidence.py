"""How much the examples say: the bits that it takes to write their results down for someone who sees the inputs.

A method may not be larger than what it explains. Whatever is fitted to three small numbers at the price of a formula
of thirty parts explains nothing; the same formula is welcome where each result is a line of text. After Rissanen's
minimum description length (Automatica 14, 1978), with round prices for pieces of results.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log2
from typing import Any

from batos.methods.synthesis.values import keys_in, texts_in

LETTER = 4.5
"""Bits of a letter that stands in no input."""

DIGIT = 3.3
REPEATED = 1.0
"""Bits of a result that an earlier example had too."""


def bits(results: Iterable[Any], inputs: Iterable[Any]) -> float:
    """The bits of all results; `inputs` holds for each of them the values that a method may use."""
    total = 0.0
    seen: set[str] = set()
    for result, given in zip(results, inputs, strict=True):
        written = repr(result)
        total += min(REPEATED, _bits(result, given)) if written in seen else _bits(result, given)
        seen.add(written)
    return total


def _bits(value: Any, given: Any) -> float:
    if value is None or isinstance(value, bool):
        return 1.0
    if isinstance(value, (int, float)):
        return _number(value, set(numbers_in(given)))
    if isinstance(value, str):
        return _text(value, [*texts_in(given), *keys_in(given)])
    if isinstance(value, dict):
        return 1.0 + sum(_bits(key, given) + _bits(part, given) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return 1.0 + sum(_bits(part, given) for part in value)
    return 1.0


def _number(number: int | float, known: set[int | float]) -> float:
    if number in known:
        return log2(1 + len(known))
    if isinstance(number, int):
        return 1.5 + log2(1 + abs(number))
    return 1.0 + DIGIT * len(repr(abs(number)).replace(".", "").strip("0"))


def _text(text: str, sources: list[str]) -> float:
    """Copied runs and single letters, cut greedily from the left."""
    if text in sources:
        return log2(1 + len(set(sources)))
    total, place = 1.0, 0
    letters = {letter for source in sources for letter in source}
    run = 1.0 + log2(1 + sum(map(len, sources)))
    letter = min(LETTER, 0.5 + log2(1 + len(letters)))
    while place < len(text):
        length = 0
        for source in sources:
            while place + length < len(text) and text[place : place + length + 1] in source:
                length += 1
        total += run if length > 1 else letter if length else LETTER
        place += max(length, 1)
    return total


def numbers_in(value: Any) -> list[int | float]:
    if isinstance(value, (int, float)):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [number for item in value for number in numbers_in(item)] if isinstance(value, (list, tuple)) else []
