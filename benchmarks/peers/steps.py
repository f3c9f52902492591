"""The payload of the growth figures: steps of words, the same for every peer and hardly compressible."""

from __future__ import annotations

import random
import string
from pathlib import Path

BYTES = 2000


def texts(steps: int) -> list[str]:
    """One text of `BYTES` letters and spaces per step."""
    chance = random.Random(2)
    words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 9))) for _ in range(5000)]
    return [" ".join(chance.choices(words, k=BYTES))[:BYTES] for _ in range(steps)]


def size_of(folder: Path) -> int:
    """Bytes of all files under `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
