"""Who writes the mission database on SQLite, what its commits promise, and who reads meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from batos.clock import SystemClock
from batos.errors import ImageUnavailable, TransactionMisuse
from batos.runtime.database import Database

FULL, NORMAL = 2, 1  # as SQLite numbers them
COUNT = "SELECT count(*) FROM meta"
ADD = "INSERT INTO meta (key, value) VALUES (:key, '1')"


@pytest.fixture
def database(tmp_path):
    with closing(Database(tmp_path / "missions.sqlite3", SystemClock().now())) as opened:
        yield opened


@pytest.mark.parametrize("order", [(True, False, True), (False, True, True, False)])
def test_each_commit_promises_what_was_asked_of_it(database, order):
    promised = []
    for durable in order:
        with database.write(durable=durable) as tx:
            promised.append(tx.row("PRAGMA synchronous")[0])

    assert promised == [FULL if durable else NORMAL for durable in order]


def test_the_first_commit_after_a_failed_one_promises_no_less(database):
    with pytest.raises(ImageUnavailable), database.write(durable=False) as tx:
        tx.rows(f"{ADD} RETURNING nothing", key="lost")
    with database.write(durable=True) as tx:
        assert tx.row("PRAGMA synchronous")[0] == FULL

    assert database.row(COUNT) == (0,)


def test_who_reads_while_another_writes_does_not_wait_and_sees_what_is_committed(database):
    with ThreadPoolExecutor(1) as elsewhere:
        with database.write(durable=False) as tx:
            tx.run(ADD, key="new")
            assert elsewhere.submit(database.row, COUNT).result(10) == (0,)
            assert database.row(COUNT) == (0,)
        assert elsewhere.submit(database.row, COUNT).result(10) == (1,)


def test_what_this_process_writes_is_a_change_for_who_watches(database):
    database.changed_elsewhere()
    assert not database.changed_elsewhere()
    with database.write(durable=False) as tx:
        tx.run(ADD, key="new")

    assert database.changed_elsewhere()


def test_closing_waits_for_who_writes_and_lets_nobody_in_afterwards(tmp_path):
    database = Database(tmp_path / "missions.sqlite3", SystemClock().now())
    with ThreadPoolExecutor(1) as elsewhere:
        with database.write(durable=True) as tx:
            closing_it = elsewhere.submit(database.close)
            tx.run(ADD, key="last")
            assert not closing_it.done()
        closing_it.result(10)

    with pytest.raises(TransactionMisuse, match="closed"):
        database.row(COUNT)
    with closing(Database(tmp_path / "missions.sqlite3", SystemClock().now())) as again:
        assert again.row(COUNT) == (1,)
