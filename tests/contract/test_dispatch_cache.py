"""What lookups keep: each way in which an answer could become stale, and what keeping must not change."""

import gc

import pytest
from ZODB.Connection import Connection

from batos.image.connections import ImageConnection
from batos.image.image import Image
from batos.objects import lookup
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject
from contract.dispatch_world import STORED, View, as_pair, walked


@pytest.fixture
def image(tmp_path):
    with Image.open(f"file:{tmp_path / 'small.image'}") as opened:
        yield opened


@pytest.fixture
def views(image):
    """Two views of a child, its parent and its grandparent, `o0` to `o2`, which has `a`."""
    with image.transaction("three generations") as world:
        grandparent = world.create("o2", {"a": 1}, [])
        parent = world.create("o1", {}, [grandparent])
        world.create("o0", {}, [parent])
        for number in range(3, STORED):
            world.create(f"o{number}", {}, [])
    opened = [View(image), View(image)]
    yield opened
    for view in opened:
        view.close()


def test_another_connections_change_arrives_though_nothing_but_the_child_is_in_memory(views):
    ours, theirs = views
    child = ours.object(0)
    assert send(child, "a") == 1
    ours.connection.cacheMinimize()
    child._p_activate()
    gc.collect()

    theirs.write(2, "a", 2)
    theirs.commit()
    ours.abort()

    assert send(child, "a") == 2


def test_what_is_new_and_what_is_gone_is_seen_at_once(views):
    child, parent, grandparent = views[0].objects()[:3]
    assert lookup.find(child, "b") is None

    parent.b = 5
    assert child.b == 5
    del parent.b
    assert lookup.find(child, "b") is None
    parent.a = 7
    assert (child.a, lookup.find_above(parent, "a").holder) == (7, grandparent)


def test_delegating_to_somebody_else_is_seen_at_once(views):
    child, parent, other = (views[0].object(number) for number in (0, 1, 3))
    assert child.a == 1

    other.a = 3
    setattr(parent, "parent*", other)
    assert child.a == 3
    delattr(parent, "parent*")
    assert lookup.find(child, "a") is None
    setattr(child, "parent*", other)
    assert child.a == 3


def test_a_new_parent_is_asked_anew_until_it_is_stored(views):
    (view, _), child = views, views[0].object(0)
    new = UvmObject(b=1)
    setattr(child, "second*", new)
    assert child.b == 1
    new.b = 2
    assert child.b == 2

    view.savepoint()
    assert child.b == 2
    new.b = 3
    assert child.b == 3
    view.abort()
    new.b = 4
    assert lookup.find(child, "b") is None


def roll_back_to_the_beginning(view, before):
    before.rollback()


def abort(view, before):
    view.abort()


def lose_a_race(view, before):
    other = View(view.image)
    other.write(3, "a", 0)
    other.commit()
    other.close()
    view.write(3, "a", 1)
    view.commit()


class FailsLast:
    """Takes part in a transaction after the database, and fails it when the database has voted for it."""

    def sortKey(self):
        return "~"

    def tpc_vote(self, transaction):
        raise OSError("the other database is full")

    abort = tpc_begin = commit = tpc_abort = lambda self, transaction: None


def fail_elsewhere(view, before):
    view.manager.get().join(FailsLast())
    with pytest.raises(OSError):
        view.commit()


def save(view, objects):
    view.savepoint()


def add(view, objects):
    for obj in objects:
        view.connection.add(obj)


@pytest.mark.parametrize("give_to_the_connection", [save, add])
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("take_back", [roll_back_to_the_beginning, abort, lose_a_race, fail_elsewhere])
def test_new_objects_taken_back_forget_what_they_answered_as_stored_ones(
    views, take_back, joined, give_to_the_connection
):
    view = views[0]
    if joined:
        view.write(3, "b", 1)
    view.savepoint()
    parent = UvmObject(b=1)
    child = UvmObject([parent])
    view.object(3).friend = child
    before = view.savepoints[-1]
    give_to_the_connection(view, [child, parent])
    assert child.b == 1
    assert child._v_answers

    take_back(view, before)
    parent.b = 2

    assert child._p_jar is None
    assert as_pair(lookup.find(child, "b")) == walked(child, "b")


def test_a_change_that_is_dropped_with_the_loaded_state_is_dropped(views):
    child, parent, _ = views[0].objects()[:3]
    parent.a = 7
    assert child.a == 7

    parent._p_invalidate()

    assert child.a == 1


def test_what_arrived_is_compared_by_id_too(views, monkeypatch):
    """So that it would be noticed even if no loaded object were told."""
    ours, theirs = views
    child = ours.object(0)
    assert child.a == 1
    theirs.write(2, "a", 2)
    theirs.commit()
    monkeypatch.delattr(UvmObject, "_p_invalidate")

    ours.abort()

    assert child.a == 2


def test_a_change_of_somebody_nobody_delegates_to_drops_nothing_but_its_own_answers(views):
    child, _, _, alone = views[0].objects()[:4]
    assert (child.a, lookup.find(alone, "b"), lookup.find(alone, "a")) == (1, None, None)
    kept = dict(child._v_answers)

    alone.b = 1

    assert child._v_answers == kept != {}
    assert alone._v_answers.keys() == {"a"}


def test_who_is_not_the_connections_thread_adds_nothing(views):
    child = views[0].object(0)
    for loaded in views[0].objects():
        loaded._p_activate()
    views[0].connection.take_back()

    assert lookup.find(child, "a").value == 1
    assert not child._v_answers


def test_what_a_kept_answer_depends_on_is_noted_as_read(views):
    child, parent, grandparent = views[0].objects()[:3]
    lookup.find(child, "a")

    with lookup.noting_reads() as reads:
        lookup.find(child, "a")

    assert list(reads.values()) == [child, parent, grandparent]


def test_a_new_object_gets_the_kept_answers_of_stored_ones_and_notes_what_they_depend_on(views):
    child, parent, grandparent = views[0].objects()[:3]
    new = UvmObject([UvmObject([child])], b=1)
    assert (new.a, new.b) == (1, 1)

    with lookup.noting_reads() as reads:
        assert new.a == 1

    assert {id(obj) for obj in (new, child, parent, grandparent)} <= reads.keys()
    assert not new._v_answers


def test_a_ghosts_slots_are_read_like_any_others(image):
    with image.transaction("slots of every kind") as world:
        world.create("thinker", {"name": "Ada", "_tmp_synthesis_data": {"plan": 1}}, [world.create("p", {"b": 2}, [])])

    with image.reading() as world:
        for name, value in {"name": "Ada", "_tmp_synthesis_data": {"plan": 1}, "parent*": world["p"], "b": 2}.items():
            thinker = world["thinker"]
            thinker._p_deactivate()
            assert thinker._p_changed is None
            assert getattr(thinker, name) == value
        assert not hasattr(thinker, "_process_synthesis_")


def test_answers_are_bounded(views, monkeypatch):
    monkeypatch.setattr("batos.objects.answers.LARGEST", 3)
    child = views[0].object(0)

    for number in range(10):
        lookup.find(child, f"name_{number}")

    assert len(child._v_answers) <= 3
    assert walked(child, "a")[1] == child.a == 1


def test_names_that_no_slot_can_have_are_not_kept(image):
    with image.transaction("a stored object") as world:
        world.create("ada")
    with image.reading() as world:
        ada = world["ada"]
        assert lookup.find(ada, "a" * (lookup.LONGEST_NAME + 1)) is None
        assert lookup.find(ada, "a" * lookup.LONGEST_NAME) is None
        assert [len(name) for name in ada._v_answers] == [lookup.LONGEST_NAME]


def test_zodb_begins_a_transaction_as_it_did_when_its_lines_were_copied():
    """`ImageConnection.newTransaction` repeats ZODB's method with one line more. If this fails, compare the two."""
    theirs, ours = (kind.newTransaction.__code__.co_names for kind in (Connection, ImageConnection))

    assert [name for name in ours if name not in ("answers", "arrived")] == list(theirs)
