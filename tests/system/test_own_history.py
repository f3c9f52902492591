"""What the system did is searched under a filter: receipts, failures, methods. Ordinary searches do not meet it."""

import pytest

import batos


@pytest.fixture(scope="module")
def lived():
    """An image that has learned one method, and failed at another."""
    from batos.testing import temporary_image

    with temporary_image() as image:
        image.create("greeter")
        image.teach("greeter", "initials_", intent="the initials of a full name", examples=[
            (("ada lovelace",), "A.L."), (("alan turing",), "A.T."), (("grace brewster hopper",), "G.B.H."),
        ])  # fmt: skip
        with pytest.raises(batos.MissionFailed):
            image.send("greeter", "prove_goldbach_conjecture")
        yield image


def kinds(hits):
    return {hit.metadata["kind"] for hit in hits}


def test_a_failure_is_found_with_its_reason_and_its_mission(lived):
    hits = lived.search("goldbach", where={"kind": "failure"})

    assert kinds(hits) == {"failure"}
    assert hits[0].document_id == f"mission/{hits[0].metadata['made_by']}"
    assert lived.mission(hits[0].metadata["mission"])["state"] == "failed"


def test_a_learned_method_is_found_by_its_intent_and_by_its_source(lived):
    (hit,) = lived.search("initials of a name", where={"kind": "method"})

    assert hit.metadata["selector"] == "initials_"
    assert hit.metadata["version"] == 1
    assert "def initials_" in hit.text
    assert hit.metadata["made_by"] in {one["mission"] for one in lived.missions()}


def test_half_of_a_surrogate_pair_in_a_message_stops_no_search(lived):
    with pytest.raises(batos.MissionFailed):
        lived["greeter"].submit("initials_", "broken \ud800 surname").result(60)

    (hit,) = lived.search("broken surname", limit=1, where={"kind": "failure"})
    assert hit.text.encode()
    assert lived.verify_memory().sound


def test_several_kinds_may_be_asked_for_and_narrowed(lived):
    everything = lived.search("initials goldbach greeter", limit=50, where={"kind": ["receipt", "failure", "method"]})

    assert kinds(everything) == {"receipt", "failure", "method"}
    narrowed = lived.search("initials goldbach", where={"kind": ["failure", "method"], "selector": "initials_"})
    assert {hit.metadata["selector"] for hit in narrowed} == {"initials_"}


def test_an_ordinary_search_finds_none_of_it(lived):
    assert not kinds(lived.search("initials goldbach", limit=50)) & {"receipt", "failure", "method"}


def test_the_index_finds_it_again_after_it_was_lost(lived):
    lived.searcher.discard("it is made again.")

    assert kinds(lived.search("goldbach", where={"kind": "failure"})) == {"failure"}


def test_a_view_of_the_past_searches_what_memory_held_then(lived):
    lived.ingest_text("owls", "Owls hunt at night.")
    lived.forget("owls")
    lived.ingest_text("bats", "Bats hunt at night.")

    with lived.at("ingest owls") as view:
        assert [hit.document_id for hit in view.search("hunt at night")] == ["owls"]
    assert [hit.document_id for hit in lived.search("hunt at night")] == ["bats"]
