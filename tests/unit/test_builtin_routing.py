"""Which archetype a question belongs to, who leads, who is asked what."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.inference.builtin import plan
from batos.inference.builtin.facets import facet_rules
from batos.inference.builtin.routing import classify
from batos.inference.port import Request

FACETS = [
    {"persona": persona, "slot": slot, "intent": ""}
    for persona, slots in {
        "ROBIN": ["sage_facet_", "simple_heart_facet_", "joyful_spark_facet_"],
        "BRICK": ["literal_facet_", "gadgeteer_facet_", "guide_facet_"],
        "BABS": ["tech_facet_", "iceman_facet_", "hitchhiker_facet_"],
        "ALFRED": ["pragmatist_facet_", "disruptor_facet_", "butler_facet_"],
    }.items()
    for slot in slots
]


def planned(query: str, facets: list[dict[str, str]] | None = None, **materials: object) -> dict:
    offered = FACETS if facets is None else facets
    answer = plan(Request(purpose="plan", materials={"query": query, "facets": offered, **materials}))
    assert json.loads(answer.text) == answer.data
    return answer.data


@pytest.mark.parametrize(
    ("query", "archetype", "lead"),
    [
        ("How do I undo a learned method?", "technical", "BRICK"),
        ("configure `batos run` with --headless", "technical", "BRICK"),
        ("What is a mirror?", "factual", "BABS"),
        ("how many facets are there", "factual", "BABS"),
        ("Lisbon", "factual", "BABS"),
        ("I feel overwhelmed and lost today.", "emotional", "ROBIN"),
        ("Three failed cycles: improve the system.", "self_improvement", "ALFRED"),
    ],
)
def test_a_question_goes_to_the_archetype_that_fits(query: str, archetype: str, lead: str):
    data = planned(query)
    assert (data["archetype"], data["lead"]) == (archetype, lead)


def test_the_reasons_are_told():
    answer = plan(Request(purpose="plan", materials={"query": "How do I undo it?", "facets": FACETS}))
    assert any("asks how something is done ('how do')" in reason for reason in answer.notes["reasons"])
    assert answer.notes["scores"]["technical"] > answer.notes["scores"]["factual"]


def test_the_lead_speaks_first_and_an_assistant_is_heard():
    data = planned("How do I undo a learned method?")
    owner = {facet["slot"]: facet["persona"] for facet in FACETS}
    personas = [owner[slot] for slot in data["relevant_pillars"]]
    assert personas[0] == data["lead"] == "BRICK"
    assert "ROBIN" in personas


def test_each_facet_asks_the_question_from_its_angle():
    data = planned("What is a mirror?")
    assert list(data["sub_queries"]) == data["relevant_pillars"]
    assert all(asked.startswith("What is a mirror?") for asked in data["sub_queries"].values())
    assert len(set(data["sub_queries"].values())) == len(data["sub_queries"])


def test_a_facet_of_the_users_own_is_asked_when_its_intent_touches_the_question():
    own = {"persona": "CLIO", "slot": "herald_facet_", "intent": "genealogy of noble families"}
    assert "herald_facet_" in planned("Which families were noble?", [*FACETS, own])["relevant_pillars"]
    assert "herald_facet_" not in planned("Which port is open?", [*FACETS, own])["relevant_pillars"]


def test_a_lead_that_is_not_offered_is_replaced_by_one_that_is():
    assert planned("I feel lost.", FACETS[3:6])["lead"] == "BRICK"
    assert planned("I feel lost.", [{"persona": "clio", "slot": "herald_facet_"}])["lead"] == "clio"


def test_archetypes_can_be_restricted():
    assert planned("I feel lost.", archetypes=["technical", "factual"])["archetype"] == "factual"


def test_every_facet_of_the_four_personas_has_a_rule():
    assert {facet["slot"] for facet in FACETS} <= set(facet_rules())


@given(st.text(), st.lists(st.sampled_from(FACETS), unique_by=lambda facet: facet["slot"]))
def test_only_offered_facets_are_planned(query: str, offered: list[dict[str, str]]):
    data = planned(query, offered)
    assert set(data["relevant_pillars"]) <= {facet["slot"] for facet in offered}
    assert bool(data["relevant_pillars"]) == bool(offered)
    assert set(data["sub_queries"]) == set(data["relevant_pillars"])


@given(st.text())
def test_every_question_has_an_archetype_and_a_reason(query: str):
    name, scores, reasons = classify(query)
    assert name in scores
    assert reasons
