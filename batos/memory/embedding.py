"""Meaning as vectors: the port behind which embedding models stand, and how one is named.

`none` is no model, which leaves search by words complete. `minilm` is the default model, once `batos memory setup` or
`./run` has put it into this machine's cache. `openai:URL#NAME` is any server with an OpenAI-compatible `/embeddings`,
`sentence-transformers:FOLDER` a model folder in that library's form. `auto` is `minilm` where it has been set up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from batos.errors import EmbedderRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

NAMES = "`none`, `minilm`, `openai:URL#NAME` or `sentence-transformers:FOLDER`"


class Embedder(Protocol):
    """Texts to unit vectors. Only vectors of one `model_id` are ever compared; it changes whenever they would differ.

    `dimension` is the length of a vector, `longest` the tokens of a text that a vector can reflect.
    """

    @property
    def model_id(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def longest(self) -> int: ...

    def count_tokens(self, text: str) -> int:
        """The size of `text` for this model, by its own tokenizer where that is known."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """float32 of shape (texts, dimension), each row of length one. Raises `EmbedderFailed`."""

    def query(self, text: str) -> Vectors:
        """float32 of shape (dimension,). Raises `EmbedderFailed`."""


def window_of(embedder: Embedder | None) -> Callable[[str], bool] | None:
    """Whether a vector can reflect all of a text; None where there is no model."""
    return None if embedder is None else lambda text: embedder.count_tokens(text) <= embedder.longest


def models_folder() -> Path:
    """Where this machine keeps models, and what is derived from them: `BATOS_MODELS`, or the user's cache."""
    given = os.environ.get("BATOS_MODELS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else cache / "batos" / "models"


def open_embedder(spec: str) -> Embedder | None:
    """The embedder that `spec` names; None for `none`, and for `auto` where no model has been set up or none can run.

    Raises `EmbedderRefused`, and `MissingExtra` where a library is missing.
    """
    kind, _, rest = spec.partition(":")
    if spec == "none":
        return None
    if spec in ("auto", "minilm"):
        from batos.memory.encoders import minilm

        if spec == "auto" and not (minilm.is_set_up() and minilm.can_run()):
            return None
        return minilm.open_minilm()
    if kind == "openai" and rest:
        from batos.memory.encoders.served import ServedEmbedder

        url, _, name = rest.partition("#")
        return ServedEmbedder(url, name)
    if kind == "sentence-transformers" and rest:
        from batos.memory.encoders.folder import FolderEmbedder

        return FolderEmbedder(rest)
    raise EmbedderRefused(spec=spec, reason=f"Known are {NAMES}.")
