"""Erasing on both storages, proven by a search of the bytes of every file of the image."""

import pytest

import batos
from batos.errors import ErasureRefused, ImageBusy, MissionCancelled, MissionFailed, UnknownObject
from batos.image.soundness import check_soundness
from batos.image.turns import alone
from batos.memory.catalog import index_document
from batos.runtime.lock import DaemonLock
from batos.settings import Settings
from contract.care_tools import STORAGES, files_holding, put_blob, uri

__all__ = ["uri"]  # the fixture

QUIET = Settings(heartbeat=False)
NAME = "Xanthippe Quirkwood"
LETTER = f"# A letter\n\nThe ferry to Norderoog leaves before the tide turns at noon, says {NAME}.\n\n# Bread\n\nRye.\n"
QUOTE = "leaves before the tide turns"
PAST_QUOTE = "the lighthouse keeper counted nineteen grey seals"


@pytest.fixture
def uvm(uri):
    with batos.open(uri, settings=QUIET) as opened:
        yield opened


@pytest.fixture
def any_uvm(tmp_path):
    """For what has nothing to do with the storage."""
    with batos.open(f"file:{tmp_path}/a.image", settings=QUIET) as opened:
        yield opened


def everywhere(uvm):
    """The name in every place that holds text, in the present and in the past."""
    greeter = uvm.create("greeter", {"name": NAME, "list": [NAME, {NAME: f"of {NAME}"}], "pair": (NAME, 1)})
    greeter.name = f"{NAME} the younger"
    greeter.name = f"Frau {NAME.upper()}"
    examples = [((NAME.lower(),), "X.Q."), (("alan turing",), "A.T.")]
    uvm.teach("greeter", "initials_", intent=f"the initials of {NAME}", examples=examples)
    assert greeter.submit("initials_", NAME).result(20) == "X.Q."
    uvm.ingest_text(f"letter of {NAME}", LETTER, {"author": NAME})
    uvm.ask("When does the ferry to Norderoog leave?", timeout=20)
    with pytest.raises(MissionFailed):
        greeter.submit("prove_goldbach_for_", NAME).result(20)
    put_blob(uvm.image, "greeter", "scan", f"scan of {NAME}".encode() * 100)
    with uvm.transaction(f"a note about {NAME}") as world:
        world["greeter"].count = 1
        world.transaction.get().setUser(NAME)


@pytest.fixture(scope="module", params=STORAGES)
def person(request, tmp_path_factory):
    """An image from which a person was erased, with what is to be known of how it was before."""
    folder = tmp_path_factory.mktemp("person")
    with batos.open(f"{request.param}:{folder}/a.image", settings=QUIET) as uvm:
        everywhere(uvm)
        missions = [mission["mission"] for mission in uvm.missions()]
        before = {
            "files": files_holding(uvm.image.path, NAME),
            "missions": [mission for mission in missions if NAME in str(uvm.mission(mission))],
            "counts": uvm.store.counts(),
            "change": uvm.history("greeter")[0].id,
        }
        yield uvm, before, uvm.care.erase(text=NAME)


def test_a_persons_text_is_gone_from_every_file(person):
    uvm, before, erased = person

    assert len(before["files"]) >= 3
    assert erased.left == ()
    assert files_holding(uvm.image.path, NAME) == []
    assert files_holding(uvm.image.path, "quirkwood") == []
    assert erased.after < erased.before


def test_it_stays_gone_when_the_image_is_searched_again(person):
    uvm, _, _ = person

    assert uvm.search("ferry tide noon")[0].text.count("[erased]") == 1
    assert uvm.history("greeter")
    assert files_holding(uvm.image.path, NAME) == []


def test_the_rest_of_the_image_is_what_it_was(person):
    uvm, _, _ = person
    greeter = uvm["greeter"]

    assert (greeter.name, greeter.count) == ("Frau [erased]", 1)
    assert (greeter.list, greeter.pair) == (["[erased]", {"[erased]": "of [erased]"}], ("[erased]", 1))
    assert greeter.scan == b""
    assert greeter.initials_("grace hopper") == "G.H."
    assert uvm.ask("When does the ferry to Norderoog leave?", timeout=20).known
    assert check_soundness(uvm.image).problems == ()
    assert [found for found in uvm.care.doctor() if found.standing == "wrong"] == []


def test_missions_keep_what_makes_them_count_and_no_word(person):
    uvm, before, _ = person

    assert len(before["missions"]) >= 3
    assert uvm.store.counts()["failed"] == before["counts"]["failed"]
    for mission in before["missions"]:
        assert uvm.store.journal(mission) == {}
        assert uvm.mission(mission)["brief"]["args"] == []
    with uvm.image.reading() as world:
        assert set(before["missions"]) <= set(world.receipts)
    assert uvm.why("greeter", "initials_").asked == ()


def test_an_example_that_names_a_person_goes_and_the_others_stay(person):
    contract = person[0].why("greeter", "initials_").contract

    assert [example["args"] for example in contract["examples"]] == [["alan turing"]]
    assert contract["intent"] == "the initials of [erased]"


def test_the_price_is_the_history(person):
    uvm, before, _ = person

    with pytest.raises(batos.BatosError):
        uvm.undo(before["change"])


def test_words_that_only_begin_so_are_not_touched(any_uvm):
    any_uvm.create("shop", {"sells": "adapters and adamant", "owner": "Ada Lovelace"})
    any_uvm.care.erase(text="Ada Lovelace")

    assert any_uvm["shop"].sells == "adapters and adamant"
    assert any_uvm["shop"].owner == "[erased]"


def test_a_word_within_a_document_leaves_the_document_sound(any_uvm):
    any_uvm.ingest_text("letter", LETTER)
    erased = any_uvm.care.erase(text="Norderoog")

    assert erased.left == ()
    assert any_uvm.search("ferry")[0].text.count("[erased]") == 1
    assert [found for found in any_uvm.care.doctor() if found.standing == "wrong"] == []


# Documents


def test_a_document_is_gone_with_its_past_and_what_quoted_it(uvm):
    uvm.ingest_text("log/north", f"# Log\n\nOn Monday {PAST_QUOTE}.\n")
    uvm.ingest_text("log/north", LETTER)
    answer = uvm.ask("When does the ferry to Norderoog leave?", timeout=20)
    assert QUOTE in answer.text
    uvm.create("diary", {"today": f"They told me: the ferry to Norderoog\n{QUOTE} at noon. Good."})
    erased = uvm.care.erase(document="log/north")

    assert erased.left == ()
    for text in (QUOTE, PAST_QUOTE, "log/north"):
        assert files_holding(uvm.image.path, text) == []
    assert uvm["diary"].today == "They told me: [erased]. Good."
    assert uvm.search("ferry") == []
    assert [found for found in uvm.care.doctor() if found.standing == "wrong"] == []


def test_summaries_of_an_erased_document_go_with_it(any_uvm):
    text = "".join(f"# Day {n}\n\nThe purple heron {n} stood in the reeds.\n\n" for n in range(9))
    with any_uvm.transaction("remember") as world:
        index_document(world, "log", text, media="markdown")
    assert any_uvm.summarize() == 3
    any_uvm.search("purple heron")
    assert len(files_holding(any_uvm.image.path, "stood in the reeds")) >= 2

    assert any_uvm.care.erase(document="log").left == ()
    assert files_holding(any_uvm.image.path, "stood in the reeds") == []
    assert any_uvm.summarize() == 0
    assert any_uvm.searcher.statistics().summaries == 0


def test_a_document_that_was_forgotten_can_be_erased(any_uvm):
    any_uvm.ingest_text("letter", LETTER)
    any_uvm.forget("letter")
    assert files_holding(any_uvm.image.path, QUOTE)
    any_uvm.care.erase(document="letter")

    assert files_holding(any_uvm.image.path, QUOTE) == []


def test_other_documents_keep_their_words_and_that_is_said(any_uvm):
    any_uvm.ingest_text("letter", LETTER)
    any_uvm.ingest_text("copy", f"Somebody wrote: {LETTER}")
    erased = any_uvm.care.erase(document="letter")

    assert any("'copy' holds some of the same words" in told for told in erased.left)
    assert any("still holds it" in told for told in erased.left)
    assert [hit.document_id for hit in any_uvm.search("ferry")] == ["copy"]


def test_an_erased_document_can_be_ingested_again(any_uvm):
    any_uvm.ingest_text("letter", LETTER)
    any_uvm.care.erase(document="letter")
    assert any_uvm.ingest_text("letter", LETTER).status == "added"

    assert any_uvm.search("ferry")[0].document_id == "letter"


# Before and around it


def test_looking_changes_nothing_and_tells_what_would_be_touched(any_uvm):
    greeter = any_uvm.create("greeter", {"name": NAME})
    greeter.name = f"{NAME} again"
    any_uvm.ingest_text("letter", LETTER)
    before = [logged.tid for logged in any_uvm.image.transactions_since(b"\0" * 8)]
    found = any_uvm.care.find(text=NAME)

    assert [logged.tid for logged in any_uvm.image.transactions_since(b"\0" * 8)] == before
    assert found.places == {"objects": 1, "passages": 1, "past versions": 1}
    assert any_uvm.care.find(text="nothing of the kind").places == {}


def test_names_that_programs_use_are_left_and_told(any_uvm):
    any_uvm.create("quirkwood", {"name": "Quirkwood"})
    erased = any_uvm.care.erase(text="Quirkwood")

    assert any("an object is called 'quirkwood'" in told for told in erased.left)
    assert any_uvm["quirkwood"].name == "[erased]"


def test_a_mission_that_is_open_is_cancelled(any_uvm):
    any_uvm.stop_work()
    any_uvm.create("greeter")
    mission = any_uvm.submit("greeter", "greet_", (NAME,))
    any_uvm.care.erase(text=NAME)

    assert any_uvm.store.get(mission.id).state == "failed"
    with pytest.raises((MissionFailed, MissionCancelled)):
        mission.result(5)
    assert files_holding(any_uvm.image.path, NAME) == []


def test_backups_are_named_as_not_covered(any_uvm, tmp_path):
    any_uvm.create("greeter", {"name": NAME})
    any_uvm.care.backup(tmp_path / "monday")
    erased = any_uvm.care.erase(text=NAME)

    assert erased.not_covered[0] == f"the backup at {tmp_path / 'monday'}"
    assert files_holding(tmp_path / "monday", NAME)


def test_what_stands_everywhere_or_nowhere_is_not_erased(any_uvm):
    for text in ("", "  ", "ab", "!!!!", "a b"):
        with pytest.raises(ErasureRefused, match="stands everywhere"):
            any_uvm.care.erase(text=text)
    with pytest.raises(UnknownObject, match="No document has or had this id"):
        any_uvm.care.erase(document="nothing")
    with pytest.raises(batos.BatosError, match="either"):
        any_uvm.care.erase(document="a", text="b")


def test_nothing_is_erased_while_the_image_is_copied_or_a_daemon_works_it(uvm, uri):
    uvm.create("greeter", {"name": NAME})
    with alone(uvm.image.path), pytest.raises(ImageBusy):
        uvm.care.erase(text=NAME)
    uvm.close()
    with batos.runtime.uvm.Uvm(uri, settings=QUIET, work=False) as looking, DaemonLock(looking.image.path):
        with pytest.raises(ErasureRefused, match="daemon"):
            looking.care.erase(text=NAME)
        assert looking["greeter"].name == NAME
