"""The OpenAI backend against a real server on loopback, well-behaved and not."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from email.utils import formatdate
from threading import Thread
from typing import Any

import pytest

from batos.cli import options, show
from batos.errors import BackendNonsense, BackendRefused, BackendUnavailable, SettingRefused
from batos.inference import discovery
from batos.inference.discovery import discover, the_only_model
from batos.inference.http import Patience
from batos.inference.openai import OpenAIBackend
from batos.inference.openai.backend import TAKEN_AS_LACKING
from batos.inference.port import Message, Request
from batos.testing import MovableClock
from contract.openai_server import Fault, ModelServer, refusal

SCHEMA = {
    "type": "object",
    "properties": {"count": {"type": "integer", "minimum": 0}},
    "required": ["count"],
    "additionalProperties": False,
}
Open = Callable[..., OpenAIBackend]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as started:
        yield started


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(automatic=True)


@pytest.fixture
def opened(server: ModelServer, clock: MovableClock) -> Iterator[Open]:
    backends: list[OpenAIBackend] = []

    def open_(model: str = "small", **options: Any) -> OpenAIBackend:
        backends.append(OpenAIBackend(f"{server.url}#{model}", clock, **options))
        return backends[-1]

    yield open_
    for backend in backends:
        backend.close()


def ask(**changes: Any) -> Request:
    return Request(purpose="summary", messages=(Message(role="user", content="Count."),), **changes)


# What is sent, and what comes back


def test_the_request_says_model_messages_and_limits(server: ModelServer, opened: Open):
    opened().generate(ask(max_tokens=50, temperature=0.25, seed=9))
    (received,) = server.received
    assert received.path == "/v1/chat/completions"
    assert received.body == {
        "model": "small",
        "messages": [{"role": "user", "content": "Count."}],
        "max_tokens": 50,
        "temperature": 0.25,
        "seed": 9,
        "stream": False,
    }


def test_a_schema_is_sent_as_response_format(server: ModelServer, opened: Open):
    server.say = '{"count": 3}'
    answer = opened().generate(ask(output_schema=SCHEMA))
    assert answer.data == {"count": 3}
    shape = server.received[0].body["response_format"]
    assert shape == {"type": "json_schema", "json_schema": {"name": "summary", "schema": SCHEMA}}


def test_an_adapter_is_the_name_of_a_model(server: ModelServer, opened: Open):
    server.models = ["small", "robin-7"]
    answer = opened().generate(ask(adapter="robin-7"))
    assert server.received[0].body["model"] == "robin-7"
    assert (answer.model, answer.adapter) == ("robin-7", "robin-7")


def test_where_the_server_has_no_such_model_the_base_model_answers_and_says_so(
    server: ModelServer, opened: Open, clock: MovableClock
):
    backend = opened()
    answer = backend.generate(ask(adapter="robin"))
    assert (answer.text, answer.model, answer.adapter) == ("hello", "small", None)
    assert answer.notes["adapter"] == "the server has no model 'robin'; the base model answered alone"
    backend.generate(ask(adapter="robin"))
    assert [received.body["model"] for received in server.received] == ["robin", "small", "small"]

    server.models.append("robin")
    clock.move(TAKEN_AS_LACKING)
    assert backend.generate(ask(adapter="robin")).model == "robin"


def test_where_the_server_has_neither_model_that_is_what_is_said(server: ModelServer, opened: Open):
    with pytest.raises(BackendUnavailable, match="model `large` does not exist"):
        opened("large").generate(ask(adapter="robin"))


def test_tokens_are_counted(opened: Open):
    answer = opened().generate(ask())
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, 3)


def test_without_a_model_in_the_spec_the_only_one_is_used(server: ModelServer, opened: Open):
    assert opened("").generate(ask()).model == "small"


def test_without_a_model_in_the_spec_several_are_listed_to_choose_from(server: ModelServer, opened: Open):
    server.models = ["small", "large"]
    with pytest.raises(BackendRefused, match=r"small, large. Name one after a `#`"):
        opened("").generate(ask())


def test_a_thought_is_stripped_from_text_meant_to_be_json(server: ModelServer, opened: Open):
    server.say = '<think>{"count": 1}? No.</think>\n```json\n{"count": 2}\n```'
    assert opened().generate(ask(output_schema=SCHEMA)).data == {"count": 2}


def test_a_thought_stays_in_any_other_text(server: ModelServer, opened: Open):
    server.say = "<think>hm</think>Three."
    assert opened().generate(ask()).text == "<think>hm</think>Three."


def test_text_that_cannot_be_written_down_is_nonsense(server: ModelServer, opened: Open):
    server.say = "half a pair: \ud800"
    with pytest.raises(BackendNonsense):
        opened().generate(ask())


# JSON


def test_json_that_does_not_fit_is_told_with_what_was_said_and_spent(server: ModelServer, opened: Open):
    server.say = '{"count": -1}'
    with pytest.raises(BackendNonsense, match="count must be at least 0") as caught:
        opened().generate(ask(output_schema=SCHEMA))
    assert caught.value.facts["said"] == '{"count": -1}'
    assert caught.value.facts["usage"]["completion_tokens"] == 3
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I would say three.", "not JSON"),
        ('{"count": "three"}', r"\$.count must be of type integer, not string"),
        ('{"count": 3, "because": "so"}', "'because', which is not allowed"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ('{"count": NaN}', "NaN is no JSON number"),
        ('{"count": "\\ud800"}', "surrogate"),
        ('{"count": 1' + "0" * 5000, "not JSON"),
    ],
)
def test_json_that_does_not_fit_is_nonsense(server: ModelServer, opened: Open, text: str, reason: str):
    server.say = text
    with pytest.raises(BackendNonsense, match=reason):
        opened().generate(ask(output_schema=SCHEMA))


def test_json_cut_off_by_the_limit_says_so(server: ModelServer, opened: Open):
    server.say, server.finish_reason = '{"count": ', "length"
    with pytest.raises(BackendNonsense, match="cut off at the limit of tokens"):
        opened().generate(ask(output_schema=SCHEMA))


# Trouble that passes


@pytest.mark.parametrize(
    "fault", [refusal(429, "slow down"), refusal(500, "oops"), refusal(503, "loading"), Fault(body=b'{"ch', cut=True)]
)
def test_passing_trouble_is_outlasted(server: ModelServer, opened: Open, clock: MovableClock, fault: Fault):
    server.faults = [fault, fault]
    assert opened().generate(ask()).text == "hello"
    assert len(server.received) == 3
    first, second = clock.waits
    assert 0.25 <= first <= 0.5 <= second <= 1.0


def test_the_server_says_how_long_to_wait(server: ModelServer, opened: Open, clock: MovableClock):
    server.faults = [refusal(429, "slow down", Retry_After="7"), refusal(503, "soon", Retry_After=http_date(clock, 20))]
    opened().generate(ask())
    assert clock.waits[0] == 7
    assert 12 <= clock.waits[1] <= 20


def http_date(clock: MovableClock, seconds: float) -> str:
    return formatdate(clock.now() + seconds, usegmt=True)


def test_a_wait_that_is_too_long_is_not_begun(server: ModelServer, opened: Open, clock: MovableClock):
    server.faults = [refusal(429, "slow down", Retry_After="3600")]
    with pytest.raises(BackendUnavailable, match="asks to wait 3600 s"):
        opened().generate(ask())
    assert clock.waits == []


def test_closing_ends_a_wait(server: ModelServer):
    clock = MovableClock()
    backend = OpenAIBackend(f"{server.url}#small", clock)
    server.faults = [refusal(503, "loading")]
    caught: list[Exception] = []

    def work() -> None:
        try:
            backend.generate(ask())
        except BackendUnavailable as error:
            caught.append(error)

    thread = Thread(target=work)
    thread.start()
    clock.await_waiters()
    backend.close()
    thread.join(10)
    assert "closed while waiting" in str(caught[0])


# Trouble that stays


def test_trouble_that_stays_ends_after_some_attempts_with_what_the_server_said(server: ModelServer, opened: Open):
    server.faults = [refusal(503, "the model is loading")] * 9
    with pytest.raises(BackendUnavailable, match=r"503 after 4 attempts. the model is loading"):
        opened().generate(ask())
    assert len(server.received) == 4


def test_a_server_that_is_not_there_is_unavailable(clock: MovableClock):
    with socket.socket() as taken:  # bound and not listening: connections are refused, and nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        backend = OpenAIBackend(f"http://127.0.0.1:{taken.getsockname()[1]}#small", clock)
        with pytest.raises(BackendUnavailable, match=r"refuses the connection, 4 times. Is the server running?"):
            backend.generate(ask())
        backend.close()


def test_a_server_that_does_not_answer_in_time_is_not_asked_twice(server: ModelServer, opened: Open):
    server.faults = [Fault(hold=True)]
    with pytest.raises(BackendUnavailable, match=r"no answer within 0.2 s"):
        opened(patience=Patience(read=0.2)).generate(ask())
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b"\xff\xfe\x00", b"[]", b'{"choices": []}', b'{"choices": [{"message": 3}]}']
)
def test_a_reply_that_is_no_completion_is_nonsense(server: ModelServer, opened: Open, body: bytes):
    server.faults = [Fault(body=body)]
    with pytest.raises(BackendNonsense):
        opened().generate(ask())


def test_an_empty_answer_is_nonsense(server: ModelServer, opened: Open):
    server.say = lambda body: {"role": "assistant", "content": None, "reasoning_content": "hm"}
    with pytest.raises(BackendNonsense, match="empty; raise `max_tokens`"):
        opened().generate(ask())


def test_a_reply_without_end_is_nonsense(server: ModelServer, opened: Open):
    server.faults = [Fault(body=b" " * 4096)]
    with pytest.raises(BackendNonsense, match="larger than 1024 bytes"):
        opened(patience=Patience(largest=1024)).generate(ask())


def test_a_redirect_is_not_followed(server: ModelServer, opened: Open):
    server.faults = [Fault(status=307, headers={"Location": "http://127.0.0.1:1/elsewhere"})]
    with pytest.raises(BackendUnavailable, match="redirects elsewhere"):
        opened().generate(ask())


def test_a_request_that_the_server_refuses_is_refused_with_its_words(server: ModelServer, opened: Open):
    server.faults = [refusal(400, "context length is 2048 tokens")]
    with pytest.raises(BackendRefused, match="context length is 2048 tokens"):
        opened().generate(ask())


def test_a_refusal_by_the_model_is_a_refusal(server: ModelServer, opened: Open):
    server.say = lambda body: {"role": "assistant", "content": None, "refusal": "I will not."}
    with pytest.raises(BackendRefused, match=r"I will not\."):
        opened().generate(ask())


def test_a_model_that_the_server_lacks_is_unavailable(opened: Open):
    with pytest.raises(BackendUnavailable, match="knows no such model"):
        opened("large").generate(ask())


# The key


def test_the_key_is_read_from_the_environment_and_shown_nowhere(server: ModelServer, opened: Open, monkeypatch):
    server.key = "sk-right"
    backend = opened()
    monkeypatch.setenv("BATOS_API_KEY", "sk-wrong")
    with pytest.raises(BackendUnavailable) as caught:
        backend.generate(ask())
    assert "sk-wrong" not in str(caught.value) + repr(caught.value.facts)
    assert "<BATOS_API_KEY>" in str(caught.value)
    monkeypatch.setenv("BATOS_API_KEY", "sk-right")
    answer = backend.generate(ask())
    assert "sk-right" not in answer.model_dump_json() + json.dumps(vars(backend), default=repr)


def test_a_variable_that_holds_no_key_is_refused_before_anything_is_sent(
    server: ModelServer, opened: Open, monkeypatch
):
    monkeypatch.setenv("BATOS_API_KEY", "sk-one\nsk-two")
    with pytest.raises(BackendRefused, match="BATOS_API_KEY holds something that cannot be a key") as caught:
        opened().generate(ask())
    assert "sk-one" not in str(caught.value)
    assert server.received == []


# Discovery


def test_discovery_finds_a_server_on_this_machine_and_says_so(server: ModelServer):
    said: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = taken.getsockname()[1]
        found = discover(said.append, ports={"nobody": nobody, "ours": server.port})
    assert [entry.specs for entry in found] == [(f"openai:{server.url}#small",)]
    assert said == [
        f"Looking for a model server on this machine (127.0.0.1, ports {nobody}, {server.port}).",
        f"Found ours (port {server.port}) with small.",
    ]


def test_the_word_openai_alone_takes_the_only_model_on_this_machine_and_says_so(
    server: ModelServer, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr(discovery, "WELL_KNOWN", {"ours": server.port})
    show.error_console.cache_clear()
    with options.opened(str(tmp_path / "image"), model="openai", create=True) as uvm:
        assert uvm.place.backend.endpoints == OpenAIBackend(f"{server.url}#small").endpoints
    assert f"Found ours (port {server.port}) with small." in capsys.readouterr().err


def test_where_several_models_are_on_this_machine_they_are_named(server: ModelServer):
    server.models = ["small", "large"]
    with pytest.raises(SettingRefused, match=f"`openai:{server.url}#small`, `openai:{server.url}#large`"):
        the_only_model(lambda said: None, ports={"ours": server.port})


def test_where_no_server_is_on_this_machine_that_is_said():
    with pytest.raises(SettingRefused, match="no model server answers on this machine"):
        the_only_model(lambda said: None, ports={})
