"""A past mission is run again to see what would be different; nothing of it is kept."""

import pytest

import batos
from batos.errors import MissionError, UnknownMission
from batos.inference.port import Answer
from batos.objects.records import Method
from batos.runtime.replaying import replay
from batos.settings import Settings
from batos.testing import ScriptedBackend, temporary_image

SOURCE = """
def think_(self, q):
    first = self.infer_(q)
    second = self.infer_("then " + first)
    self.count = self.count + 1
    self._p_changed = True
    return second
""".lstrip()


@pytest.fixture
def backend():
    return ScriptedBackend(lambda request: f"({request.materials['query']})")


@pytest.fixture
def image(backend):
    with temporary_image(model=backend) as opened:
        opened.create("thinker", {"count": 0}, parents=["pllm", "traits"])
        install(opened, SOURCE)
        yield opened


def install(image, source):
    with image.transaction("install") as world:
        world["thinker"].think_ = Method("think_", source)
    image.trust("thinker", "think_")


def thought(image):
    mission = image["thinker"].submit("think_", "why")
    mission.result(20)
    return mission.id


def found(replayed):
    return [step.found for step in replayed.steps]


def test_without_a_change_nothing_is_different_and_nothing_is_asked(image, backend):
    mission = thought(image)
    replayed = image.replay(mission)

    assert replayed.same
    assert (found(replayed), replayed.asked, replayed.now.answer) == (["same", "same"], 0, "(then (why))")
    assert len(backend.requests) == 2
    assert image["thinker"].count == 1


def test_another_model_answers_every_inference(image, backend):
    mission = thought(image)
    other = ScriptedBackend(lambda request: f"<{request.materials['query']}>")
    image.place._other_backends["other"] = other
    replayed = image.replay(mission, "other")

    assert found(replayed) == ["answered otherwise", "not asked any more", "asked anew"]
    assert (replayed.before.answer, replayed.now.answer) == ("(then (why))", "<then <why>>")
    assert (replayed.asked, len(other.requests), len(backend.requests)) == (2, 2, 2)
    assert image["thinker"].count == 1
    assert len(image.store.journal(mission)) == 2


def test_changed_code_asks_only_the_step_again_whose_request_changed(image, backend):
    mission = thought(image)
    install(image, SOURCE.replace("then ", "and then "))
    replayed = image.replay(mission)

    assert found(replayed) == ["same", "not asked any more", "asked anew"]
    assert replayed.now.answer == "(and then (why))"
    assert len(backend.requests) == 3


def test_in_a_fork_of_the_past_a_mission_runs_on_the_code_and_the_objects_of_then(image, backend, tmp_path):
    """The moment is before the method was changed; what is asked since then is asked in the fork alone."""
    mission = thought(image)
    then = image.history("thinker")[0].id
    install(image, SOURCE.replace("then ", "and then ").replace("+ 1", "+ 100"))
    image["thinker"].count = 7
    later = thought(image)
    assert found(image.replay(mission)) == ["same", "not asked any more", "asked anew"]

    image.fork(tmp_path / "then.image", then)
    asked = len(backend.requests)
    with batos.open(tmp_path / "then.image", model=backend, settings=Settings(heartbeat=False)) as past:
        replayed = past.replay(mission)
        assert replayed.same
        assert (found(replayed), replayed.asked, replayed.now.answer) == (["same", "same"], 0, "(then (why))")
        other = past.replay(mission, "builtin")
        assert found(other) == ["answered otherwise", "not asked any more", "asked anew"]
        assert other.now.outcome == "done"
        assert past["thinker"].count == 1
        with pytest.raises(UnknownMission):
            past.replay(later)
    assert len(backend.requests) == asked
    assert image["thinker"].count == 107


def test_a_run_that_would_start_something_says_so_and_does_not(image):
    mission = thought(image)
    install(image, "def think_(self, q):\n    return self.shout_it()\n")
    replayed = image.replay(mission)

    assert replayed.now.outcome == "would"
    assert "learn shout_it" in replayed.now.reason
    assert [listed["type"] for listed in image.missions()] == ["unhandled_message"]


def test_a_run_is_bounded(image):
    mission = thought(image)
    install(image, "def think_(self, q):\n    return [self.infer_(str(n)) for n in range(40)]\n")
    replayed = replay(image.place, Settings(max_asks=5), mission)

    assert replayed.asked == 5
    assert "more than 5 times" in replayed.now.reason


def test_a_mission_that_failed_can_be_run_again_with_todays_code(image):
    install(image, "def think_(self, q):\n    raise ValueError(self.infer_(q))\n")
    mission = image["thinker"].submit("think_", "why")
    with pytest.raises(batos.MissionFailed):
        mission.result(20)
    install(image, SOURCE)
    replayed = image.replay(mission.id)

    assert (replayed.before.outcome, replayed.now.outcome) == ("failed", "done")
    assert "FAILED" in replayed.before.states


def test_a_journal_that_was_given_up_is_missed_with_a_sentence(image):
    mission = thought(image)
    assert image.care.prune(0) == 2
    with pytest.raises(MissionError, match="2 of its answers were taken out of the journal"):
        image.replay(mission)
    assert image.mission(mission)["outcome"]["answer"] == "(then (why))"


def test_open_missions_keep_their_journal():
    costly = ScriptedBackend(lambda request: Answer(text="so", model="costly", prompt_tokens=10))
    with temporary_image(model=costly, settings=Settings(mission_tokens=10, budget_policy="wait")) as image:
        image.create("thinker", {"count": 0}, parents=["pllm", "traits"])
        install(image, SOURCE)
        mission = image["thinker"].submit("think_", "why")
        with pytest.raises(batos.MissionPending):
            mission.result(20)
        assert image.care.prune(0) == 0
        assert len(image.store.journal(mission.id)) == 1
