"""The life of a method: versions, counts, intents that retire it, and the steward that takes a worse version back."""

from __future__ import annotations

from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import batos
from batos.runtime.steward import LEVEL, fisher
from batos.testing import ScriptedBackend, temporary_image

GOOD = "def half_(self, n):\n    return n // 2\n"
BAD = "def half_(self, n):\n    if n > 3:\n        raise ValueError('too large')\n    return n // 2\n"
EXAMPLES = [((2,), 1)]


def calls(handle, numbers):
    """Call it so often; how many calls failed."""
    failed = 0
    for number in numbers:
        try:
            handle.half_(number)
        except batos.BatosError:
            failed += 1
    return failed


@pytest.fixture
def worse():
    """A counter whose second version fails for large numbers, where the first did not."""
    with temporary_image() as image:
        counter = image.create("counter")
        image.create_method("counter", "half_", GOOD, "a person", examples=EXAMPLES)
        assert calls(counter, range(20)) == 0
        image.create_method("counter", "half_", BAD, "a person")
        assert calls(counter, range(12)) == 8
        yield image


def test_versions_tell_who_wrote_them_how_they_did_and_what_changed(worse):
    newest, first = worse.versions("counter", "half_")
    assert (newest["version"], newest["calls"], newest["errors"], newest["by"]) == (2, 12, 8, "a person")
    assert (first["version"], first["calls"], first["errors"], first["proven"]) == (1, 20, 0, 1)
    assert newest["micros"] > 0
    assert "+        raise ValueError('too large')" in newest["diff"]
    assert first["diff"] == ""


def test_calls_through_a_child_count_for_the_method_that_it_inherits():
    with temporary_image() as image:
        image.create("counter")
        image.create_method("counter", "half_", GOOD, "a person")
        child = image.create("child", parents=["counter"])
        calls(child, range(3))
        calls(image["counter"], range(2))
        assert image.versions("child", "half_")[0]["calls"] == 5


def test_a_call_that_is_stopped_is_an_error():
    from batos.settings import Settings

    with temporary_image(settings=Settings(sandbox_seconds=0.2)) as image:
        counter = image.create("counter")
        image.create_method("counter", "half_", "def half_(self, n):\n    while True:\n        pass\n", "a person")
        assert calls(counter, [1]) == 1
        assert [image.versions("counter", "half_")[0][name] for name in ("calls", "errors")] == [1, 1]


def test_the_replays_of_a_mission_count_each_call_once():
    source = "def half_(self, n):\n    return n // 2\n"
    asking = "def ask_(self, n):\n    return self.infer_('what of ' + str(self.half_(n)))\n"
    with temporary_image(model=ScriptedBackend(lambda request: "well")) as image:
        image.create("counter", parents=["pllm", "traits"])
        image.create_method("counter", "half_", source, "a person")
        image.create_method("counter", "ask_", asking, "a person")
        assert image["counter"].ask_(4) == "well"
        mission = image.missions()[0]
        assert len(image.mission(mission["mission"])["attempts"]) == 2
        assert image.versions("counter", "ask_")[0]["calls"] == 1


def test_a_version_that_fails_significantly_more_often_is_rolled_back_and_told(worse):
    told = []
    worse.subscribe("steward", told.append)
    beat = worse.beat()
    assert worse["counter"].half_(10) == 5
    newest = worse.versions("counter", "half_")[0]
    assert (newest["version"], newest["restores"], newest["by"], newest["source"]) == (3, 1, "steward", GOOD)

    regression = worse.why("counter", "half_").provenance["regression"]
    assert (regression["errors"], regression["calls"], regression["errors_before"]) == (8, 12, 0)
    assert regression["p"] == pytest.approx(comb(12, 8) / comb(32, 8))
    assert "Fisher's exact test" in regression["test"]
    assert "Version 1 is back, as version 3." in beat.reason
    assert "Fisher's exact test" in told[0]["says"]
    assert told[0]["says"] == worse.state()["heartbeat"]["steward"][0]["says"]
    assert worse.history("counter")[0].note == "roll back half_ of counter to version 1"


def test_what_was_rolled_back_stays_back(worse):
    worse.beat()
    calls(worse["counter"], range(12))
    worse.beat()
    assert worse.versions("counter", "half_")[0]["version"] == 3


def test_a_rollback_can_be_undone(worse):
    worse.beat()
    worse.undo(worse.history("counter")[0].id)
    assert worse.versions("counter", "half_")[0]["version"] == 2


@pytest.mark.parametrize("pinned", [("counter",), ("counter", "half_")])
def test_what_is_pinned_is_left_alone(worse, pinned):
    worse.pin(*pinned)
    beat = worse.beat()
    assert "is pinned" in beat.reason
    assert worse.versions("counter", "half_")[0]["version"] == 2


def test_under_propose_the_rollback_is_proposed(worse):
    worse.set_policy("propose", "counter")
    worse.beat()
    assert worse.versions("counter", "half_")[0]["version"] == 2
    (proposal,) = worse.proposals()
    assert "failed 8 of 12 times" in proposal["reason"]
    worse.approve(proposal["id"])
    assert worse.versions("counter", "half_")[0]["restores"] == 1


def test_a_version_that_was_taught_something_new_is_not_rolled_back_unasked():
    """The earlier version does not do what the person taught since; a person decides between the two."""
    with temporary_image() as image:
        counter = image.create("counter")
        image.create_method("counter", "half_", GOOD, "a person", examples=EXAMPLES)
        calls(counter, range(20))
        image.create_method("counter", "half_", BAD, "a person", examples=[batos.Example((9,), raises="ValueError")])
        calls(counter, range(12))
        beat = image.beat()
        assert "does not do what was taught since" in beat.reason
        assert image.versions("counter", "half_")[0]["version"] == 2
        assert len(image.proposals()) == 1


def test_a_few_failures_are_no_evidence():
    with temporary_image() as image:
        counter = image.create("counter")
        image.create_method("counter", "half_", GOOD, "a person")
        calls(counter, range(4))
        image.create_method("counter", "half_", BAD, "a person")
        assert calls(counter, [1, 2, 9, 9]) == 2
        image.beat()
        assert image.versions("counter", "half_")[0]["version"] == 2


def test_counts_begin_anew_after_an_undo():
    """The number of a version that was taken away is given again; its calls are not."""
    with temporary_image() as image:
        counter = image.create("counter")
        image.create_method("counter", "half_", BAD, "a person")
        calls(counter, range(8))
        image.undo(image.history("counter")[0].id)
        image.create_method("counter", "half_", GOOD, "a person")
        assert [image.versions("counter", "half_")[0][name] for name in ("version", "calls")] == [1, 0]


# The test


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_fishers_test_agrees_with_counting(errors, fine, errors_before, fine_before):
    n, m, failed = errors + fine, errors_before + fine_before, errors + errors_before
    ways = sum(comb(n, k) * comb(m, failed - k) for k in range(errors, min(n, failed) + 1) if failed - k <= m)
    assert fisher(errors, n, errors_before, m) == pytest.approx(ways / comb(n + m, failed))


def test_all_looks_together_err_seldom_where_nothing_is_worse():
    """Two versions that fail equally often, looked at as the steward does, four hundred times with a fixed seed."""
    chance = Random(7)
    wrong = 0
    for _ in range(400):
        errors_before = sum(chance.random() < 0.3 for _ in range(200))
        errors = 0
        for call in range(1, 257):
            errors += chance.random() < 0.3
            look = (call // 4).bit_length() - 1
            if (
                call >= 4
                and call & (call - 1) == 0
                and fisher(errors, call, errors_before, 200) < LEVEL / 2 ** (look + 1)
            ):
                wrong += 1
                break
    assert wrong / 400 <= LEVEL


# Intents


def test_editing_an_intent_retires_the_method_made_from_it():
    with temporary_image() as image:
        image.ingest_text("bats", "Bats sleep in caves. They hang upside down.")
        image.send("babs", "tech_facet_", "Where do bats sleep?")
        assert image.set_intent("babs", "tech_facet_", "numbers and units, nothing else") == 1
        assert "tech_facet_" not in image.inspect("babs")["understands"]
        image.send("babs", "tech_facet_", "Where do bats sleep?")
        learned = image.versions("babs", "tech_facet_")
        assert [version["version"] for version in learned] == [2, 1]
        assert "numbers and units" in learned[0]["source"]


def test_an_intent_written_in_a_transaction_retires_it_too():
    source = "def shape_(self, text):\n    return text.upper()\n"
    with temporary_image(model=ScriptedBackend({"method": source.replace("upper", "lower")})) as image:
        image.create("teller")
        image.create_method("teller", "shape_", source, "a person")
        with image.transaction("another wish") as world:
            world["teller"].shape_ = batos.Intent("the text in small letters")
        image.teach("teller", "shape_", examples=[(("A",), "a")])
        assert [version["version"] for version in image.versions("teller", "shape_")] == [2, 1]
        assert image["teller"].shape_("B") == "b"


def test_a_retired_method_comes_back_with_an_undo():
    source = "def shape_(self, text):\n    return text.upper()\n"
    with temporary_image() as image:
        teller = image.create("teller")
        image.create_method("teller", "shape_", source, "a person")
        image.set_intent("teller", "shape_", "something else")
        image.undo(image.history("teller")[0].id)
        assert teller.shape_("a") == "A"
