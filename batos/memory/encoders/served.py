"""Embeddings from a server with an OpenAI-compatible `/embeddings`, on this machine or one that the user named.

Opening contacts nobody. The key is read from `BATOS_EMBEDDING_KEY` at each call. Redirects are refused, because they
lead where nobody named. Tokens are counted by our own rule, since the server's tokenizer is not known.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from batos.errors import EmbedderFailed, EmbedderRefused
from batos.memory.chunking import count_tokens

if TYPE_CHECKING:
    from batos.memory.embedding import Vectors

KEY = "BATOS_EMBEDDING_KEY"
SECONDS = 60.0
BATCH = 64
LONGEST = 512
LARGEST = 64 * 1024 * 1024  # bytes of one answer


class ServedEmbedder:
    """`url` is the address that `/embeddings` is added to, `name` the model there. May be used from several threads."""

    longest = LONGEST

    def __init__(self, url: str, name: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not name:
            reason = f"Give it as `openai:http://127.0.0.1:11434/v1#MODEL`; a key goes into {KEY}."
            raise EmbedderRefused(spec="openai", reason=reason)
        self._url = f"{url.rstrip('/')}/embeddings"
        self._name = name
        self.model_id = f"{name}@{parts.netloc}"
        self._client = httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False)

    @cached_property
    def dimension(self) -> int:
        return int(self._ask(["dimension"]).shape[1])

    def count_tokens(self, text: str) -> int:
        return count_tokens(text)

    def passages(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        if not texts:
            return np.empty((0, self.dimension), np.float32)
        return np.concatenate([self._ask(texts[place : place + BATCH]) for place in range(0, len(texts), BATCH)])

    def query(self, text: str) -> Vectors:
        vector: Vectors = self.passages([text])[0]
        return vector

    def close(self) -> None:
        self._client.close()

    def _ask(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        key = os.environ.get(KEY)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = {"model": self._name, "input": list(texts)}
        try:
            with self._client.stream("POST", self._url, json=body, headers=headers) as reply:
                answer = self._read(reply)
        except httpx.HTTPError as error:
            raise self._failed(f"the server cannot be reached ({type(error).__name__}).") from None
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError):
            raise self._failed("its answer holds no list of vectors.") from None
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise self._failed(f"it answered with the shape {vectors.shape} for {len(texts)} texts.")
        if "dimension" in self.__dict__ and vectors.shape[1] != self.dimension:
            raise self._failed(f"its vectors have {vectors.shape[1]} numbers now, and had {self.dimension}.")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)

    def _read(self, reply: httpx.Response) -> Any:
        content = bytearray()
        for part in reply.iter_bytes():
            content += part
            if len(content) > LARGEST:
                raise self._failed(f"its answer is larger than {LARGEST // 2**20} MiB.")
        if reply.status_code != 200:
            raise self._failed(f"the server answered with the status {reply.status_code}.")
        try:
            return httpx.Response(200, content=bytes(content)).json()
        except ValueError:
            raise self._failed("its answer is not JSON.") from None

    def _failed(self, reason: str) -> EmbedderFailed:
        return EmbedderFailed(model=self.model_id, reason=reason)
