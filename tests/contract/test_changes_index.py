"""The index of changes: it says what the log says, is made again when it is lost, and spares reading the log."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import os
import random
import sqlite3
from contextlib import contextmanager

import pytest
from BTrees.OOBTree import OOBTree

from batos.errors import UndoRefused, UnknownChange
from batos.image import following
from batos.image.finding import level
from batos.image.history import history, undo
from batos.image.image import Image
from batos.image.log import after
from batos.image.packing import pack
from batos.image.past import Past, same, slots_in
from batos.objects.uvm_object import own_slots
from contract.images import create, image, names, storage, uri, value
from storages import STORAGES

ON_DISK = pytest.mark.parametrize("storage", ["sqlite", "file"], indirect=True)
FULL = os.environ.get("BATOS_FULL") == "1"
MANY = 2_000
START = b"\0" * 8


def told(handle):
    """(note, slots) of the object's changes, newest first."""
    return [(change.note, change.slots) for change in history(handle._image, handle._oid)]


def all_told(image):
    """The whole history of all objects that have a name."""
    with image.reading() as world:
        oids = {name: world.add(world[name]) for name in world.names()}
    return {name: history(image, oid) for name, oid in oids.items()}


def set_slot(image, name, slot, given):
    image.change(f"set {slot}", lambda world: setattr(world[name], slot, given))
    return history(image, oid_of(image, name))[0].id


def oid_of(image, name):
    with image.reading() as world:
        return world.add(world[name])


# What it says


class Story:
    """Random changes to three objects and to what they hold and share; no value is written twice."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.value = 0

    def new(self):
        self.value += 1
        return self.value

    def tell(self, world):
        for _ in range(self.random.randint(1, 3)):
            obj = world[self.random.choice("abc")]
            self.random.choice([self.set, self.nest, self.append, self.deepen, self.inner, self.key, self.forget])(obj)
        if self.random.random() < 0.2:
            self.share(world[self.random.choice("abc")], world[self.random.choice("abc")])

    def set(self, obj):
        setattr(obj, f"s{self.random.randint(1, 3)}", self.new())

    def nest(self, obj):
        obj.list = [self.new(), [self.new()], {"k": [self.new()]}]

    def append(self, obj):
        if "list" in own_slots(obj):
            obj.list.append(self.new())

    def deepen(self, obj):
        if "list" in own_slots(obj) and len(obj.list) > 2:
            obj.list[2]["k"].append(self.new())

    def inner(self, obj):
        if "list" in own_slots(obj):
            obj.list[1].append(self.new())

    def key(self, obj):
        if "tree" not in own_slots(obj):
            obj.tree = OOBTree({f"k{self.new():05}": self.new() for _ in range(80)})
        obj.tree[f"k{self.new():05}"] = self.new()

    def forget(self, obj):
        if "s1" in own_slots(obj):
            del obj.s1

    def share(self, obj, other):
        if other is not None and all("list" in own_slots(one) for one in (obj, other)):
            obj.list.append(self.new())
            obj.list[1] = other.list[1]


def by_the_log(image, oid):
    """(id, the slots that hold something else than before), newest first, by comparing all versions."""
    found = []
    with image.records() as load:
        for logged in list(image.transactions_since(START)):
            before, now = Past(load, logged.tid), Past(load, after(logged.tid))
            was, is_ = (
                {slot: past.expanded(given) for slot, given in slots_in(past.record(oid)).items()}
                for past in (before, now)
            )
            different = {slot for slot in {*was, *is_} if not same(was.get(slot, START), is_.get(slot, START))}
            if different:
                found.append((logged.tid.hex(), different))
    return found[::-1]


@ON_DISK
@pytest.mark.parametrize("seed", [1, 2])
def test_it_says_what_comparing_all_versions_says(image, seed):
    for name in "abc":
        create(image, name)
    story = Story(seed)
    for step in range(40):
        image.change(f"step {step}", story.tell)
        if step % 7 == 0:
            all_told(image)

    for name in "abc":
        listed = [(change.id, set(change.slots)) for change in history(image, oid_of(image, name)) if change.slots]
        assert listed == by_the_log(image, oid_of(image, name))
    step_by_step = all_told(image)
    image.changes.discard("to be made at once")
    assert all_told(image) == step_by_step


def test_a_list_belongs_to_all_slots_that_hold_it_and_to_none_that_did(image):
    first, second = create(image, "first", {"names": [["Ada"]]}), create(image, "second", {"own": 1})

    def share(world):
        world["second"].theirs = [1]
        world["second"].theirs[0] = world["first"].names[0]

    image.change("share", share)
    image.change("add", lambda world: world["first"].names[0].append("Grace"))
    image.change("part", lambda world: setattr(world["first"], "names", []))
    image.change("add again", lambda world: world["second"].theirs[0].append("Alan"))

    assert told(first) == [("part", ("names",)), ("add", ("names",)), ("create first", ("names",))]
    assert [note for note, _ in told(second)] == ["add again", "add", "share", "create second"]


@ON_DISK
def test_a_change_of_many_objects_is_in_the_history_of_each(image):
    handles = [create(image, f"o{number}") for number in range(5)]

    def work(world):
        for number in range(5):
            setattr(world[f"o{number}"], f"s{number}", 1)

    image.change("all at once", work, mission="m1")

    assert [told(handle)[0] for handle in handles] == [("all at once", (f"s{number}",)) for number in range(5)]
    assert {history(image, handle._oid)[0].mission for handle in handles} == {"m1"}


# Its file


def behind(index):
    pass


def missing(index):
    index.place.unlink()


def overwritten(index):
    with index.place.open("r+b") as file:
        file.write(b"\xff" * 5_000)


def another_images(index):
    with sqlite3.connect(index.place) as database:
        database.execute("update origin set image = 'another'")
    database.close()


def another_versions(index):
    with sqlite3.connect(index.place) as database:
        database.execute("update origin set version = version + 1")
    database.close()


def of_another_history(index):
    with index.writing():
        index.move_to(b"\x7f" + b"\0" * 7)


@ON_DISK
@pytest.mark.parametrize("harm", [behind, missing, overwritten, another_images, another_versions, of_another_history])
def test_a_file_that_was_harmed_is_made_again(image, harm):
    handle = create(image, "greeter", {"name": "Ada", "names": ["Ada"]})
    set_slot(image, "greeter", "name", "Grace")
    before = told(handle)
    image.changes.close()
    harm(image.changes)
    image.change("append", lambda world: world["greeter"].names.append("Grace"))

    assert told(handle) == [("append", ("names",)), *before]


@ON_DISK
def test_damage_that_shows_while_it_is_read_is_mended(image):
    handle = create(image, "greeter", {"name": "Ada"})
    expected = told(handle)
    path = image.changes.place
    image.changes._home.rows().execute("pragma wal_checkpoint(truncate)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))

    assert told(handle) == expected


@ON_DISK
def test_a_file_made_in_batches_is_the_same(image, monkeypatch):
    handle = create(image, "greeter", {"names": []})
    for number in range(9):
        image.change(f"add {number}", lambda world, number=number: world["greeter"].names.append(number))
    at_once = history(image, handle._oid)
    image.changes.discard("to be made again")
    monkeypatch.setattr(following, "BATCH", 3)

    assert history(image, handle._oid) == at_once


@pytest.mark.parametrize("storage", ["sqlite", "postgresql"], indirect=True)
def test_two_who_have_the_image_open_share_one_file(uri, image):
    with Image.open(uri) as other:
        handle = create(image, "greeter", {"names": ["Ada"]})
        assert history(other, handle._oid) == history(image, handle._oid)
        other.change("add", lambda world: world["greeter"].names.append("Grace"))
        assert told(handle)[0] == ("add", ("names",))
        image.changes.discard("one of them deletes it")
        assert history(other, handle._oid) == history(image, handle._oid)


@ON_DISK
def test_a_pack_takes_changes_away_and_the_oldest_left_tells_of_all_slots(image):
    handle = create(image, "greeter", {"name": "Ada", "mood": "calm"})
    old = set_slot(image, "greeter", "name", "Grace")
    assert len(told(handle)) == 2
    pack(image, keep_days=0.0)
    set_slot(image, "greeter", "mood", "glad")

    assert told(handle) == [("set mood", ("mood",)), ("set name", ("name", "mood"))]
    with pytest.raises(UndoRefused, match="packed"):
        undo(image, old)


# What it is for


@contextmanager
def without_the_log(image):
    """Bring the index level; whoever reads the log within the block fails."""
    level(image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "transactions_since", lambda image, tid: pytest.fail("the log was read"))
        yield


@pytest.mark.parametrize("storage", STORAGES if FULL else ["sqlite", "file"], indirect=True)
@pytest.mark.timeout(600 if FULL else 60)  # on a server two thousand commits take minutes
def test_a_change_is_undone_after_thousands_of_later_ones_without_reading_the_log(image):
    create(image, "greeter", {"name": "Ada", "names": ["Ada"]})
    create(image, "busy", {"n": 0})
    renamed = set_slot(image, "greeter", "name", "Grace")
    image.change("add", lambda world: world["greeter"].names.append("Grace"))
    added = history(image, oid_of(image, "greeter"))[0].id
    for number in range(MANY):
        with image.transaction("count", mission=f"m{number}") as world:
            world["busy"].n = number

    with without_the_log(image):
        undo(image, renamed)

    assert value(image, "greeter", "name") == "Ada"
    assert value(image, "greeter", "names") == ["Ada", "Grace"]
    assert value(image, "busy", "n") == MANY - 1
    undo(image, added)
    assert value(image, "greeter", "names") == ["Ada"]
    changes = history(image, oid_of(image, "busy"))
    assert len(changes) == MANY + 1
    assert changes[0].mission == f"m{MANY - 1}"
    with pytest.raises(UndoRefused, match="n of busy was changed again since"):
        undo(image, changes[MANY // 2].id)


@ON_DISK
def test_history_that_is_level_is_listed_without_reading_the_log(image):
    handle = create(image, "greeter", {"name": "Ada"})

    with without_the_log(image):
        assert told(handle) == [("create greeter", ("name",))]


@ON_DISK
def test_what_is_no_change_is_said_so(image):
    for change in ("", "no id", "00" * 8, "ff" * 8, "0000000000000001", "12", None, "é" * 16):
        with pytest.raises(UnknownChange):
            undo(image, change)
