"""The history of an object: which changes wrote to it, and to what in it."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import pytest
from ZODB.blob import Blob

from batos.errors import UnknownObject
from batos.image.history import history, undo
from batos.image.image import Image
from batos.objects.records import Intent
from batos.objects.uvm_object import remove
from contract.images import all_kinds, another_process, change, create, image, method, set_slot, storage, told, uri


@pytest.fixture
def greeter(image):
    return create(image, "greeter", {"name": "Ada", "mood": "calm", "names": ["Ada"]})


# History


def test_it_lists_the_changes_of_an_object_newest_first(image, greeter):
    create(image, "other")
    renamed = set_slot(image, "greeter", "name", "Grace")
    set_slot(image, "other", "name", "nobody's")
    change(image, "forget the mood", lambda world: remove(world["greeter"], "mood"), mission="m1")

    entries = history(image, greeter._oid)

    assert [(entry.note, entry.slots, entry.mission) for entry in entries] == [
        ("forget the mood", ("mood",), "m1"),
        ("set name", ("name",), None),
        ("create greeter", ("name", "mood", "names"), None),
    ]
    assert entries[1].id == renamed
    assert entries[0].time >= entries[1].time >= entries[2].time > 1_600_000_000


def test_a_change_to_the_same_value_is_none_and_one_from_1_to_true_is(image, greeter):
    set_slot(image, "greeter", "mood", 1)
    set_slot(image, "greeter", "mood", True)
    set_slot(image, "greeter", "mood", True)

    assert told(greeter)[:3] == [("set mood", ()), ("set mood", ("mood",)), ("set mood", ("mood",))]


def test_methods_intents_and_parents_are_slots_too(image, greeter):
    create(image, "parent")
    set_slot(image, "greeter", "shout", Intent("to shout"))
    set_slot(image, "greeter", "shout", method("shout"))
    change(image, "adopt", lambda world: setattr(world["greeter"], "parent*", world["parent"]))

    assert told(greeter)[:3] == [("adopt", ("parent*",)), ("set shout", ("shout",)), ("set shout", ("shout",))]


@pytest.mark.parametrize(
    "slot, work",
    [
        ("names", lambda raw: raw.names.append("Eve")),
        ("born", lambda raw: raw.born.update(Eve=1990)),
        ("members", lambda raw: raw.members.add(2)),
        ("tree", lambda raw: raw.tree.update({"Eve": 1})),
        ("tree", lambda raw: raw.tree.pop("key50")),
        ("count", lambda raw: raw.count.change(1)),
    ],
)
def test_a_change_within_a_list_dict_set_tree_or_counter_is_the_slots(image, slot, work):
    create(image, "other", all_kinds())
    greeter = create(image, "greeter", all_kinds())
    change(image, "within", lambda world: work(world["greeter"]))
    change(image, "elsewhere", lambda world: work(world["other"]))

    assert told(greeter) == [("within", (slot,)), ("create greeter", tuple(all_kinds()))]


def test_a_change_within_a_list_within_a_list_is_the_slots_and_a_blobs_too(image):
    greeter = create(image, "greeter", {"rows": [[1], {"a": [2]}], "film": Blob(b"one")})
    change(image, "deep", lambda world: world["greeter"].rows[1]["a"].append(3))

    def rewrite(world):
        with world["greeter"].film.open("w") as film:
            film.write(b"two")

    change(image, "rewrite", rewrite)

    assert told(greeter)[:2] == [("rewrite", ("film",)), ("deep", ("rows",))]


def test_a_list_that_was_replaced_since_is_part_of_the_past_all_the_same(image, greeter):
    change(image, "append", lambda world: world["greeter"].names.append("Eve"))
    set_slot(image, "greeter", "names", ["Grace"])
    change(image, "again", lambda world: world["greeter"].names.append("Eve"))

    assert [note for note, _ in told(greeter)] == ["again", "set names", "append", "create greeter"]


def test_a_list_that_left_the_object_is_not_its_any_more(image, greeter):
    kept = []

    def take(world):
        kept.append(world["greeter"].names)
        world["greeter"].names = []
        world.root["shelf"] = kept[0]

    change(image, "take away", take)
    change(image, "elsewhere", lambda world: world.root["shelf"].append("Eve"))

    assert [note for note, _ in told(greeter)] == ["take away", "create greeter"]


def test_an_unknown_object_has_no_history(image):
    with pytest.raises(UnknownObject):
        history(image, b"\0" * 6 + b"\xff\xff")


WRITING = """
    import sys
    from batos.image.image import Image

    with Image.open(sys.argv[1]) as image:
        for line in sys.stdin:
            image.change("from elsewhere", lambda world: setattr(world["greeter"], "name", line.strip()))
            print("written", flush=True)
"""


def test_history_is_right_while_another_process_writes(tmp_path):
    uri = f"sqlite:{tmp_path}/image"
    with Image.open(uri) as image:
        greeter = create(image, "greeter", {"name": "Ada"})
        with another_process(WRITING, uri) as child:
            for number in range(1, 4):
                child.stdin.write(f"{number}\n")
                child.stdin.flush()
                assert child.stdout.readline() == "written\n"
                assert told(greeter)[:number] == [("from elsewhere", ("name",))] * number
            newest = history(image, greeter._oid)[0]
            undo(image, newest.id)
            assert greeter.name == "2"
