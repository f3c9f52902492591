"""The tables of the synthesiser: each row does in the sandbox what it did in the search."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic_monty import Monty

from batos.methods.synthesis import operations as table
from batos.methods.synthesis.emit import MODULES
from batos.methods.synthesis.forms import forms
from batos.methods.synthesis.operations import Operation, accepts, operations
from batos.methods.synthesis.values import MISSING, same, type_of
from batos.methods.synthesis.words import Words, lexicon, stem

SAMPLES: dict[str, list[Any]] = {
    "text": ["", "Ada King", "a,b;c", "level", "7", "a"],
    "number": [0, 1, 3, -2, 2.5, 8, 65],
    "thing": [1, "a"],
    "flag": [True, False],
    "texts": [["b", "a", "b"], ["x y"], []],
    "numbers": [[3, 1, 2, 3], [5], []],
    "things": [[1, "a", 1], [3, 1]],
    "flags": [[True, False]],
    "lists": [[[1, 2], [3, 4]], [["k", "v"]]],
    "pairs": [[("k", 1), ("l", 2)]],
    "records": [[{"name": "Ada"}]],
    "record": [{"b": 2, "a": 1}, {"name": "Ada"}, {1: "one"}],
    "pair": [("k", 1)],
    "pattern": [r"\d+", "[A-Z]", r"\s+"],
    "items": [[]],
}
MOST = 60


def applications(operation: Operation) -> Iterator[tuple[Any, ...]]:
    kinds = [SAMPLES.keys() if pattern == "any" else accepts(pattern) for pattern in operation.takes]
    choices = [[value for kind in kind_list for value in SAMPLES.get(kind, [])] for kind_list in kinds]
    every = list(itertools.product(*choices))
    return iter(every[:: max(1, len(every) // MOST)])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Any]:
    with Monty() as pool, pool.checkout(limits={"max_feed_duration_secs": 5}) as session:
        session.feed_run("import " + ", ".join(MODULES))
        yield session


@pytest.mark.parametrize(
    "operation", operations(), ids=lambda operation: f"{operation.name}-{'-'.join(operation.takes)}"
)
def test_an_operation_gives_the_same_in_the_sandbox(operation: Operation, sandbox: Any) -> None:
    rows = list(applications(operation))
    column = operation.apply(0, *(list(values) for values in zip(*rows, strict=True)))
    assert column is not None
    present = [(row, value) for row, value in zip(rows, column, strict=True) if value is not MISSING]
    assert present, "no sample shows what it does"
    code = ast.unparse(operation.template)
    operands = ", ".join(table.OPERANDS[: len(operation.takes)])
    run = f"[({code}) for {operands}{',' if len(operation.takes) == 1 else ''} in rows]"
    answers = sandbox.feed_run(run, inputs={"rows": [list(row) for row, _ in present]})
    assert all(same(answer, value) for answer, (_, value) in zip(answers, present, strict=True))
    if operation.gives is not None and operation.gives not in ("thing", "things"):
        assert {type_of(value) for _, value in present} <= {operation.gives, "items"}


def test_large_results_are_left_out() -> None:
    power = table.named("power")
    assert power.apply(0, [10], [15]) == [MISSING]
    assert table.named("repeat").apply(1, ["x" * 300], [2]) is None


@pytest.mark.parametrize("form", forms(), ids=lambda form: form.name)
def test_a_forms_source_says_what_its_value_is(form: Any) -> None:
    pairs = form.over == ("pairs",)
    source: Any = [("a", 1), ("b", 4), ("c", 3)] if pairs else [1, 4, 3]
    number = "item[1]" if pairs else "item"
    body = f"str({number})" if form.body == ("text",) else f"{number} * 2"
    parts = [body] if form.body else []
    parts += [f"{number} > 2"] if form.test else []
    tree = form.tree(ast.parse("source", mode="eval").body, *(ast.parse(part, mode="eval").body for part in parts))
    bodies = [eval(body, {"item": item}) for item in source]
    tests = [eval(f"{number} > 2", {"item": item}) for item in source]
    assert eval(ast.unparse(tree), {"source": source}) == form.value(source, bodies, tests)


def test_the_lexicons_patterns_compile() -> None:
    for pattern in lexicon().patterns:
        re.compile(pattern)


def test_words_know_their_stems_and_ignore_small_words() -> None:
    words = Words("shout_names_", "the joined names, 'loudly', with 2 dashes")
    assert words.speak_for(["join", "shouting"])
    assert words.mention("name")
    assert not words.speak_for(["the"])
    assert words.quoted == ("loudly",)
    assert words.stated_numbers == {2.0}
    assert stem("sorting") == "sort"


def test_a_phrase_speaks_only_if_all_its_words_occur() -> None:
    assert Words("the least common multiple").speak_for(["least+common+multiple"])
    assert not Words("at least 18").speak_for(["least+common+multiple"])
