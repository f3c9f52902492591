"""What a person at a Python prompt sees: completion, and things that show what they are."""

import pytest

from batos.testing import temporary_image


@pytest.fixture
def image():
    with temporary_image() as image:
        image.create("person", slots={"age": 36})
        image.create("greeter", slots={"name": "Ada"}, parents=["person"])
        yield image


def test_slots_and_messages_are_completed_its_parents_included(image):
    image.create_method("person", "older_", "def older_(self, years):\n    return self.age + years\n", "a test")

    assert {"name", "age", "older_", "clone", "submit"} <= set(dir(image["greeter"]))
    assert all(name.isidentifier() for name in dir(image["greeter"]))


def test_an_image_shows_where_it_is_who_answers_and_that_it_was_closed():
    with temporary_image() as image:
        assert repr(image).endswith("test.image, builtin answers>")
    assert repr(image).endswith("test.image, closed>")


def test_why_prints_the_source_what_it_is_for_and_who_wrote_it(image):
    image.teach("greeter", "twice_", intent="twice a number", examples=[((2,), 4), ((5,), 10), ((7,), 14)])
    told = str(image.why("greeter", "twice_"))

    assert told.startswith("greeter.twice_ is a sandboxed method, version 1.\n    def twice_(self")
    assert "It is for: twice a number." in told
    assert "Written by builtin, proven by 3 examples." in told


def test_a_call_with_the_wrong_arguments_names_the_message(image):
    image.create_method("person", "older_", "def older_(self, years):\n    return self.age + years\n", "a test")

    with pytest.raises(Exception, match=r"older_\(\) missing 1 required positional argument: 'years'"):
        image["greeter"].older_()
