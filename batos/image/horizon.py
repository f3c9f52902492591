"""The pack horizon: the moment before which an image's past is gone. It is stored in the image, and only moves on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from time import gmtime

from ZODB.TimeStamp import TimeStamp

from batos.errors import PackedAway, UnknownObject
from batos.image.image import Image
from batos.image.world import World
from batos.objects.uvm_object import UvmObject

HORIZON = "pack_horizon"
NEEDED = "needed_elsewhere"


def horizon(image: Image) -> bytes | None:
    """The transaction up to which the image was packed; None if it never was. Its own state is the oldest left."""
    with image.reading() as world:
        stored = world.root["image"].get(HORIZON)
    return bytes.fromhex(stored) if stored else None


def move_horizon(image: Image, tid: bytes, needed: Iterable[bytes] = ()) -> None:
    """Store, before anything is removed, that the past before `tid` is given up.

    The objects with the ids `needed` are referred to from there, so that the pack keeps them.
    """

    def work(world: World) -> None:
        facts = world.root["image"]
        facts[HORIZON] = max(tid.hex(), facts.get(HORIZON, ""))
        facts[NEEDED] = tuple(_present(world, needed))

    image.change(f"pack up to {moment(tid)}", work)


def _present(world: World, oids: Iterable[bytes]) -> Iterator[UvmObject]:
    for oid in oids:
        with suppress(UnknownObject):
            yield world.object(oid)


def is_packed(image: Image, tid: bytes) -> bool:
    """Whether what was before the transaction `tid` is given up, so that it cannot be undone or compared."""
    last = horizon(image)
    return last is not None and tid <= last


def refuse_packed(image: Image, tid: bytes) -> None:
    """For who looks at the image as `tid` left it: raises `PackedAway` when that is given up."""
    last = horizon(image)
    if last is not None and tid < last:
        raise PackedAway(change=tid.hex(), horizon=last.hex())


def moment(tid: bytes) -> str:
    """The time of a transaction, UTC, to the second."""
    return str(TimeStamp(tid))[:19]


def seconds(tid: bytes) -> float:
    """The time of a transaction in seconds since the epoch."""
    return float(TimeStamp(tid).timeTime())


def tid_at(time: float) -> bytes:
    """The id that a transaction at `time` (seconds since the epoch) would have."""
    year, month, day, hour, minute = gmtime(time)[:5]
    return TimeStamp(year, month, day, hour, minute, time % 60).raw()  # type: ignore[no-any-return]
