"""A mission's timeline as data, in characters, and as a picture that is well-formed whatever it is told."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from batos.runtime.journal import Attempt, JournalEntry
from batos.runtime.timeline import timeline

MISSION = {
    "mission": "abcdef0123456789",
    "target": "orchestrator",
    "selector": "ask",
    "state": "done",
    "created_at": 100.0,
}
SVG = "{http://www.w3.org/2000/svg}"


def attempt(result, started, ended, *states):
    return Attempt("m", result, [], list(states), started, ended)


def entry(kind, made_at, seconds=0.0, answer=None, **request):
    return JournalEntry(kind, "h", 0, request, answer or {"value": 1}, seconds=seconds, made_at=made_at)


ATTEMPTS = [
    attempt("suspended", 100.0, 100.1, ("IDLE", 0, 0.0), ("DECOMPOSING", 0, 0.05)),
    attempt("committed", 102.0, 102.2, ("IDLE", 0, 0.0), ("DELEGATING", 0, 0.05), ("IDLE", 1, 0.1)),
]
JOURNAL = [
    entry("learn", 102.0, answer={"state": "done", "outcome": {"answer": {"selector": "tech_facet_", "version": 1}}}),
    entry("inference", 101.0, 0.8, purpose="facet", persona="babs", materials={"facet": "tech_facet_"}),
    entry("observe", 100.3, 0.1, answer={"error": {"type": "MissionError", "facts": {}}}, name="search"),
]


def test_spans_are_told_in_seconds_since_the_mission_was_filed():
    found = timeline(MISSION, ATTEMPTS, JOURNAL)
    assert [(need.label, round(need.began, 3), round(need.ended, 3), need.failed) for need in found.needs] == [
        ("learn tech_facet_", 0.1, 2.0, False),  # from the attempt that missed it to its end
        ("search", 0.2, 0.3, True),
        ("tech_facet_ (babs)", 0.2, 1.0, False),
    ]
    assert [(state.label, round(state.seconds, 3)) for state in found.attempts[1].states] == [
        ("IDLE", 0.05), ("DELEGATING", 0.05), ("IDLE within", 0.1)
    ]  # fmt: skip
    assert round(found.seconds, 3) == 2.2


def test_in_characters_each_row_is_a_line_with_a_bar_in_its_place():
    lines = str(timeline(MISSION, ATTEMPTS, JOURNAL)).splitlines()
    assert lines[0] == "mission abcdef01: orchestrator ask, done, 2.20 s in 2 attempts"
    assert len(lines) == 6
    assert lines[1].startswith("attempt 1, suspended")
    assert lines[-1].startswith("attempt 2, committed")
    assert lines[-1].index("█") > lines[1].index("█")


def test_the_picture_has_a_bar_for_every_state_and_need():
    drawn = ElementTree.fromstring(timeline(MISSION, ATTEMPTS, JOURNAL).svg())
    told = [title.text for title in drawn.iter(f"{SVG}title")]
    assert "tech_facet_ (babs): 800.0 ms" in told
    assert "DELEGATING: 50.0 ms" in told
    bars = [rect for rect in drawn.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    assert len(bars) == 5 + 3
    width = float(drawn.get("width"))
    assert all(float(bar.get("x")) + float(bar.get("width")) <= width for bar in bars)


def test_a_mission_that_has_not_begun_has_an_empty_timeline():
    found = timeline(MISSION, [], [])
    assert str(found) == "mission abcdef01: orchestrator ask, done, 0.0 ms in 0 attempts"
    ElementTree.fromstring(found.svg())


@given(st.text(max_size=60), st.floats(0, 1e6), st.floats(0, 1e6))
def test_whatever_it_is_told_the_picture_is_well_formed(name, seconds, later):
    journal = [entry("observe", 100.0 + later, seconds, name=name), entry("inference", 100.0, 0.0, purpose=name)]
    found = timeline({**MISSION, "selector": name}, ATTEMPTS, journal)
    ElementTree.fromstring(found.svg())
    assert "attempt 1" in str(found)
