"""What an image promises, on every storage: one commit or none, one thread per transaction, and no race unnoticed."""

# ruff: noqa: F811 - pytest finds fixtures by the names of arguments

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from BTrees.Length import Length
from BTrees.OOBTree import OOBTree
from ZODB.blob import Blob

from batos.errors import ChangedMeanwhile, NameRefused, SlotRefused, TransactionMisuse, UnknownObject
from batos.image.image import Image
from batos.memory.records import Document, MemoryChunk
from batos.objects.lookup import noting_reads
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, label, own_slots
from batos.objects.values import plain
from batos.runtime.awakening import awaken
from contract.images import another_process, create, image, storage, uri  # noqa: F401 - fixtures


def names(opened):
    with opened.reading() as world:
        return world.names()


def value(opened, name, slot):
    with opened.reading() as world:
        return plain(getattr(world[name], slot), label)


def own_slots_of(opened, name):
    with opened.reading() as world:
        return dict(own_slots(world[name]))


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


# Misuse


def test_a_transaction_within_a_transaction_is_refused_and_the_outer_one_lives(image):
    with image.transaction("outer") as world:
        with pytest.raises(TransactionMisuse, match="open already"), image.transaction("inner"):
            pass
        world.create("greeter")

    assert names(image) == ["greeter"]


def test_a_change_within_a_transaction_becomes_part_of_it(image):
    def outer(world):
        create(image, "greeter")
        assert names(image) == ["greeter"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        image.change("outer", outer)

    assert names(image) == []


def test_a_change_where_all_is_thrown_away_is_refused(image):
    with image.reading(), pytest.raises(TransactionMisuse, match="only reads"):
        create(image, "greeter")


def test_a_world_is_of_no_use_after_its_transaction(image):
    with image.transaction("create") as world:
        world.create("greeter")

    for use in (world.names, lambda: world["greeter"], lambda: world.create("x"), world.savepoint, world.doom):
        with pytest.raises(TransactionMisuse, match="has ended"):
            use()


def in_a_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_a_world_is_of_no_use_in_another_thread(image):
    with image.transaction("create") as world:
        world.create("greeter")
        for use in (world.names, lambda: world["greeter"], lambda: world.create("x"), world.savepoint):
            with pytest.raises(TransactionMisuse, match="thread"):
                in_a_thread(use)


def test_the_image_is_not_closed_within_its_own_transaction(image):
    with image.reading(), pytest.raises(TransactionMisuse, match="inside its own transaction"):
        image.close()


CHANGES = {
    "slot": lambda raw: setattr(raw, "name", "Eve"),
    "list": lambda raw: raw.__dict__["names"].append("Eve"),
    "dict": lambda raw: raw.__dict__["born"].update(Eve=1),
    "set": lambda raw: raw.__dict__["members"].add(2),
    "tree": lambda raw: raw.__dict__["tree"].update({"Eve": 1}),
    "counter": lambda raw: raw.__dict__["count"].change(1),
}


def all_kinds():
    """A slot of each kind that can be changed in place; the tree is large enough to have nodes of its own."""
    tree = OOBTree({f"key{number}": number for number in range(100)})
    return {"name": "Ada", "names": ["Ada"], "born": {"Ada": 1815}, "members": {1}, "tree": tree, "count": Length(1)}


def shown(opened):
    with opened.reading() as world:
        raw = world["greeter"]
        counted = raw.count()
        return raw.name, list(raw.names), dict(raw.born), set(raw.members), len(raw.tree), counted


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_raw_objects_that_were_kept_change_nothing_that_anybody_sees(image, change):
    create(image, "greeter", all_kinds())
    before = shown(image)
    with image.transaction("keep") as world:
        kept = world["greeter"]
        kept.mood = "calm"
        _ = [kept.names[0], kept.born["Ada"], 1 in kept.members, kept.tree["key7"], kept.count()]

    with pytest.raises(TransactionMisuse, match="has ended"):
        change(kept)

    assert shown(image) == before
    with image.transaction("go on") as world:
        world["greeter"].mood = "glad"
    assert shown(image) == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_raw_objects_handed_to_another_thread_change_nothing(image, change):
    create(image, "greeter", all_kinds())
    before = shown(image)

    def handed(raw):
        with pytest.raises(TransactionMisuse, match="belong to the thread"):
            change(raw)

    def share(world):
        raw = world["greeter"]
        _ = [raw.names[0], raw.born["Ada"], 1 in raw.members, raw.tree["key7"], raw.count()]
        in_a_thread(partial(handed, raw))
        raw.mood = "glad"

    with pytest.raises(TransactionMisuse, match="changed by another thread"):
        image.change("share", share)

    assert shown(image) == before


def test_a_raw_object_that_was_not_loaded_loads_nowhere_else(image):
    create(image, "greeter", {"friend": UvmObject(name="Grace")})
    with image.reading() as world:
        friend = world["greeter"].friend
        friend._p_deactivate()
        with pytest.raises(TransactionMisuse, match="thread"):
            in_a_thread(lambda: friend.name)

    with pytest.raises(TransactionMisuse, match="has ended"):
        _ = friend.name


def test_tasks_that_take_turns_on_one_thread_have_a_transaction_each(image):
    create(image, "greeter", {"name": "Ada"})
    create(image, "other", {"name": "Grace"})

    async def writes_and_fails(entered, looked):
        with image.transaction("fails") as world:
            world["greeter"].name = "Eve"
            entered.set()
            await looked.wait()
            raise ZeroDivisionError

    async def looks_and_writes(entered, looked):
        await entered.wait()
        seen = value(image, "greeter", "name")
        with image.transaction("works") as world:
            world["other"].name = seen
        looked.set()

    async def both():
        entered, looked = asyncio.Event(), asyncio.Event()
        tasks = (writes_and_fails(entered, looked), looks_and_writes(entered, looked))
        return await asyncio.gather(*tasks, return_exceptions=True)

    failed, worked = asyncio.run(both())

    assert isinstance(failed, ZeroDivisionError)
    assert worked is None
    assert (value(image, "greeter", "name"), value(image, "other", "name")) == ("Ada", "Ada")


def test_a_transaction_may_span_two_images_but_no_object_does(image, tmp_path):
    create(image, "greeter")

    with Image.open(f"file:{tmp_path}/second") as second:
        with image.reading() as world, second.transaction("copy") as other:
            other.create("copy", {"name": label(world["greeter"])})
        assert value(second, "copy", "name") == "greeter"

        def borrow(world):
            with second.reading() as other:
                world["greeter"].friend = other["copy"]
                world.savepoint()  # where it would be written

        with pytest.raises(SlotRefused, match="another transaction or image"):
            image.change("borrow", borrow)
        assert "friend" not in own_slots_of(image, "greeter")


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
    monkeypatch.setattr("batos.image.connections.LARGEST_RECORD", 2**20)

    with pytest.raises(SlotRefused, match=r"2 MiB in one record\. Keep it in a `ZODB.blob.Blob`"):
        create(image, "greeter", {"film": bytes(2**21)})
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


# Races


def once(opened, note, work):
    """A transaction that is not run again."""
    with opened.transaction(note) as world:
        work(world)


def meanwhile(opened, work):
    """Commit `work` from another thread, while this one has a transaction open."""
    in_a_thread(lambda: opened.change("meanwhile", work))


def test_a_lost_race_is_told_and_nothing_of_it_is_kept(image):
    create(image, "greeter", {"name": "Ada", "mood": "calm"})

    def rename(world):
        world["greeter"].name = "Grace"
        meanwhile(image, lambda other: setattr(other["greeter"], "mood", "glad"))

    with pytest.raises(ChangedMeanwhile, match="'rename'"):
        once(image, "rename", rename)

    assert (value(image, "greeter", "name"), value(image, "greeter", "mood")) == ("Ada", "glad")


def test_a_change_that_lost_runs_again_on_what_is_there_now(image):
    create(image, "greeter", {"count": 0})
    runs = []

    def work(world):
        runs.append(world["greeter"].count)
        world["greeter"].count += 1
        if len(runs) < 3:
            meanwhile(image, lambda other: setattr(other["greeter"], "count", other["greeter"].count + 10))
        return "done"

    assert image.change("count", work) == "done"
    assert runs == [0, 10, 20]
    assert value(image, "greeter", "count") == 21


def test_many_threads_that_count_lose_nothing(image):
    create(image, "greeter", {"count": 0})

    def count():
        for _ in range(5):
            image.change("count", lambda world: setattr(world["greeter"], "count", world["greeter"].count + 1))

    with ThreadPoolExecutor(4) as pool:
        for counted in [pool.submit(count) for _ in range(4)]:
            counted.result()

    assert value(image, "greeter", "count") == 20


def test_two_objects_created_at_once_are_both_there(image):
    with image.transaction("one") as world:
        world.create("one")
        meanwhile(image, lambda other: other.create("other"))

    assert sorted(names(image)) == ["one", "other"]


def test_two_objects_of_one_name_created_at_once_are_not(image):
    def mine(world):
        world.create("greeter", {"name": "mine"})
        meanwhile(image, lambda other: other.create("greeter", {"name": "theirs"}))

    with pytest.raises(ChangedMeanwhile):
        once(image, "mine", mine)

    assert value(image, "greeter", "name") == "theirs"


def leave(image, name, other, before_commit=lambda: None):
    """Take `name` off call, if `other` is on call."""
    with noting_reads() as reads, image.transaction(f"{name} leaves") as world:
        if world[other].on_call:
            world[name].on_call = False
        before_commit()
        image.read_current(world, reads)


def test_write_skew_is_refused_where_what_was_read_is_checked(image):
    create(image, "ada", {"on_call": True})
    create(image, "bob", {"on_call": True})

    with pytest.raises(ChangedMeanwhile):
        leave(image, "ada", "bob", lambda: in_a_thread(lambda: leave(image, "bob", "ada")))

    assert (value(image, "ada", "on_call"), value(image, "bob", "on_call")) == (True, False)


@pytest.mark.parametrize("place", ["list", "nested list", "object in a list", "missing slot of a parent"])
def test_whatever_was_read_on_the_way_is_checked(image, place):
    with image.transaction("set up") as world:
        world.create("reader")
        parent = world.create("parent", {"names": [["Ada"]], "friends": [UvmObject(name="Grace")]})
        world.create("child", {}, parents=[parent])

    readings = {
        "list": lambda child: len(child.names),
        "nested list": lambda child: plain(child.names),
        "object in a list": lambda child: own_slots(child.friends[0]),
        "missing slot of a parent": lambda child: getattr(child, "mood", None),
    }
    writings = {
        "list": lambda parent: parent.names.append(["Eve"]),
        "nested list": lambda parent: parent.names[0].append("Eve"),
        "object in a list": lambda parent: setattr(parent.friends[0], "name", "Eve"),
        "missing slot of a parent": lambda parent: setattr(parent, "mood", "glad"),
    }

    def read(world):
        with noting_reads() as reads:
            readings[place](world["child"])
        world["reader"].done = True
        meanwhile(image, lambda other: writings[place](other["parent"]))
        image.read_current(world, reads)

    with pytest.raises(ChangedMeanwhile):
        once(image, "read", read)


def test_what_was_noted_but_is_long_out_of_date_in_the_cache_is_no_race(image):
    create(image, "reader")
    create(image, "friend", {"name": "Ada"})
    create(image, "greeter", {"friend": None})
    with image.transaction("befriend") as world:
        world["greeter"].friend = world["friend"]
    for name in ("Grace", "Ada"):  # every connection of the pool has seen an older friend
        meanwhile(image, lambda other, name=name: setattr(other["friend"], "name", name))

    with noting_reads() as reads, image.transaction("read") as world:
        _ = world["greeter"].friend
        world["reader"].done = True
        image.read_current(world, reads)

    assert value(image, "reader", "done")


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
        before, identity = shown(opened), opened.id

    with Image.open(uri) as again:
        assert (shown(again), again.id) == (before, identity)


# Two processes

COUNTING = """
    import sys
    from batos.image.image import Image

    with Image.open(sys.argv[1]) as image:
        for line in sys.stdin:
            def work(world):
                world["greeter"].count += int(line)
                return world["greeter"].count
            print(image.change("count", work), flush=True)
"""


def test_two_processes_on_sqlite_see_each_others_commits(tmp_path):
    uri = f"sqlite:{tmp_path}/image"
    with Image.open(uri) as image:
        create(image, "greeter", {"count": 0})
        with another_process(COUNTING, uri) as child:
            for number in (1, 20, 300):
                child.stdin.write(f"{number}\n")
                child.stdin.flush()
                told = int(child.stdout.readline())
                assert value(image, "greeter", "count") == told
                image.change("count", lambda world: setattr(world["greeter"], "count", world["greeter"].count + 4000))
        assert value(image, "greeter", "count") == 12_321
