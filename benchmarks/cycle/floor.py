"""The floor: what the same commits cost where nothing thinks, on the storage that an image stands on.

A cycle in two rounds commits once to the image (the target, its receipt, the leaf of the tree of receipts; twelve
objects are checked to be what they were) and begins two transactions that are thrown away. In the mission database it
commits four times: filed, two rounds of one and three answers, acknowledged, the last without waiting for the disk.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from transaction import TransactionManager
from ZODB import DB

from batos.image import sqlite_files
from benchmarks.figures import Figure

TARGETS, READ = 16, 12
# Letters, as the measured cycle has them.
BRIEF, REQUEST, ANSWER, SLOT = 500, 3000, 1500, 150
TABLES = """
    CREATE TABLE missions (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, target TEXT, brief TEXT, state TEXT, outcome TEXT);
    CREATE UNIQUE INDEX running ON missions (target) WHERE state = 'running';
    CREATE TABLE journal (mission TEXT, hash TEXT, request TEXT, answer TEXT, PRIMARY KEY (mission, hash));
    CREATE TABLE budgets (scope TEXT, key TEXT, spent REAL, PRIMARY KEY (scope, key));"""


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    rounds = 5 if quick else 30
    image, missions = folder / "objects", folder / "missions.sqlite3"
    with closing(_Image(image)) as objects, closing(_missions(missions)) as database:
        parts = {"the image": objects.cycle, "the missions": _Missions(database).cycle}
        best = {name: _cpu(cycle, rounds) for name, cycle in parts.items()}
    beside = ", ".join(f"{name} {1000 * seconds:.2f} ms" for name, seconds in best.items())
    what = "CPU of the bare storages for the commits of a cycle, the best of some rounds, ms"
    yield Figure("floor_cpu_ms", 1000 * sum(best.values()), what, "", beside)


def _cpu(cycle: Callable[[int], None], rounds: int, cycles: int = 20) -> float:
    """CPU seconds per cycle in the best round; the first round warms up."""
    best = float("inf")
    for number in range(rounds + 1):
        begun = time.process_time()
        for at in range(cycles):
            cycle(number * cycles + at)
        best = min(best, time.process_time() - begun) if number else best
    return best / cycles


def _storage(folder: Path) -> DB:
    folder.mkdir()
    sqlite_files.begin(folder / "main.sqlite3")
    options = Options(keep_history=True, blob_dir=str(folder / "blobs"), shared_blob_dir=False)
    return DB(
        RelStorage(Sqlite3Adapter(str(folder), pragmas={"synchronous": "FULL"}, options=options), options=options)
    )


class _Image:
    def __init__(self, folder: Path) -> None:
        self._db = _storage(folder)
        self._manager = TransactionManager(explicit=True)
        self._connection = self._db.open(self._manager)
        self._manager.begin()
        root = self._connection.root()
        root["receipts"] = OOBTree()
        root["targets"] = [PersistentMapping(last="") for _ in range(TARGETS)]
        root["read"] = [PersistentMapping(number=number) for number in range(READ)]
        self._manager.commit()

    def cycle(self, number: int) -> None:
        for _ in range(2):
            self._manager.begin()
            self._read()
            self._manager.abort()
        self._manager.begin()
        for obj in self._read():
            self._connection.readCurrent(obj)
        root = self._connection.root()
        root["targets"][number % TARGETS]["last"] = SLOT * "x"
        receipt = PersistentMapping(brief=BRIEF * "b", answer=SLOT * "a", trace=2 * BRIEF * "t")
        root["receipts"][uuid.uuid4().hex] = receipt
        self._manager.commit()

    def close(self) -> None:
        self._connection.close()
        self._db.close()

    def _read(self) -> list[Any]:
        objects = self._connection.root()["read"]
        return [obj for obj in objects if obj["number"] >= 0]


def _missions(path: Path) -> sqlite3.Connection:
    sqlite_files.begin(path)
    database = sqlite_files.connect(path)
    database.execute("PRAGMA secure_delete = ON").fetchall()
    database.executescript(TABLES)
    return database


class _Missions:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._run = database.execute
        self._run_each = database.executemany

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("BEGIN IMMEDIATE")
        yield
        self._run("COMMIT")

    def cycle(self, number: int) -> None:
        mission = uuid.uuid4().hex
        self._run("PRAGMA synchronous = FULL")
        filed = (mission, str(number % TARGETS), BRIEF * "b")
        with self._transaction():
            self._run("INSERT INTO missions (id, target, brief, state) VALUES (?, ?, ?, 'running')", filed)
        for answers in (1, 3):
            rows = [(mission, 2 * uuid.uuid4().hex, REQUEST * "r", ANSWER * "a") for _ in range(answers)]
            with self._transaction():
                self._run_each("INSERT INTO journal VALUES (?, ?, ?, ?)", rows)
                self._run_each(
                    "INSERT INTO budgets VALUES (?, ?, 600) ON CONFLICT DO UPDATE SET spent = spent + 600",
                    [("mission", mission), ("day", "today")],
                )
        self._run("PRAGMA synchronous = NORMAL")
        with self._transaction():
            self._run("UPDATE missions SET state = 'done', outcome = ? WHERE id = ?", (SLOT * "o", mission))
