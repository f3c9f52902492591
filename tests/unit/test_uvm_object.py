"""A prototype: slots that are read by delegation, written to the object itself, and refuse what does not belong."""

import pickle

import pytest

from batos.errors import NotUnderstood, SlotRefused
from batos.objects.lookup import Message
from batos.objects.records import Intent, Method, Secret
from batos.objects.uvm_object import (
    UvmObject,
    annotate,
    clone,
    label,
    notes_of,
    order_parents,
    own_slots,
    put,
    put_back,
    remove,
)


def method(selector, **more):
    return Method(selector, f"def {selector}(self):\n    return 1\n", **more)


# Reading and writing


def test_slots_given_at_birth_are_read_as_attributes():
    assert UvmObject(name="Ada", born=1815).name == "Ada"


def test_any_word_may_name_a_slot_even_the_constructors_own():
    made = UvmObject(self=1, parents=2)

    assert (getattr(made, "self"), made.parents) == (1, 2)  # noqa: B009


def test_a_missing_slot_is_a_message_not_understood_that_names_both():
    greeter = UvmObject(name="Ada")

    with pytest.raises(NotUnderstood, match="new object does not understand 'surname', nor does any parent"):
        _ = greeter.surname
    assert not hasattr(greeter, "surname")


def test_writing_makes_an_own_slot_and_leaves_the_parent_alone():
    parent = UvmObject(name="parent")
    child = UvmObject([parent])

    child.name = "child"

    assert (parent.name, child.name) == ("parent", "child")
    del child.name
    assert child.name == "parent"


def test_deleting_what_only_a_parent_has_is_not_understood():
    child = UvmObject([UvmObject(name="parent")])

    with pytest.raises(NotUnderstood):
        del child.name


def test_a_method_reads_as_a_message_that_waits_for_its_arguments():
    assert isinstance(UvmObject(shout=method("shout")).shout, Message)


def test_an_intent_is_not_understood_even_where_a_parent_has_the_method():
    child = UvmObject([UvmObject(shout=method("shout"))], shout=Intent("to shout"))

    with pytest.raises(NotUnderstood):
        _ = child.shout


def test_a_slot_is_either_data_or_a_method_never_both():
    made = UvmObject(shout=method("shout"))

    made.shout = "loud"
    assert made.shout == "loud"
    put(made, "shout", method("shout"))
    assert list(own_slots(made)) == ["shout"]
    assert isinstance(own_slots(made)["shout"], Method)


# Names


@pytest.mark.parametrize(
    "name", ["_private", "__class__", "__dict__", "__methods__", "two words", "", "1st", "a.b", "*"]
)
def test_names_that_no_slot_can_have_are_refused(name):
    with pytest.raises(SlotRefused, match="identifier"):
        put(UvmObject(), name, 1)


@pytest.mark.parametrize("name", [None, 3, b"name", ("a",)])
def test_a_name_is_a_text(name):
    with pytest.raises(SlotRefused):
        put(UvmObject(), name, 1)


def test_the_two_names_of_the_state_machine_are_slots():
    made = UvmObject(_tmp_synthesis_data={}, _process_synthesis_=method("_process_synthesis_"))

    assert sorted(own_slots(made)) == ["_process_synthesis_", "_tmp_synthesis_data"]


@pytest.mark.parametrize("name", ["_repr_html_", "_ipython_display_", "__len__", "__deepcopy__", "_repr_mimebundle_"])
def test_asking_for_an_underscored_name_is_never_a_message(name):
    with pytest.raises(AttributeError) as refused:
        getattr(UvmObject(), name)
    assert not isinstance(refused.value, NotUnderstood)


def test_volatile_and_persistent_attributes_are_no_slots():
    made = UvmObject(name="Ada")
    made._v_cache = 1

    assert list(own_slots(made)) == ["name"]
    assert list(own_slots(clone(made))) == ["name"]
    del made._v_cache


# Parents


def test_parents_are_named_in_order_or_by_the_caller():
    one, two = UvmObject(), UvmObject()

    assert list(own_slots(UvmObject([one, two]))) == ["parent*", "parent2*"]
    assert list(own_slots(UvmObject({"synthesis_state*": one, "parent*": two}))) == ["synthesis_state*", "parent*"]


@pytest.mark.parametrize("value", [None, "traits", {}, method("clone")])
def test_a_parent_slot_holds_an_object(value):
    with pytest.raises(SlotRefused, match="A parent slot holds an object"):
        put(UvmObject(), "parent*", value)


def test_parents_that_would_form_a_circle_are_refused():
    grandparent = UvmObject()
    child = UvmObject([UvmObject([grandparent])])

    with pytest.raises(SlotRefused, match="circle"):
        put(grandparent, "parent*", child)
    with pytest.raises(SlotRefused, match="circle"):
        put(child, "again*", child)
    assert own_slots(grandparent) == {}


def test_a_state_can_be_exchanged_because_it_is_a_parent():
    idle, busy = UvmObject(is_busy=False), UvmObject(is_busy=True)
    machine = UvmObject({"synthesis_state*": idle})

    put(machine, "synthesis_state*", busy)

    assert machine.is_busy


def test_parents_can_be_brought_into_order():
    first, second, third = UvmObject(who=1), UvmObject(who=2), UvmObject(who=3)
    child = UvmObject({"b*": second, "c*": third, "a*": first}, name="child")

    order_parents(child, ["a*", "b*", "gone*"])

    assert [name for name in own_slots(child) if name.endswith("*")] == ["a*", "b*", "c*"]
    assert child.who == 1


# Records


@pytest.mark.parametrize("field", ["source", "selector", "trust", "contract", "version", "previous"])
def test_a_method_cannot_be_changed(field):
    made = method("shout")

    with pytest.raises(AttributeError, match="immutable"):
        setattr(made, field, None)
    with pytest.raises(AttributeError, match="immutable"):
        delattr(made, field)


def test_a_new_version_counts_on_from_the_one_it_replaces():
    first = method("shout")
    second = method("shout", previous=first)

    assert (first.version, second.version, second.previous) == (1, 2, first)


def test_a_primitive_trusts_nobody_elses_word():
    assert method("shout", primitive="traits.clone", trust="sandboxed").trust == "primitive"


@pytest.mark.parametrize("record", [Intent("to shout", ({"args": []},)), Secret("API_KEY")])
def test_intents_and_secrets_are_values(record):
    (field,) = {"text", "name"} & set(dir(record))

    assert pickle.loads(pickle.dumps(record)) == record
    assert hash(pickle.loads(pickle.dumps(record))) == hash(record)
    with pytest.raises(AttributeError, match="immutable"):
        setattr(record, field, "other")
    with pytest.raises(AttributeError, match="immutable"):
        delattr(record, field)


# Clones


def test_a_clone_has_its_own_lists_and_shares_methods_and_objects():
    friend = UvmObject()
    original = UvmObject([UvmObject(kind="greeter")], names=["Ada"], friend=friend, shout=method("shout"))

    copy = clone(original)
    copy.names.append("Grace")

    assert list(original.names) == ["Ada"]
    assert copy.friend is friend
    assert copy.kind == "greeter"
    assert own_slots(copy)["shout"] is own_slots(original)["shout"]


def test_a_clone_keeps_notes_but_not_the_name():
    original = UvmObject(name="Ada")
    annotate(original, "name", {"comment": "who"})

    copy = clone(original)

    assert notes_of(copy, "name") == {"comment": "who"}
    assert label(copy) == "new object"


def test_a_slot_takes_its_notes_along():
    made = UvmObject(name="Ada")
    annotate(made, "name", {"comment": "who"})

    remove(made, "name")

    assert notes_of(made, "name") == {}


def test_what_is_put_back_is_the_same_list_again():
    made = UvmObject(names=["Ada"])
    names = made.names
    made.names = ["Grace"]

    put_back(made, "names", names)

    assert made.names is names


class Registrar:
    """What ZODB's connection is to an object: told of its first change, or refusing it."""

    def __init__(self):
        self.refuses = False
        self.changed = []

    def register(self, obj):
        if self.refuses:
            raise RuntimeError("over")
        self.changed.append(obj)

    def setstate(self, obj):
        raise AssertionError("nothing here is a ghost")


def stored(obj, registrar):
    obj._p_jar, obj._p_oid = registrar, b"\0" * 7 + b"\1"
    obj._p_changed = False
    return obj


def test_every_change_marks_the_object_as_changed():
    for change in (
        lambda obj: put(obj, "name", "Grace"),
        lambda obj: put(obj, "shout", method("shout")),
        lambda obj: put(obj, "parent*", UvmObject()),
        lambda obj: remove(obj, "name"),
        lambda obj: annotate(obj, "name", {"comment": "who"}),
        lambda obj: put_back(obj, "name", None),
        lambda obj: order_parents(obj, []),
    ):
        registrar = Registrar()
        obj = stored(UvmObject(name="Ada"), registrar)
        change(obj)
        assert registrar.changed == [obj]


def test_a_change_that_is_not_accepted_leaves_the_state_as_it_was():
    registrar = Registrar()
    obj = stored(UvmObject(name="Ada", shout=method("shout")), registrar)
    before = dict(obj.__dict__)
    registrar.refuses = True

    for change in (
        lambda: setattr(obj, "name", "Grace"),
        lambda: delattr(obj, "name"),
        lambda: put(obj, "shout", Intent("to shout")),
        lambda: put(obj, "parent*", UvmObject()),
        lambda: annotate(obj, "name", {"comment": "who"}),
    ):
        with pytest.raises(RuntimeError):
            change()
        assert obj.__dict__ == before
