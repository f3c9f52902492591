"""Running an encoder's ONNX graph: tokenizer, batches by length, unit vectors."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batos.errors import EmbedderFailed, MissingExtra

if TYPE_CHECKING:
    from batos.memory.embedding import Vectors

# A batch holds about as many tokens whatever its texts: fewer long ones, more short ones.
BATCH_TOKENS = 4_096
MOST_IN_BATCH = 64
# Tokenizing is linear, but a text of megabytes has no place in a window of 256 tokens; no token is longer than this.
LONGEST_WORD = 100


class OnnxEncoder:
    """`folder` holds `model.onnx` and `tokenizer.json`, which are opened, and may be `check`ed, when first needed.

    May be used from several threads.
    """

    def __init__(
        self, folder: Path, model_id: str, dimension: int, longest: int, check: Callable[[], None] = lambda: None
    ) -> None:
        self.model_id = model_id
        self.dimension = dimension
        self.longest = longest
        self._folder = folder
        self._check = check
        self._opening = threading.Lock()
        self._opened: tuple[Any, Any] | None = None

    def count_tokens(self, text: str) -> int:
        return len(self._parts()[1].encode(text).ids)

    def _parts(self) -> tuple[Any, Any]:
        """(session, tokenizer)"""
        with self._opening:
            if self._opened is None:
                self._check()
                self._opened = _opened(self._folder)
            return self._opened

    def passages(self, texts: Sequence[str]) -> Vectors:
        tokenizer = self._parts()[1]  # first, since it tells in a sentence what is not installed
        import numpy as np

        found = np.empty((len(texts), self.dimension), np.float32)
        encoded = tokenizer.encode_batch([text[: self.longest * LONGEST_WORD] for text in texts])
        ids = [
            one.ids[: self.longest - 1] + one.ids[-1:] if len(one.ids) > self.longest else one.ids for one in encoded
        ]
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        for batch in _batches(order, ids):
            found[batch] = self._run([ids[place] for place in batch])
        return found

    def query(self, text: str) -> Vectors:
        vector: Vectors = self.passages([text])[0]
        return vector

    def _run(self, ids: Sequence[Sequence[int]]) -> Any:
        import numpy as np

        width = max(map(len, ids))
        tokens, mask = np.zeros((2, len(ids), width), np.int64)
        for row, one in enumerate(ids):
            tokens[row, : len(one)], mask[row, : len(one)] = one, 1
        try:
            return self._parts()[0].run(None, {"input_ids": tokens, "attention_mask": mask})[0]
        except Exception as error:  # onnxruntime raises classes of its own without a common base
            raise EmbedderFailed(model=self.model_id, reason=f"{error}") from error


def _batches(order: Sequence[int], ids: Sequence[Sequence[int]]) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    for place in order:
        current = batches[-1]
        if current and (len(current) == MOST_IN_BATCH or (len(current) + 1) * len(ids[place]) > BATCH_TOKENS):
            current = []
            batches.append(current)
        current.append(place)
    return [batch for batch in batches if batch]


def _opened(folder: Path) -> tuple[Any, Any]:
    try:
        import numpy as np  # noqa: F401
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra(feature="The embedding model", extra="embed") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(4, len(os.sched_getaffinity(0)))
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return session, tokenizer
