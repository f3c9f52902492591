"""The heartbeat: it finds what fails, has it looked into, and leaves the decision to a person."""

import pytest

import batos
from batos.errors import MissionFailed, SandboxRaised
from batos.runtime.heartbeat import Heartbeat
from batos.runtime.mission import Mission
from batos.settings import Settings

PATIENCE = 30.0
BROKEN = "def initials_(self, name):\n    return name.split()[7]\n"


def beat(image, **settings):
    return Heartbeat(image.place, Settings(**settings), image.events).beat()


def finished(image, mission):
    return Mission(image.image, image.store, mission).result(PATIENCE)


@pytest.fixture
def failing(image):
    """An object whose method was replaced by a version that fails."""
    image.create("greeter")
    image.teach(
        "greeter",
        "initials_",
        intent="the initials of a full name",
        examples=[(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")],
    )
    image.create_method("greeter", "initials_", BROKEN, author="a person in a hurry")
    fail(image, 3)
    return image


def fail(image, times):
    for _ in range(times):
        with pytest.raises((SandboxRaised, MissionFailed)):
            image["greeter"].initials_("grace hopper")


def decide(image, decision):
    (proposal,) = image.proposals()
    return decision(proposal["id"])


def test_an_idle_beat_files_nothing_and_spends_nothing(image):
    seen = beat(image)

    assert (seen.mission, seen.reason) == (None, "nothing failed")
    assert image.missions() == []
    assert image.state()["heartbeat"]["last"]["reason"] == "nothing failed"


def test_a_failing_version_is_proposed_to_be_replaced_by_the_earlier_one_and_then_all_is_quiet(failing):
    finished(failing, beat(failing).mission)
    with pytest.raises((SandboxRaised, MissionFailed)):
        failing["greeter"].initials_("grace hopper")  # it was only proposed
    decide(failing, failing.approve)

    assert failing["greeter"].initials_("grace hopper") == "G.H."
    assert beat(failing).mission is None


def test_the_mission_is_alfreds_and_a_failure_is_filed_once(failing):
    first = beat(failing).mission
    finished(failing, first)

    mission = failing.mission(first)
    assert (mission["type"], mission["target"], mission["selector"]) == (
        "systemic_self_improvement", "alfred", "analyze_and_resolve_cycle_failures",
    )  # fmt: skip
    assert beat(failing).mission is None


def test_a_proposal_that_was_refused_twice_is_not_made_again(failing):
    for _ in range(2):
        finished(failing, beat(failing).mission)
        decide(failing, failing.refuse)
        fail(failing, 1)

    assert beat(failing).mission is None


def test_a_cycle_that_failed_is_looked_into(image):
    image.create("greeter")
    with pytest.raises(MissionFailed):
        image["greeter"].prove_goldbach_()

    seen = beat(image)
    assert seen.failed_cycles >= 1
    finished(image, seen.mission)
    assert image.proposals() == []


def test_the_days_budget_bounds_what_it_files(failing):
    seen = beat(failing, heartbeat_missions=0)

    assert seen.mission is None
    assert "budget" in seen.reason


def test_one_switch_stops_it(failing):
    Heartbeat(failing.place, failing.settings, failing.events).switch(on=False)

    assert beat(failing).reason == "the heartbeat is switched off"


def test_what_failed_before_a_restart_is_seen_after_it(tmp_path):
    with batos.open(tmp_path / "a.image") as image:
        image.create("greeter")
        with pytest.raises(MissionFailed):
            image["greeter"].prove_goldbach_()

    with batos.open(tmp_path / "a.image") as image:
        assert beat(image).mission is not None
