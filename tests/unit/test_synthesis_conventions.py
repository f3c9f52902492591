"""Selectors that say what they do, and facets: methods without examples."""

from __future__ import annotations

import ast
from string import Template
from typing import Any

import pytest

from batos.errors import BackendRefused
from batos.inference.port import Answer, Request
from batos.methods import guardian
from batos.methods.synthesis import write_method
from batos.methods.synthesis.conventions import singular, table
from batos.methods.synthesis.trial import Receiver, compiled
from batos.objects.values import freeze


def written(selector: str, slots: dict[str, Any], *args: Any, intent: str | None = None, facet: bool = False) -> Answer:
    materials = {
        "selector": selector,
        "object": {"name": "greeter", "slots": {name: freeze(value) for name, value in slots.items()}},
        "contract": {"intent": intent, "examples": []},
        "message": {"args": [freeze(value) for value in args], "kwargs": {}},
        "is_facet": facet,
    }
    return write_method(Request(purpose="method", materials=materials))


def sent(selector: str, slots: dict[str, Any], *args: Any) -> tuple[Any, dict[str, Any]]:
    """What the written method answers, and the slots afterwards."""
    receiver = Receiver(slots)
    result = compiled(written(selector, slots, *args).text, selector)(receiver, *args)
    return result, vars(receiver)


@pytest.mark.parametrize(
    ("selector", "slots", "args", "result"),
    [
        ("shout_name", {"name": "Ada Lovelace"}, (), "ADA LOVELACE!"),
        ("get_name", {"name": "Ada"}, (), "Ada"),
        ("name_upper", {"name": "Ada"}, (), "ADA"),
        ("is_open", {"open": True}, (), True),
        ("has_tags", {"tags": []}, (), False),
        ("has_tag_", {"tags": ["a"]}, ("a",), True),
        ("count_tags", {"tags": ["a", "b"]}, (), 2),
        ("total_prices", {"prices": [1, 2]}, (), 3),
        ("first_entry", {"entries": [5, 6]}, (), 5),
        ("describe_age", {"age": 36}, (), "age: 36"),
        ("describe", {"name": "Ada", "age": 36}, (), "name: Ada, age: 36"),
    ],
)
def test_a_selector_that_reads_slots(selector: str, slots: dict[str, Any], args: tuple[Any, ...], result: Any) -> None:
    assert sent(selector, slots, *args) == (result, slots)


@pytest.mark.parametrize(
    ("selector", "slots", "args", "slot", "after"),
    [
        ("set_name_", {"name": "Ada"}, ("Grace",), "name", "Grace"),
        ("add_to_tags_", {"tags": ["a"]}, ("b",), "tags", ["a", "b"]),
        ("add_tag_", {"tags": ["a"]}, ("b",), "tags", ["a", "b"]),
        ("add_to_balance_", {"balance": 5}, (2,), "balance", 7),
        ("remove_from_tags_", {"tags": ["a", "b"]}, ("a",), "tags", ["b"]),
        ("remove_from_tags_", {"tags": ["a"]}, ("z",), "tags", ["a"]),
        ("increment_count", {"count": 1}, (), "count", 2),
        ("decrement_count_", {"count": 9}, (4,), "count", 5),
        ("toggle_open", {"open": False}, (), "open", True),
        ("clear_tags", {"tags": ["a"]}, (), "tags", []),
        ("reset_count", {"count": 7}, (), "count", 0),
    ],
)
def test_a_selector_that_writes_a_slot(
    selector: str, slots: dict[str, Any], args: tuple[Any, ...], slot: str, after: Any
) -> None:
    result, left = sent(selector, slots, *args)
    assert result == after == left[slot]


@pytest.mark.parametrize(
    ("selector", "slots", "args"),
    [
        ("shout_name", {"name": 7}, ()),  # not a text
        ("shout_name", {"title": "Dr"}, ()),  # no such slot
        ("shout_names", {"name": "Ada"}, ()),  # nearly a convention
        ("set_name_", {"name": "Ada"}, ("a", "b")),  # too many arguments
        ("increment_count_", {"count": 1}, ("x",)),  # not a number
        ("prove_goldbach_", {}, ()),
    ],
)
def test_what_no_convention_covers_exactly_is_refused(
    selector: str, slots: dict[str, Any], args: tuple[Any, ...]
) -> None:
    with pytest.raises(BackendRefused, match=rf"{selector}.*Give examples.*openai:URL#MODEL"):
        written(selector, slots, *args)


def test_a_slot_that_holds_an_object_can_be_got_but_not_computed_with() -> None:
    materials = {"selector": "get_friend", "object": {"name": "ada", "slots": {"friend": {"$object": "00" * 8}}}}
    answer = write_method(Request(purpose="method", materials=materials))
    assert answer.text == "def get_friend(self):\n    return self.friend\n"


def test_examples_overrule_a_convention() -> None:
    materials: dict[str, Any] = {
        "selector": "shout_name",
        "object": {"name": "greeter", "slots": {"name": "Ada"}},
        "contract": {"intent": "the name in capitals", "examples": [{"args": [], "kwargs": {}, "result": "ADA"}]},
    }
    assert write_method(Request(purpose="method", materials=materials)).text == (
        "def shout_name(self):\n    return self.name.upper()\n"
    )


@pytest.mark.parametrize(
    "convention", table().convention, ids=lambda convention: f"{convention.pattern}/{convention.holds}"
)
def test_every_convention_keeps_the_covenant(convention: Any) -> None:
    selector = convention.pattern.replace("SLOT", "tags").replace("ITEM", "tag")
    source = Template(convention.source.strip() + "\n").substitute(
        selector=selector, slot="tags", item="value", described="name: {self.name}"
    )
    assert guardian.audit(source, selector).reason == ""


def test_a_facet_asks_its_own_persona_once_with_its_intent() -> None:
    intent = 'Non-dual acceptance: "presence" over prescriptions; ' * 4
    source = written("sage_facet_", {}, "why?", intent=intent, facet=True).text
    audit = guardian.audit(source, "sage_facet_", facet=True)
    assert audit.reason == ""
    assert audit.sends == ("infer_",)
    literals = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    assert any(intent.strip() in str(literal) for literal in literals)


def test_a_facet_without_an_intent_is_refused() -> None:
    with pytest.raises(BackendRefused, match=r"no intent.*Put an intent"):
        written("sage_facet_", {}, "why?", facet=True)


@pytest.mark.parametrize(("many", "one"), [("tags", "tag"), ("entries", "entry"), ("boxes", "box"), ("class", "class")])
def test_singulars(many: str, one: str) -> None:
    assert singular(many) == one
