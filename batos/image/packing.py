"""Packing: giving up the past before a horizon, and the objects that nothing refers to any more.

What is kept is said in `reaching`, and is the same on every storage. The horizon is stored first, so that a view of the
past before it is refused even after a pack that was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from batos.faults import fault
from batos.image.finding import forget_changes
from batos.image.horizon import horizon, move_horizon, seconds, tid_at
from batos.image.image import Image
from batos.image.keeping import Held, Scrub, keeper_of
from batos.image.reaching import read_log
from batos.image.turns import alone, together

KEEP_DAYS = 30.0
PATIENCE = 10.0  # seconds that packing waits for a quiet moment to give room back
DAY = 86_400.0


@dataclass(frozen=True)
class PackPreview:
    """What a pack would remove. `horizon` is a change id, `until` its time in seconds since the epoch."""

    horizon: str
    until: float
    removes: Held


@dataclass(frozen=True)
class Packed:
    """What a pack removed, and the bytes of the object database's files before and after.

    `later` is empty, or says why the files are not as small yet as they could be.
    """

    horizon: str
    until: float
    removed: Held
    before: int
    after: int
    later: str


def preview_pack(image: Image, keep_days: float = KEEP_DAYS, needed: Iterable[bytes] = ()) -> PackPreview:
    """What `pack` with the same arguments would remove now. Reads the whole log, changes nothing.

    Raises `ImageBusy` while the image is packed.
    """
    with together(image.path):
        limit = choose_horizon(image, keep_days)
        removes = read_log(image, limit, needed).held(keeper_of(image).blob_sizes())
        return PackPreview(limit.hex(), seconds(limit), removes)


def pack(
    image: Image, keep_days: float = KEEP_DAYS, needed: Iterable[bytes] = (), *, patience: float = PATIENCE
) -> Packed:
    """Give up what is older than `keep_days` and needed by nothing newer. Others may read and write meanwhile.

    `needed` are ids of objects to keep although nothing in the image may refer to them. With 0 days only the present is
    kept; a handle that a program holds on an object without a name, to which nothing refers, leads nowhere then. Raises
    `ImageBusy` when the image is being packed or copied already.
    """
    with alone(image.path, patience):
        return pack_to(image, choose_horizon(image, keep_days), needed, patience=patience)


def pack_to(
    image: Image,
    limit: bytes,
    needed: Iterable[bytes] = (),
    *,
    patience: float = PATIENCE,
    scrub: Scrub | None = None,
) -> Packed:
    """`pack` up to a given transaction, by one who has the turn; `scrub` is handed to the keeper."""
    keeper = keeper_of(image)
    before, held = keeper.size(), keeper.held(limit)
    move_horizon(image, limit, needed)
    fault("pack.after_horizon")
    keeper.pack(limit, scrub)
    forget_changes(image)
    removed = held - keeper.held(limit)
    later = keeper.shrink(patience)
    return Packed(limit.hex(), seconds(limit), removed, before, keeper.size(), later)


def choose_horizon(image: Image, keep_days: float) -> bytes:
    """The newest transaction that is `keep_days` old, but none before the last horizon."""
    wanted = min(tid_at(image.clock.now() - keep_days * DAY), keeper_of(image).newest())
    return max(wanted, horizon(image) or b"")
