"""The image as it was: a view of one moment, to be read like the image itself.

A view holds nothing between two readings: each has a connection of its own, so no view keeps a write-ahead log or a
database snapshot. It ends by itself after a while, because what it shows may be packed away at any time; nobody packs
while one is being read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Self

from batos.errors import TransactionMisuse
from batos.image.changes import Change
from batos.image.finding import When, find_moment, level
from batos.image.handles import Handle, handle_of
from batos.image.history import history_until
from batos.image.horizon import horizon, moment, refuse_packed, seconds
from batos.image.image import Image
from batos.image.inspecting import inspect
from batos.image.turns import together
from batos.image.world import World

LIFETIME = 600.0


class View:
    """The image as the change `id` left it, from any thread, until it is closed.

    `view[name]`, `name in view` and `names()` are what they are for the image; its handles can be read only. `time` is
    that of the change, in seconds since the epoch, `note` its note.
    """

    def __init__(self, image: Image, tid: bytes, note: str, lifetime: float = LIFETIME) -> None:
        self._image = image
        self._tid = tid
        self._lifetime = lifetime
        self._until = image.clock.monotonic() + lifetime
        self._closed = False
        self.note = note
        # What handles ask of an image, beside the methods at the end.
        self.db = image.db
        self.messenger: Any = self

    @property
    def id(self) -> str:
        """The change's id."""
        return self._tid.hex()

    @property
    def time(self) -> float:
        return seconds(self._tid)

    @contextmanager
    def reading(self) -> Iterator[World]:
        """A world to read. Raises `TransactionMisuse` when the view is closed, `PackedAway` when the moment is gone,
        and `ImageBusy` while the image is being packed."""
        self._check_open()
        with together(self._image.path):
            check_kept(self._image, self._tid)
            with self._image.reading_at(self._tid) as world:
                yield world

    def names(self) -> list[str]:
        with self.reading() as world:
            return world.names()

    def __contains__(self, name: object) -> bool:
        with self.reading() as world:
            return name in world

    def __getitem__(self, name: str) -> Handle:
        """A handle to read. Raises `UnknownObject` where there was none of this name."""
        with self.reading() as world:
            return handle_of(self, world, world[name])

    def history(self, target: str) -> list[Change]:
        """The changes of an object up to this moment, newest first. Raises `UnknownObject`."""
        with self.reading() as world:
            return self.history_of(world.add(world.find(target)))

    def inspect(self, target: str) -> dict[str, Any]:
        """An object's slots, parents and selectors at that moment. Raises `UnknownObject`."""
        return inspect(self, target)

    def history_of(self, oid: bytes) -> list[Change]:
        """The changes of the object with this id."""
        return history_until(self._image, oid, self._tid)

    def close(self) -> None:
        """Nothing can be read any more. Calling it again does nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<image as of {self.called}>"

    @property
    def called(self) -> str:
        """The moment as messages name it."""
        return f"change {self.id} ({moment(self._tid)} UTC, {self.note})"

    def _check_open(self) -> None:
        if self._closed:
            raise TransactionMisuse(reason=f"This view of {self.called} was closed. Open another with `image.at`.")
        if self._image.clock.monotonic() >= self._until:
            reason = f"This view of {self.called} has ended after {self._lifetime:g} s. Open another with `image.at`."
            raise TransactionMisuse(reason=reason)

    # What handles ask of an image

    def current(self) -> None:
        """No transaction is ever one of a view's."""

    def change(self, note: str, work: Callable[[World], Any]) -> NoReturn:
        self._refuse()

    def deliver(self, *message: Any) -> NoReturn:
        self._refuse()

    submit = deliver

    def _refuse(self) -> NoReturn:
        reason = f"This is the image as of {self.called}; it can only be read. Write and send to the image itself."
        raise TransactionMisuse(reason=reason)


def at(image: Image, when: When, lifetime: float = LIFETIME) -> View:
    """The image as of a change id, a time, or the newest change with a note; for `lifetime` seconds.

    Raises `UnknownChange`, and `PackedAway` for a moment that a pack gave up.
    """
    written = find_moment(image, when)
    check_kept(image, written.tid)
    return View(image, written.tid, written.note, lifetime)


def check_kept(image: Image, tid: bytes) -> None:
    """Raises `PackedAway` unless all that was there after `tid` still is: it was so at the horizon too, or later."""
    last = horizon(image)
    if last is not None and tid < last:
        following = image.changes.mending(lambda: level(image).first_after(tid))
        if following is not None and following.tid <= last:
            refuse_packed(image, tid)
