"""Primitives: behaviour held by name, so that no slot holds a callable and no name means two things."""

import pytest

import batos
from batos.errors import NameRefused, UnknownObject
from batos.objects.primitives import primitive, registered


@batos.primitive("test.primitives.double", sandbox=True)
def double(receiver, number):
    return 2 * number


def test_the_function_stays_what_it_was():
    assert double(None, 4) == 8


def test_it_is_found_by_name_with_what_was_declared():
    found = registered("test.primitives.double")

    assert (found.function, found.sandbox, found.effect, found.mission) == (double, True, False, None)


def test_nothing_is_allowed_that_was_not_declared():
    primitive("test.primitives.plain")(lambda receiver: None)

    found = registered("test.primitives.plain")
    assert (found.sandbox, found.effect) == (False, False)


def test_loading_a_program_again_replaces_its_primitives():
    def make():
        @primitive("test.primitives.again")
        def again(receiver):
            return 1

        return again

    first, second = make(), make()

    assert first is not second
    assert registered("test.primitives.again").function is second


def test_a_name_that_another_function_has_is_refused_and_named():
    with pytest.raises(NameRefused, match=r"'test.primitives.double'.*double is registered under it already"):
        primitive("test.primitives.double")(lambda receiver: "mine now")

    assert registered("test.primitives.double").function is double


def test_an_unknown_name_says_what_to_do():
    with pytest.raises(UnknownObject, match=r"'test\.primitives\.unknown'.*import the program"):
        registered("test.primitives.unknown")


def test_the_worlds_own_primitives_are_not_for_the_sandbox_unless_they_say_so():
    import batos.objects.traits  # registers them

    assert batos.objects.traits.make_clone is registered("traits.clone").function
    assert registered("traits.clone").sandbox
    assert not registered("traits.setSlot_value_").sandbox
    assert not registered("traits.doesNotUnderstand_").sandbox
