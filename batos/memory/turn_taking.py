"""Writers of the catalog take turns, so that none does its work twice.

All documents hang in one tree. Two transactions that both make it grow conflict, and one is run again. Commits are one
after the other in any case; so whoever only remembers documents waits for its turn before it begins. The lock is a
file's, between threads and processes of one machine. A transaction that does not ask for a turn is as safe as ever.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from batos.errors import ImageUnwritable
from batos.image.image import Image
from batos.image.world import World

Result = TypeVar("Result")


def remember(image: Image, note: str, work: Callable[[World], Result]) -> Result:
    """`image.change(note, work)`, in turn with the other writers of the catalog."""
    with _turn(image):
        return image.change(note, work)


@contextmanager
def _turn(image: Image) -> Iterator[None]:
    if image.current() is not None:  # who has begun already must not wait for others
        yield
        return
    path = image.path / "index" / "catalog.turn"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        raise ImageUnwritable(path=path, reason=f"{error.strerror or error}.") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
