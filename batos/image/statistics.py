"""An image in figures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from batos.image.files import files_of, weigh
from batos.image.horizon import horizon, moment
from batos.image.image import Image
from batos.image.keeping import keeper_of


@dataclass(frozen=True)
class ImageStatistics:
    """`records` counts the versions of objects that are stored, `bytes` those of each file by its path in the image.

    `oldest_reader` is how long this process's oldest transaction has been open, in seconds, None without one: it keeps
    the write-ahead log from being emptied. Those of other processes cannot be seen. `pack_horizon` is the time (UTC)
    before which the past is gone, None if nothing was ever packed.
    """

    objects: int
    records: int
    transactions: int
    bytes: dict[str, int]
    total_bytes: int
    oldest_reader: float | None
    pack_horizon: str | None


def statistics(image: Image) -> ImageStatistics:
    oldest = _oldest_reader(image)
    held = keeper_of(image).held()
    limit = horizon(image)
    sizes = sizes_of(image)
    return ImageStatistics(
        held.objects,
        held.records,
        held.transactions,
        sizes,
        sum(sizes.values()),
        oldest,
        moment(limit) if limit else None,
    )


def sizes_of(image: Image) -> dict[str, int]:
    """The bytes of each file by its path in the image, and those of the database on a server."""
    sizes = {str(path.relative_to(image.path)): weigh(path) for path in files_of(image.path)}
    if image.where.scheme == "postgresql":
        sizes["database"] = keeper_of(image).size()
    return sizes


def _oldest_reader(image: Image) -> float | None:
    lent: list[float] = []

    def note(connection: Any) -> None:
        if connection.lent_at is not None:
            lent.append(connection.lent_at)

    image.db._connectionMap(note)
    return time.monotonic() - min(lent) if lent else None
