"""Answers that are told as they come, servers that differ in what they take, and several servers at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Barrier, Lock, Thread
from typing import Any

import pytest

from batos.errors import BackendNonsense, BackendRefused, BackendUnavailable, SettingRefused
from batos.inference.http import Patience
from batos.inference.openai import OpenAIBackend
from batos.inference.port import Message, Request
from batos.testing import MovableClock
from contract.openai_server import Fault, ModelServer, refusal

SCHEMA = {
    "type": "object",
    "properties": {"count": {"type": "integer", "minimum": 0}},
    "required": ["count"],
    "additionalProperties": False,
}
EVENTS = {"Content-Type": "text/event-stream"}
Open = Callable[..., OpenAIBackend]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer("one two three") as started:
        yield started


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(automatic=True)


@pytest.fixture
def opened(server: ModelServer, clock: MovableClock) -> Iterator[Open]:
    with ExitStack() as backends:

        def open_(details: str | None = None, **options: Any) -> OpenAIBackend:
            backend = OpenAIBackend(details or f"{server.url}#small", clock, **options)
            backends.callback(backend.close)
            return backend

        yield open_


def ask(**changes: Any) -> Request:
    return Request(purpose="summary", messages=(Message(role="user", content="Count to three."),), **changes)


# Streaming


def test_the_pieces_are_told_in_order_and_make_the_answer(opened: Open):
    pieces: list[str] = []
    answer = opened().stream(ask(), pieces.append)
    assert pieces == ["one ", "two ", "three"]
    assert answer.text == "one two three"
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, 3)
    assert answer.notes["finish_reason"] == "stop"


def test_a_streamed_answer_is_the_same_as_a_whole_one(server: ModelServer, opened: Open):
    server.say = '{"count": 3}'
    whole = opened().generate(ask(output_schema=SCHEMA))
    streamed = opened().stream(ask(output_schema=SCHEMA), lambda piece: None)
    assert streamed == whole


def test_a_server_that_does_not_stream_tells_its_answer_in_one_piece(server: ModelServer, opened: Open):
    server.streams = False
    pieces: list[str] = []
    assert opened().stream(ask(), pieces.append).text == "one two three"
    assert pieces == ["one two three"]


def test_whoever_hears_can_end_the_answer(server: ModelServer, opened: Open):
    class Enough(Exception):
        pass

    pieces: list[str] = []

    def hear(piece: str) -> None:
        pieces.append(piece)
        raise Enough

    backend = opened()
    with pytest.raises(Enough):
        backend.stream(ask(), hear)
    assert pieces == ["one "]
    assert backend.generate(ask()).text == "one two three"
    assert len(server.received) == 2


def event(text: str) -> bytes:
    chunk = {"model": "small", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def test_a_server_that_does_not_heed_a_stop_is_cut_there_and_left(server: ModelServer, opened: Open):
    """It falls silent behind the stop, so whoever went on listening would run out of patience."""
    said = b"".join(event(text) for text in ("one t", "wo", " t", "hree", " four"))
    server.faults = [Fault(headers=EVENTS, body=said, stalls=True)]
    pieces: list[str] = []
    answer = opened(patience=Patience(read=5.0)).stream(ask(stop=(" three", "five")), pieces.append)
    assert "".join(pieces) == answer.text == "one two"
    assert (answer.notes["finish_reason"], answer.completion_tokens) == ("stop", 4)


def test_what_only_began_like_a_stop_is_told_in_the_end(server: ModelServer, opened: Open):
    pieces: list[str] = []
    assert opened().stream(ask(stop=("threefold",)), pieces.append).text == "one two three"
    assert pieces == ["one ", "two ", "three"]


def test_a_stop_is_cut_out_of_an_answer_that_comes_in_one_piece(server: ModelServer, opened: Open):
    server.streams = False
    pieces: list[str] = []
    assert opened().stream(ask(stop=(" three",)), pieces.append).text == "one two"
    assert pieces == ["one two"]


def test_a_stream_that_breaks_off_is_not_repeated_once_something_was_told(server: ModelServer, opened: Open):
    server.faults = [Fault(headers=EVENTS, body=event("one "), cut=True)]
    with pytest.raises(BackendUnavailable, match=r"broke off .*a part of it had been heard"):
        opened().stream(ask(), lambda piece: None)
    assert len(server.received) == 1


def test_a_stream_that_breaks_off_before_anything_was_told_is_repeated(server: ModelServer, opened: Open):
    server.faults = [Fault(headers=EVENTS, body=b"", cut=True)]
    assert opened().stream(ask(), lambda piece: None).text == "one two three"
    assert len(server.received) == 2


def test_a_stream_that_ends_without_its_mark_is_not_taken_for_an_answer(server: ModelServer, opened: Open):
    server.faults = [Fault(headers=EVENTS, body=event("one "))]
    with pytest.raises(BackendUnavailable, match="stopped in the middle of its answer"):
        opened().stream(ask(), lambda piece: None)


def test_a_stream_that_falls_silent_ends_after_the_patience(server: ModelServer, opened: Open):
    server.faults = [Fault(headers=EVENTS, body=event("one "), stalls=True)]
    with pytest.raises(BackendUnavailable, match=r"no answer within 0\.2 s"):
        opened(patience=Patience(read=0.2)).stream(ask(), lambda piece: None)


@pytest.mark.parametrize(
    "body", [b"data: {nonsense\n\n", b"data: []\n\n", b'data: {"choices": 3}\n\n', b"data: \xff\n\n"]
)
def test_an_event_that_cannot_be_read_is_nonsense(server: ModelServer, opened: Open, body: bytes):
    server.faults = [Fault(headers=EVENTS, body=body)]
    with pytest.raises(BackendNonsense):
        opened().stream(ask(), lambda piece: None)


def test_comments_and_other_fields_of_a_stream_are_passed_over(server: ModelServer, opened: Open):
    body = b": keep-alive\r\nevent: x\r\nid: 3\r\n\r\n" + event("one") + b"data: [DONE]"
    server.faults = [Fault(headers=EVENTS, body=body)]
    assert opened().stream(ask(), lambda piece: None).text == "one"


def test_a_stream_without_end_is_nonsense(server: ModelServer, opened: Open):
    server.faults = [Fault(headers=EVENTS, body=event("one ") * 100)]
    with pytest.raises(BackendNonsense, match="larger than 1024 bytes"):
        opened(patience=Patience(largest=1024)).stream(ask(), lambda piece: None)


def test_a_refusal_in_a_stream_is_a_refusal(server: ModelServer, opened: Open):
    server.say = lambda body: {"role": "assistant", "content": None, "refusal": "I will not."}
    with pytest.raises(BackendRefused, match=r"I will not\."):
        opened().stream(ask(), lambda piece: None)


# Servers that take less


def test_a_server_without_schemas_is_asked_for_a_json_object_and_told_the_schema(server: ModelServer, opened: Open):
    server.say = '{"count": 3}'
    server.faults = [refusal(400, "response_format type json_schema is not supported")]
    backend = opened()
    assert backend.generate(ask(output_schema=SCHEMA)).data == {"count": 3}
    assert server.received[1].body["response_format"] == {"type": "json_object"}
    assert '"minimum": 0' in server.received[1].body["messages"][-1]["content"]
    backend.generate(ask(output_schema=SCHEMA))
    assert [received.body["response_format"]["type"] for received in server.received] == [
        "json_schema",
        "json_object",
        "json_object",
    ]


def test_a_server_without_any_json_mode_is_asked_in_words(server: ModelServer, opened: Open):
    server.refuses = {"response_format": "Unsupported: response_format"}
    server.say = '```json\n{"count": 3}\n```'
    assert opened().generate(ask(output_schema=SCHEMA)).data == {"count": 3}
    assert ["response_format" in received.body for received in server.received] == [True, True, False]


@pytest.mark.parametrize(
    ("field", "against"),
    [
        ("seed", "Unrecognized request argument supplied: seed"),
        ("temperature", "Unsupported value: 'temperature' does not support 0.0. Only the default (1) is supported."),
        ("stop", "Unsupported parameter: 'stop' is not supported with this model."),
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ],
)
def test_a_field_that_a_server_refuses_by_name_is_left_out_from_then_on(
    server: ModelServer, opened: Open, field: str, against: str
):
    server.refuses = {field: against}
    backend = opened()
    for _ in range(2):
        assert backend.generate(ask(max_tokens=9, stop=(" three",))).text == "one two"
    first, *later = (received.body for received in server.received)
    assert field in first
    assert len(later) == 2
    assert all(field not in body for body in later)
    assert field != "max_tokens" or all(body["max_completion_tokens"] == 9 for body in later)


def test_a_server_without_stream_options_streams_without_them(server: ModelServer, opened: Open):
    server.refuses = {"stream_options": "stream_options: Extra inputs are not permitted"}
    answer = opened().stream(ask(), lambda piece: None)
    assert answer.text == "one two three"
    assert answer.completion_tokens == 4  # estimated: 13 characters


def test_what_names_nothing_that_can_be_spared_is_refused_at_once(server: ModelServer, opened: Open):
    server.faults = [refusal(400, "the prompt is longer than the context of 2048 tokens")]
    with pytest.raises(BackendRefused, match="longer than the context"):
        opened().generate(ask(output_schema=SCHEMA))
    assert len(server.received) == 1


def test_tokens_are_estimated_where_a_server_counts_none(server: ModelServer, opened: Open):
    server.counts_tokens = False
    answer = opened().generate(ask())
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 4)


# Terms


def test_prices_make_a_cost(server: ModelServer, opened: Open):
    answer = opened(f"{server.url}#small;input=2;output=10").generate(ask())
    assert answer.cost == pytest.approx((7 * 2 + 3 * 10) / 1e6)


def test_requests_keep_to_a_rate(server: ModelServer, opened: Open, clock: MovableClock):
    backend = opened(f"{server.url}#small;per_minute=30")
    for _ in range(4):
        backend.generate(ask())
    assert sum(clock.waits) == pytest.approx(6.0, abs=0.5)


def test_what_a_server_asks_one_request_to_wait_the_next_one_waits_too(
    server: ModelServer, opened: Open, clock: MovableClock
):
    server.faults = [refusal(429, "slow down", Retry_After="7")]
    backend = opened(patience=Patience(attempts=1))
    with pytest.raises(BackendUnavailable):
        backend.generate(ask())
    assert backend.generate(ask()).text == "one two three"
    assert clock.waits == [7]


def test_no_more_requests_at_once_than_a_server_may_have(server: ModelServer, opened: Open):
    lock, running, most = Lock(), [0], [0]
    full = Barrier(2)

    def say(body: dict[str, Any]) -> str:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        full.wait(10)  # two are always there together: six requests, two at a time
        with lock:
            running[0] -= 1
        return "done"

    server.say = say
    backend = opened(f"{server.url}#small;parallel=2")
    threads = [Thread(target=backend.generate, args=(ask(),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(server.received) == 6
    assert most[0] == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [("speed=3", "parallel, per_minute, input, output"), ("parallel=two", "a number"), ("input=-1", "negative")],
)
def test_options_that_are_none_are_refused(options: str, says: str):
    with pytest.raises(SettingRefused, match=says):
        OpenAIBackend(f"http://127.0.0.1:1/v1#small;{options}")


# Several servers


def test_a_server_that_is_down_is_replaced_by_the_next_and_left_alone_for_a_while(
    server: ModelServer, opened: Open, clock: MovableClock
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{taken.getsockname()[1]}#small"
        backend = opened(f"{down},{server.url}#small")
        assert backend.generate(ask()).text == "one two three"
        assert backend.generate(ask()).text == "one two three"
    assert len(server.received) == 2
    assert clock.waits == []


def test_when_none_answers_each_says_why(opened: Open, server: ModelServer):
    server.faults = [refusal(503, "loading")] * 9
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{taken.getsockname()[1]}#small"
        with pytest.raises(BackendUnavailable, match=r"none of its servers answers: .*refuses.*loading"):
            opened(f"{down},{server.url}#small").generate(ask())


def test_a_server_that_broke_off_in_the_middle_is_not_replaced(server: ModelServer, opened: Open):
    with ModelServer("other") as other:
        server.faults = [Fault(headers=EVENTS, body=event("one "), cut=True)]
        with pytest.raises(BackendUnavailable):
            opened(f"{server.url}#small,{other.url}#small").stream(ask(), lambda piece: None)
        assert other.received == []


def test_the_least_busy_server_answers(server: ModelServer, opened: Open):
    both = Barrier(2)
    with ModelServer() as other:

        def say(body: dict[str, Any]) -> str:
            both.wait(10)
            return "done"

        server.say = other.say = say
        backend = opened(f"{server.url}#small,{other.url}#small")
        threads = [Thread(target=backend.generate, args=(ask(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert (len(server.received), len(other.received)) == (1, 1)
