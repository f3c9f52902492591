"""Methods that need other methods: learned first, as missions of their own, within bounds, and never in a circle."""

from __future__ import annotations

import pytest

import batos
from batos.settings import Settings
from batos.testing import ScriptedBackend, temporary_image


def by_selector(sources):
    return ScriptedBackend(lambda request: sources[request.materials["selector"]])


def chain(length):
    """step_0_ sends step_1_, and so on; the last one answers."""
    sources = {f"step_{n}_": f"def step_{n}_(self, x):\n    return self.step_{n + 1}_(x)\n" for n in range(length - 1)}
    return {**sources, f"step_{length - 1}_": f"def step_{length - 1}_(self, x):\n    return x\n"}


def wished(image, name, sources):
    """The object, with an intent and an example for each selector, so that what is learned needs nobody."""
    with image.transaction("wishes") as world:
        obj = world[name] if name in world else world.create(name)
        for selector in sources:
            setattr(obj, selector, batos.Intent("", (batos.Example((1,), result=1).to_json(),)))
    return image[name]


def kinds(image):
    return sorted((mission["type"], mission["selector"], mission["state"]) for mission in image.missions())


def test_what_a_method_needs_is_learned_first_each_as_its_own_mission():
    sources = chain(3)
    with temporary_image(model=by_selector(sources)) as image:
        walker = wished(image, "walker", sources)
        assert walker.step_0_(7) == 7
        assert kinds(image) == [
            ("learn", "step_0_", "done"),
            ("learn", "step_1_", "done"),
            ("learn", "step_2_", "done"),
            ("unhandled_message", "step_0_", "done"),
        ]
        assert [image.why("walker", selector).provenance["proven"] for selector in sources] == [1, 1, 1]


def test_the_depth_is_bounded():
    sources = chain(6)
    with temporary_image(model=by_selector(sources), settings=Settings(learn_depth=3)) as image:
        walker = wished(image, "walker", sources)
        with pytest.raises(batos.MissionFailed, match="the 4th method in a row"):
            walker.step_0_(7)
        assert "step_3_" not in image.inspect("walker")["understands"]


def test_how_many_are_learned_for_one_message_is_bounded():
    """A broad tree that stays shallow: eight helpers, and three may be learned."""
    helpers = {f"help_{n}_": f"def help_{n}_(self, x):\n    return x\n" for n in range(8)}
    body = "".join(f"    self.help_{n}_(x)\n" for n in range(8))
    sources = {**helpers, "work_": f"def work_(self, x):\n{body}    return x\n"}
    with temporary_image(model=by_selector(sources), settings=Settings(learn_count=4)) as image:
        worker = wished(image, "worker", sources)
        with pytest.raises(batos.MissionFailed, match="one method more than the 4"):
            worker.work_(1)
        learned = [selector for selector in image.inspect("worker")["understands"] if selector.startswith("help_")]
        assert len(learned) == 3  # the fourth would have been `work_` itself


def test_within_the_bound_all_are_learned():
    helpers = {f"help_{n}_": f"def help_{n}_(self, x):\n    return x\n" for n in range(5)}
    body = "".join(f"    self.help_{n}_(x)\n" for n in range(5))
    sources = {**helpers, "work_": f"def work_(self, x):\n{body}    return x\n"}
    with temporary_image(model=by_selector(sources), settings=Settings(learn_count=6)) as image:
        assert wished(image, "worker", sources).work_(1) == 1


def test_a_method_that_sends_itself_needs_no_learning_of_itself():
    source = "def down_(self, n):\n    return 0 if n == 0 else self.down_(n - 1)\n"
    with temporary_image(model=by_selector({"down_": source})) as image:
        counter = image.create("counter")
        image.teach("counter", "down_", examples=[((3,), 0)])
        assert counter.down_(5) == 0


def test_a_method_that_sends_another_to_itself_has_that_learned():
    sources = {
        "even_": "def even_(self, n):\n    return True if n == 0 else self.odd_(n - 1)\n",
        "odd_": "def odd_(self, n):\n    return False if n == 0 else self.even_(n - 1)\n",
    }
    with temporary_image(model=by_selector(sources)) as image:
        image.create("numbers")
        with pytest.raises(batos.MissionFailed, match="would wait for itself"):
            image.teach("numbers", "even_", examples=[((4,), True)])
        assert "even_" not in image.inspect("numbers")["understands"]


def test_two_objects_that_learn_on_each_other_both_learn():
    """A needs one of B, B needs another one of A: no circle, and neither blocks the other."""
    sources = {
        "ask_": "def ask_(self, x):\n    return self.friend.reply_(x)\n",
        "reply_": "def reply_(self, x):\n    return self.friend.note_(x)\n",
        "note_": "def note_(self, x):\n    return x\n",
    }
    with temporary_image(model=by_selector(sources)) as image:
        with image.transaction("two friends") as world:
            left, right = world.create("left"), world.create("right")
            left.friend, right.friend = right, left
        left, right = wished(image, "left", ["ask_", "note_"]), wished(image, "right", ["reply_"])
        assert left.ask_(1) == 1
        assert "reply_" in image.inspect("right")["understands"]
        assert "note_" in image.inspect("left")["understands"]


def test_two_messages_that_cross_both_end():
    """left learns what it needs of right while right learns what it needs of left."""
    sources = {
        "ping_": "def ping_(self, x):\n    return self.friend.echo_(x)\n",
        "pong_": "def pong_(self, x):\n    return self.friend.sound_(x)\n",
        "echo_": "def echo_(self, x):\n    return x\n",
        "sound_": "def sound_(self, x):\n    return x\n",
    }
    with temporary_image(model=by_selector(sources)) as image:
        with image.transaction("two friends") as world:
            left, right = world.create("left"), world.create("right")
            left.friend, right.friend = right, left
        left, right = wished(image, "left", ["ping_", "sound_"]), wished(image, "right", ["pong_", "echo_"])
        missions = [left.submit("ping_", 1), right.submit("pong_", 1)]
        assert [mission.result(30) for mission in missions] == [1, 1]


def test_a_failing_helper_fails_the_mission_with_its_reason():
    sources = {"work_": "def work_(self, x):\n    return self.help_(x)\n", "help_": "I cannot."}
    with temporary_image(model=by_selector(sources)) as image:
        worker = wished(image, "worker", ["work_", "help_"])
        with pytest.raises(batos.MissionFailed, match="no source for 'help_' was accepted"):
            worker.work_(1)


@pytest.mark.parametrize(
    ("selector", "refused"),
    [
        ("initals_", True),  # one letter is missing
        ("intiials_", True),  # two are exchanged
        ("initials__", True),
        ("xxitials_", True),
        ("xxxtials_", False),  # three differ
        ("initials_of_", False),
    ],
)
def test_a_selector_within_two_edits_of_a_known_one_is_refused(selector, refused):
    source = f"def {selector}(self, x):\n    return x\n"
    with temporary_image(model=by_selector({selector: source})) as image:
        greeter = image.create("greeter")
        image.create_method("greeter", "initials_", "def initials_(self, x):\n    return x\n", "a person")
        with pytest.raises((batos.MissionFailed, batos.MissionPending)) as ended:
            greeter.submit(selector, 1).result(20)
        assert ("Did you mean 'initials_'" in str(ended.value)) is refused
        with pytest.raises(batos.MissionPending):  # asked for, it is learned
            image.submit("greeter", selector, (1,), learn=True).result(20)
