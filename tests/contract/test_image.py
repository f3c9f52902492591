"""What an image promises, on every storage: a named world, one commit or none, and what is stored can be read again."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from BTrees.OOBTree import OOBTree
from ZODB.blob import Blob

from batos.errors import ChangedMeanwhile, NameRefused, SlotRefused, TransactionMisuse, UnknownObject
from batos.image.image import Image
from batos.memory.records import Document, MemoryChunk
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import label, own_slots
from batos.runtime.awakening import awaken
from contract.images import all_kinds, contents, create, image, in_a_thread, names, storage, uri, value

# Awakening

WORLD = {  # the table of DESIGN section 4: name -> (parents, what it understands itself)
    "traits": ([], ["clone", "doesNotUnderstand_", "setSlot_value_"]),
    "pllm": (["traits"], ["infer_"]),
    "genesis": (["pllm", "traits"], ["ingest_and_display_yourself"]),
    "memory_manager": (["traits"], ["activate_expert_", "plan_", "tiers"]),
    "knowledge_catalog": (["traits"], ["index_document_", "search_", "unindex_document_"]),
    "psm": (["traits"], []),
    "orchestrator": (["traits", "pllm"], ["start_cognitive_cycle_for_"]),
    "robin": (["pllm", "traits"], ["invoke_facet_"]),
    "brick": (["pllm", "traits"], ["invoke_facet_"]),
    "babs": (["pllm", "traits"], ["invoke_facet_"]),
    "alfred": (["pllm", "traits"], ["analyze_and_resolve_cycle_failures", "invoke_facet_"]),
}
FACETS = {
    "robin": ["joyful_spark_facet_", "sage_facet_", "simple_heart_facet_"],
    "brick": ["gadgeteer_facet_", "guide_facet_", "literal_facet_"],
    "babs": ["hitchhiker_facet_", "iceman_facet_", "tech_facet_"],
    "alfred": ["butler_facet_", "disruptor_facet_", "pragmatist_facet_"],
}
STATES = ["IDLE", "DECOMPOSING", "DELEGATING", "SYNTHESIZING", "COMPLETE", "FAILED"]


def test_an_awakened_image_holds_the_named_world(image):
    awaken(image)

    with image.reading() as world:
        assert sorted(world.names()) == sorted(WORLD)
        for name, (parents, selectors) in WORLD.items():
            slots = own_slots(world[name])
            assert [label(held) for slot, held in slots.items() if slot.endswith("*")] == parents
            assert sorted(slot for slot, held in slots.items() if isinstance(held, Method)) == selectors
        for name, facets in FACETS.items():
            slots = own_slots(world[name])
            assert sorted(slot for slot, held in slots.items() if isinstance(held, Intent)) == facets
        assert [slot for slot in own_slots(world["psm"]) if not slot.endswith("*")] == STATES
        assert all("_process_synthesis_" in own_slots(world["psm"].__getattr__(state)) for state in STATES)
        assert type(world["knowledge_catalog"].metadata_index) is OOBTree
        assert type(world["pllm"].lora_repository) is OOBTree


def test_awakening_twice_changes_nothing(uri):
    with Image.open(uri) as first:
        assert awaken(first)
        before = first.db.lastTransaction()
        assert not awaken(first)
    with Image.open(uri) as second:
        assert not awaken(second)
        assert second.db.lastTransaction() == before


def test_awakening_adds_what_is_missing_and_leaves_the_rest(image):
    awaken(image)
    with image.transaction("change the world") as world:
        world["robin"].mandate = "mine"
        world["brick"].literal_facet_ = Intent("mine")
        world.delete("babs")

    assert awaken(image)

    with image.reading() as world:
        assert world["robin"].mandate == "mine"
        assert own_slots(world["brick"])["literal_facet_"] == Intent("mine")
        assert own_slots(world["babs"])["tech_facet_"].text


# Names


def test_an_object_is_found_by_its_name_until_it_is_deleted(image):
    create(image, "greeter", {"name": "Ada"})

    assert value(image, "greeter", "name") == "Ada"
    image.change("delete", lambda world: world.delete("greeter"))
    assert names(image) == []
    with image.reading() as world:
        assert "greeter" not in world
        with pytest.raises(UnknownObject, match="'greeter'"):
            _ = world["greeter"]


def test_an_unknown_name_comes_with_those_that_are_close(image):
    create(image, "greeter")

    with image.reading() as world, pytest.raises(UnknownObject, match=r"'greter'\. Did you mean 'greeter'\?"):
        _ = world["greter"]


def test_what_was_deleted_stays_where_something_refers_to_it(image):
    create(image, "friend", {"name": "Grace"})
    with image.transaction("befriend") as world:
        world.create("greeter", {"friend": world["friend"]})
        world.delete("friend")

    with image.reading() as world:
        assert world["greeter"].friend.name == "Grace"


@pytest.mark.parametrize("name", ["", "_hidden", "two words", "parent*", "1st", "a/b", None, 5])
def test_a_name_that_nothing_can_have_is_refused(image, name):
    with pytest.raises(NameRefused, match="identifier"):
        create(image, name)
    with image.reading() as world:
        assert name not in world


def test_a_name_that_is_taken_is_refused_and_the_object_stays(image):
    create(image, "greeter", {"name": "Ada"})

    with pytest.raises(NameRefused, match="'greeter': an object of this name exists already"):
        create(image, "greeter", {"name": "Eve"})
    assert value(image, "greeter", "name") == "Ada"


def test_an_object_delegates_to_the_traits_unless_told_otherwise(image):
    create(image, "traits", {"kind": "anything"}, parents=())
    create(image, "greeter")
    create(image, "orphan", parents=())

    assert value(image, "greeter", "kind") == "anything"
    with pytest.raises(AttributeError):
        value(image, "orphan", "kind")


def test_slots_may_be_called_as_the_machinery_calls_its_arguments(image):
    create(image, "greeter", {"self": 1, "parents": 2, "name": 3, "slots": 4})

    assert value(image, "greeter", "parents") == 2


@pytest.mark.parametrize("oid", ["", "zz", "00" * 7, "00" * 9, b"", b"short", "ff" * 8, b"\x7f" * 8])
def test_an_id_that_nothing_has_is_unknown(image, oid):
    with image.reading() as world, pytest.raises(UnknownObject):
        world.object(oid)


def test_what_is_kept_beside_the_objects_is_nobodys_to_talk_to(image):
    create(image, "greeter", {"names": ["Ada"]})

    with image.reading() as world:
        for hidden in (world.root, world.root["receipts"], world["greeter"].names):
            with pytest.raises(UnknownObject, match="something else"):
                world.object(hidden._p_oid)
            assert world.record(hidden._p_oid) is hidden


# Transactions


def test_everything_in_a_transaction_commits_together(image):
    with image.transaction("two") as world:
        world.create("one", {"names": ["Ada"]})
        world.create("other", {"one": world["one"]})

    with image.reading() as world:
        assert world["other"].one is world["one"]
        assert list(world["one"].names) == ["Ada"]


def test_or_not_at_all(image):
    create(image, "greeter", {"name": "Ada", "names": ["Ada"], "members": {1}})

    def fails(world):
        greeter = world["greeter"]
        greeter.name = "Eve"
        greeter.names.append("Eve")
        greeter.members.add(2)
        world.create("other")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        image.change("fails", fails)

    assert names(image) == ["greeter"]
    assert value(image, "greeter", "name") == "Ada"
    assert list(value(image, "greeter", "names")) == ["Ada"]
    assert set(value(image, "greeter", "members")) == {1}


def test_a_doomed_transaction_is_not_committed(image):
    create(image, "greeter", {"name": "Ada"})

    def doomed(world):
        world["greeter"].name = "Eve"
        world.doom()

    with pytest.raises(Exception, match=r"(?i)doomed"):
        image.change("doomed", doomed)
    assert value(image, "greeter", "name") == "Ada"


def test_what_a_savepoint_takes_back_is_gone_and_the_rest_is_committed_and_told(image):
    told = []
    image.after_commit.append(told.append)
    create(image, "greeter", {"name": "Ada", "mood": "calm"})
    told.clear()

    with image.transaction("half") as world:
        world["greeter"].mood = "glad"
        point = world.savepoint()
        world["greeter"].name = "Eve"
        world.create("other")
        point.rollback()

    assert names(image) == ["greeter"]
    assert (value(image, "greeter", "name"), value(image, "greeter", "mood")) == ("Ada", "glad")
    assert [(commit.note, commit.names) for commit in told] == [("half", ("greeter",))]


def test_reading_keeps_nothing(image):
    create(image, "greeter", {"name": "Ada"})

    with image.reading() as world:
        world["greeter"].name = "Eve"

    assert value(image, "greeter", "name") == "Ada"


def test_a_note_of_any_length_and_of_any_characters_is_kept(image):
    with image.transaction("né \udc80 " + "x" * 100_000) as world:
        world.create("greeter")

    *_, last = image.transactions_since(b"\0" * 8)
    assert last.note.startswith("né ? xxx")


def test_facts_of_a_change_are_kept_with_it(image):
    image.change("create", lambda world: world.create("greeter"), mission="m1", undoes="x")

    *_, last = image.transactions_since(b"\0" * 8)
    assert {key: last.info[key] for key in ("mission", "undoes")} == {"mission": "m1", "undoes": "x"}


# Listeners


def test_a_commit_is_told_once_after_it_with_its_change_id(image):
    told = []

    def listener(commit):
        told.append((commit.id, commit.note, commit.names, commit.info, names(image)))

    image.after_commit.append(listener)
    image.change("create", lambda world: world.create("greeter"), mission="m1")

    *_, last = image.transactions_since(b"\0" * 8)
    assert told == [(last.tid.hex(), "create", ("greeter",), {"mission": "m1"}, ["greeter"])]


def test_what_writes_nothing_or_fails_is_not_told(image):
    told = []
    image.after_commit.append(told.append)

    image.change("look", lambda world: world.names())
    with pytest.raises(ZeroDivisionError):
        image.change("fails", lambda world: world.create("greeter", {"name": 1 / 0}))

    assert told == []


def test_a_listener_that_fails_neither_undoes_the_change_nor_runs_it_again(image, caplog):
    runs = []

    def listener(commit):
        raise ChangedMeanwhile(note="the listener's own affair")

    image.after_commit.append(listener)
    image.change("create", lambda world: runs.append(world.create("greeter")))

    assert (names(image), len(runs)) == (["greeter"], 1)
    assert "a listener failed" in caplog.text


# What is stored can be read again


class Colour:
    pass


def test_what_could_not_be_loaded_again_is_not_committed(image, tmp_path):
    create(image, "greeter", {"names": ["Ada"], "tree": OOBTree({"a": 1}), "mood": "calm"})

    for wrong, named in (
        (tmp_path, "pathlib.PosixPath"),
        (Colour(), "Colour"),
        (Colour, "type"),
        (lambda: None, "function"),
        (len, "builtin_function"),
        ((n for n in ()), "generator"),
        ([tmp_path], "pathlib.PosixPath"),
    ):

        def into_the_list(world, wrong=wrong):
            world["greeter"].mood = "wrong"
            world["greeter"].names.append(wrong)

        def into_the_tree(world, wrong=wrong):
            world["greeter"].mood = "wrong"
            world["greeter"].tree["b"] = wrong

        for change in (into_the_list, into_the_tree):
            with pytest.raises(SlotRefused, match=f"a value of type .*{named}"):
                image.change("wrong", change)

    with image.reading() as world:
        assert (list(world["greeter"].names), dict(world["greeter"].tree)) == (["Ada"], {"a": 1})
        assert world["greeter"].mood == "calm"


def test_a_record_too_large_to_be_written_at_each_change_is_refused(image, monkeypatch):
    monkeypatch.setattr("batos.image.storing.LARGEST_RECORD", 2**20)

    with pytest.raises(SlotRefused, match=r"'film' cannot hold 2 MiB in one record\. Keep it in a `ZODB.blob"):
        create(image, "greeter", {"name": "Ada", "film": bytes(2**21), "age": 3})
    create(image, "greeter", {"film": Blob(bytes(2**21))})


def test_large_bytes_documents_and_chunks_are_objects_like_any_other(image):
    def work(world):
        document = Document(document_id="d", chunks=(), forgotten_at=None)
        chunk = MemoryChunk({"document*": document}, text="words", picture=bytes(range(256)) * 4096)
        document.chunks = (chunk,)
        world.create("shelf", {"documents": [document]})

    image.change("shelve", work)

    with image.reading() as world:
        (document,) = world["shelf"].documents
        (chunk,) = document.chunks
        assert (type(document), type(chunk)) == (Document, MemoryChunk)
        assert (chunk.document_id, len(chunk.picture)) == ("d", 2**20)


def test_blobs_are_written_read_and_rewritten(image):
    create(image, "greeter", {"film": Blob(b"first")})

    with image.transaction("rewrite") as world, world["greeter"].film.open("w") as film:
        film.write(b"second")

    with image.reading() as world, world["greeter"].film.open() as film:
        assert film.read() == b"second"

    def fails(world):
        with world["greeter"].film.open("w") as film:
            film.write(b"third")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        image.change("fails", fails)
    with image.reading() as world, world["greeter"].film.open() as film:
        assert film.read() == b"second"


# Closing


def test_a_closed_image_says_so_and_closing_again_does_nothing(uri):
    opened = Image.open(uri)
    opened.close()
    opened.close()

    with pytest.raises(TransactionMisuse, match="was closed"), opened.reading():
        pass


def test_closing_waits_for_other_threads_to_end_their_transactions(uri):
    opened = Image.open(uri)
    entered, leave = threading.Event(), threading.Event()

    def work():
        with opened.transaction("slow") as world:
            world.create("greeter")
            entered.set()
            leave.wait(10)

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(work)
        entered.wait(10)
        closing = pool.submit(opened.close)
        while not opened._closed:
            entered.wait(0.001)
        leave.set()
        slow.result()
        closing.result()

    with Image.open(uri) as again:
        assert names(again) == ["greeter"]


def test_closing_gives_up_on_a_transaction_that_does_not_end(uri, monkeypatch):
    monkeypatch.setattr("batos.image.image.CLOSING_SECONDS", 0.01)
    with Image.open(uri) as opened:
        with opened.reading(), pytest.raises(TransactionMisuse, match="Another thread"):
            in_a_thread(opened.close)
        assert names(opened) == []


def test_everything_is_there_after_closing_and_opening(uri):
    with Image.open(uri) as opened:
        create(opened, "greeter", all_kinds())
        before, identity = contents(opened), opened.id

    with Image.open(uri) as again:
        assert (contents(again), again.id) == (before, identity)
