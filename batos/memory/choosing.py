"""Which embedding model an image is searched with, and how another one takes its place.

The new model's indexes are built beside the old ones, and searches go on with the old ones meanwhile. Only when every
passage has its new vector is the choice written down, in one rename; a crash before that leaves the old model, and what
was embedded until then. The choice stands beside the indexes, which are one machine's own: a copy of the image that is
without it goes by the setting.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from batos.faults import fault
from batos.image.image import Image
from batos.memory.embedding import Embedder
from batos.memory.search import Searcher

AUTO = "auto"


def spec_for(image: Image, setting: str) -> str:
    """The model to open: what the setting names, and where it leaves it open, what was chosen for this image."""
    return (chosen(image) or setting) if setting == AUTO else setting


def chosen(image: Image) -> str | None:
    try:
        return _place(image).read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def switch(
    image: Image, spec: str, embedder: Embedder, told: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Embed every passage with `embedder`, which `spec` opens, then choose it; how many passages were embedded.

    Raises `EmbedderFailed`; the choice is then what it was, and a later call goes on.
    """
    embedded = 0
    with closing(Searcher(image, embedder)) as searcher:
        while done := searcher.embed(told):  # what is remembered meanwhile is embedded too
            embedded += done
    choose(image, spec)
    return embedded


def choose(image: Image, spec: str) -> None:
    """Have the image searched with this model from its next opening on; with `auto`, by the setting again."""
    fault("memory.before_choice")
    place = _place(image)
    if spec == AUTO:
        place.unlink(missing_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(spec)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)


def _place(image: Image) -> Path:
    return image.path / "index" / "embedding"
