"""What waits for a client: numbers without holes, gaps for what was dropped, and a bound on how fast it may ask."""

from hypothesis import given
from hypothesis import strategies as st

from batos.bridge.clients import Clients
from batos.bridge.limits import Limits, TokenBucket
from batos.bridge.sessions import Session


def take_all(session):
    taken = []
    while (event := session.next()) is not None:
        taken.append(event)
        session.sent()
    return taken


@given(st.lists(st.sampled_from(["push", "take", "skip"]), max_size=60), st.integers(1, 5))
def test_every_event_is_delivered_once_or_told_as_missed_in_order(steps, limit):
    session = Session("reader", "s", limit)
    session.subscribe(["change"], None)
    taken = []
    for step in steps:
        if step == "push":
            session.push("change", {})
        elif (event := session.next()) is not None:
            if step == "take" or event.kind == "gap":
                taken.append(event)
                session.sent()
            else:
                session.skip()

    covered = []
    for event in taken + take_all(session):
        covered += range(event.body["from"], event.body["to"] + 1) if event.kind == "gap" else [event.seq]
    assert covered == list(range(1, session.seq + 1))


def test_an_event_that_nobody_asked_for_gets_no_number():
    session = Session("reader", "s", 5)
    session.subscribe(["heartbeat"], None)
    session.push("change", {})

    assert (session.seq, session.next()) == (0, None)


def test_a_bucket_allows_a_burst_and_then_a_rate():
    bucket = TokenBucket(rate=2.0, burst=3, now=0.0)

    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 10), max_size=50))
def test_a_bucket_never_allows_more_than_burst_and_rate(pauses):
    bucket, now, allowed = TokenBucket(rate=1.0, burst=5, now=0.0), 0.0, 0
    for pause in pauses:
        now += pause
        allowed += bucket.take(now)

    assert allowed <= 5 + now + 1e-6


def test_the_connection_that_was_quiet_longest_is_forgotten_first():
    clients = Clients(Limits(clients=2))
    first, second = clients.peer("owner", b"1", 0.0), clients.peer("owner", b"2", 0.0)
    first.in_flight = 1
    clients.peer("owner", b"3", 0.0)

    assert first in clients.peers  # it waits for a reply, so it stays
    assert second not in clients.peers


def test_a_session_follows_its_client_to_a_new_connection():
    clients = Clients(Limits())
    before, after = clients.peer("owner", b"1", 0.0), clients.peer("owner", b"2", 0.0)
    session = clients.session(before, "s", open_new=True)
    session.reachable = False

    assert clients.session(after, "s", open_new=False) is session
    assert (session.peer, session.reachable) == (b"2", True)
    assert clients.session(clients.peer("reader", b"3", 0.0), "s", open_new=False) is None
