"""What words alone do not show: how near the sentences of a request come in meaning to what it asks.

Skills are functions of their request. Where an embedding model is at hand, its cosines are written into the request's
materials before the skill sees it; without one they are absent, and the skills go by words.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

from pydantic import JsonValue

from batos.errors import EmbedderFailed
from batos.inference.builtin.routing import examples
from batos.inference.builtin.scoring import TOPIC
from batos.inference.builtin.sentences import Chunk, offered_chunks, passages
from batos.inference.port import Request

log = logging.getLogger(__name__)

READ = 8
"""Chunks, the best ones, whose sentences are compared with a question: a model needs milliseconds for each sentence."""
REMEMBERED = 4_000
"""Sentences whose vectors are kept: the facets of one cycle read the same ones."""
PLACES = 3


class Embeds(Protocol):
    """What is needed of an embedding model (`batos.memory.embedding.Embedder`)."""

    @property
    def model_id(self) -> str: ...

    def passages(self, texts: Sequence[str]) -> Any: ...

    def query(self, text: str) -> Any: ...


class Meaning:
    """Writes cosines into requests. May be used from any thread.

    `shelf` is a folder where the vectors of the archetypes' examples are kept from one process to the next: making them
    takes longer than a question. They are part of batos and tell nothing of any image.
    """

    def __init__(self, embedder: Embeds, shelf: Path | None = None) -> None:
        self._embedder = embedder
        self._shelf = shelf
        self._examples: dict[str, Any] = {}
        self._vectors: OrderedDict[str, Any] = OrderedDict()
        self._guard = threading.Lock()

    def told(self, request: Request) -> Request:
        """`request` with `nearness` in its chunks, and in a plan's `alike`; itself where nothing can be compared."""
        query = str(request.materials.get("query", "")).replace(TOPIC, " (")
        if not query.strip():
            return request
        try:
            if request.purpose == "plan":
                return _with(request, alike=self._alike(query))
            if request.purpose in ("facet", "weave", "verdict"):
                return _with(request, chunks=self._near(query, request.materials))
        except EmbedderFailed as error:
            log.warning("The built-in answers go by words alone this time. %s", error)
        return request

    def _near(self, query: str, materials: dict[str, JsonValue]) -> list[JsonValue]:
        chunks = offered_chunks(materials)
        read = passages(chunks[:READ])
        asked = self._embedder.query(query)
        vectors = self._of([_in_its_place(passage.headings, passage.text) for passage in read])
        near: dict[int, list[float]] = {}
        for passage, vector in zip(read, vectors, strict=True):
            near.setdefault(passage.chunk, []).append(_cosine(vector, asked))
        return [_noted(chunk, near.get(index, [])) for index, chunk in enumerate(chunks)]

    def _alike(self, query: str) -> dict[str, JsonValue]:
        """By archetype, the mean cosine of the examples that come nearest."""
        asked = self._embedder.query(query)
        alike: dict[str, JsonValue] = {}
        for archetype, vectors in self._by_archetype().items():
            nearest = sorted((_cosine(vector, asked) for vector in vectors), reverse=True)[:PLACES]
            alike[archetype] = round(sum(nearest) / len(nearest), 3)
        return alike

    def _by_archetype(self) -> dict[str, Any]:
        """The vectors of every archetype's examples, float32 of shape (examples, dimension) each."""
        with self._guard:
            if not self._examples:
                self._examples = self._shelved() or self._shelve()
            return self._examples

    def _place(self) -> Path | None:
        named = hashlib.sha256(json.dumps([self._embedder.model_id, examples()]).encode()).hexdigest()[:16]
        return self._shelf / f"routing-{named}.npz" if self._shelf is not None else None

    def _shelved(self) -> dict[str, Any]:
        import numpy as np

        place = self._place()
        if place is None:
            return {}
        try:
            with place.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                found = {name: kept[name] for name in examples()}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return {}
        fits = all(len(found[name]) == len(texts) for name, texts in examples().items())
        return found if fits and all(np.isfinite(vectors).all() for vectors in found.values()) else {}

    def _shelve(self) -> dict[str, Any]:
        import numpy as np

        made = {name: self._embedder.passages(texts) for name, texts in examples().items()}
        place = self._place()
        if place is not None:
            scratch = place.with_suffix(f".{os.getpid()}.npz")
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                np.savez(scratch, **made)
                scratch.replace(place)
            except OSError as error:
                log.debug("The examples of routing are embedded again next time: %s", error)
                scratch.unlink(missing_ok=True)
        return made

    def _of(self, texts: Sequence[str]) -> list[Any]:
        """The vectors of `texts`, in their order; those met before are remembered."""
        with self._guard:
            new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
            if new:
                self._vectors.update(zip(new, self._embedder.passages(new), strict=True))
            found = []
            for text in texts:
                self._vectors.move_to_end(text)
                found.append(self._vectors[text])
            while len(self._vectors) > REMEMBERED:
                self._vectors.popitem(last=False)
            return found


def _with(request: Request, **materials: Any) -> Request:
    return request.model_copy(update={"materials": {**request.materials, **materials}})


def _in_its_place(headings: Sequence[str], text: str) -> str:
    """A sentence after the heading right above it, without which `It is refused.` says little."""
    return f"{headings[-1]}. {text}" if headings else text


def _noted(chunk: Chunk, near: Sequence[float]) -> JsonValue:
    noted: dict[str, JsonValue] = {**chunk.model_dump(mode="json"), "nearness": list(near)}
    return noted


def _cosine(one: Any, other: Any) -> float:
    return round(float(one @ other), 3)
