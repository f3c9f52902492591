"""Keeping what a failed commit wrote ahead out of the next one, on SQLite.

RelStorage copies the records of a commit into a temporary table, and only then takes the lock. When the lock is
refused, the rows may stay behind on the pooled connection: a rollback does not reach them, or takes back their removal.
The next transaction that is given this connection then commits them as its own, or fails over an object that it never
touched. So the table is emptied before anything is copied.
"""

from __future__ import annotations

from typing import Any

from relstorage.adapters.mover import AbstractObjectMover
from relstorage.adapters.sqlite.mover import Sqlite3ObjectMover

NOBODYS_CHUNKS = "DELETE FROM temp_blob_chunk WHERE zoid NOT IN (SELECT zoid FROM temp_store)"


def _store_only_these(mover: Any, cursor: Any, records: Any) -> None:
    # RelStorage's own two lines, and two more.
    cursor.execute("DELETE FROM temp_store")
    AbstractObjectMover.store_temps(mover, cursor, records)
    cursor.execute(NOBODYS_CHUNKS)
    cursor.connection.return_to_repeatable_read()


def guard_leftovers() -> None:
    """To be called before an image on SQLite is opened; a second call does nothing."""
    Sqlite3ObjectMover.store_temps = _store_only_these
