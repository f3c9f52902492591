"""Delegation: the own slot, then the parents' in slot order, depth first; and always the original receiver as self."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persistent.list import PersistentList

from batos.errors import NeedsMission, NotUnderstood, SandboxDenied, SlotRefused, UnknownObject
from batos.objects import lookup
from batos.objects.primitives import primitive
from batos.objects.records import Intent, Method
from batos.objects.sending import activating, perform_by, send, vouching
from batos.objects.uvm_object import UvmObject, own_slots, put, state
from batos.objects.values import plain

NAMES = ("a", "b", "c", "d")


# Against a walk that cannot be wrong


def reference(obj, name, seen=None):
    """The plain rule: own slot, else what the first parent that has one answers. A parent met twice is asked once."""
    seen = seen if seen is not None else []
    if any(obj is met for met in seen):
        return None
    seen.append(obj)
    slots = own_slots(obj)
    if name in slots:
        return obj, slots[name]
    for slot, parent in slots.items():
        if slot.endswith("*"):
            found = reference(parent, name, seen)
            if found is not None:
                return found
    return None


kinds = st.sampled_from(["data", "method", "intent"])
objects = st.tuples(
    st.dictionaries(st.sampled_from(NAMES), kinds, max_size=2), st.lists(st.integers(0, 99), max_size=3)
)
worlds = st.lists(objects, min_size=1, max_size=8)


def build(described, *, circles):
    """The objects of a described world. With `circles`, parents are forced in that no slot would accept."""
    made = []
    for number, (slots, _) in enumerate(described):
        obj = UvmObject()
        for name, kind in slots.items():
            put(obj, name, {"data": number, "method": Method(name), "intent": Intent(name)}[kind])
        made.append(obj)
    for number, (_, parents) in enumerate(described):
        for place, parent in enumerate(parents):
            if circles:
                state(made[number])[f"p{place}*"] = made[parent % len(made)]
            elif number:
                put(made[number], f"p{place}*", made[parent % number])
    return made


@given(worlds, st.booleans())
def test_every_lookup_finds_what_the_plain_rule_finds(described, circles):
    for obj in build(described, circles=circles):
        for name in NAMES:
            found, expected = lookup.find(obj, name), reference(obj, name)
            assert (found is None) == (expected is None)
            if found is not None:
                assert found.holder is expected[0]
                assert found.value is expected[1]


@given(worlds)
def test_an_attribute_is_the_value_found_or_not_understood(described):
    for obj in build(described, circles=False):
        for name in NAMES:
            found = reference(obj, name)
            if found is None or isinstance(found[1], Intent):
                with pytest.raises(NotUnderstood):
                    getattr(obj, name)
            elif isinstance(found[1], Method):
                assert isinstance(getattr(obj, name), lookup.Message)
            else:
                assert getattr(obj, name) == found[1]


@given(worlds, st.booleans())
def test_everyone_is_asked_once(described, circles):
    for obj in build(described, circles=circles):
        asked = list(lookup.delegation(obj))

        assert asked[0] is obj
        assert len({id(holder) for holder in asked}) == len(asked)


# The rules one by one


def test_the_own_slot_beats_every_parent():
    assert UvmObject([UvmObject(name="parent")], name="own").name == "own"


def test_the_first_parent_wins_and_its_parents_come_before_the_second():
    grandparent = UvmObject(who="grandparent")
    first, second = UvmObject([grandparent]), UvmObject(who="second")

    assert UvmObject([first, second]).who == "grandparent"
    assert UvmObject([second, first]).who == "second"


def test_a_shared_grandparent_is_found_by_either_way():
    shared = UvmObject(who="shared")

    assert UvmObject([UvmObject([shared]), UvmObject([shared], other=1)]).other == 1


def test_a_chain_of_any_length_is_walked_without_recursion():
    obj = UvmObject(who="first")
    for _ in range(3_000):
        child = UvmObject()
        state(child)["parent*"] = obj
        obj = child

    assert obj.who == "first"


@pytest.mark.parametrize("name", ["__methods__", "__label__", "_v_cache", "_p_oid", "__class__"])
def test_the_machinerys_own_names_are_never_found(name):
    obj = UvmObject(shout=Method("shout"))
    obj._v_cache = 1

    assert lookup.find(obj, name) is None
    del obj._v_cache


# Sending


@primitive("test.lookup.whoami")
def whoami(receiver, greeting="I am"):
    return f"{greeting} {receiver.name}"


@primitive("test.lookup.post", effect=True)
def post(receiver, text):
    return text


def test_the_receiver_is_who_was_sent_the_message_not_who_holds_the_method():
    traits = UvmObject(whoami=Method("whoami", primitive="test.lookup.whoami"), name="traits")
    ada = UvmObject([UvmObject([traits], name="middle")], name="Ada")

    assert ada.whoami() == "I am Ada"
    assert send(ada, "whoami", greeting="Hello,") == "Hello, Ada"


def test_a_data_slot_answers_with_its_value_and_takes_no_arguments():
    ada = UvmObject(name="Ada")

    assert send(ada, "name") == "Ada"
    with pytest.raises(SlotRefused, match="data slot"):
        send(ada, "name", 1)


def test_a_message_not_understood_carries_its_arguments():
    for receiver in (UvmObject(), UvmObject(shout=Intent("to shout"))):
        with pytest.raises(NotUnderstood) as missing:
            send(receiver, "shout", 1, loud=True)
        assert missing.value.message == ((1,), {"loud": True})
        assert missing.value.facts == {"receiver": "new object", "selector": "shout", "oid": None}


def test_sandboxed_source_runs_nowhere_but_in_the_sandbox():
    source = "def shout(self):\n    raise SystemExit\n"
    receiver = UvmObject(shout=Method("shout", source))

    with pytest.raises(SandboxDenied):
        receiver.shout()
    with activating(lambda method, obj, args, kwargs: (method.source, obj is receiver, args, kwargs)):
        assert receiver.shout(1, a=2) == (source, True, (1,), {"a": 2})
    with pytest.raises(SandboxDenied):
        receiver.shout()


def test_who_says_of_himself_that_he_is_trusted_is_not():
    source = "def shout(self, word):\n    return word.upper() + self.mark\n"
    receiver = UvmObject(shout=Method("shout", source, trust="trusted"), mark="!")

    with pytest.raises(SandboxDenied):
        receiver.shout("hey")
    with vouching(lambda method: False), activating(lambda *_: "in the sandbox"):
        assert receiver.shout("hey") == "in the sandbox"
    with vouching(lambda method: method.source == source):
        assert receiver.shout("hey") == "HEY!"


def test_a_primitive_that_acts_on_the_outside_is_performed_not_called():
    receiver = UvmObject(post=Method("post", primitive="test.lookup.post"))

    with pytest.raises(NeedsMission):
        receiver.post("letter")
    assert perform_by(lambda found, obj, args, kwargs: (found.name, obj is receiver, args)) is None
    try:
        assert receiver.post("letter") == ("test.lookup.post", True, ("letter",))
    finally:
        perform_by(None)


def test_a_primitive_that_no_program_registers_says_so_when_it_is_sent():
    receiver = UvmObject(fly=Method("fly", primitive="test.lookup.nowhere"))

    with pytest.raises(UnknownObject, match="import the program that registers it"):
        receiver.fly()


# What was read


def test_outside_a_cycle_nothing_is_noted():
    lookup.note_read(UvmObject())


def test_a_lookup_notes_whom_it_asked_and_the_list_it_found():
    parent = UvmObject(names=[["Ada"]])
    child = UvmObject([parent, UvmObject()])

    with lookup.noting_reads() as reads:
        names = child.names
        assert {id(child), id(parent), id(names)} == set(reads)
        plain(names)

    assert id(names[0]) in reads


def test_a_failed_lookup_notes_everyone_it_asked():
    parent = UvmObject()
    child = UvmObject([parent])

    with lookup.noting_reads() as reads:
        assert lookup.find(child, "name") is None

    assert {id(child), id(parent)} == set(reads)


def test_looking_at_an_object_through_its_slots_is_noted_too():
    obj = UvmObject(names=PersistentList(["Ada"]))

    with lookup.noting_reads() as reads:
        own_slots(obj)

    assert set(reads) == {id(obj)}
