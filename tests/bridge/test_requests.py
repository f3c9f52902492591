"""Requests over real sockets: what is asked, who may ask it, and how every refusal is answered."""

import threading

import ormsgpack
import pytest
import zmq.asyncio

from batos.bridge.client import BridgeClient
from batos.bridge.handlers import HANDLERS
from batos.bridge.kinds import REQUESTS
from batos.bridge.limits import Limits
from batos.bridge.server import BridgeServer
from batos.errors import BridgeError, BridgeRefused
from bridge.small_system import PATIENCE

ANSWERED_BY_THE_LOOP = {"hello", "ping", "subscribe", "unsubscribe", "shutdown"}


@pytest.fixture
def limits():
    return Limits(max_bytes=20_000, max_depth=20, burst=40, requests_per_second=0.001, in_flight=3)


def test_every_request_kind_is_answered_by_a_handler_or_by_the_loop():
    assert set(REQUESTS) == set(HANDLERS) | ANSWERED_BY_THE_LOOP
    assert not set(HANDLERS) & ANSWERED_BY_THE_LOOP


# The founding document's payloads, without an envelope


def test_the_founding_search_is_answered_with_chunks_and_scores(raw):
    reply = raw().bare(command="search_memory", query="undo")

    assert reply.keys() == {"status", "details", "results"}
    assert reply["status"] == "OK"
    assert [(hit["chunk"]["document_id"], hit["chunk"]["chunk_index"], hit["score"]) for hit in reply["results"]] == [
        ("undo.md", 1, 0.9),
        ("undo.md", 0, 0.5),
    ]
    assert reply["results"][1]["chunk"]["text"] == "Undo is a new change."


def test_a_founding_search_without_a_hit_gives_an_empty_list(raw):
    assert raw().bare(command="search_memory", query="nowhere")["results"] == []


def test_the_founding_create_method_reaches_the_gate(raw, system):
    source = "def greet(self):\n    return 1\n"
    reply = raw().bare(command="create_method", target_oid="greeter", method_name="greet", method_code=source)

    assert reply["status"] == "OK"
    assert system.installed == [("greeter", "greet", source, "bridge")]


def test_the_founding_cognitive_cycle_files_a_mission(raw, system):
    brief = {"type": "unhandled_message", "selector": "shout_", "args": ["hi", 2], "kwargs": {"loud": True}}
    reply = raw().bare(command="initiate_cognitive_cycle", target_oid="greeter", mission_brief=brief)

    assert reply["results"][0]["mission"] == "m1"
    filed = system.standing["m1"]
    assert (filed["target"], filed["selector"], filed["args"], filed["kwargs"]) == (
        "greeter",
        "shout_",
        ("hi", 2),
        {"loud": True},
    )


def test_the_founding_full_state(raw):
    assert raw().bare(command="get_full_state")["results"] == [{"objects": ["greeter"], "missions": {"queued": 0}}]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"command": "ask", "question": "Why?"}, "unknown_kind"),
        ({"command": ["search_memory"]}, "unknown_kind"),
        ({"command": "search_memory"}, "bad_body"),
        ({"command": "search_memory", "query": "undo", "colour": "red"}, "bad_body"),
        ({"command": "search_memory", "query": 7}, "bad_body"),
    ],
)
def test_a_founding_message_that_cannot_be_read_is_refused_without_an_envelope(raw, message, code):
    reply = raw().bare(**message)

    assert reply["status"] == "ERROR"
    assert (reply["code"], reply["retry"]) == (code, False)
    assert reply["details"]


def test_roles_hold_without_an_envelope_too(raw):
    method = {"target_oid": "greeter", "method_name": "m", "method_code": "def m(self): 1"}
    reply = raw("reader").bare(command="create_method", **method)

    assert reply["code"] == "not_permitted"


# Version 1


def test_a_reply_carries_the_whole_header_of_its_request(raw):
    client = raw()
    sent = client.post("hello", client="test")
    reply = client.receive()

    assert reply["kind"] == "hello"
    assert reply["parent"] == {name: sent[name] for name in ("v", "kind", "id", "session", "seq", "ts")}
    assert (reply["session"], reply["seq"]) == (sent["session"], sent["seq"])


def test_hello_names_the_instance_and_the_rights(connect, server):
    welcome = connect("reader").welcome

    assert (welcome.instance, welcome.role, welcome.versions) == (server.instance, "reader", (0, 1))
    assert "search_memory" in welcome.kinds
    assert "create_method" not in welcome.kinds


def test_search_inspect_list_and_state(connect):
    client = connect("workbench")

    assert [hit.chunk.text for hit in client.request("search_memory", query="refused").results] == [
        "An undo may be refused."
    ]
    below, _ = sorted(client.request("search_memory", query="undo").results, key=lambda hit: hit.chunk.chunk_index)
    assert below.chunk.metadata["summaries"] == ["Undoing is a change."]
    assert client.request("inspect_object", name="greeter").results == ({"slots": {"name": "Ada"}},)
    assert client.request("list_missions", state="done").results == ()
    assert client.request("get_full_state").results[0]["objects"] == ["greeter"]


def test_the_workbench_remembers_forgets_and_verifies_but_leaves_what_came_with_batos(connect):
    client = connect("workbench")

    assert client.request("index_document", document_id="owls.md", text="Owls\nhunt.").details == (
        "owls.md is remembered."
    )
    assert len(client.request("search_memory", query="owls").results) == 1
    assert "3 passages" in client.request("verify_memory").details
    assert client.request("forget_document", document_id="owls.md").results[0]["passages"] == 1
    assert client.request("search_memory", query="owls").results == ()
    for kind, body in (("index_document", {"text": "No undo."}), ("forget_document", {})):
        with pytest.raises(BridgeRefused, match="came with batos"):
            client.request(kind, document_id="undo.md", **body)


def test_proposals_are_decided_by_the_owner(connect, system):
    owner = connect()
    proposal = owner.request("list_proposals").results[0]["id"]
    owner.request("approve_proposal", proposal=proposal)
    owner.request("refuse_proposal", proposal="p2")

    assert system.decided == [("approve", "p1"), ("refuse", "p2")]


@pytest.mark.parametrize(
    ("role", "kind", "body"),
    [
        ("workbench", "create_method", {"target_oid": "greeter", "method_name": "m", "method_code": "def m(self): 1"}),
        ("workbench", "send_message", {"target": "greeter", "selector": "m"}),
        ("workbench", "approve_proposal", {"proposal": "p1"}),
        ("workbench", "shutdown", {}),
        ("reader", "ask", {"question": "Why?"}),
        ("reader", "index_document", {"document_id": "a", "text": "b"}),
        ("reader", "forget_document", {"document_id": "a"}),
        ("reader", "initiate_cognitive_cycle", {"target_oid": "a", "mission_brief": {"type": "t", "selector": "s"}}),
    ],
)
def test_a_role_may_send_its_own_kinds_only(connect, system, role, kind, body):
    with pytest.raises(BridgeRefused) as refusal:
        connect(role).request(kind, **body)

    assert refusal.value.facts["code"] == "not_permitted"
    assert [*system.installed, *system.decided, *system.standing] == []


# Missions


def test_a_mission_is_filed_at_once_and_its_outcome_asked_for_later(connect, system):
    client = connect()
    filed = client.request("send_message", target="greeter", selector="shout_", args=["hi"]).results[0]
    assert (filed.mission, filed.settled) == ("m1", False)

    system.settle("m1", {"value": "HI"})
    seen = client.request("mission_status", mission="m1").results[0]
    assert (seen.state, seen.settled, seen.outcome) == ("done", True, {"value": "HI"})


def test_an_answer_that_comes_in_time_is_in_the_reply(raw, system):
    client = raw()
    client.request("hello", client="test")
    client.post("ask", question="What is undo?", wait=PATIENCE)
    client.request("ping")  # answered while the question waits: no thread and no loop is held up
    assert system.filed.wait(PATIENCE)
    system.settle("m1", {"answer": "A new change.", "citations": []})

    reply = client.receive()
    assert (reply["kind"], reply["body"]["details"]) == ("ask", "A new change.")
    assert reply["body"]["results"][0]["settled"] is True


def test_a_mission_that_asks_a_person_ends_the_wait(raw, system):
    client = raw()
    client.request("hello", client="test")
    client.post("send_message", target="greeter", selector="shout_", wait=PATIENCE)
    assert system.filed.wait(PATIENCE)
    system.ask_a_person("m1", "Is this method right?")

    reply = client.receive()["body"]
    assert reply["details"] == "Is this method right?"
    assert (reply["results"][0]["settled"], reply["results"][0]["pending"]) == (
        False,
        {"reason": "Is this method right?"},
    )


def test_a_client_can_wait_for_an_outcome(connect, system):
    client = connect()
    filed = client.request("send_message", target="greeter", selector="shout_").results[0]
    assert client.outcome(filed.mission, 0.0).results[0].settled is False

    system.settle(filed.mission, state="failed", reason="Nothing fits.")
    reply = client.outcome(filed.mission, PATIENCE)
    assert (reply.results[0].state, reply.details) == ("failed", "Nothing fits.")


def test_missions_are_listed_as_flat_rows(connect, system):
    client = connect("reader")
    system.submit_question("What is undo?")
    system.settle("m1", {"answer": "A new change.", "citations": []})

    (row,) = client.request("list_missions", state="done").results
    assert (row["selector"], row["state"], row["details"]) == ("answer_", "done", "A new change.")
    assert "outcome" not in row


def test_a_question_may_be_left_to_itself(connect):
    reply = connect().request("ask", question="Why?", wait=0.0)

    assert reply.details == "Mission m1 is queued."


# Errors of the system


@pytest.mark.parametrize(
    ("kind", "body", "code", "words"),
    [
        ("inspect_object", {"name": "nobody"}, "unknown_object", "no object called 'nobody'"),
        ("mission_status", {"mission": "m9"}, "unknown_mission", "no mission 'm9'"),
        ("search_memory", {"query": "broken"}, "failed", "ZeroDivisionError"),
    ],
)
def test_an_error_of_the_system_is_one_sentence(connect, kind, body, code, words):
    with pytest.raises(BridgeRefused) as refusal:
        connect().request(kind, **body)

    assert refusal.value.facts["code"] == code
    assert words in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_reply_that_cannot_be_sent_becomes_a_refusal(connect, system):
    system.objects["big"] = {"text": "x" * 30_000}
    system.objects["number"] = {"value": 2**80}
    client = connect()

    for name, code in (("big", "too_large"), ("number", "unreadable")):
        with pytest.raises(BridgeRefused) as refusal:
            client.request("inspect_object", name=name)
        assert refusal.value.facts["code"] == code


# Hostile bytes


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([b""], "unreadable"),
        ([b"\xc1"], "unreadable"),
        ([b"GET / HTTP/1.1\r\n\r\n"], "unreadable"),
        ([b"\xdd\xff\xff\xff\xff"], "unreadable"),
        ([b"\x91" * 3000 + b"\xc0"], "unreadable"),
        ([ormsgpack.packb([1, 2])], "unreadable"),
        ([ormsgpack.packb({})], "bad_version"),
        ([ormsgpack.packb({"v": 2, "kind": "ping"})], "bad_version"),
        ([ormsgpack.packb({"v": 1, "kind": "ping"})], "unreadable"),
        ([b"one", b"two"], "unreadable"),
        ([b"x" * 25_000], "too_large"),
    ],
    ids=repr,
)
def test_what_is_no_message_is_answered_with_an_error(raw, frames, code):
    client = raw()
    client.send(*frames)
    reply = client.receive()

    assert (reply["kind"], reply["parent"], reply["body"]["code"]) == ("error", None, code)
    assert client.request("hello", client="still here")["body"]["status"] == "OK"


def nested(levels):
    value = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "format_disk"}, "unknown_kind"),
        ({"kind": "mission_moved"}, "unknown_kind"),
        ({"extra": 1}, "unreadable"),
        ({"seq": -1}, "unreadable"),
        ({"id": 7}, "unreadable"),
        ({"body": []}, "unreadable"),
        ({"body": {"query": "undo", "limit": "5"}}, "bad_body"),
        ({"body": {"query": "undo", "limit": 10_000}}, "bad_body"),
        ({"body": {"query": "undo", "extra": 1}}, "bad_body"),
    ],
    ids=repr,
)
def test_what_is_almost_a_message_is_refused(raw, change, code):
    client = raw()
    client.request("hello", client="test")
    client.send(ormsgpack.packb(client.message("search_memory", query="undo") | change))

    assert client.receive()["body"]["code"] == code


def test_nesting_is_bounded(raw):
    reply = raw().bare(command="search_memory", query="undo", where={"deep": nested(30)})

    assert reply["body"]["code"] == "too_deep"


def test_a_message_far_too_large_costs_its_sender_the_connection_and_nobody_else(raw):
    greedy, modest = raw(), raw()
    greedy.send(b"x" * 1_000_000)

    assert modest.request("hello", client="modest")["body"]["status"] == "OK"
    assert greedy.request("hello", client="greedy, connected again")["body"]["status"] == "OK"


def test_the_client_does_not_send_what_is_too_large(connect):
    with pytest.raises(BridgeRefused) as refusal:
        connect().request("create_method", target_oid="a", method_name="b", method_code="x" * 2_000_000)

    assert refusal.value.facts["code"] == "bad_body"


# Bounds on one client


def test_a_client_that_asks_too_fast_is_told_so(raw):
    hasty, patient = raw(session="hasty"), raw(session="patient")
    hasty.request("hello", client="test")
    codes = [hasty.request("ping")["body"].get("code") for _ in range(45)]

    assert codes.count(None) == 39
    assert set(codes[39:]) == {"too_fast"}
    assert patient.request("hello", client="another")["body"]["status"] == "OK"


def test_a_client_has_so_many_requests_in_flight(raw, system):
    client = raw()
    client.request("hello", client="test")
    for _ in range(4):
        client.post("search_memory", query="slow")

    refusal = client.receive()["body"]
    assert (refusal["code"], refusal["retry"]) == ("busy", True)
    system.gate.set()
    assert [client.receive()["body"]["status"] for _ in range(3)] == ["OK"] * 3
    assert client.request("search_memory", query="undo")["body"]["status"] == "OK"


def test_a_long_request_holds_up_nobody(raw, connect, system):
    slow = raw(session="slow")
    slow.request("hello", client="slow")
    slow.post("search_memory", query="slow")
    assert system.entered.wait(PATIENCE)

    assert connect().request("search_memory", query="undo").results
    system.gate.set()
    assert slow.receive()["body"]["status"] == "OK"


# Threads


def test_every_socket_is_used_from_the_bridges_thread_only(path, system, monkeypatch):
    users = set()
    for name in ("send_multipart", "recv_multipart", "bind", "close"):
        original = getattr(zmq.asyncio.Socket, name)

        def recorded(socket, *args, _original=original, **kwargs):
            users.add(threading.current_thread().name)
            return _original(socket, *args, **kwargs)

        monkeypatch.setattr(zmq.asyncio.Socket, name, recorded)
    with BridgeServer(system, path), BridgeClient.connect(path) as client:
        client.subscribe("change")
        client.request("search_memory", query="undo")
        system.emit({"kind": "change", "id": "c1", "note": "", "names": []})  # from this thread
        assert next(client.events(PATIENCE)).kind == "change"

    assert users == {"batos-bridge"}
    assert system.handler_threads
    assert threading.get_ident() not in system.handler_threads


def test_a_client_belongs_to_the_thread_that_made_it(connect):
    client, errors = connect(), []

    def use():
        try:
            client.request("ping")
        except BridgeError as error:
            errors.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert "thread" in str(errors[0])
