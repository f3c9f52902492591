"""The pack horizon: the moment before which an image's past is gone. It is stored in the image, and only moves on."""

from __future__ import annotations

from ZODB.TimeStamp import TimeStamp

from batos.errors import PackedAway
from batos.image.image import Image
from batos.image.world import World

HORIZON = "pack_horizon"


def horizon(image: Image) -> bytes | None:
    """The transaction up to which the image was packed; None if it never was. Its own state is the oldest left."""
    with image.reading() as world:
        stored = world.root["image"].get(HORIZON)
    return bytes.fromhex(stored) if stored else None


def move_horizon(image: Image, tid: bytes) -> None:
    """Store, before anything is removed, that the past before `tid` is given up."""

    def work(world: World) -> None:
        facts = world.root["image"]
        if facts.get(HORIZON, "") < tid.hex():
            facts[HORIZON] = tid.hex()

    image.change(f"pack up to {moment(tid)}", work)


def refuse_packed(image: Image, tid: bytes, *, undo: bool = False) -> None:
    """Raises `PackedAway` when the image as of `tid` is gone. To undo it, what was before `tid` must be left too."""
    last = horizon(image)
    if last is not None and (tid <= last if undo else tid < last):
        raise PackedAway(change=tid.hex(), horizon=last.hex())


def moment(tid: bytes) -> str:
    """The time of a transaction, UTC, to the second."""
    return str(TimeStamp(tid))[:19]


def seconds(tid: bytes) -> float:
    """The time of a transaction in seconds since the epoch."""
    return float(TimeStamp(tid).timeTime())


def tid_at(time: float) -> bytes:
    """The id that a transaction at `time` (seconds since the epoch) would have."""
    from time import gmtime

    year, month, day, hour, minute = gmtime(time)[:5]
    return TimeStamp(year, month, day, hour, minute, time % 60).raw()  # type: ignore[no-any-return]
