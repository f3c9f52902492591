"""Which rivals are worth a question, which program stands in for the best, and what is tried at the edges."""

from __future__ import annotations

from typing import Any

import pytest

from batos.methods.synthesis.brief import Case
from batos.methods.synthesis.critic import Program
from batos.methods.synthesis.edges import edges
from batos.methods.synthesis.nodes import Entry, Leaf, Node, constant
from batos.methods.synthesis.operations import named
from batos.methods.synthesis.rivals import embellishes, stands_in
from batos.methods.synthesis.values import MISSING
from batos.methods.synthesis.words import Words

TEXT: Node = (Leaf("argument", "text"),)
PARTS: Node = (named("split_at"), TEXT, constant(","))


def test_what_no_example_shows_makes_no_rival() -> None:
    longer = (named("concat"), PARTS, constant("!"))
    assert embellishes(longer, PARTS, Words("parts_"))
    assert not embellishes(PARTS, longer, Words("parts_"))
    assert not embellishes(PARTS, PARTS, Words("parts_"))


def test_a_change_within_the_best_is_no_rival_either() -> None:
    inside = (named("split_at"), (named("lower"), TEXT), constant(","))
    assert embellishes(inside, PARTS, Words("parts_"))


def test_what_the_intent_speaks_for_may_have_had_nothing_to_do_in_the_examples() -> None:
    trimmed = (named("split_at"), (named("strip"), TEXT), constant(","))
    assert not embellishes(trimmed, PARTS, Words("parts_", "the trimmed parts"))


def program(cost: int, *column: Any) -> Program:
    return Program(cost, Entry(list(column), (cost, *column), cost, 1), cost)


def test_a_program_that_answers_where_the_best_fails_stands_in_for_it() -> None:
    best, total, other = program(3, 1, 2, MISSING), program(4, 1, 2, 0), program(4, 1, 5, 0)
    assert stands_in([best, other, total], [1]) is total
    assert stands_in([best, other], [1]) is best
    assert stands_in([best, program(6, 1, 2, 0)], [1]) is best


@pytest.mark.parametrize(
    ("case", "made"),
    [
        (Case(("a, Bc d",), {}, {}), [("",), (" a,,  bC  d ",)]),
        (
            Case(("b", ["a", "b"]), {}, {}),
            [
                ("", []),
                (" b ", [" a ", " b "]),
                ("b", ["a", "b", "b"]),
                ("b", ["a 7-", "b 7-"]),
                ("a", ["a", "b"]),
            ],
        ),
        (Case(("a B", "b"), {}, {}), [("", ""), (" a  b ", " b "), ("a B", "B")]),
        (Case(([3, 7],), {}, {}), [([],), ([0, 0],), ([-3, -7],), ([3, 7, 7],)]),
        (Case(({"name": "Ada"},), {}, {}), [({"name": ""},), ({"name": " Ada "},)]),
        (Case((True,), {}, {}), []),
    ],
)
def test_edges_are_empty_untidy_or_there_already(case: Case, made: list[tuple[Any, ...]]) -> None:
    assert [each.args for each in edges((case,))] == made


def test_nobody_cuts_up_a_text_that_stands_in_the_source_or_divides_by_a_quotient() -> None:
    number, text = Entry([2], (Leaf("argument", "number"),), 1, 1), Entry(["abc"], TEXT, 1, 2)
    constant_text = Entry(["abc"], constant("abc"), 3, 0)
    quotient = Entry([0.5], (named("divide"), number.node, constant(4)), 5, 1)
    shown = Entry(["02"], (named("two_digits"), number.node), 5, 1)
    assert named("take").refuses([constant_text, number])
    assert not named("take").refuses([text, number])
    assert named("divide").refuses([number, quotient])
    assert not named("divide").refuses([quotient, number])
    assert named("occurrences").refuses([shown, text])
    assert not named("concat").refuses([shown, text])
