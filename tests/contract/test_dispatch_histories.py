"""What lookups keep, against a walk that keeps nothing, in random histories over several connections.

`BATOS_FULL=1` tries more histories: at least 100,000 reads on each storage.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from batos.image.image import Image
from contract.dispatch_world import NAMES, PARENTS, STORED, View

FULL = os.environ.get("BATOS_FULL") == "1"
CHECKS = list(HealthCheck)
FEW = settings(max_examples=4, stateful_step_count=15, suppress_health_check=CHECKS)
MANY = settings(max_examples=30, stateful_step_count=40, suppress_health_check=CHECKS, derandomize=False)
VIEWS = 3

views = st.integers(0, VIEWS - 1)
numbers = st.integers(0, STORED + 3)
values = st.integers(0, 9)


class Histories(RuleBasedStateMachine):
    """Every rule is something that can change what an object answers, or what is in memory of it."""

    image = None
    reads = 0

    def __init__(self):
        super().__init__()
        with self.image.transaction("begin anew") as world:
            parents = []
            for number in reversed(range(STORED)):
                if f"o{number}" in world:
                    world.delete(f"o{number}")
                made = world.create(f"o{number}", {"a": number} if number % 3 == 0 else {}, parents)
                parents = [made, *parents[:1]]
        self.views = [View(self.image) for _ in range(VIEWS)]

    @rule(view=views, number=numbers, name=st.sampled_from(NAMES), value=values)
    def write(self, view, number, name, value):
        self.views[view].write(number, name, value)

    @rule(view=views, number=numbers, choice=values)
    def remove(self, view, number, choice):
        self.views[view].remove(number, choice)

    @rule(view=views, number=numbers, slot=st.sampled_from(PARENTS), parent=numbers)
    def delegate(self, view, number, slot, parent):
        self.views[view].delegate(number, slot, parent)

    @rule(view=views, parent=numbers, value=values)
    def make(self, view, parent, value):
        self.views[view].make(parent, value)

    @rule(view=views)
    def commit(self, view):
        self.views[view].commit()

    @rule(view=views)
    def abort(self, view):
        self.views[view].abort()

    @rule(view=views)
    def savepoint(self, view):
        self.views[view].savepoint()

    @rule(view=views, choice=values)
    def roll_back(self, view, choice):
        self.views[view].roll_back(choice)

    @rule(view=views)
    def turn_to_ghosts(self, view):
        self.views[view].turn_to_ghosts()

    @rule(view=views)
    def unload(self, view):
        self.views[view].unload()

    @rule(view=views)
    def lend_anew(self, view):
        self.views[view].lend_anew()

    @invariant()
    def no_answer_is_stale(self):
        for view in self.views:
            view.check()
            assert view.stale == []

    def teardown(self):
        for view in self.views:
            view.close()
            type(self).reads += view.reads


@pytest.mark.parametrize("scheme", ["file", "sqlite"])
@pytest.mark.timeout(1800 if FULL else 60)
def test_no_read_is_stale_in_random_histories(scheme, tmp_path):
    with Image.open(f"{scheme}:{tmp_path / 'random.image'}") as image:
        histories = type("HistoriesHere", (Histories,), {"image": image, "reads": 0})
        run_state_machine_as_test(histories, settings=MANY if FULL else FEW)

    assert histories.reads >= (100_000 if FULL else 5_000)
