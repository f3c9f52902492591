"""Past changes of an object, found in the index of changes."""

from __future__ import annotations

from batos.image.changes import Change
from batos.image.finding import level
from batos.image.image import Image
from batos.image.log import NEWEST
from batos.image.undo import undo

__all__ = ["Change", "history", "undo"]


def history(image: Image, oid: bytes) -> list[Change]:
    """The changes of one object, and of the lists, dicts, sets and trees in its slots, newest first.

    A pack takes changes away; the oldest that is left then tells of all slots that the object had. Raises
    `UnknownObject`.
    """
    with image.reading() as world:
        world.object(oid)
    return history_until(image, oid, NEWEST)


def history_until(image: Image, oid: bytes, until: bytes) -> list[Change]:
    """The changes up to and with the transaction `until`."""
    return image.changes.mending(lambda: level(image).changes_of(oid, until))
