"""Copying the missions of an image from one database to another, of either kind, as of one moment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table

from batos.clock import SystemClock
from batos.image.storages import Address
from batos.runtime.database import Database, Transaction
from batos.runtime.schema import ledger, metadata

BATCH = 200  # rows; those of the journal hold whole prompts
AS_OF_NOW = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"  # on SQLite a transaction has one snapshot anyway


def copy_missions(source: Address, target: Address) -> None:
    """Copy all missions with their journals, budgets and counters into the new mission database at `target`."""
    now = SystemClock().now()
    reading, writing = Database(source.missions, now), Database(target.missions, now)
    try:
        with reading.write(durable=False) as rx, writing.write(durable=True) as tx:
            if rx.on_postgresql:
                rx.run(AS_OF_NOW)
            for table in metadata.sorted_tables:
                if table is not ledger:
                    _copy(rx, tx, table)
    finally:
        writing.close()
        reading.close()


def _copy(rx: Transaction, tx: Transaction, table: Table) -> None:
    """In the order of the key. Each batch begins behind the last key: to count off what was read takes ever longer."""
    columns = [column.name for column in table.columns]
    names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    keys = [column.name for column in table.primary_key.columns]
    order, last = ", ".join(keys), ", ".join(f":{key}" for key in keys)
    insert = f"INSERT INTO {table.name} ({names}) VALUES ({values})"
    behind: dict[str, Any] = {}
    where = ""
    while found := rx.rows(
        f"SELECT {names} FROM {table.name} {where} ORDER BY {order} LIMIT :batch", batch=BATCH, **behind
    ):
        rows = [dict(zip(columns, row, strict=True)) for row in found]
        tx.run_each(insert, rows)
        behind = {key: rows[-1][key] for key in keys}
        where = f"WHERE ({order}) > ({last})"
    if tx.on_postgresql and "seq" in behind:
        tx.rows(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'seq'), (SELECT max(seq) FROM {table.name}))")
