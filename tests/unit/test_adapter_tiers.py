"""Warm and hot by themselves, with simulated sizes: budgets are never exceeded, whatever is asked for."""

from __future__ import annotations

import random
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.inference.peft.tiers import HotSlots, WarmCache

MB = 10**6


def test_ten_thousand_random_activations_never_exceed_the_budget():
    """Beside a second model of what must be kept: the most recently used that fit."""
    choose = random.Random(20261128)
    sizes = {f"adapter{number}": choose.randint(1, 400) * MB for number in range(40)}
    warm: WarmCache[str] = WarmCache(900 * MB)
    hot = HotSlots(4)
    expected: OrderedDict[str, int] = OrderedDict()
    loads = 0
    for _ in range(10_000):
        key = choose.choice(list(sizes))

        def load(key=key):
            nonlocal loads
            loads += 1
            return key, sizes[key]

        missing = key not in expected
        before = loads
        assert warm.get(key, load) == key
        assert (loads - before == 1) is missing
        expected[key] = sizes[key]
        expected.move_to_end(key)
        while sum(expected.values()) > warm.limit:
            expected.popitem(last=False)
        assert warm.keys() == list(expected)
        assert warm.bytes == sum(expected.values()) <= warm.limit
        if hot.find(key) is None:
            pinned = {held for held in hot.held if held and choose.random() < 0.4}
            if len(pinned) < len(hot):
                with hot.filling(key, pinned):
                    pass
                assert pinned <= set(hot.held)
                assert key in hot.held
        assert len(hot.held) == 4
        named = [held for held in hot.held if held is not None]
        assert len(named) == len(set(named))


def test_what_is_larger_than_the_budget_is_handed_out_and_not_kept():
    warm: WarmCache[str] = WarmCache(10)

    assert warm.get("a", lambda: ("a", 8)) == "a"
    assert warm.get("huge", lambda: ("huge", 11)) == "huge"
    assert warm.keys() == ["a"]


def test_two_threads_that_miss_the_same_load_it_once():
    warm: WarmCache[object] = WarmCache(100)
    together, loads = Barrier(8), []

    def load():
        loads.append(1)
        return object(), 1

    def work(_):
        together.wait()
        return warm.get("a", load)

    with ThreadPoolExecutor(8) as pool:
        got = set(pool.map(work, range(8)))
    assert len(loads) == len(got) == 1


def test_a_load_that_failed_is_tried_again_by_whoever_waited():
    warm: WarmCache[str] = WarmCache(100)
    loading, go_on = Event(), Event()

    def failing():
        loading.set()
        go_on.wait()
        raise OSError("no")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(warm.get, "a", failing)
        loading.wait()
        second = pool.submit(warm.get, "a", lambda: ("a", 1))
        go_on.set()
        with pytest.raises(OSError):
            first.result()
        assert second.result() == "a"


def test_a_slot_whose_filling_was_interrupted_is_empty():
    hot = HotSlots(1)
    with hot.filling("a"):
        pass
    with pytest.raises(KeyboardInterrupt), hot.filling("b"):
        raise KeyboardInterrupt
    assert hot.held == [None]
    assert hot.find("a") is hot.find("b") is None


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 4))
def test_the_slot_used_longest_ago_is_given_away(asked, count):
    hot, recent = HotSlots(count), OrderedDict()
    for number in asked:
        key = str(number)
        if hot.find(key) is None:
            with hot.filling(key):
                pass
        recent[key] = None
        recent.move_to_end(key)
        while len(recent) > count:
            recent.popitem(last=False)
        assert {held for held in hot.held if held} == set(recent)


def test_dropping_and_clearing_give_the_bytes_back():
    warm: WarmCache[str] = WarmCache(100)
    for key in "abc":
        warm.get(key, lambda key=key: (key, 10))
    warm.drop("b")
    warm.drop("never there")
    assert (warm.keys(), warm.bytes) == (["a", "c"], 20)
    warm.clear()
    assert (warm.keys(), warm.bytes) == ([], 0)
