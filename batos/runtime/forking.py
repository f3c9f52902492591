"""Forking a running system: the image, and of its missions those that ended before the moment.

No mission runs twice in two images: what is queued, running or waiting stays with the original, and so does what it
would still do. Of the ended missions, those come along whose receipts the forked image holds, with their journals, so
that `why` answers down to the prompts. Proposals come with the image and can be decided in both. Budgets and counters
begin anew; a heartbeat that was switched off stays off.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import Table

from batos.image.finding import When
from batos.image.forking import Forked, fork
from batos.image.image import Image
from batos.runtime.database import Database, Transaction
from batos.runtime.heartbeat import META
from batos.runtime.missions import MissionStore
from batos.runtime.recovery import SWEPT
from batos.runtime.schema import attempts, journal, missions, passages

FORKS = "forks"  # the key under which the mission database remembers where forks were put


def fork_system(image: Image, store: MissionStore, target: str | Path, when: When | None = None) -> Forked:
    """Make the image as of `when` (now) a new one at `target`. Raises like `fork`.

    The original remembers where, because erasing in one does not reach the other.
    """
    store.flush()
    forked = fork(image, target, when, partial(_take_along, image, store))
    known = [place for place in store.meta(FORKS, []) if place != forked.image]
    store.set_meta(FORKS, [*known, forked.image])
    return forked


def _take_along(image: Image, store: MissionStore, forked: Image) -> None:
    source = Database(image.where.missions, image.clock.now())
    target = Database(forked.where.missions, image.clock.now())
    try:
        with target.write(durable=True) as tx:  # all or none, so that a fork that failed can be made again
            for mission in _ended(source, forked):
                _copy(source, tx, missions, "id", mission)
                for table in (journal, passages, attempts):
                    _copy(source, tx, table, "mission", mission)
    finally:
        target.close()
        source.close()
    made = MissionStore.open(forked.where.missions, image.clock)
    try:
        # Missions that its receipts brought forth are the original's.
        made.set_meta(SWEPT, forked.newest().hex())
        if store.meta(META, {}).get("off"):
            made.set_meta(META, {"off": True})
    finally:
        made.close()


def _ended(source: Database, forked: Image) -> Iterator[str]:
    """The ids of the ended missions of which the fork has a receipt, in the order in which they were filed."""
    with forked.reading() as world:
        for (mission,) in source.rows("SELECT id FROM missions WHERE state IN ('done', 'failed', 'dead') ORDER BY seq"):
            if mission in world.receipts:
                yield mission


def _copy(source: Database, tx: Transaction, table: Table, key: str, mission: str) -> None:
    """Copy the rows of one mission. Their numbers are given anew."""
    columns = [column.name for column in table.columns if column.name != "seq"]
    order = " ORDER BY seq" if "seq" in table.columns else ""
    named = ", ".join(columns)
    rows = source.rows(f"SELECT {named} FROM {table.name} WHERE {key} = :mission{order}", mission=mission)
    values = ", ".join(f":{column}" for column in columns)
    insert = f"INSERT INTO {table.name} ({named}) VALUES ({values})"
    tx.run_each(insert, [dict(zip(columns, row, strict=True)) for row in rows])
