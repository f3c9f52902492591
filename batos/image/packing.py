"""Packing: giving up the past before a horizon, and the objects that nothing refers to any more.

What is kept: of each object, the version that was current at the horizon and all later ones, if the object can be
reached from the root as of the horizon, or if a later transaction wrote it or refers to it. Both storages keep alike.
The horizon is stored first, so that a view of the past before it is refused even after a pack that was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ZODB.serialize import referencesf

from batos.faults import fault
from batos.image.files import size_of
from batos.image.horizon import horizon, move_horizon, seconds, tid_at
from batos.image.image import Image
from batos.image.keeping import Held, keeper_of, stored_records
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


def preview_pack(image: Image, keep_days: float = KEEP_DAYS) -> PackPreview:
    """What `pack` with the same days would remove now. Reads the whole log, changes nothing. Raises `ImageBusy`."""
    with together(image.path):
        limit = choose_horizon(image, keep_days)
        return PackPreview(limit.hex(), seconds(limit), _removable(image, limit))


def pack(image: Image, keep_days: float = KEEP_DAYS, *, patience: float = PATIENCE) -> Packed:
    """Give up what is older than `keep_days` and needed by nothing newer. Others may read and write meanwhile.

    With 0 days only the present is kept; a handle that a program holds on an object without a name, to which nothing
    refers, leads nowhere then. Raises `ImageBusy` when the image is being packed or copied already.
    """
    with alone(image.path):
        return pack_to(image, choose_horizon(image, keep_days), patience)


def pack_to(image: Image, limit: bytes, patience: float) -> Packed:
    """`pack` to a given transaction, by one who has the turn."""
    keeper = keeper_of(image)
    before, held = size_of(image.where.objects), keeper.held(limit)
    move_horizon(image, limit)
    fault("pack.after_horizon")
    keeper.pack(limit)
    removed = held - keeper.held(limit)
    later = keeper.shrink(patience)
    return Packed(limit.hex(), seconds(limit), removed, before, size_of(image.where.objects), later)


def choose_horizon(image: Image, keep_days: float) -> bytes:
    """The newest transaction that is `keep_days` old, but none before the last horizon."""
    wanted = min(tid_at(image.clock.now() - keep_days * DAY), keeper_of(image).newest())
    return max(wanted, horizon(image) or b"")


def _removable(image: Image, limit: bytes) -> Held:
    """Count by the rule above, from one reading of the log."""
    versions: list[tuple[bytes, bytes, int]] = []
    newest: dict[bytes, bytes] = {}
    refers: dict[bytes, tuple[bytes, ...]] = {}
    needed = {b"\0" * 8}
    for tid, oid, data in stored_records(image):
        references = tuple(referencesf(data)) if data else ()
        if tid <= limit:
            versions.append((tid, oid, len(data)))
            newest[oid], refers[oid] = tid, references
        else:
            needed.update((oid, *references))
    kept = _reached(needed, refers)
    gone = [version for version in versions if version[1] not in kept or newest[version[1]] != version[0]]
    return _count(versions, gone, keeper_of(image).blob_sizes(), newest.keys() - kept)


def _reached(needed: Iterable[bytes], refers: dict[bytes, tuple[bytes, ...]]) -> set[bytes]:
    reached: set[bytes] = set()
    waiting = list(needed)
    while waiting:
        oid = waiting.pop()
        if oid not in reached:
            reached.add(oid)
            waiting.extend(refers.get(oid, ()))
    return reached


def _count(
    versions: list[tuple[bytes, bytes, int]],
    gone: list[tuple[bytes, bytes, int]],
    blobs: dict[tuple[bytes, bytes], int],
    objects: set[bytes],
) -> Held:
    left = {(tid, oid) for tid, oid, _ in versions} - {(tid, oid) for tid, oid, _ in gone}
    emptied = {tid for tid, _, _ in gone} - {tid for tid, _ in left}
    size = sum(size + blobs.get((oid, tid), 0) for tid, oid, size in gone)
    return Held(len(emptied), len(gone), len(objects), size)
