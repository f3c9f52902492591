"""Which texts came with batos itself: those are not tainted, everything else that is ingested is."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


def content_hash(text: str) -> str:
    """The identity of a text: the SHA-256 of its UTF-8 bytes, as hex digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def is_shipped(digest: str) -> bool:
    return digest in shipped_hashes()


@cache
def shipped_hashes() -> frozenset[str]:
    """The content hashes of the documents in the installed package, read once."""
    folder = files("batos") / "documents"
    return frozenset(content_hash(text.read_bytes().decode("utf-8")) for text in _documents(folder))


def _documents(folder: Traversable) -> list[Traversable]:
    if not folder.is_dir():
        return []
    return [entry for entry in folder.iterdir() if entry.is_file() and entry.name.endswith(".md")]
