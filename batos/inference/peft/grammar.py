"""JSON by construction: at each token only those are allowed that can still become JSON which fits the schema."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import llguidance
import llguidance.hf
import torch

from batos.errors import BackendNonsense, BackendRefused

# Which bits a byte has, the lowest first. llguidance's own way over torch would compile, for which a machine needs a C
# compiler and a minute.
BITS = torch.arange(256, dtype=torch.uint8).unsqueeze(1).bitwise_and(2 ** torch.arange(8, dtype=torch.uint8)).bool()
STRICT = {"whitespace_flexible": False}


class Grammars:
    """Makes grammars for one tokenizer. `size` is the width of the model's logits."""

    def __init__(self, tokenizer: Any, size: int) -> None:
        self._tokenizer = tokenizer
        self._size = max(size, len(tokenizer))  # either may be the larger one

    @cached_property
    def _known(self) -> Any:
        return llguidance.hf.from_tokenizer(self._tokenizer, n_vocab=self._size)

    def of(self, schema: dict[str, Any]) -> Grammar:
        """Raises `BackendRefused` for a schema that cannot be followed."""
        try:
            text = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults=STRICT)
            matcher = llguidance.LLMatcher(self._known, text)
            problem = matcher.get_error()
        except ValueError as error:
            problem = str(error)
        if problem:
            raise BackendRefused(backend="peft", reason=f"The schema cannot be followed: {' '.join(problem.split())}")
        return Grammar(matcher)


class Grammar:
    """Where one answer stands in its schema."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def allowed(self, scores: torch.Tensor) -> torch.Tensor:
        """The scores of one row, with minus infinity for tokens that may not come next."""
        packed = torch.frombuffer(bytearray(self._matcher.compute_bitmask()), dtype=torch.uint8)
        bits = BITS[packed.int()].flatten()
        allowed = torch.zeros(len(scores), dtype=torch.bool)
        known = min(len(bits), len(allowed))
        allowed[:known] = bits[:known]
        return scores.masked_fill(~allowed.to(scores.device), float("-inf"))

    def take(self, token: int) -> bool:
        """Note the token; whether the JSON is complete with it. Raises `BackendNonsense` if it was not allowed."""
        self._matcher.consume_token(token)
        if problem := self._matcher.get_error():
            raise BackendNonsense(backend="peft", reason=f"it left its grammar: {' '.join(problem.split())}")
        return bool(self._matcher.is_stopped())
