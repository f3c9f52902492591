"""What missions may spend: looked at before, charged with the answer; what becomes of one that may spend no more."""

import pytest

import batos
from batos.inference.port import Answer
from batos.objects.records import Method
from batos.runtime import budgets
from batos.runtime.briefs import Brief
from batos.runtime.counters import day_of
from batos.runtime.mission import Mission
from batos.settings import Settings
from batos.testing import MovableClock, ScriptedBackend, temporary_image

ASKING = "def think_(self, n):\n    return [self.infer_(str(i)) for i in range(n)]\n"


@pytest.fixture
def costly():
    def answer(request):
        said = f"answer to {request.materials['query']}"
        return Answer(text=said, model="costly", prompt_tokens=6, completion_tokens=4, cost=0.25)

    return ScriptedBackend(answer)


def thinking(image):
    image.create("thinker", parents=["pllm", "traits"])
    with image.transaction("install") as world:
        world["thinker"].think_ = Method("think_", ASKING)
    image.trust("thinker", "think_")
    return image["thinker"]


def spent(image, scope, key, unit="tokens"):
    return image.store.budget(scope, key, unit).spent


@pytest.mark.parametrize(
    "limits, said",
    [({"mission_tokens": 15}, "20 of 15 tokens"), ({"day_money": 0.4}, "day budget is used up: 0.5 of 0.4")],
)
def test_a_mission_that_may_spend_no_more_fails_with_what_was_spent(costly, limits, said):
    with temporary_image(model=costly, settings=Settings(**limits)) as image:
        mission = thinking(image).submit("think_", 5)
        with pytest.raises(batos.MissionFailed, match=said):
            mission.result(20)
        assert spent(image, "mission", mission.id) == 20  # two answers; the third was not asked for
    assert len(costly.requests) == 2


def test_a_mission_that_waits_goes_on_when_its_budget_is_raised(costly):
    settings = Settings(mission_tokens=15, budget_policy="wait")
    with temporary_image(model=costly, settings=settings) as image:
        mission = thinking(image).submit("think_", 4)
        with pytest.raises(batos.MissionPending, match=f"batos budget mission {mission.id} --limit"):
            mission.result(20)
        assert mission.state == "waiting"
        assert mission.id in {found.key for found in budgets.listed(image.store, image.clock.now())}

        assert budgets.set_budget(image.store, "mission", mission.id, 100, "tokens") == 1
        assert mission.result(20) == [f"answer to {n}" for n in range(4)]
        assert spent(image, "mission", mission.id) == 40
    assert len(costly.requests) == 4


def test_a_new_day_has_a_new_budget(costly):
    clock = MovableClock()
    settings = Settings(day_tokens=15, budget_policy="wait", lease_seconds=1e6)
    with temporary_image(model=costly, settings=settings, clock=clock) as image:
        mission = thinking(image).submit("think_", 3)
        with pytest.raises(batos.MissionPending, match="day budget is used up"):
            mission.result()
        today = day_of(clock.now())

        clock.move(86400)
        assert mission.result() == [f"answer to {n}" for n in range(3)]
        assert (spent(image, "day", today), spent(image, "day", day_of(clock.now()))) == (20, 10)


def test_what_a_beat_started_is_paid_from_the_beats_budget(costly):
    with temporary_image(model=costly, settings=Settings(heartbeat_tokens=15)) as image:
        oid = thinking(image)._oid.hex()
        brief = Brief("unhandled_message", oid, "think_", (5,), extra={budgets.BEAT: 7})
        mission = Mission(image.image, image.store, image.store.submit(brief))
        with pytest.raises(batos.MissionFailed, match="heartbeat budget is used up"):
            mission.result(20)
        assert spent(image, "heartbeat", "7") == 20
        assert spent(image, "heartbeat", "7", "money") == 0.5


def test_a_policy_that_there_is_not_is_refused():
    with pytest.raises(batos.BatosError, match="`fail` or `wait`"):
        Settings(budget_policy="borrow")
