"""Threads, tasks and processes on one image: each transaction is one thread's, and no race goes unnoticed."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from batos.errors import ChangedMeanwhile, SlotRefused, TransactionMisuse
from batos.image.handles import handle_of
from batos.image.image import Image
from batos.objects.lookup import noting_reads
from batos.objects.primitives import primitive
from batos.objects.records import Method
from batos.objects.uvm_object import UvmObject, label, own_slots
from batos.objects.values import plain
from contract.images import (
    all_kinds,
    another_process,
    contents,
    create,
    image,
    in_a_thread,
    names,
    once,
    storage,
    uri,
    value,
)


def names_of_slots(image, name):
    with image.reading() as world:
        return list(own_slots(world[name]))


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


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_raw_objects_that_were_kept_change_nothing_that_anybody_sees(image, change):
    create(image, "greeter", all_kinds())
    before = contents(image)
    with image.transaction("keep") as world:
        kept = world["greeter"]
        kept.mood = "calm"
        _ = [kept.names[0], kept.born["Ada"], 1 in kept.members, kept.tree["key07"], kept.count()]

    with pytest.raises(TransactionMisuse, match="has ended"):
        change(kept)

    assert contents(image) == before
    with image.transaction("go on") as world:
        world["greeter"].mood = "glad"
    assert contents(image) == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_raw_objects_handed_to_another_thread_change_nothing(image, change):
    create(image, "greeter", all_kinds())
    before = contents(image)

    def handed(raw):
        with pytest.raises(TransactionMisuse, match="belong to the thread"):
            change(raw)

    def share(world):
        raw = world["greeter"]
        _ = [raw.names[0], raw.born["Ada"], 1 in raw.members, raw.tree["key07"], raw.count()]
        in_a_thread(partial(handed, raw))
        raw.mood = "glad"

    with pytest.raises(TransactionMisuse, match="changed by another thread"):
        image.change("share", share)

    assert contents(image) == before


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
        assert "friend" not in names_of_slots(image, "greeter")


# Races


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
        world.rely_on(reads)


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
        world.rely_on(reads)

    with pytest.raises(ChangedMeanwhile):
        once(image, "read", read)


# How code that runs in process may come across the friend of another one, past every lookup of ours.
WAYS = {
    "slot of a slot": "self.friend.on_call",
    "object in a list": "self.friends[0].on_call",
    "objects in turn": "all(friend.on_call for friend in self.friends)",
    "object in a map": "self.by_name['bob'].on_call",
    "length of a list": "len(self.friend.duties) == 1",
}


meetings = []  # what happens once while somebody is about to leave


@primitive("tests.meet")
def _meet(self):
    while meetings:
        meetings.pop()()


@pytest.mark.parametrize("trust", ["trusted", "primitive"])
def test_what_code_in_process_reads_is_checked_when_a_message_commits(image, trust):
    for way in WAYS:
        lose_the_race(image, trust, way)
        image.change("tidy up", lambda world: (world.delete("ada"), world.delete("bob")))


def lose_the_race(image, trust, way):
    source = f"def leave(self):\n    if {WAYS[way]}:\n        self.on_call = False\n    self.meet()\n"
    if trust == "primitive":
        namespace = {"__name__": __name__}
        exec(source, namespace)
        primitive("tests.leave")(namespace["leave"])
        leaves = Method("leave", primitive="tests.leave")
    else:
        leaves = Method("leave", source, trust="trusted")
        image.voucher = lambda method: True
    with image.transaction("set up") as world:
        bob = world.create("bob", {"on_call": True, "duties": ["door"]})
        slots = {"on_call": True, "friend": bob, "friends": [bob], "by_name": {"bob": bob}}
        world.create("ada", {**slots, "leave": leaves, "meet": Method("meet", primitive="tests.meet")})
    ada = image.change("ada", lambda world: handle_of(image, world, world["ada"]))
    with image.reading() as world:
        eval(WAYS[way], {"self": world["ada"]})  # it is all loaded when the message comes

    def bob_leaves(other):
        other["bob"].on_call = False
        other["bob"].duties.append("window")

    meetings.append(lambda: meanwhile(image, bob_leaves))
    ada.leave()

    assert meetings == []
    assert value(image, "ada", "on_call") is True  # it lost the race, and saw the second time that bob has left


def test_what_was_noted_but_is_long_out_of_date_in_the_cache_is_no_race(image):
    with image.transaction("set up") as world:
        parent = world.create("parent", {"friend": world.create("friend", {"name": "Ada"})})
        world.create("child", parents=[parent])
    with image.reading() as world:
        assert world["child"].friend.name == "Ada"  # which the connection keeps
        meanwhile(image, lambda other: setattr(other["friend"], "name", "Grace"))

    with noting_reads() as reads, image.transaction("read") as world:
        assert id(world["child"].friend) in reads
        world["child"].done = True
        world.rely_on(reads)

    assert value(image, "child", "done")


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
