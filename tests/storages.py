"""The storages that every contract of the image holds on, and a place for a new image on each of them.

Where no PostgreSQL server can be started, its part of a suite is skipped with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from postgresql_server import Server

STORAGES = ("sqlite", "file", "postgresql")
SHARED = ("sqlite", "postgresql")  # those that several processes may have open


@contextmanager
def new_place(storage: str, folder: Path, server: Callable[[], Server]) -> Iterator[str]:
    """The address of an image that does not exist yet. `server` is asked for PostgreSQL only."""
    if storage != "postgresql":
        yield f"{storage}:{folder / 'image'}"
        return
    found = server()
    with found.database() as name, pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield f"postgresql:{found.dsn(name)}"
