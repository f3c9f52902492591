"""What an answer takes in the journal: each passage once, and every request as it was made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.mind.needs import digest
from batos.runtime.briefs import from_text, to_text
from batos.runtime.database import Database
from batos.runtime.passages import cut_answer, cut_request, whole_answer, whole_request
from batos.settings import Settings
from batos.testing import temporary_image

QUIET = Settings(heartbeat=False)
BYTES = 48_000
"""For one answer, from 20 passages of 700 letters. With the passages in every request it was 170,000."""
LINE = "The lighthouse of island {number} was built by the keeper's guild, and its lamp number {lamp} burns whale oil. "
QUESTION = "Who built the lighthouse of island 7?"


@pytest.fixture(scope="module")
def asked():
    """An image with an answer; the mission's id is `mission`."""
    with temporary_image(settings=QUIET) as uvm:
        for number in range(20):
            text = "".join(LINE.format(number=number, lamp=100 * number + lamp) for lamp in range(7))
            uvm.ingest_text(f"island {number}", text)
        uvm.ask(QUESTION, timeout=60)  # the facets are learned with it
        yield uvm, uvm.ask(QUESTION, timeout=60).mission


def rows(uvm, statement, **values):
    database = Database(uvm.image.where.missions, uvm.clock.now())
    try:
        return database.rows(statement, **values)
    finally:
        database.close()


def test_an_answer_takes_few_bytes_because_a_passage_is_kept_once(asked):
    uvm, mission = asked
    entries = rows(uvm, "SELECT request, answer FROM journal WHERE mission = :mission", mission=mission)
    passages = [text for (text,) in rows(uvm, "SELECT text FROM passages WHERE mission = :mission", mission=mission)]
    stored = "".join([*(text for row in entries for text in row), *passages])

    assert len(entries) >= 5
    assert len(passages) >= 10
    assert len(stored) <= BYTES
    for passage in passages:
        assert stored.count(to_text(from_text(passage)["text"])[1:-1]) == 1


def test_whoever_reads_the_journal_gets_every_request_as_it_was_made(asked):
    uvm, mission = asked
    journal = uvm.store.journal(mission)

    assert {entry.kind for entry in journal.values()} >= {"inference", "observe"}
    for (hash_, _), entry in journal.items():
        request = dict(entry.request)
        assert digest(entry.kind, request.pop("name"), request) == hash_
    assert uvm.store.answers(mission) == {key: entry.answer for key, entry in journal.items()}
    assert uvm.replay(mission).same


def test_an_answer_that_comes_twice_is_read_back_whole(asked):
    """As after a crash between the journal and whoever performed the need: first wins."""
    uvm, mission = asked
    entry = next(entry for entry in uvm.store.journal(mission).values() if entry.kind == "observe")
    other = type(entry)(entry.kind, entry.hash, entry.occurrence, entry.request, {"value": "another"})
    with uvm.store._db.write(durable=True) as tx:
        assert uvm.store._journaled(tx, mission, [other], ())[entry.key] == to_text(entry.answer)


def test_a_fork_takes_the_passages_along(asked, tmp_path):
    import batos

    uvm, mission = asked
    uvm.fork(tmp_path / "fork.image")
    with batos.open(tmp_path / "fork.image", settings=QUIET) as forked:
        assert forked.store.journal(mission) == uvm.store.journal(mission)


def test_passages_go_with_the_journal_by_retention_and_by_erasure():
    with temporary_image(settings=QUIET) as uvm:
        for number in range(3):
            uvm.ingest_text(f"island {number}", LINE.format(number=number, lamp=number) * 8)
        kept, erased = (uvm.ask(question, timeout=60).mission for question in (QUESTION, "What does lamp 2 burn?"))
        count = "SELECT count(*) FROM passages"
        assert rows(uvm, count) > [(3,)]
        report = uvm.care.erase(text="the keeper's guild")
        assert report.left == ()
        assert rows(uvm, count) == [(0,)]

        uvm.ask("What does lamp 1 burn?", timeout=60)
        assert rows(uvm, count) > [(0,)]
        uvm.care.prune(0)
        assert rows(uvm, count) == [(0,)]
        assert {kept, erased} <= {mission["mission"] for mission in uvm.missions()}


TEXTS = st.one_of(st.text(max_size=30), st.sampled_from(["a" * 600, "b\n" * 500, "", "\ud800" * 1000]))
CHUNKS = st.lists(st.fixed_dictionaries({"text": TEXTS, "score": st.floats()}), max_size=4)


@given(CHUNKS, st.lists(TEXTS, max_size=5), st.randoms())
def test_what_is_cut_is_whole_again(chunks, between, chance):
    shown = [text for chunk in chunks for text in (chunk["text"], *between)]
    chance.shuffle(shown)
    request = {
        "messages": [{"role": "user", "content": "".join(shown)}, {"role": "system", "content": "Be brief."}],
        "materials": {"chunks": chunks, "query": "?"},
    }
    answer = {"value": chunks}
    found: dict[str, str] = {}
    stored = from_text(to_text(cut_request(request, found)))

    assert to_text(whole_request(stored, found)) == to_text(request)
    assert whole_answer(to_text(cut_answer(answer, found)), found) == to_text(answer)
