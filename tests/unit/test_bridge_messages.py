"""What the bridge reads and writes, without a socket: any bytes are a message or a refusal, and nothing else."""

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.bridge.dialogue import Answered, Dialogue, Told
from batos.bridge.kinds import EVENTS, KINDS, REQUESTS, ROLES, permitted
from batos.bridge.limits import Limits
from batos.bridge.messages import Header, Refusal, Rows
from batos.bridge.wire import (
    Origin,
    Request,
    answer,
    deeper_than,
    envelope,
    pack,
    read_answer,
    read_origin,
    read_request,
    unpack,
)
from batos.errors import BridgeRefused

LIMITS = Limits()

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
words = st.sampled_from(["v", "command", "kind", "id", "session", "seq", "ts", "body", "query"]) | st.text(max_size=10)
maps = st.dictionaries(words, plain | st.sampled_from([1, "ping", "search_memory"]), max_size=9)
names = st.text(min_size=1, max_size=50)


def read(payload):
    message = unpack(payload, LIMITS)
    return read_request(message, read_origin(message), "owner")


def code_of(payload):
    """How the bytes are refused, or None if they are read. Any other error is the test's."""
    try:
        assert isinstance(read(payload), Request)
    except BridgeRefused as refusal:
        return refusal.facts["code"]
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload):
    assert code_of(payload) in (None, "unreadable", "bad_version", "unknown_kind", "bad_body")


@given(st.sampled_from(sorted(REQUESTS)), maps)
def test_any_body_is_read_or_refused(kind, body):
    message = envelope("ping", {}, session="s", seq=1, now=0.0) | {"kind": kind, "body": body}

    assert code_of(ormsgpack.packb(message)) in (None, "bad_body")


@given(maps)
def test_any_map_is_read_or_refused(message):
    assert code_of(ormsgpack.packb(message)) in (None, "unreadable", "bad_version", "unknown_kind", "bad_body")


@given(names, maps, names, st.integers(0, 2**60), st.floats(0, 1e12))
def test_an_envelope_comes_back_as_it_was_sent(kind, body, session, seq, now):
    parent = Header(kind="hello", id="i", session=session, seq=0, ts=now)
    message = envelope(kind, body, session=session, seq=seq, now=now, parent=parent)

    assert unpack(pack(message, LIMITS), LIMITS) == message
    assert read_origin(message).header == Header(kind=kind, id=message["id"], session=session, seq=seq, ts=now)


@given(st.lists(plain, max_size=4).map(tuple), st.dictionaries(names, plain, max_size=3))
def test_arguments_arrive_as_they_were_given(args, kwargs):
    _, payload = dialogue().request("send_message", {"target": "a", "selector": "b", "args": args, "kwargs": kwargs})
    body = read(payload).body

    assert (body.args, body.kwargs) == (args, kwargs)


def dialogue():
    from batos.testing import MovableClock

    return Dialogue(MovableClock(), LIMITS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_body_takes_a_field_it_does_not_know(kind):
    model = KINDS[kind].body

    assert model.model_config["extra"] == "forbid"
    assert model.model_config["frozen"]
    assert model.model_config["strict"]


def test_requests_have_replies_and_events_have_none():
    assert all(kind.reply is not None for kind in REQUESTS.values())
    assert all(kind.reply is None for kind in EVENTS.values())


def test_only_the_owner_changes_code():
    powerful = {"create_method", "send_message", "initiate_cognitive_cycle", "approve_proposal", "refuse_proposal"}

    for role in ROLES:
        assert bool(powerful & set(permitted(role))) == (role == "owner")
        assert ("shutdown" in permitted(role)) == (role == "owner")
    assert set(permitted("reader")) < set(permitted("workbench")) < set(permitted("owner"))


@given(st.integers(0, 70))
def test_depth_is_counted_exactly(levels):
    value = 0
    for turn in range(levels):
        value = [value] if turn % 2 else {"inside": value}

    assert deeper_than(value, levels) is False
    assert levels == 0 or deeper_than(value, levels - 1)


def test_a_founding_answer_is_a_bare_map():
    reply = answer(Origin(version=0), Rows(details="Two.", results=({"a": 1}, {"a": 2})), session="s", now=0.0)

    assert reply == {"status": "OK", "details": "Two.", "results": [{"a": 1}, {"a": 2}]}


def test_an_error_keeps_the_founding_fields_and_adds_two():
    refusal = Refusal(details="No.", code="busy", retry=True)

    assert answer(Origin(version=0), refusal, session="s", now=0.0) == {
        "status": "ERROR",
        "details": "No.",
        "results": [],
        "code": "busy",
        "retry": True,
    }


def test_a_client_reads_what_the_daemon_writes():
    talk = dialogue()
    request, payload = talk.request("list_missions", {})
    header = read(payload).origin.header
    reply = answer(Origin(header=header), Rows(results=({"id": "m1"},)), session="daemon", now=1.0)
    event = envelope("gap", {"from": 3, "to": 5}, session=talk.session, seq=5, now=1.0)

    assert talk.read(pack(reply, LIMITS)) == Answered(request, Rows(results=({"id": "m1"},)))
    told = talk.read(pack(event, LIMITS))
    assert isinstance(told, Told)
    assert (told.seq, told.body.first, told.body.last) == (5, 3, 5)


@pytest.mark.parametrize(
    "message",
    [
        {"status": "OK"},
        envelope("tomorrow", {}, session="s", seq=1, now=0.0),
        envelope("list_missions", {"status": "OK", "results": [1]}, session="s", seq=1, now=0.0),
    ],
)
def test_a_client_refuses_what_it_does_not_know(message):
    with pytest.raises(BridgeRefused):
        read_answer(message)
