"""A mirror: for talking about an object, where the object itself is for talking to."""

import json

import pytest
from BTrees.OOBTree import OOBTree

from batos.errors import NotUnderstood, SlotRefused
from batos.objects.mirror import Mirror
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject


@pytest.fixture
def traits():
    return UvmObject(clone=Method("clone"), shout=Method("shout"))


@pytest.fixture
def greeter(traits):
    return UvmObject([traits], name="Ada", tags=["a"], shout=Intent("to shout"), greet=Method("greet"))


def test_slots_are_listed_in_order_with_what_they_are(greeter):
    listed = [(slot.name, slot.kind) for slot in Mirror(greeter).slots()]

    assert listed == [
        ("parent*", "parent"),
        ("name", "data"),
        ("tags", "data"),
        ("shout", "intent"),
        ("greet", "method"),
    ]


def test_it_knows_what_is_understood_the_parents_methods_too(greeter, traits):
    assert Mirror(traits).selectors() == ["clone", "shout"]
    assert Mirror(greeter).selectors() == ["clone", "greet"]


def test_data_hides_a_method_of_the_same_name(traits):
    assert Mirror(UvmObject([traits], clone=1)).selectors() == ["shout"]


def test_the_first_parents_method_counts(traits):
    assert Mirror(UvmObject([UvmObject(clone=1), traits])).selectors() == ["shout"]


def test_parents_are_given_in_the_order_in_which_they_are_asked(greeter, traits):
    assert Mirror(greeter).parents() == [traits]


def test_slots_are_added_annotated_and_removed(greeter):
    mirror = Mirror(greeter)

    mirror.add("surname", "Lovelace", comment="by marriage")
    mirror.annotate("surname", category="name", visibility="private")

    assert greeter.surname == "Lovelace"
    assert mirror.notes("surname") == {"comment": "by marriage", "category": "name", "visibility": "private"}
    mirror.remove("surname")
    with pytest.raises(NotUnderstood):
        _ = greeter.surname
    assert mirror.notes("surname") == {}


def test_notes_given_out_are_copies(greeter):
    mirror = Mirror(greeter)
    mirror.annotate("name", comment="who")

    mirror.notes("name")["comment"] = "changed"

    assert mirror.notes("name") == {"comment": "who"}


@pytest.mark.parametrize("notes", [{"colour": "red"}, {"comment": 5}, {"comment": None}])
def test_an_annotation_is_one_of_three_texts_and_nothing_is_written_otherwise(greeter, notes):
    with pytest.raises(SlotRefused, match="comment, category, visibility"):
        Mirror(greeter).add("surname", "Lovelace", **notes)
    with pytest.raises(SlotRefused):
        Mirror(greeter).annotate("name", **notes)

    assert not hasattr(greeter, "surname")
    assert Mirror(greeter).notes("name") == {}


def test_only_own_slots_are_annotated(greeter):
    with pytest.raises(SlotRefused, match="own slot"):
        Mirror(greeter).annotate("clone", comment="a parent's")


def test_removing_what_is_not_there_is_not_understood(greeter):
    with pytest.raises(NotUnderstood):
        Mirror(greeter).remove("clone")


def test_as_json_it_is_plain_whatever_the_slots_hold(greeter):
    greeter.tree = OOBTree({"a": 1})
    greeter.friend = UvmObject()

    shown = Mirror(greeter).as_json()

    assert json.loads(json.dumps(shown)) == shown
    assert shown == {
        "name": "new object",
        "slots": {"name": "Ada", "tags": ["a"], "tree": {"a": 1}, "friend": {"$kind": "UvmObject"}},
        "intents": {"shout": "to shout"},
        "methods": ["clone", "greet"],
        "parents": ["new object"],
    }
