"""Migrations: the ordered steps that make an image of any earlier version one of this version.

Founding a new image runs all of them, so a fresh image and a migrated one are alike. Each step is one transaction that
enters the step's name into the ledger in the image's root. A released step is never changed; what it made, a later one
alters. What the world holds of objects is not laid here but by awakening; the mission database has steps of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping

from batos.errors import ImageCorrupt, ImageForeign, ImageUnavailable
from batos.image.directory import Directory

if TYPE_CHECKING:
    from batos.image.image import Image
    from batos.image.world import World

LEDGER = "migrations"  # in the root: the steps that were applied, and when, in seconds since the epoch
TREES = ("world", "receipts", "proposals")

Step = Callable[["World"], None]


def m001_foundation(world: World) -> None:
    """The root of the first version. Images from before the ledger have it already."""
    if "image" in world.root:
        return
    world.root["image"] = PersistentMapping({"id": uuid4().hex})
    for name in TREES:
        world.root[name] = Directory()


def m002_directories(world: World) -> None:
    """The trees in the root have small nodes, so that a new object writes less beside itself. Images from before had
    plain ones."""
    for name in TREES:
        if type(world.root[name]) is not Directory:
            world.root[name] = Directory(world.root[name])


STEPS: tuple[Step, ...] = (m001_foundation, m002_directories)


def examine(name: str, root: Any) -> tuple[Step, ...]:
    """The steps that the image with this root lacks, in order.

    Raises `ImageForeign` or `ImageCorrupt` for a root that is not an image's, `ImageUnavailable` for a later batos's.
    """
    if not len(root):
        return STEPS
    if "image" not in root:
        raise ImageForeign(path=name, reason="its database was made by another program.")
    if any(not isinstance(root[tree], OOBTree) for tree in TREES):
        raise ImageCorrupt(path=name, reason="its root lacks the world, the receipts or the proposals.")
    applied = set(root.get(LEDGER, ()))
    later = sorted(applied.difference(step.__name__ for step in STEPS))
    if later:
        reason = f"a later batos has changed it ({', '.join(later)}). Install that one, or a newer."
        raise ImageUnavailable(path=name, reason=reason)
    return tuple(step for step in STEPS if step.__name__ not in applied)


def migrate(image: Image, steps: tuple[Step, ...]) -> None:
    """Apply `steps`, which may have been applied by another process meanwhile."""
    for step in steps:
        image.change(f"migration {step.__name__}", partial(_apply, step, image.clock.now()))


def _apply(step: Step, now: float, world: World) -> None:
    if step.__name__ not in world.root.get(LEDGER, ()):
        step(world)
        world.root.setdefault(LEDGER, PersistentMapping())[step.__name__] = now
