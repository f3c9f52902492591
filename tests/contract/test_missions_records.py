"""What the mission database records besides missions, and what becomes of a database that cannot serve."""

import re
import resource
import sqlite3
from contextlib import closing

import pytest

from batos.errors import (
    BudgetExhausted,
    ImageBusy,
    ImageForeign,
    ImageUnavailable,
    ImageUnwritable,
    UnknownMission,
)
from batos.image.storages import Address, address
from batos.runtime import copying, counters, journal, leases, missions, pools, reading, waits
from batos.runtime.copying import copy_missions
from batos.runtime.missions import JournalEntry, MissionStore
from contract.mission_tools import answer, ask, lease, submit_and_lease

TABLES = ("missions", "journal", "attempts", "budgets", "counters", "meta", "waits")

# Journal and spending


def test_a_round_is_recorded_whole_and_the_first_answer_stays(store, clock):
    leased = submit_and_lease(store, clock, ask())
    mission = leased.mission.id
    store.wait_for_needs(leased.token)
    first = answer("first", model="m", adapter="robin", prompt_tokens=7, completion_tokens=3, cost=0.5, seconds=2.0)
    store.record_round(leased.token, [first, answer("other", occurrence=1)], charge=[("heartbeat", "h1")])
    assert store.get(mission).state == "queued"

    again = lease(store, clock)
    stored = store.record_round(again.token, [answer("second"), answer("\x00\ud800", key="new")])

    assert stored == {("h", 0): {"text": "first"}, ("new", 0): {"text": "\x00\ud800"}}
    assert store.journal(mission)["h", 0] == first
    assert store.answers(mission) == {**stored, ("h", 1): {"text": "other"}}
    for purse in (("mission", mission), ("day", "2023-11-14"), ("heartbeat", "h1")):
        assert store.budget(*purse).spent == 10
        assert store.budget(*purse, unit="money").spent == 0.5


def test_an_answer_is_returned_as_a_replay_will_read_it(store, clock):
    leased = submit_and_lease(store, clock, ask())
    entry = JournalEntry("observe", "h", 0, None, {"hits": (1, 2)})

    assert store.record_round(leased.token, [entry]) == {("h", 0): {"hits": [1, 2]}} == store.answers(leased.mission.id)


def test_nothing_may_be_spent_from_an_exhausted_budget(store, clock):
    store.set_limit("mission", "*", 10)
    store.set_limit("mission", "rich", None)
    store.set_limit("day", "2023-11-14", 1.0, unit="money")
    leased = submit_and_lease(store, clock, ask())
    store.check_budgets(leased.mission.id)

    store.record_round(leased.token, [answer("a", prompt_tokens=10, cost=0.25)])

    assert store.budget("mission", leased.mission.id).left == 0
    assert store.budget("day", "2023-11-14", unit="money").left == 0.75
    with pytest.raises(BudgetExhausted, match="10 of 10 tokens"):
        store.check_budgets(leased.mission.id)
    store.check_budgets("another")


# A long past


@pytest.mark.parametrize(
    "statement",
    [leases.TAKE_ON_SQLITE, leases.RAN_OUT, leases.REOPEN, reading.COUNTS, missions.OPEN_LEARN,
     reading.PENDING_BELOW, leases.GO_ON, waits.REACHED, waits.END_HELD, waits.SET_FREE, waits.WAKE, journal.ANSWERS],
    ids=lambda statement: " ".join(statement.split())[:60],
)  # fmt: skip
def test_no_statement_reads_missions_that_it_is_not_about(tmp_path, clock, statement):
    MissionStore.open(tmp_path / "missions.sqlite3", clock).close()
    parameters = dict.fromkeys(re.findall(r":(\w+)", statement))
    with closing(sqlite3.connect(tmp_path / "missions.sqlite3")) as connection:
        plan = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    assert not [step for step in plan if re.fullmatch(r"SCAN (missions|candidate|other|journal|waits)", step)]


def test_a_budget_is_found_by_its_key_however_many_its_scope_has(tmp_path, clock):
    MissionStore.open(tmp_path / "missions.sqlite3", clock).close()
    with closing(sqlite3.connect(tmp_path / "missions.sqlite3")) as connection:
        statement = counters.standing_of(2)
        parameters = dict.fromkeys(re.findall(r":(\w+)", statement))
        plan = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    assert len([step for step in plan if "(scope=? AND key=?)" in step]) == 4
    assert not [step for step in plan if "SCAN" in step or step.endswith("(scope=?)")]


# Opening


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, clock):
    path = tmp_path / "missions.sqlite3"
    path.write_text("a letter, long enough to be looked at. " * 40)

    with pytest.raises(ImageForeign, match="not a database"):
        MissionStore.open(path, clock)
    assert path.read_text().startswith("a letter")


def test_a_database_of_another_program_is_refused_and_left_alone(mission_url, clock):
    ours = MissionStore.open(mission_url, clock)
    with ours._db.write(durable=True) as tx:
        tx.run("DROP TABLE migrations")
    ours.close()

    with pytest.raises(ImageForeign, match="other tables: attempts"):
        MissionStore.open(mission_url, clock)


def test_a_database_of_a_later_batos_is_refused(mission_url, clock):
    store = MissionStore.open(mission_url, clock)
    with store._db.write(durable=True) as tx:
        tx.run("INSERT INTO migrations (name, applied_at) VALUES ('m999_later', 0)")
    store.close()

    with pytest.raises(ImageForeign, match="m999_later"):
        MissionStore.open(mission_url, clock)


def test_another_program_that_keeps_the_database_to_itself_is_one_clear_error(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(pools, "BUSY_SECONDS", 0.01)
    store = MissionStore.open(tmp_path / "missions.sqlite3", clock)
    with closing(sqlite3.connect(tmp_path / "missions.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ImageBusy, match="locked"):
            store.submit(ask())

    assert store.submit(ask(), mission_id="m1") == "m1"
    store.close()


def test_a_full_disk_is_one_clear_error_and_nothing_is_half_written(tmp_path, clock):
    store = MissionStore.open(tmp_path / "missions.sqlite3", clock)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ImageUnwritable):
            store.submit(ask(), mission_id="m1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(UnknownMission):
        store.get("m1")
    assert store.submit(ask(), mission_id="m1") == "m1"
    store.close()


def test_a_folder_that_is_missing_is_one_clear_error(tmp_path, clock):
    with pytest.raises(ImageUnavailable, match="unable to open"):
        MissionStore.open(tmp_path / "nowhere" / "missions.sqlite3", clock)


# Copying


def test_a_copy_holds_every_row_however_many_batches_it_takes(mission_url, tmp_path, clock, monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 3)
    first, copied = (Address("sqlite", tmp_path / name) for name in ("first", "copied"))
    for place in (first, copied):
        place.path.mkdir()
    on_server = mission_url.startswith("postgresql")
    between = address(mission_url) if on_server else Address("sqlite", tmp_path)
    store = MissionStore.open(first.missions, clock)
    for _ in range(4):
        leased = submit_and_lease(store, clock, ask())
        entries = [answer("same", key=key, occurrence=number) for key in "ab" for number in (0, 1)]
        store.record_round(leased.token, entries, charge=[("day", "2023-11-14")])
        store.finish(lease(store, clock).token, "done", {})
    store.close()

    copy_missions(first, between)
    copy_missions(between, copied)

    assert rows_of(copied) == rows_of(first)
    store = MissionStore.open(between.missions, clock)
    assert store.get(store.submit(ask())).state == "queued"  # and no number is given out twice
    store.close()


def rows_of(where):
    with closing(sqlite3.connect(where.missions)) as database:
        return {table: sorted(database.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}
