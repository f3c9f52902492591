"""Forking an image at a moment: a second image that has the same past up to there, and a future of its own.

All of the history up to the moment comes along, each change with its id, so that undo, views and `why` work in the fork
as they do in the original. What is derived from it does not. A fork has an id of its own and remembers where it came
from. It is made beside its place under another name, and named when it is whole; on PostgreSQL, where there is no such
place, the database is emptied again when something goes wrong.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from batos.errors import BackupRefused, ForkRefused
from batos.image.copying import copy_log, filled_on_server, uri_of
from batos.image.finding import When, find_moment
from batos.image.horizon import HORIZON, horizon
from batos.image.image import Image
from batos.image.storages import Address, address
from batos.image.turns import together
from batos.image.views import check_kept
from batos.image.whole import made_whole
from batos.image.world import World


@dataclass(frozen=True)
class Forked:
    """Where the fork is, its id, and the id of the last change that it shares with the original."""

    image: str
    id: str
    change: str


def fork(
    image: Image, target: str | Path, when: When | None = None, finish: Callable[[Image], None] = lambda forked: None
) -> Forked:
    """Make the image as of `when` (now) a new one at `target`, which holds nothing yet.

    `finish` is called with the open fork before it has its name. Others may read and write the original meanwhile.
    Raises `ForkRefused`, `UnknownChange`, `PackedAway`, and `ImageBusy` while the image is being packed.
    """
    where = address(target)
    with together(image.path):
        tid = image.newest() if when is None else find_moment(image, when).tid
        check_kept(image, tid)
        with _place(where) as made:
            copy_log(image, made, tid)
            with Image.open(uri_of(made), create=False, clock=image.clock) as forked:
                identity = _name(forked, image.id, tid, horizon(image))
                finish(forked)
            shutil.rmtree(made.path / "index", ignore_errors=True)
    return Forked(where.name, identity, tid.hex())


@contextmanager
def _place(where: Address) -> Iterator[Address]:
    """Where to make it: on disk a folder that becomes `where` in the end, on a server the database itself."""
    if where.scheme == "postgresql":
        with filled_on_server(where, lambda reason: ForkRefused(path=where.name, reason=reason)) as made:
            yield made
        return
    try:
        with made_whole(where.path) as folder:
            made = Address(where.scheme, folder)
            made.objects.mkdir()
            yield made
    except BackupRefused as refused:
        raise ForkRefused(**refused.facts) from None


def _name(forked: Image, origin: str, tid: bytes, packed: bytes | None) -> str:
    """Give the fork its own id, as its first own change."""
    identity = uuid4().hex

    def work(world: World) -> None:
        facts = world.root["image"]
        facts.update(id=identity, forked_from=origin, forked_at=tid.hex())
        if packed is not None:  # it may be stored only after the moment
            facts[HORIZON] = packed.hex()

    forked.change(f"fork of image {origin} as of change {tid.hex()}", work)
    return identity
