"""The heartbeat: what failed becomes one mission for ALFRED, within a budget; nothing to do costs nothing."""

from __future__ import annotations

import pytest

import batos
from batos.objects.records import Method
from batos.runtime.contributions import FEWEST_ASKED
from batos.runtime.heartbeat import Heartbeat
from batos.runtime.mission import Mission
from batos.settings import Settings
from batos.testing import temporary_image
from contract.mind_tools import Model, furnish, plan

GOOD = "def half_(self, n):\n    return n // 2\n"
BAD = "def half_(self, n):\n    return n // 0\n"


def heart(image):
    return Heartbeat(image.place, image.settings, image.events)


def finished(image, mission):
    return Mission(image.image, image.store, mission).result(30)


def install(image, source):
    with image.transaction("install by hand") as world:
        present = world["counter"].__dict__.get("__methods__", {}).get("half_")
        world["counter"].half_ = Method("half_", source, previous=present)


def failing_version(image):
    """An object whose second version of `half_` fails where the first did not."""
    counter = image.create("counter")
    install(image, GOOD)
    for number in range(4):
        assert counter.half_(number) == number // 2
    install(image, BAD)
    for number in range(4):
        with pytest.raises(batos.BatosError, match="ZeroDivisionError"):
            counter.half_(number)
    return counter


def test_an_idle_beat_files_and_spends_nothing():
    with temporary_image() as image:
        beat = heart(image).beat()
        assert (beat.mission, beat.reason) == (None, "nothing failed")
        assert image.missions() == []
        assert image.store.meta("heartbeat")["last"]["reason"] == "nothing failed"


def test_the_loop_closes():
    """A failing version → beat → cycle → proposal to restore the earlier one → approved → the next beat is silent."""
    with temporary_image() as image:
        counter = failing_version(image)
        beat = heart(image).beat()
        assert beat.failing_methods == 1
        report = finished(image, beat.mission)
        (proposal,) = image.proposals()
        assert report["proposals"][0]["proposal"] == proposal["id"]
        assert (proposal["source"], proposal["replaces"]) == (GOOD, BAD)

        image.approve(proposal["id"])
        assert counter.half_(8) == 4
        assert image.why("counter", "half_").versions == (3, 2, 1)
        assert heart(image).beat().mission is None


def test_a_beat_waits_for_the_decision_and_does_not_propose_twice():
    with temporary_image() as image:
        failing_version(image)
        finished(image, heart(image).beat().mission)
        assert heart(image).beat().mission is None


def test_a_proposal_refused_twice_is_not_made_again():
    with temporary_image() as image:
        failing_version(image)
        for _ in range(2):
            finished(image, heart(image).beat().mission)
            (proposal,) = image.proposals()
            image.refuse(proposal["id"])
        assert heart(image).beat().mission is None


def test_a_failed_cycle_is_looked_at_once():
    with temporary_image() as image:
        image.create("greeter")
        with pytest.raises(batos.MissionFailed):
            image.send("greeter", "prove_goldbach_")
        beat = heart(image).beat()
        assert beat.failed_cycles > 0
        finished(image, beat.mission)
        assert heart(image).beat().mission is None


def test_the_budget_of_a_day_bounds_what_is_filed():
    with temporary_image(settings=Settings(heartbeat_missions=0)) as image:
        failing_version(image)
        beat = heart(image).beat()
        assert beat.mission is None
        assert "budget" in beat.reason


def test_a_facet_that_adds_nothing_to_many_answers_is_a_finding_and_no_change():
    """Two facets that say the same, and one that says something of its own."""
    asked = plan("literal_facet_", "tech_facet_", "sage_facet_")
    says = {"literal_facet_": "In caves [1].", "tech_facet_": "In caves.", "sage_facet_": "They rest there [1]."}
    model = Model(plan=asked, facet=lambda request: says[request.materials["facet"]])
    with temporary_image(model=model) as image:
        furnish(image)
        for _ in range(FEWEST_ASKED - 1):
            image.ask("Where do bats sleep?")
        assert heart(image).beat().reason == "nothing failed"
        image.ask("Where do bats sleep?")
        before = image.history("brick"), image.history("babs"), len(image.missions())
        beat = heart(image).beat()
        found = image.state()["heartbeat"]["idle_facets"]
        assert list(found) == ["literal_facet_", "tech_facet_"]
        assert beat.reason == " ".join(finding["says"] for finding in found.values())
        assert "added nothing to 20 of the latest 20 answers" in beat.reason
        assert heart(image).beat().reason == "nothing failed"
        assert (image.history("brick"), image.history("babs"), len(image.missions())) == before
        assert image.proposals() == []

        says["tech_facet_"] = "At night they hunt [1]."
        for _ in range(3):
            image.ask("Where do bats sleep?")
        heart(image).beat()
        assert image.state()["heartbeat"]["idle_facets"] == {}


def test_one_switch_stops_it():
    with temporary_image() as image:
        failing_version(image)
        heart(image).switch(False)
        assert heart(image).beat().mission is None
        heart(image).switch(True)
        assert heart(image).beat().mission is not None


def test_a_beat_that_is_repeated_after_a_crash_files_the_same_mission(monkeypatch):
    """The id is made from what failed, so filing again before the record was written changes nothing."""
    with temporary_image(settings=Settings(workers=0)) as image:
        counter = image.create("counter")
        install(image, GOOD)
        install(image, BAD)
        for number in range(4):
            with pytest.raises(batos.BatosError):
                counter.half_(number)
        before = image.store.meta("heartbeat", {})
        first = heart(image).beat()
        image.store.cancel(first.mission)
        image.store.set_meta("heartbeat", before)
        assert heart(image).beat().mission == first.mission
        assert len(image.missions()) == 1
