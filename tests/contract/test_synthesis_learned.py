"""Methods that an object has learned become operations of the built-in synthesiser, and run in the sandbox there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from batos.errors import BackendRefused
from batos.inference.port import Answer, Request
from batos.methods.synthesis import write_method
from batos.objects.values import freeze
from batos.runtime.uvm import Uvm
from batos.testing import temporary_image

FEE = {
    "selector": "fee_",
    "source": "def fee_(self, amount):\n    return amount * self.rate + 1\n",
    "examples": [{"args": [2], "result": 7}],
}


def written(selector: str, intent: str, examples: list[tuple[Any, Any]], *learned: dict[str, Any]) -> Answer:
    stated = [{"args": freeze(list(args)), "kwargs": {}, "result": freeze(result)} for args, result in examples]
    materials = {
        "selector": selector,
        "object": {"name": "till", "slots": {"rate": 3}},
        "contract": {"intent": intent, "examples": stated},
        "learned": list(learned),
    }
    return write_method(Request(purpose="method", materials=materials))


def test_a_learned_method_is_called_where_its_words_are_named() -> None:
    source = written("double_fee_", "twice the fee of an amount", [((2,), 14), ((5,), 32)], FEE).text
    assert source == "def double_fee_(self, number):\n    return self.fee_(number) * 2\n"


def test_inside_a_comprehension_it_sees_the_slots_of_its_own_example() -> None:
    source = written("total_fees_", "the sum of the fees", [(([2, 5],), 23), (([1],), 4)], FEE).text
    assert source == "def total_fees_(self, items):\n    return sum(self.fee_(item) for item in items)\n"


def test_a_method_without_arguments_is_read_like_a_slot() -> None:
    greeting = {"selector": "greeting", "source": "def greeting(self):\n    return 'Good day'\n", "examples": []}
    source = written(
        "greet_", "the greeting and the name", [(("Ada",), "Good day, Ada"), (("Bo",), "Good day, Bo")], greeting
    )
    assert source.text == "def greet_(self, text):\n    return f'{self.greeting()}, {text}'\n"


@pytest.mark.parametrize(
    "body",
    [
        "    while True:\n        pass\n",
        "    self.rate = 9\n    return 9\n",
        "    return self.nobody_(amount)\n",
        "    return self.fee_(amount)\n",
        "    return [0] * 10**9\n",
        "    return self.infer_('x')\n",
        "  return (\n",
    ],
)
def test_a_method_that_fails_is_only_not_used(body: str) -> None:
    bad = {**FEE, "source": f"def fee_(self, amount):\n{body}"}
    source = written("double_fee_", "twice the fee", [((2,), 4), ((5,), 10), ((7,), 14)], bad).text
    assert "fee_(" not in source.partition("\n")[2]


def test_a_method_that_sends_the_wanted_one_would_go_in_a_circle() -> None:
    circle = {**FEE, "source": "def fee_(self, amount):\n    return self.double_fee_(amount) // 2\n"}
    source = written("double_fee_", "twice the fee", [((2,), 4), ((5,), 10), ((7,), 14)], circle).text
    assert "self." not in source


@pytest.fixture
def image() -> Iterator[Uvm]:
    with temporary_image() as image:
        yield image


def test_an_image_builds_on_what_it_has_learned(image: Uvm) -> None:
    examples = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]
    person = image.create("person")
    image.teach("person", "initials_", intent="the initials of a full name", examples=examples)
    image.create("author", parents=["person"])
    taught = [((["ada lovelace", "alan turing"],), ["A.L.", "A.T."]), ((["x y"],), ["X.Y."])]
    image.teach("author", "all_initials_", intent="the initials of each of the names", examples=taught)

    assert "self.initials_(item)" in (image.why("author", "all_initials_").source or "")
    assert image.send("author", "all_initials_", ["grace hopper"]) == ["G.H."]
    assert person.initials_("grace hopper") == "G.H."


def test_without_examples_nothing_is_written(image: Uvm) -> None:
    with pytest.raises(BackendRefused):
        written("double_fee_", "twice the fee", [], FEE)


ACCOUNT = {
    "slots": {"held": 40},
    "methods": [{"selector": "balance", "source": "def balance(self):\n    return self.held\n"}],
}
TAX = {
    "slots": {"rate": 25},
    "methods": [
        {"selector": "share", "source": "def share(self):\n    return self.rate / 100\n"},
        {
            "selector": "tax_",
            "source": "def tax_(self, price):\n    return price * self.share()\n",
            "examples": [{"args": [100], "result": 25.0}],
        },
    ],
}


def sent(selector: str, intent: str, examples: list[tuple[Any, Any]], **held: Any) -> str:
    stated = [{"args": freeze(list(args)), "kwargs": {}, "result": freeze(result)} for args, result in examples]
    slots = {"rate": 3, **{name: {"$object": "00"} for name in held}}
    materials = {
        "selector": selector,
        "object": {"name": "till", "slots": slots},
        "contract": {"intent": intent, "examples": stated},
        "held": held,
    }
    return write_method(Request(purpose="method", materials=materials)).text


def test_a_message_to_the_object_in_a_slot_is_an_operation_too() -> None:
    source = sent(
        "gross_", "a price with its tax", [((100,), 125.0), ((40,), 50.0), ((0,), 0.0), ((7,), 8.75)], taxes=TAX
    )
    assert source == "def gross_(self, number):\n    return number + self.taxes.tax_(number)\n"


def test_a_message_without_arguments_to_the_object_in_a_slot_is_read_like_a_slot() -> None:
    examples = [((10,), True), ((41,), False), ((40,), True), ((90,), False)]
    source = sent("affords_", "whether the balance is at least the price", examples, account=ACCOUNT)
    assert source == "def affords_(self, number):\n    return number <= self.account.balance()\n"


def test_an_image_sends_to_what_its_objects_hold(image: Uvm) -> None:
    person = image.create("person")
    initials = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]
    image.teach("person", "initials_", intent="the initials of a full name", examples=initials)
    library = image.create("library", slots={"clerk": person})
    stamps = [(("ada lovelace",), "<A.L.>"), (("alan turing",), "<A.T.>"), (("x y",), "<X.Y.>")]
    image.teach("library", "stamp_", intent="the initials of a name between '<' and '>'", examples=stamps)

    assert "self.clerk.initials_(text)" in (image.why("library", "stamp_").source or "")
    assert library.stamp_("grace hopper") == "<G.H.>"
