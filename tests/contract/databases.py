"""A mission database of its own for whoever asks, on both dialects."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from postgresql_server import Server

DIALECTS = ("sqlite", "postgresql")


@contextmanager
def new_database(dialect: str, folder: Path, server: Callable[[], Server]) -> Iterator[str]:
    """The address of an empty database. `server` is asked for PostgreSQL only."""
    if dialect == "sqlite":
        yield f"sqlite:{folder / uuid4().hex}.sqlite3"
        return
    found = server()
    with found.database() as name:
        yield f"postgresql:{found.dsn(name)}"
