"""The loop over tokens: several answers at once, each with its own limit, seed, grammar and stops.

It is a loop of ours, because an answer must be cancelled between two tokens, rows of a batch have grammars and seeds of
their own, and the cache of a prompt is kept for the next request that begins alike. One thread runs it at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import torch
from transformers import DynamicCache

from batos.errors import BackendNonsense
from batos.inference.peft.model import BaseModel
from batos.inference.peft.plan import PREFILL
from batos.inference.stops import Ending, ended

UNFINISHED = "�"


@dataclass
class Writing:
    """One answer while it is written. `slot` is where its adapter is (None: the base model alone); `sink` is given each
    new piece of text; `finish` says why it ended: stop, length or cancelled."""

    prompt: list[int]
    slot: int | None
    most: int
    temperature: float = 0.0
    seed: int = 0
    grammar: Any = None
    stops: tuple[str, ...] = ()
    sink: Callable[[str], None] | None = None
    cancelled: Event = field(default_factory=Event)
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    finish: str = ""
    reused: int = 0
    _generator: torch.Generator | None = None
    _settled: int = 0
    _shown: int = 0

    def __post_init__(self) -> None:
        self._ending = Ending(self.stops)

    def choose(self, logits: torch.Tensor) -> int:
        """The next token from the logits of one row, in single precision."""
        if self.temperature == 0.0:
            return int(logits.argmax())
        if self._generator is None:
            self._generator = torch.Generator(device=logits.device).manual_seed(self.seed)
        chances = torch.softmax(logits / self.temperature, dim=-1)
        return int(torch.multinomial(chances, 1, generator=self._generator))

    def take(self, token: int, model: BaseModel) -> None:
        """Add a token and see whether the answer is over with it."""
        if token in model.ends:
            self.finish = "stop"
        else:
            self.tokens.append(token)
            if self.grammar is not None and self.grammar.take(token):
                self.finish = "stop"
            elif len(self.tokens) >= self.most:
                self.finish = "length"
        if self.sink is not None or self.stops:
            self._say(model)
        if self.cancelled.is_set():
            self.finish = self.finish or "cancelled"
        if self.finish:
            self._end(model)

    def _say(self, model: BaseModel) -> None:
        """Hand on what is certain: a letter may be spread over tokens, and the beginning of a stop is held back."""
        before = model.text(self.tokens[self._settled : self._shown])
        piece = model.text(self.tokens[self._settled :])
        if len(piece) > len(before) and not piece.endswith(UNFINISHED):
            self._emit(piece[len(before) :])
            self._settled, self._shown = self._shown, len(self.tokens)

    def _emit(self, piece: str) -> None:
        told = self._ending.add(piece)
        if self._ending.stopped:
            self.finish = "stop"
        if self.sink is not None and told:
            self.sink(told)

    def _end(self, model: BaseModel) -> None:
        self.text = ended(model.text(self.tokens), self.stops)
        if self.sink is not None and len(self.text) > self._ending.handed:
            self.sink(self.text[self._ending.handed :])


@dataclass
class Kept:
    """The cache of one earlier answer: of which tokens, written with which adapter."""

    tokens: list[int]
    cache: DynamicCache


class Decoder:
    """Writes answers with a model. `kept_tokens` bounds what is remembered of earlier prompts, in tokens."""

    def __init__(self, model: BaseModel, kept_tokens: int) -> None:
        self._model = model
        self._most_kept = kept_tokens
        self._kept: dict[str, Kept] = {}  # by adapter; the one used longest ago first

    @torch.inference_mode()
    def write(self, rows: Sequence[Writing], voice: str | None = None) -> None:
        """Write all answers. The caller has made the slots answer, row by row.

        With `voice`, the name of what answers a single row, its prompt's cache is kept for the next one of that voice.
        Raises `BackendNonsense` where the weights give no numbers.
        """
        alone = len(rows) == 1 and voice is not None
        cache, done = self._begun(rows[0], voice) if alone and voice else (DynamicCache(), 0)
        length = max(len(row.prompt) for row in rows)
        ids, mask = self._padded(rows, length)
        try:
            logits = self._read(ids, mask, cache, done, length)
            self._go_on(list(rows), logits, mask, cache)
        except BaseException:
            cache = None
            raise
        if alone and voice and cache is not None:
            self._keep(voice, rows[0], cache)

    def forget(self) -> None:
        """Drop all caches that are kept."""
        self._kept.clear()

    @property
    def kept_tokens(self) -> int:
        return sum(len(kept.tokens) for kept in self._kept.values())

    def make_room(self, tokens: int) -> None:
        """Drop caches, those used longest ago first, until no more than `tokens` of them are left."""
        while self._kept and self.kept_tokens > max(tokens, 0):
            del self._kept[next(iter(self._kept))]

    def _begun(self, row: Writing, voice: str) -> tuple[DynamicCache, int]:
        """A cache that already holds the longest beginning that the prompt shares with this voice's last one."""
        kept = self._kept.pop(voice, None)
        if kept is None:
            return DynamicCache(), 0
        shared = _shared(
            kept.tokens, row.prompt[:-1]
        )  # the last token is always read: its logits are what we are after
        if shared == 0:
            return DynamicCache(), 0
        if len(kept.tokens) > shared:
            kept.cache.crop(shared - len(kept.tokens))
        row.reused = shared
        return kept.cache, shared

    def _keep(self, voice: str, row: Writing, cache: DynamicCache) -> None:
        held = int(cache.get_seq_length())
        croppable = all(getattr(layer, "is_croppable", False) and not layer.is_sliding for layer in cache.layers)
        if croppable and held <= self._most_kept:
            self._kept[voice] = Kept((row.prompt + row.tokens)[:held], cache)
            self.make_room(self._most_kept)

    def _padded(self, rows: Sequence[Writing], length: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Prompts side by side, shorter ones filled up at the left, and which places count (None: all do)."""
        device, pad = self._model.device, self._model.pad
        filled = [[pad] * (length - len(row.prompt)) + row.prompt for row in rows]
        ids = torch.tensor(filled, device=device)
        if all(len(row.prompt) == length for row in rows):
            return ids, None
        counts = [[0] * (length - len(row.prompt)) + [1] * len(row.prompt) for row in rows]
        return ids, torch.tensor(counts, device=device)

    def _read(
        self, ids: torch.Tensor, mask: torch.Tensor | None, cache: DynamicCache, done: int, length: int
    ) -> torch.Tensor:
        """Read the prompts in stretches, so that a long one takes no more memory than was planned."""
        logits = None
        for start in range(done, length, PREFILL):
            end = min(start + PREFILL, length)
            logits = self._step(ids[:, start:end], mask[:, :end] if mask is not None else None, start, cache)
        assert logits is not None
        if not bool(torch.isfinite(logits).all()):
            raise BackendNonsense(
                backend="peft", reason="its weights give no numbers; verify the adapter and the model"
            )
        return logits

    def _step(self, ids: torch.Tensor, mask: torch.Tensor | None, start: int, cache: DynamicCache) -> torch.Tensor:
        """The logits after the last of these tokens, in single precision."""
        count = ids.shape[1]
        if mask is None:
            positions = torch.arange(start, start + count, device=ids.device).unsqueeze(0)
        else:
            positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -count:]
        answered = self._model.network(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return answered.logits[:, -1].float()

    def _go_on(self, rows: list[Writing], logits: torch.Tensor, mask: torch.Tensor | None, cache: DynamicCache) -> None:
        """Token after token, until every answer is over. A row that is over keeps its place until then."""
        at = int(cache.get_seq_length())
        several = len(rows) > 1
        while True:
            chosen = []
            for number, row in enumerate(rows):
                if row.finish:
                    chosen.append(self._model.pad)
                    continue
                scores = logits[number]
                if row.grammar is not None:
                    scores = row.grammar.allowed(scores)
                token = row.choose(scores)
                row.take(token, self._model)
                chosen.append(token)
            if all(row.finish for row in rows):
                return
            if several and mask is not None:
                mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=-1)
            ids = torch.tensor(chosen, device=logits.device).unsqueeze(1)
            logits = self._step(ids, mask, at, cache)
            at += 1


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length
