"""What holds for every backend, whoever wrote it: one suite over the built-in, the scripted, the OpenAI and the PEFT
one, which answers with a tiny model of random weights."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from batos.clock import SystemClock
from batos.errors import BackendError, BackendNonsense, SettingRefused, UnknownBackend
from batos.inference.builtin.backend import BuiltinBackend
from batos.inference.openai import OpenAIBackend
from batos.inference.port import Answer, Backend, Message, Request, open_backend
from batos.inference.schema import violation
from batos.testing import ScriptedBackend
from contract.adapter_tools import ROOM, Tiny
from contract.openai_server import ModelServer

PLAN = {
    "archetype": "factual",
    "strategy": "Look it up.",
    "relevant_pillars": ["tech_facet_"],
    "sub_queries": {"tech_facet_": "What is a mirror?"},
    "lead": "BABS",
}
PLAN_SCHEMA = {
    "type": "object",
    "properties": {
        "archetype": {"enum": ["technical", "emotional", "factual", "self_improvement"]},
        "strategy": {"type": "string"},
        "relevant_pillars": {"type": "array", "items": {"type": "string"}},
        "sub_queries": {"type": "object", "additionalProperties": {"type": "string"}},
        "lead": {"type": "string"},
    },
    "required": ["archetype", "strategy", "relevant_pillars", "sub_queries", "lead"],
    "additionalProperties": False,
}
IMPOSSIBLE = {"type": "object", "required": ["a_field_that_nobody_fills"]}
TOO_FEW = 2
"""Tokens: a model that is held to a grammar fills any field, but not so soon."""
CHUNK = {"document_id": "words.md", "chunk_index": 3, "text": "A mirror is the object used to talk about an object."}


def ask(purpose: str, schema: dict | None = None, **changed: Any) -> Request:
    return Request(
        purpose=purpose,
        messages=(Message(role="system", content="Be brief."), Message(role="user", content="What is a mirror?")),
        materials={
            "query": "What is a mirror?",
            "facets": [{"persona": "BABS", "slot": "tech_facet_", "intent": "precise analysis"}],
            "facet": "tech_facet_",
            "chunks": [CHUNK],
        },
        output_schema=schema,
        **changed,
    )


def say(body: dict) -> str:
    return json.dumps(PLAN) if "response_format" in body else "A mirror talks about an object [1]."


@pytest.fixture(scope="module")
def on_tiny_model(tiny: Tiny) -> Iterator[Backend]:
    backend = open_backend(f"peft:{tiny.model}#{ROOM}")
    yield backend
    backend.close()


@pytest.fixture(params=["builtin", "scripted", "openai", "peft"])
def answering(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "peft":
        yield request.getfixturevalue("on_tiny_model")
    elif request.param == "openai":
        with ModelServer(say) as server:
            backend = OpenAIBackend(f"{server.url}#small", SystemClock())
            yield backend
            backend.close()
    elif request.param == "builtin":
        yield BuiltinBackend()
    else:
        yield ScriptedBackend(lambda asked: PLAN if asked.output_schema else "A mirror talks about an object [1].")


def test_a_backend_has_a_name_and_is_recognised(answering: Backend):
    assert isinstance(answering, Backend)
    assert answering.name


def test_an_answer_has_text_and_names_its_model(answering: Backend):
    answer = answering.generate(ask("facet"))
    assert isinstance(answer, Answer)
    assert answer.text
    assert answer.model


def test_a_stop_ends_the_answer_and_is_not_part_of_it(answering: Backend):
    whole = answering.generate(ask("facet", max_tokens=30)).text
    stop = whole[len(whole) // 2 :][:3]
    assert answering.generate(ask("facet", max_tokens=30, stop=("no such text", stop))).text == whole.split(stop)[0]


def test_json_is_whole_whatever_would_stop_it(answering: Backend):
    answer = answering.generate(ask("plan", PLAN_SCHEMA, stop=('"', "a")))
    assert violation(answer.data, PLAN_SCHEMA) is None


def test_with_a_schema_the_text_is_json_that_satisfies_it_and_the_data_is_that_json(answering: Backend):
    answer = answering.generate(ask("plan", PLAN_SCHEMA))
    assert violation(answer.data, PLAN_SCHEMA) is None
    assert json.loads(answer.text) == answer.data


def test_an_answer_that_does_not_fit_the_schema_is_nonsense_and_never_returned(answering: Backend):
    with pytest.raises(BackendNonsense) as caught:
        answering.generate(ask("plan", IMPOSSIBLE, max_tokens=TOO_FEW))
    assert "a_field_that_nobody_fills" in str(caught.value) or "limit of tokens" in str(caught.value)


def test_an_error_survives_the_way_to_another_process(answering: Backend):
    with pytest.raises(BackendError) as caught:
        answering.generate(ask("plan", IMPOSSIBLE, max_tokens=TOO_FEW))
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (type(copied), str(copied)) == (type(caught.value), str(caught.value))


def test_equal_requests_have_equal_answers_but_for_the_time_and_how_they_came_about(answering: Backend):
    apart = {"seconds": 0.0, "notes": {}}
    first, second = (answering.generate(ask("facet")).model_copy(update=apart) for _ in range(2))
    assert first == second


def test_a_request_is_not_changed_by_answering_it(answering: Backend):
    request = ask("plan", PLAN_SCHEMA)
    before = request.fingerprint()
    answering.generate(request)
    assert request.fingerprint() == before


def test_several_threads_may_ask_at_once(answering: Backend):
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: answering.generate(ask("facet")).text, range(8)))
    assert len(set(answers)) == 1


def test_closing_twice_does_no_harm(answering: Backend):
    """The last one that asks any of them: the tiny model is loaded once for all."""
    answering.close()
    answering.close()


# The port itself


def test_a_fingerprint_tells_requests_apart_by_everything_that_determines_the_answer():
    request = ask("facet")
    changes = [
        {"purpose": "weave"},
        {"messages": ()},
        {"materials": {}},
        {"persona": "ROBIN"},
        {"adapter": "robin"},
        {"output_schema": PLAN_SCHEMA},
        {"max_tokens": 7},
        {"temperature": 0.5},
        {"seed": 1},
        {"stop": ("\n",)},
    ]
    assert {name for change in changes for name in change} == set(Request.model_fields)
    prints = [request.fingerprint()] + [request.model_copy(update=change).fingerprint() for change in changes]
    assert len(set(prints)) == len(prints)


def test_a_fingerprint_does_not_depend_on_the_order_of_materials():
    one = Request(purpose="summary", materials={"a": 1, "b": [2, {"x": "é", "y": None}]})
    other = Request(purpose="summary", materials={"b": [2, {"y": None, "x": "é"}], "a": 1})
    assert one.fingerprint() == other.fingerprint()


def test_a_fingerprint_is_the_same_in_every_release():
    assert Request(purpose="plan").fingerprint() == PINNED


PINNED = "69cb2517ecdfd2cecc8e2d37e33d9d767a7161c4b2962a7623a22ce4bc73e2ad"


def test_a_backend_is_opened_by_its_name():
    assert isinstance(open_backend("builtin"), BuiltinBackend)
    opened = open_backend("openai:http://127.0.0.1:1/v1#small")
    assert isinstance(opened, OpenAIBackend)
    opened.close()


def test_a_backend_given_as_an_object_is_used_as_it_is(backend: ScriptedBackend):
    assert open_backend(backend) is backend


def test_an_unknown_backend_is_refused_with_the_names_that_exist():
    with pytest.raises(UnknownBackend, match=r"no backend 'telepathy'.*builtin, openai"):
        open_backend("telepathy:anyone")


def test_a_backend_of_somebody_elses_package_is_found(tmp_path, monkeypatch):
    (tmp_path / "visitor.py").write_text(
        "class Visitor:\n    def __init__(self, details, clock):\n        self.details = details\n"
    )
    metadata = tmp_path / "visitor-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: visitor\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[batos.backends]\nvisitor = visitor:Visitor\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert open_backend("visitor:any:details").details == "any:details"


@pytest.mark.parametrize(
    "spec",
    [
        "builtin:x",
        "openai:",
        "openai:small",
        "openai:ftp://127.0.0.1/v1#small",
        "openai:http://[::1#m",
        "openai:http://h:x",
    ],
)
def test_details_that_cannot_be_used_are_refused_when_opening(spec: str):
    with pytest.raises(SettingRefused):
        open_backend(spec)


def test_a_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(SettingRefused) as caught:
        open_backend("openai:http://me:hunter2@127.0.0.1/v1#small")
    assert "hunter2" not in str(caught.value)
    assert "BATOS_API_KEY" in str(caught.value)
