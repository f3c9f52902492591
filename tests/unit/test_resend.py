"""Resending: a method that hides another hands the message on to it, with the original receiver as self."""

import pytest

from batos.errors import NotUnderstood
from batos.objects.primitives import primitive
from batos.objects.records import Method
from batos.objects.sending import resend, send, vouching
from batos.objects.uvm_object import UvmObject, clone


@pytest.fixture(autouse=True)
def approved():
    with vouching(lambda method: True):
        yield


def method(selector, body):
    return Method(selector, f"def {selector}(self, *args, **kwargs):\n    {body}\n", trust="trusted")


@primitive("test.resend.name_and")
def name_and(receiver, word, mark="."):
    return f"{receiver.name} {word}{mark}"


def test_the_hidden_method_runs_with_the_original_receiver():
    base = UvmObject(say=Method("say", primitive="test.resend.name_and"), name="base")
    middle = UvmObject([base], say=method("say", "return 'middle: ' + resend(self, *args, **kwargs)"), name="middle")
    ada = UvmObject([middle], name="Ada")

    assert ada.say("waves", mark="!") == "middle: Ada waves!"


def test_each_method_resends_from_where_it_stands():
    base = UvmObject(path=method("path", "return ['base']"))
    source = method("path", "return [self.own, *resend(self)]")
    middle = UvmObject([base], path=source, own="middle")
    child = UvmObject([middle], path=source, own="child")

    assert middle.path() == ["middle", "base"]
    assert child.path() == ["child", "child", "base"]


def test_a_clone_resends_to_its_own_parents():
    first, second = UvmObject(path=method("path", "return 1")), UvmObject(path=method("path", "return 2"))
    original = UvmObject([first], path=method("path", "return resend(self)"))
    copy = clone(original)
    setattr(copy, "parent*", second)

    assert (original.path(), copy.path()) == (1, 2)


def test_parents_are_asked_in_slot_order_and_a_data_slot_answers_with_its_value():
    nobody, somebody, later = UvmObject(), UvmObject(size=1), UvmObject(size=2)
    obj = UvmObject([nobody, somebody, later], size=method("size", "return 10 + resend(self)"))

    assert send(obj, "size") == 11


def test_what_no_parent_understands_is_not_understood():
    lonely = UvmObject([UvmObject()], shout=method("shout", "return resend(self, *args)"))

    with pytest.raises(NotUnderstood) as missing:
        lonely.shout("hey")

    assert missing.value.message == (("hey",), {})


def test_a_primitive_says_whose_parents_it_means():
    base = UvmObject(size=1)
    holder = UvmObject([base], size=2)
    receiver = UvmObject([holder])

    assert resend(holder, receiver, "size") == 1


def test_only_the_names_of_the_method_are_known_to_it():
    obj = UvmObject(reach=method("reach", "return sorted(name for name in globals() if name[0] != '_')"))

    assert obj.reach() == ["reach"]
