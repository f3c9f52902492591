"""Many missions that write the same objects at the same time: all complete, and nothing is asked twice for it."""

import pytest

from batos.objects.records import Method
from batos.settings import Settings
from batos.testing import ScriptedBackend, temporary_image

MISSIONS = 16
SOURCE = """
def think_(self, q):
    first = self.infer_(q + " first")
    self.left.count = self.left.count + 1
    second = self.infer_(q + " second")
    self.right.count = self.right.count + 1
    self.left.last = second
    return second
""".lstrip()


@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_sixteen_missions_that_write_the_same_objects_all_complete_and_pay_once(scheme):
    backend = ScriptedBackend(lambda request: f"({request.materials['query']})")
    settings = Settings(workers=8)
    with temporary_image(scheme=scheme, model=backend, settings=settings) as image:
        with image.transaction("prepare") as world:
            left, right = world.create("left", {"count": 0, "last": ""}), world.create("right", {"count": 0})
            for number in range(MISSIONS):
                world.create(f"thinker{number}", {"left": left, "right": right}, [world["pllm"], world["traits"]])
            world["traits"].think_ = Method("think_", SOURCE)
        image.trust("traits", "think_")
        missions = [image[f"thinker{number}"].submit("think_", str(number)) for number in range(MISSIONS)]
        answers = [mission.result(50) for mission in missions]

        assert answers == [f"({number} second)" for number in range(MISSIONS)]
        assert (image["left"].count, image["right"].count) == (MISSIONS, MISSIONS)
        assert sum(len(image.store.journal(mission.id)) for mission in missions) == 2 * MISSIONS
        assert len(backend.requests) == 2 * MISSIONS == len({request.fingerprint() for request in backend.requests})
