"""Undoing a change: a new change that puts back what it wrote, and leaves what was built on it."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import pytest
from BTrees.Length import Length
from BTrees.OOBTree import OOBTree
from ZODB.blob import Blob

from batos.errors import UndoRefused
from batos.image.history import history, undo
from batos.image.receipts import Proposal, Receipt
from batos.objects.mirror import Mirror
from batos.objects.records import Intent
from batos.objects.uvm_object import UvmObject, own_slots, remove
from batos.objects.values import plain
from contract.images import (
    all_kinds,
    change,
    contents,
    create,
    image,
    method,
    names,
    set_slot,
    slots,
    storage,
    told,
    uri,
    value,
)


@pytest.fixture
def greeter(image):
    return create(image, "greeter", {"name": "Ada", "mood": "calm", "names": ["Ada"]})


# Undo


def test_a_slot_holds_again_what_it_held(image, greeter):
    changed = set_slot(image, "greeter", "name", "Grace")
    added = set_slot(image, "greeter", "surname", "Hopper")
    removed = change(image, "remove", lambda world: remove(world["greeter"], "mood"))

    assert undo(image, changed) == "set name"
    undo(image, added)
    undo(image, removed)

    assert {slot: plain(held) for slot, held in slots(image, "greeter").items()} == {
        "name": "Ada",
        "names": ["Ada"],
        "mood": "calm",
    }


def test_it_is_a_change_like_any_other_and_says_what_it_undoes(image, greeter):
    changed = set_slot(image, "greeter", "name", "Grace")
    undo(image, changed)

    assert told(greeter)[0] == (f"undo {changed}: set name", ("name",))
    *_, last = image.transactions_since(b"\0" * 8)
    assert last.info["undoes"] == changed


def test_changes_to_other_slots_and_objects_since_stay(image, greeter):
    changed = set_slot(image, "greeter", "name", "Grace")
    for number in range(30):
        set_slot(image, "greeter", f"slot{number}", number)
        create(image, f"other{number}")
    change(image, "append", lambda world: world["greeter"].names.append("Eve"))

    undo(image, changed)

    assert value(image, "greeter", "name") == "Ada"
    assert value(image, "greeter", "slot29") == 29
    assert value(image, "greeter", "names") == ["Ada", "Eve"]
    assert len(names(image)) == 31


def test_what_was_changed_again_since_refuses_and_is_named(image, greeter):
    changed = change(
        image,
        "both",
        lambda world: (setattr(world["greeter"], "name", "Grace"), setattr(world["greeter"], "mood", "glad")),
    )
    set_slot(image, "greeter", "name", "Eve")

    with pytest.raises(
        UndoRefused, match=f"Change {changed} cannot be undone: name of greeter was changed again since"
    ):
        undo(image, changed)

    assert (value(image, "greeter", "name"), value(image, "greeter", "mood")) == ("Eve", "glad")


def test_what_was_changed_and_changed_back_since_can_be_undone(image, greeter):
    changed = set_slot(image, "greeter", "name", "Grace")
    set_slot(image, "greeter", "name", "Eve")
    set_slot(image, "greeter", "name", "Grace")

    undo(image, changed)

    assert value(image, "greeter", "name") == "Ada"


def test_an_undo_can_be_undone_and_not_twice_in_a_row(image, greeter):
    changed = set_slot(image, "greeter", "name", "Grace")
    undo(image, changed)
    undone = history(image, greeter._oid)[0].id
    with pytest.raises(UndoRefused, match=f"it was undone already, by change {undone}; undo that one to redo it"):
        undo(image, changed)

    undo(image, history(image, greeter._oid)[0].id)
    assert value(image, "greeter", "name") == "Grace"
    undo(image, changed)
    assert value(image, "greeter", "name") == "Ada"


def test_an_undo_joins_the_callers_open_transaction(image, greeter):
    changed = set_slot(image, "greeter", "name", "Grace")

    def fails(world):
        undo(image, changed)
        assert world["greeter"].name == "Ada"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        image.change("fails", fails)

    assert value(image, "greeter", "name") == "Grace"


# Methods


def test_a_learned_method_gives_way_to_the_intent_or_the_version_before(image, greeter):
    set_slot(image, "greeter", "shout", Intent("to shout"))
    first = set_slot(image, "greeter", "shout", method("shout"))
    second = change(
        image,
        "learn again",
        lambda world: setattr(world["greeter"], "shout", method("shout", "two", own_slots(world["greeter"])["shout"])),
    )

    with pytest.raises(UndoRefused, match="shout of greeter"):
        undo(image, first)
    undo(image, second)
    assert slots(image, "greeter")["shout"].version == 1
    undo(image, first)
    assert slots(image, "greeter")["shout"] == Intent("to shout")


def test_receipts_and_proposals_tell_what_happened_also_after_it_was_undone(image, greeter):
    def learn(world):
        greeter_ = world["greeter"]
        greeter_.shout = method("shout")
        world.root["receipts"]["m1"] = Receipt("m1", "done", brief={}, answer=1)
        world.root["proposals"]["p1"] = Proposal("p1", greeter_, method("x"), mission="m1", reason="because")

    learned = change(image, "learn shout", learn, mission="m1")
    for number in range(5):

        def file(world, number=number):
            world.root["receipts"][f"later{number}"] = Receipt(f"later{number}", "done", brief={})

        image.change("later", file)

    undo(image, learned)

    assert "shout" not in slots(image, "greeter")
    with image.reading() as world:
        assert (world.receipts["m1"].answer, world.proposals["p1"].state) == (1, "open")
        assert len(world.receipts) == 6


def test_a_change_that_only_filed_a_receipt_has_nothing_to_put_back(image):
    def file(world):
        world.root["receipts"]["m1"] = Receipt("m1", "failed", brief={})

    with pytest.raises(UndoRefused, match="nothing of it is left"):
        undo(image, change(image, "file", file))


def test_notes_and_the_order_of_parents_are_put_back(image, greeter):
    create(image, "first", {"who": "first"})
    create(image, "second", {"who": "second"})

    def adopt(world):
        setattr(world["greeter"], "a*", world["first"])
        setattr(world["greeter"], "b*", world["second"])
        Mirror(world["greeter"]).annotate("name", comment="who")

    def orphan(world):
        remove(world["greeter"], "a*")
        Mirror(world["greeter"]).annotate("name", comment="changed")

    change(image, "adopt", adopt)
    orphaned = change(image, "orphan", orphan)
    assert value(image, "greeter", "who") == "second"

    undo(image, orphaned)

    assert value(image, "greeter", "who") == "first"
    with image.reading() as world:
        assert Mirror(world["greeter"]).notes("name") == {"comment": "who"}


# Lists, dicts, sets, trees, counters, blobs


def rewrite(world):
    with world["greeter"].film.open("w") as film:
        film.write(b"changed")


WITHIN = {
    "names": lambda world: world["greeter"].names.append("Eve"),
    "born": lambda world: world["greeter"].born.pop("Ada"),
    "members": lambda world: world["greeter"].members.update({7, 8, 9}),
    "tree": lambda world: world["greeter"].tree.update({f"new{number}": number for number in range(200)}),
    "count": lambda world: world["greeter"].count.change(5),
    "rows": lambda world: world["greeter"].rows[0].append("Eve"),
    "film": rewrite,
}


@pytest.mark.parametrize("slot", WITHIN)
def test_a_change_within_a_slots_value_is_put_back(image, slot):
    greeter = create(image, "greeter", {**all_kinds(), "rows": [["Ada"]], "film": Blob(b"first")})
    before = {name: getattr(greeter, name) for name in (*all_kinds(), "rows", "film")}
    changed = change(image, "within", WITHIN[slot])
    assert getattr(greeter, slot) != before[slot]

    undo(image, changed)

    assert {name: getattr(greeter, name) for name in before} == before
    undo(image, history(image, greeter._oid)[0].id)
    assert getattr(greeter, slot) != before[slot]


@pytest.mark.parametrize("slot", ["names", "born", "rows", "count", "film"])
def test_one_that_was_changed_again_since_refuses_and_names_the_slot(image, slot):
    again = {**WITHIN, "born": lambda world: world["greeter"].born.update(Eve=1), "film": WITHIN["film"]}
    create(image, "greeter", {**all_kinds(), "rows": [["Ada"]], "film": Blob(b"first")})
    changed = change(image, "within", WITHIN[slot])
    change(image, "again", again[slot])

    with pytest.raises(UndoRefused, match=f"{slot} of greeter was changed again since"):
        undo(image, changed)


@pytest.mark.parametrize("slot", ["names", "born", "members", "tree", "count"])
def test_a_value_assigned_and_changed_since_refuses_too(image, greeter, slot):
    assigned = set_slot(image, "greeter", slot, all_kinds()[slot])
    change(image, "within", WITHIN[slot])

    with pytest.raises(UndoRefused, match=f"{slot} of greeter was changed again since"):
        undo(image, assigned)


def test_a_list_changed_and_replaced_since_refuses(image, greeter):
    changed = change(image, "append", lambda world: world["greeter"].names.append("Eve"))
    replaced = set_slot(image, "greeter", "names", ["Grace"])

    with pytest.raises(UndoRefused, match="in no slot any more"):
        undo(image, changed)
    undo(image, replaced)
    undo(image, changed)
    assert value(image, "greeter", "names") == ["Ada"]


def test_a_list_changed_and_replaced_in_one_change_is_back_as_it_was(image, greeter):
    def both(world):
        world["greeter"].names.append("Eve")
        world["greeter"].names = ["Grace"]

    undo(image, change(image, "both", both))

    assert value(image, "greeter", "names") == ["Ada"]


@pytest.mark.parametrize("size", [5, 400])
def test_keys_of_a_tree_are_put_back_one_by_one(image, size):
    create(image, "greeter", {"tree": OOBTree({f"{number:03}": number for number in range(size)})})

    def mix(world):
        tree = world["greeter"].tree
        tree["new"] = [1]
        tree["001"] = "changed"
        del tree["002"]

    mixed = change(image, "mix", mix)
    change(
        image, "elsewhere", lambda world: world["greeter"].tree.update({f"x{number:03}": 0 for number in range(300)})
    )

    undo(image, mixed)

    tree = value(image, "greeter", "tree")
    assert (tree["001"], tree["002"], "new" in tree, len(tree)) == (1, 2, False, size + 300)


def test_a_key_that_was_changed_again_since_refuses_and_is_named(image):
    create(image, "greeter", {"tree": OOBTree({"a": 1, "b": 2})})
    both = change(image, "both", lambda world: world["greeter"].tree.update({"a": 10, "b": 20}))
    change(image, "one", lambda world: world["greeter"].tree.update({"b": 200}))

    with pytest.raises(UndoRefused, match="'b' in tree of greeter was changed again since"):
        undo(image, both)
    assert value(image, "greeter", "tree") == {"a": 10, "b": 200}


# Objects and names


def test_an_object_that_was_created_loses_its_name(image, greeter):
    made = change(image, "make", lambda world: world.create("made", {"friend": world["greeter"]}))

    undo(image, made)

    assert names(image) == ["greeter"]


def test_and_the_undo_of_that_gives_it_back(image):
    made = change(image, "make", lambda world: world.create("made", {"name": "Ada"}))
    undo(image, made)
    *_, last = image.transactions_since(b"\0" * 8)

    undo(image, last.tid.hex())

    assert value(image, "made", "name") == "Ada"


@pytest.mark.parametrize(
    "use",
    [
        lambda world: setattr(world["greeter"], "friend", world["made"]),
        lambda world: setattr(world["greeter"], "friends", [[world["made"]]]),
        lambda world: setattr(world["greeter"], "pair", (world["made"], 1)),
        lambda world: setattr(world["greeter"], "parent*", world["made"]),
    ],
)
def test_what_somebody_uses_is_not_taken_away(image, greeter, use):
    made = change(image, "make", lambda world: world.create("made"))
    change(image, "use", use)

    with pytest.raises(UndoRefused, match="made, which it made, is used by greeter"):
        undo(image, made)
    assert "made" in names(image)


@pytest.mark.parametrize(
    "since",
    [
        lambda world: setattr(world["made"], "name", "Grace"),
        lambda world: setattr(world["made"], "mood", "new"),
        lambda world: setattr(world["made"], "shout", method("shout")),
        lambda world: remove(world["made"], "mood"),
    ],
)
def test_an_object_that_was_changed_since_is_not_taken_away(image, since):
    made = change(image, "make", lambda world: world.create("made", {"name": "Ada", "mood": "calm"}))
    change(image, "since", since)

    with pytest.raises(UndoRefused, match="of made was changed again since"):
        undo(image, made)


def test_objects_made_together_may_use_each_other(image):
    def both(world):
        one = world.create("one")
        world.create("other", {"friend": one}, parents=[one])

    undo(image, change(image, "both", both))

    assert names(image) == []


def test_a_deleted_name_comes_back_unless_it_was_given_anew(image, greeter):
    deleted = change(image, "delete", lambda world: world.delete("greeter"))

    undo(image, deleted)
    assert value(image, "greeter", "name") == "Ada"

    again = change(image, "delete", lambda world: world.delete("greeter"))
    create(image, "greeter", {"name": "Eve"})
    with pytest.raises(UndoRefused, match="the name greeter was changed again since"):
        undo(image, again)
    assert value(image, "greeter", "name") == "Eve"


def test_the_traits_that_everything_delegates_to_stay(image):
    made = change(image, "make the traits", lambda world: world.create("traits"))

    with pytest.raises(UndoRefused, match=r"traits, which everything delegates to"):
        undo(image, made)


def test_an_object_without_a_name_is_put_back_and_protected_too(image, greeter):
    befriended = set_slot(image, "greeter", "friend", UvmObject(name="Grace"))
    renamed = change(image, "rename", lambda world: setattr(world["greeter"].friend, "name", "Eve"))

    with pytest.raises(UndoRefused, match=r"name of object 0x.* was changed again since"):
        undo(image, befriended)
    undo(image, renamed)
    undo(image, befriended)

    assert "friend" not in slots(image, "greeter")


def test_everything_at_once_or_nothing(image):
    create(image, "greeter", all_kinds())
    before = contents(image)

    def everything(world):
        greeter = world["greeter"]
        greeter.name = "Grace"
        greeter.names.append("Eve")
        greeter.born["Eve"] = 1990
        greeter.members.add(5)
        greeter.tree["Eve"] = 1
        greeter.count.change(1)
        world.create("other")

    changed = change(image, "everything", everything)
    after = contents(image)
    blocked = change(image, "last", lambda world: world["greeter"].names.append("Max"))
    with pytest.raises(UndoRefused, match="names of greeter"):
        undo(image, changed)
    assert contents(image) == {**after, "names": ["Ada", "Eve", "Max"]}

    undo(image, blocked)
    undo(image, changed)

    assert contents(image) == before
    assert names(image) == ["greeter"]
    assert isinstance(slots(image, "greeter")["count"], Length)
