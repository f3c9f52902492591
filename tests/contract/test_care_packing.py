"""Packing on all storages: what goes, what stays, and that the preview tells it before."""

import os
import threading
import time

import pytest
from ZODB.POSException import POSKeyError

import batos
from batos.errors import ImageBusy, PackedAway, UndoRefused, UnknownChange, UnknownObject
from batos.image import keeping_file, keeping_tables
from batos.image.files import size_of
from batos.image.history import history
from batos.image.horizon import horizon, refuse_packed
from batos.image.image import Image
from batos.image.keeping import Held
from batos.image.packing import DAY, pack, pack_to, preview_pack
from batos.image.soundness import check_soundness
from batos.image.statistics import statistics
from batos.image.turns import alone, together
from batos.image.undo import undo
from batos.objects.uvm_object import UvmObject, put
from batos.runtime.heartbeat import Heartbeat
from batos.settings import Settings
from batos.testing import MovableClock
from contract.care_tools import STORAGES as DISKS
from contract.care_tools import blob_in, create, notes, put_blob, set_slot, value, writing
from contract.images import image, storage, uri
from storages import STORAGES

__all__ = ["image", "storage", "uri"]  # the fixtures

# A server is slow to found images on; what is kept and what is lost is asked of it each time, the rest in full runs.
ON_DISK = pytest.mark.parametrize("storage", STORAGES if os.environ.get("BATOS_FULL") == "1" else DISKS, indirect=True)


def grown(image):
    """A greeter with a past, a blob with a past, and five objects that nothing refers to any more."""
    create(image, "greeter", name="Ada")
    for number in range(15):
        set_slot(image, "greeter", "name", f"Ada {number}")
    for number in range(5):
        create(image, f"gone{number}", text="hello " * 5000)
        image.change("delete", lambda world, number=number: world.delete(f"gone{number}"))
    for content in (b"first" * 1000, b"second" * 1000):
        put_blob(image, "greeter", "file", content)


def is_on_server(image):
    return image.where.scheme == "postgresql"


def changes_of(image, name):
    with image.reading() as world:
        oid = world[name]._p_oid
    return history(image, oid)


def test_what_is_removed_is_what_the_preview_told(image):
    grown(image)
    before = statistics(image)
    seen = preview_pack(image, 0)
    packed = pack(image, 0)

    assert packed.removed == seen.removes
    assert packed.horizon == seen.horizon
    assert seen.removes.objects == 5 + 1  # the first blob is one too
    assert seen.removes.bytes > 5 * 30_000 + 5_000
    assert statistics(image).records < before.records - 25


@ON_DISK
def test_the_present_is_what_it_was(image):
    grown(image)
    pack(image, 0)

    assert value(image, "greeter", "name") == "Ada 14"
    assert blob_in(image, "greeter", "file") == b"second" * 1000
    assert check_soundness(image).problems == ()
    set_slot(image, "greeter", "name", "Grace")
    assert value(image, "greeter", "name") == "Grace"


@ON_DISK
def test_the_files_are_really_smaller(image):
    grown(image)
    packed = pack(image, 0)

    assert packed.later == ""
    assert packed.after < packed.before
    if not is_on_server(image):
        assert packed.after == size_of(image.where.objects) < 200_000


def test_the_bytes_of_old_blobs_are_gone_from_the_disk(image):
    grown(image)
    pack(image, 0)

    held = [path for path in image.where.objects.rglob("*") if path.is_file() and b"firstfirst" in path.read_bytes()]
    assert held == []


@ON_DISK
def test_what_is_younger_than_was_said_stays(image):
    grown(image)
    before = notes(image)
    packed = pack(image, 1)

    assert packed.removed == Held()
    assert notes(image)[: len(before)] == before


@ON_DISK
def test_the_past_before_the_days_that_are_kept_goes(uri):
    clock = MovableClock(time.time() + 10 * DAY)
    with Image.open(uri, clock=clock) as image:
        grown(image)

        assert preview_pack(image, 11).removes == Held()
        assert preview_pack(image, 9).removes.records > 0


@ON_DISK
def test_packing_again_finds_nothing_more(image):
    grown(image)
    pack(image, 0)
    create(image, "late")

    packed = pack(image, 0)
    assert packed.removed.objects == 0
    assert preview_pack(image, 30).removes == Held()


@ON_DISK
def test_a_packed_image_opens_again(uri):
    with Image.open(uri) as image:
        grown(image)
        pack(image, 0)
    with Image.open(uri) as image:
        assert value(image, "greeter", "name") == "Ada 14"
        create(image, "new")
        assert check_soundness(image).problems == ()


# What is kept although it looks unused


def test_what_an_undo_brought_back_after_the_horizon_is_kept(image):
    """It was in no use at the horizon, and only a later transaction refers to it again."""
    create(image, "lost", text="found again")
    image.change("delete", lambda world: world.delete("lost"))
    deletion = list(image.transactions_since(b"\0" * 8))[-1].tid
    create(image, "marker")
    limit = list(image.transactions_since(b"\0" * 8))[-1].tid
    undo(image, deletion.hex())

    with alone(image.path):
        pack_to(image, limit)
    image.db.cacheMinimize()

    assert value(image, "lost", "text") == "found again"
    assert check_soundness(image).problems == ()


@ON_DISK
def test_objects_that_are_needed_elsewhere_are_kept(image):
    create(image, "waiting", text="for its mission")
    with image.reading() as world:
        oid = world["waiting"]._p_oid
    image.change("delete", lambda world: world.delete("waiting"))

    seen = preview_pack(image, 0, [oid])
    assert pack(image, 0, [oid]).removed == seen.removes
    image.db.cacheMinimize()
    with image.reading() as world:
        assert world.object(oid).text == "for its mission"

    for _ in range(2):  # the first of them still finds what it was told then
        pack(image, 0)
    image.db.cacheMinimize()
    with image.reading() as world, pytest.raises((UnknownObject, POSKeyError)):
        str(world.object(oid).text)


def test_what_comes_into_use_again_while_it_packs_is_kept(image, monkeypatch):
    """A transaction that began before the deletion stores a reference when the pack has decided what goes."""
    on_file = image.where.scheme == "file"
    where, deciding = (keeping_file._Collector, "findReachable") if on_file else (keeping_tables, "read_log")
    decide = getattr(where, deciding)
    create(image, "holder")
    create(image, "lost", text="found again")
    loaded, decided = threading.Event(), threading.Event()

    def hold():
        with image.transaction("hold") as world:
            holder, lost = world["holder"], world["lost"]
            assert lost.text == "found again"
            loaded.set()
            decided.wait(10)
            put(holder, "friend", lost)

    def decide_and_wait(*arguments):
        told = decide(*arguments)
        decided.set()
        thread.join()
        return told

    thread = threading.Thread(target=hold)
    thread.start()
    loaded.wait(10)
    image.change("delete", lambda world: world.delete("lost"))
    monkeypatch.setattr(where, deciding, decide_and_wait)
    pack(image, 0)
    image.db.cacheMinimize()

    with image.reading() as world:
        assert world["holder"].friend.text == "found again"
    assert check_soundness(image).problems == ()


@ON_DISK
def test_circles_that_nothing_refers_to_go(image):
    def circle(world):
        one, other = UvmObject(), UvmObject()
        put(one, "friend", other)
        put(other, "friend", one)
        world.create("holder", {"first": one})

    image.change("make a circle", circle)
    set_slot(image, "holder", "first", None)

    assert preview_pack(image, 0).removes.objects == 2
    assert pack(image, 0).removed.objects == 2
    assert check_soundness(image).unused == 0


# The horizon


@ON_DISK
def test_what_lies_before_the_horizon_is_refused_with_a_sentence(image):
    grown(image)
    first = next(image.transactions_since(b"\0" * 8)).tid
    assert horizon(image) is None
    refuse_packed(image, first)

    packed = pack(image, 0)
    assert horizon(image).hex() == packed.horizon
    refuse_packed(image, bytes.fromhex(packed.horizon))
    with pytest.raises(PackedAway, match=r"lies before .* Only an earlier backup has it"):
        refuse_packed(image, first)


@ON_DISK
def test_a_change_whose_before_is_gone_cannot_be_undone(image):
    grown(image)
    last, first = changes_of(image, "greeter")[0], changes_of(image, "greeter")[-1]
    pack(image, 0)

    with pytest.raises(UndoRefused, match="was packed since"):
        undo(image, last.id)
    with pytest.raises((UndoRefused, UnknownChange)):
        undo(image, first.id)
    assert value(image, "greeter", "name") == "Ada 14"


@ON_DISK
def test_the_horizon_only_moves_on(image):
    grown(image)
    pack(image, 0)
    before = horizon(image)
    pack(image, 30)

    assert horizon(image) == before


@ON_DISK
def test_what_is_changed_after_a_pack_can_be_undone(image):
    grown(image)
    pack(image, 0)
    set_slot(image, "greeter", "name", "Grace")
    undo(image, changes_of(image, "greeter")[0].id)

    assert value(image, "greeter", "name") == "Ada 14"


# Beside others


def test_others_write_while_it_packs(image):
    grown(image)
    with writing(image) as last:
        for _ in range(2):
            pack(image, 0, patience=0.2)
        written = last()
    assert value(image, "busy", "number") >= written
    assert check_soundness(image).problems == ()


@ON_DISK
def test_another_connection_reads_its_snapshot_through_a_pack(image):
    create(image, "greeter", name="Ada")
    with image.reading() as world:
        greeter = world["greeter"]
        greeter.name  # noqa: B018 - read, so that this snapshot has it
        packer = threading.Thread(target=pack, args=(image, 0), kwargs={"patience": 0.2})
        packer.start()
        packer.join(20)
        assert (packer.is_alive(), greeter.name) == (False, "Ada")


@ON_DISK
def test_one_packs_at_a_time_and_not_while_the_image_is_copied(image):
    create(image, "greeter")
    with together(image.path), pytest.raises(ImageBusy, match="copied"):
        pack(image, 0, patience=0.05)
    with alone(image.path), pytest.raises(ImageBusy):
        pack(image, 0, patience=0.05)
    pack(image, 0)


# Figures


@ON_DISK
def test_statistics_count_what_is_stored(image):
    create(image, "greeter", name="Ada")
    before = statistics(image)
    for _ in range(3):
        set_slot(image, "greeter", "name", "Ada again")
    put_blob(image, "greeter", "file", b"x" * 5000)
    after = statistics(image)

    assert after.transactions - before.transactions == 4
    assert (after.records - before.records, after.objects - before.objects) == (3 + 2, 1)
    assert after.total_bytes == sum(after.bytes.values()) > before.total_bytes
    assert (after.pack_horizon, after.oldest_reader) == (None, None)
    assert is_on_server(image) or any(name.startswith("objects/") for name in after.bytes)


@ON_DISK
def test_statistics_tell_of_an_open_reader(image):
    with image.reading():
        assert statistics(image).oldest_reader >= 0
    pack(image, 0)
    assert statistics(image).pack_horizon is not None


# Missions


def test_what_open_missions_need_is_kept_and_ended_ones_are_listed_without_their_target(tmp_path):
    quiet = Settings(heartbeat=False, workers=0)
    with batos.open(f"file:{tmp_path}/a.image", settings=quiet) as uvm:
        for name in ("waited_for", "forgotten"):
            uvm.create(name, {"name": name})
            mission = uvm.submit(name, "greet_")
            uvm.delete(name)
        mission.cancel()
        for _ in range(10):  # a method that failed, of an object that is gone
            uvm.store.count_call(uvm.store.get(mission.id).brief.target, "greet_", 2, ok=False, micros=1)
        assert uvm.care.pack(0).removed.objects == 1

    with batos.open(f"file:{tmp_path}/a.image", settings=quiet) as uvm:
        listed = {found["state"]: found["target"] for found in uvm.missions()}
        assert listed == {"queued": "waited_for", "failed": uvm.store.get(mission.id).brief.target}
        assert Heartbeat(uvm.place, uvm.settings, uvm.events).beat().failing_methods == 0
        assert [found for found in uvm.care.doctor() if found.standing == "wrong"] == []
