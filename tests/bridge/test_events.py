"""Events over real sockets: numbered, told when some were missed, and flowing on after the daemon was restarted."""

import pytest

from batos.bridge.client import BridgeClient
from batos.bridge.limits import Limits
from batos.bridge.rundir import path_of, read_connection
from batos.bridge.server import BridgeServer
from bridge.small_system import PATIENCE, RawClient


@pytest.fixture
def limits():
    return Limits(events_waiting=10)


def change(number, note=""):
    return {"kind": "change", "id": f"c{number}", "note": note, "names": ["greeter"]}


def test_a_subscriber_gets_what_it_asked_for_and_nothing_else(connect, system):
    client = connect("reader")
    client.subscribe("mission_moved", "cycle_moved", "heartbeat")
    system.emit(change(1))
    system.emit({"kind": "mission", "id": "m1", "state": "running", "target": "greeter", "selector": "shout_"})
    system.emit({"kind": "cycle", "mission": "m1", "state": "DECOMPOSING"})
    system.emit({"kind": "heartbeat", "started": 0})

    events = client.events(PATIENCE)
    told = [next(events) for _ in range(3)]
    assert [(event.kind, event.seq) for event in told] == [("mission_moved", 1), ("cycle_moved", 2), ("heartbeat", 3)]
    assert (told[0].body.mission, told[0].body.state, told[0].body.target) == ("m1", "running", "greeter")
    assert told[1].body.state == "DECOMPOSING"
    assert told[2].body.record == {"started": 0}


def test_the_state_follows_a_change(connect, system):
    client = connect()
    client.subscribe("uvm_state_update")
    system.objects["another"] = {}
    system.emit(change(1))

    update = next(client.events(PATIENCE))
    assert update.body.event == "uvm_state_update"
    assert update.body.state["objects"] == ["another", "greeter"]


def test_an_event_names_the_request_that_asked_for_it(raw, system):
    client = raw()
    client.request("hello", client="test")
    asked = client.post("subscribe", events=["change"])
    client.receive()
    system.emit(change(1))

    event = client.receive()
    assert event["parent"]["id"] == asked["id"]
    assert event["body"] == {"change": "c1", "note": "", "mission": None, "names": ["greeter"]}


def test_nothing_comes_after_unsubscribing(connect, system):
    client = connect()
    client.subscribe("change", "heartbeat")
    client.unsubscribe("change")
    system.emit(change(1))
    system.emit({"kind": "heartbeat"})

    assert next(client.events(PATIENCE)).kind == "heartbeat"


def test_an_event_that_lacks_what_it_needs_is_left_out(connect, system):
    client = connect()
    client.subscribe("mission_moved", "change")
    system.emit({"kind": "mission"})
    system.emit(change(2))

    assert next(client.events(PATIENCE)).body.change == "c2"


def test_events_come_while_a_reply_is_awaited(connect, system):
    client = connect()
    client.subscribe("change")
    system.emit(change(1))
    client.request("ping")
    client.request("ping")

    assert next(client.events(PATIENCE)).body.change == "c1"


def test_a_quiet_listener_ends_after_the_time_it_named(connect):
    assert list(connect().events(0.05)) == []


def test_a_client_that_does_not_listen_is_told_which_events_it_missed(raw, system):
    sleeper = raw(receive_limit=1)
    sleeper.request("hello", client="sleeper")
    sleeper.request("subscribe", events=["change"])
    last = 1000
    for number in range(1, last + 1):
        system.emit(change(number, note="x" * 2000))

    covered, gaps = [], 0
    while not covered or covered[-1] < last:
        event = sleeper.receive()
        if event["kind"] == "gap":
            gaps += 1
            covered += range(event["body"]["from"], event["body"]["to"] + 1)
        else:
            covered.append(event["seq"])
            assert event["body"]["change"] == f"c{event['seq']}"
    assert covered == list(range(1, last + 1))
    assert gaps >= 1


def test_an_event_too_large_to_be_sent_becomes_a_gap(connect, system):
    client = connect()
    client.subscribe("change")
    system.emit(change(1, note="x" * 1_100_000))
    system.emit(change(2))

    events = client.events(PATIENCE)
    gap, following = next(events), next(events)
    assert (gap.kind, gap.body.first, gap.body.last) == ("gap", 1, 1)
    assert following.seq == 2


def test_events_wait_for_a_client_that_reconnects_under_a_new_identity(path, server, system):
    socket = path_of(read_connection(path).endpoint)
    with RawClient(socket) as before:
        before.request("hello", client="test")
        before.request("subscribe", events=["change"])
    with RawClient(socket, session="another") as onlooker:
        onlooker.request("hello", client="onlooker")
        onlooker.request("subscribe", events=["change"])
        for number in (1, 2):
            system.emit(change(number))
            onlooker.receive()  # so the events have been tried on the one that is gone, too
    with RawClient(socket) as after:
        after.post("ping")
        came = [after.receive() for _ in range(3)]

    assert max(message["seq"] for message in came if message["kind"] == "change") == 2


def test_a_client_goes_on_after_the_daemon_was_restarted(path, system):
    with BridgeServer(system, path) as first, BridgeClient.connect(path) as client:
        client.subscribe("change")
        first.close()
        with BridgeServer(system, path) as second:
            assert client.request("search_memory", query="undo").results
            assert client.welcome.instance == second.instance
            system.emit(change(1))
            events = client.events(PATIENCE)
            gap, told = next(events), next(events)

    assert (gap.kind, gap.body.first, gap.body.last) == ("gap", 0, 0)
    assert (told.kind, told.seq) == ("change", 1)


def test_a_session_that_nobody_opened_must_say_hello(raw):
    refusal = raw().request("subscribe", events=["change"])["body"]

    assert (refusal["code"], refusal["retry"]) == ("hello_first", True)


def test_a_session_of_one_role_is_none_of_another(raw):
    raw("owner", session="same").request("hello", client="owner")

    assert raw("reader", session="same").request("ping")["body"]["code"] == "hello_first"


def test_unknown_events_cannot_be_subscribed_to(raw):
    client = raw()
    client.request("hello", client="test")

    assert client.request("subscribe", events=["everything"])["body"]["code"] == "bad_body"
    assert client.request("subscribe", events=[])["body"]["code"] == "bad_body"


def need(phase, **more):
    about = {"kind": "need", "mission": "m1", "need": "inference", "name": "generate", "purpose": "plan", "step": None}
    return {**about, "phase": phase, **more}


def test_what_a_mission_asks_for_is_told_in_brief_to_those_who_subscribed(connect, system):
    other, client = connect(), connect()
    other.subscribe("heartbeat")
    system.emit(need("started"))
    client.subscribe("need_moved", "heartbeat")
    planned = {"archetype": "factual", "lead": "babs", "relevant_pillars": ["tech_facet_"], "strategy": "ask"}
    answer = {"value": {"text": "a secret" * 100, "data": planned, "model": "small"}}
    for event in (need("started"), need("text", text="Bats"), need("ended", answer=answer), {"kind": "heartbeat"}):
        system.emit(event)

    events = client.events(PATIENCE)
    bodies = [next(events).body for _ in range(3)]
    assert [(body.mission, body.phase, body.text) for body in bodies] == [
        ("m1", "started", ""),
        ("m1", "text", "Bats"),
        ("m1", "ended", ""),
    ]
    del planned["strategy"]
    assert [body.gist for body in bodies] == [{}, {}, {"model": "small", "plan": planned}]
    assert next(other.events(PATIENCE)).kind == "heartbeat"
