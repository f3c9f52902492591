"""The calls of trusted methods are counted like those of sandboxed ones: per version, errors and time too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batos.objects.sending import send
from batos.runtime.counters import CallCount
from batos.runtime.uvm import Uvm
from batos.testing import temporary_image

HALF = "def half_(self, number):\n    return 10 // number\n"
ASKING = "def ask_(self, text):\n    return self.infer_(self.shout_(text))\n"
SHOUT = "def shout_(self, text):\n    return text.upper()\n"


@pytest.fixture
def image() -> Iterator[Uvm]:
    with temporary_image() as image:
        image.create("counter", parents=["pllm"])
        yield image


def trusted(image: Uvm, selector: str, source: str) -> None:
    image.create_method("counter", selector, source, "a person")
    image.trust("counter", selector)


def counts(image: Uvm, selector: str) -> list[tuple[int, int, int]]:
    return [(count.version, count.calls, count.errors) for count in image.store.counters(selector=selector)]


def test_calls_and_errors_of_a_trusted_method_are_counted(image: Uvm) -> None:
    trusted(image, "half_", HALF)
    assert counts(image, "half_") == []
    assert [image.send("counter", "half_", number) for number in (1, 2, 5)] == [10, 5, 2]
    with pytest.raises(ZeroDivisionError):
        image.send("counter", "half_", 0)
    assert counts(image, "half_") == [(2, 4, 1)]


def test_in_a_transaction_each_call_counts_once_and_takes_time(image: Uvm) -> None:
    trusted(image, "half_", HALF)
    with image.transaction("calls") as world:
        for _ in range(2_000):
            send(world["counter"], "half_", 3)
    (count,) = image.store.counters(selector="half_")
    assert isinstance(count, CallCount)
    assert (count.calls, count.errors) == (2_000, 0)
    assert count.micros > 0


def test_what_calls_itself_by_messages_is_counted_under_each_name(image: Uvm) -> None:
    trusted(image, "shout_", SHOUT)
    trusted(image, "twice_", "def twice_(self, text):\n    return self.shout_(text) + self.shout_(text)\n")
    with image.transaction("calls") as world:
        assert send(world["counter"], "twice_", "a") == "AA"
    assert (counts(image, "twice_"), counts(image, "shout_")) == ([(2, 1, 0)], [(2, 2, 0)])


def test_an_attempt_that_is_run_again_counts_once(image: Uvm) -> None:
    trusted(image, "shout_", SHOUT)
    trusted(image, "ask_", ASKING)
    image.send("counter", "ask_", "what is an image?")
    assert (counts(image, "ask_"), counts(image, "shout_")) == ([(2, 1, 0)], [(2, 1, 0)])


def test_a_trial_is_no_call(image: Uvm) -> None:
    trusted(image, "shout_", SHOUT)
    source = "def loud_(self, text):\n    return self.shout_(text)\n"
    image.create_method("counter", "loud_", source, "a person", examples=[(("a",), "A")])
    assert counts(image, "shout_") == []
