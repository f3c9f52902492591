"""The two tools of `batos.testing` that stand alone: a backend that says what it is told, a clock that is moved."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from batos.errors import BackendNonsense, BackendRefused, BackendUnavailable
from batos.inference.port import Answer, Request
from batos.testing import MovableClock, ScriptedBackend

PLAN, WEAVE = Request(purpose="plan"), Request(purpose="weave")


def test_a_list_is_said_in_order_and_then_refused():
    backend = ScriptedBackend(["one", "two"])
    assert [backend.generate(PLAN).text, backend.generate(WEAVE).text] == ["one", "two"]
    with pytest.raises(BackendRefused, match="no reply left for 'plan'"):
        backend.generate(PLAN)
    assert backend.requests == [PLAN, WEAVE, PLAN]


def test_a_map_is_said_by_purpose():
    backend = ScriptedBackend({"plan": "always", "weave": ["once"]})
    assert [backend.generate(PLAN).text for _ in range(3)] == ["always"] * 3
    assert backend.generate(WEAVE).text == "once"
    with pytest.raises(BackendRefused):
        backend.generate(WEAVE)


def test_a_function_sees_the_request():
    assert ScriptedBackend(lambda request: request.purpose).generate(WEAVE).text == "weave"


def test_whole_answers_errors_and_data_can_be_scripted():
    whole = Answer(text="x", model="m", cost=2.5)
    backend = ScriptedBackend([whole, BackendUnavailable(backend="m", reason="down"), {"a": 1}])
    assert backend.generate(PLAN) is whole
    with pytest.raises(BackendUnavailable):
        backend.generate(PLAN)
    assert backend.generate(Request(purpose="plan", output_schema={"type": "object"})).data == {"a": 1}


def test_a_scripted_reply_must_satisfy_the_schema():
    with pytest.raises(BackendNonsense):
        ScriptedBackend(["text"]).generate(Request(purpose="plan", output_schema={"type": "object"}))


def test_a_clock_stands_still_until_it_is_moved():
    clock = MovableClock(now=100.0)
    assert (clock.now(), clock.monotonic()) == (100.0, 0.0)
    clock.move(5)
    assert (clock.now(), clock.monotonic()) == (105.0, 5.0)


def waiting(clock: MovableClock, event: Event, seconds: float) -> tuple[Thread, list[bool]]:
    said: list[bool] = []
    thread = Thread(target=lambda: said.append(clock.wait(event, seconds)))
    thread.start()
    clock.await_waiters()
    return thread, said


def test_a_wait_ends_when_the_clock_has_moved_far_enough():
    clock = MovableClock()
    thread, said = waiting(clock, Event(), 30)
    clock.move(29)
    assert said == []
    clock.move(1)
    thread.join(10)
    assert said == [False]


def test_a_wait_ends_when_its_event_is_set():
    clock, event = MovableClock(), Event()
    thread, said = waiting(clock, event, 30)
    event.set()
    thread.join(10)
    assert said == [True]


def test_an_automatic_clock_waits_by_moving_itself():
    clock = MovableClock(automatic=True)
    assert clock.wait(Event(), 30) is False
    assert (clock.monotonic(), clock.waits) == (30.0, [30])


def test_nobody_waiting_is_said_after_the_timeout():
    with pytest.raises(TimeoutError, match="0 of 1 threads"):
        MovableClock().await_waiters(timeout=0.01)
