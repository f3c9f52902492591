"""A closed method means the same whether it runs with its slots alone or in the ordinary way, with a prelude and a host
that is asked: the same answer, the same slots, the same error on the same line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batos.errors import SandboxDenied, SandboxLimit, SandboxRaised
from batos.methods.crossing import unchanged
from batos.methods.host import ObjectHost
from batos.methods.program import prepare
from batos.methods.sandbox import Limits, Sandbox
from batos.objects.records import Method
from batos.objects.sending import activating, send
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.objects.values import plain
from contract.sandbox_world import NOON

HELPERS = {
    "half_": "def half_(self, n):\n    return n // 2 + self.n\n",
    "bump_": "def bump_(self, n=1):\n    self.n += n\n    self.items.append(n)\n    self._p_changed = True\n"
    "    return self.items\n",
    "deny_": "def deny_(self):\n    self.n = -1\n    self._p_changed = True\n    raise ValueError('no')\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=2.0), wrapped=False) as opened:
        yield opened


def receiver(source: str) -> UvmObject:
    traits = UvmObject(motto="onwards", shared=["inherited"])
    made = UvmObject([traits], n=3, items=[5, 1], rows=[[1], [2]], table={"k": 2, "a": [1]}, tags={7}, name="ada")
    for selector, text in {**HELPERS, "f": source}.items():
        put(made, selector, Method(selector, text))
    return made


def outcome(sandbox: Sandbox, source: str, args: tuple[Any, ...], *, closed: bool) -> tuple[Any, ...]:
    """How it ended, what it answered or said, and the slots afterwards in their order. A helper runs as `f` does."""
    host, made, ways = ObjectHost(now=lambda: NOON), receiver(source), []

    def run(method: Method, target: UvmObject, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if closed:
            ways.append(prepare(method.source or "", method.selector).closed is not None)
            return sandbox.activate(method, target, given, named, host)
        return sandbox.run(prepare(method.source or "", method.selector).program, target, given, named, host)

    ended: tuple[Any, ...]
    with activating(run):
        try:
            ended = ("answered", plain(send(made, "f", *args)))
        except SandboxRaised as raised:
            ended = ("raised", raised.facts)
        except (SandboxDenied, SandboxLimit) as error:
            ended = (type(error).__name__, None)
    assert all(ways), "the method is not closed"
    slots = {name: plain(value) for name, value in own_slots(made).items() if not isinstance(value, Method)}
    return (*ended, {name: value for name, value in slots.items() if not name.endswith("*")})


def agree(sandbox: Sandbox, source: str, *args: Any) -> None:
    fast, general = outcome(sandbox, source, args, closed=True), outcome(sandbox, source, args, closed=False)
    assert unchanged(fast[2], general[2]), f"{source}\nalone:   {fast}\ngeneral: {general}"
    assert unchanged(fast[0], general[0]), f"{source}\nalone:   {fast}\ngeneral: {general}"
    assert fast[1] == general[1] if fast[0] == "raised" else unchanged(fast[1], general[1]), (fast, general)


def method(body: str) -> str:
    *lines, last = body.split("\n")
    mark = "self._p_changed = True"
    body = "\n".join([*lines, mark, last] if last.startswith("return") else [*lines, last, mark])
    return f"def f(self, a=1, b=(), *c, **d):\n{textwrap.indent(body, '    ')}\n"


# Written by hand: where values are shared between names, slots and arguments, and where a slot keeps what it was given.

BODIES = {
    "a slot takes a copy": "xs = [a]\nself.items = xs\nxs.append(2)\nreturn xs, self.items",
    "an alias of a slot": "xs = self.items\nxs.append(a)\nxs += [4]\nreturn xs, self.items",
    "an alias of a row": "row = self.rows[0]\nrow.append(a)\nself.rows.append(row)\nrow.append(9)\nreturn self.rows",
    "one slot given to another": "self.items = self.rows\nself.items[0].append(8)\nreturn self.rows, self.items",
    "an argument that is stored": "self.items = b\nb.append(1)\nreturn self.items, b",
    "an argument in a slot": "self.rows[0] = b\nb.append(1)\nreturn self.rows, b",
    "a loop over rows": "for row in self.rows:\n    row.append(a)\nreturn self.rows",
    "a slot as a loop target": "for self.items in [[1], [2]]:\n    self.items.append(3)\nreturn self.items",
    "in place": "xs = self.items\nself.items += [3]\nself.items *= 2\nreturn xs",
    "in place, through a name": "xs = self.items\nxs *= 2\nreturn xs",
    "chained": "xs = self.items = self.table = [a]\nxs.append(2)\nself.items.append(3)\nreturn xs",
    "tuple": "self.items, (self.n, *self.rows) = b, (a, 2, 3)\nb.append(1)\nreturn self.rows",
    "swap": "self.items, self.rows = self.rows, self.items\nself.items.append(1)\nreturn self.rows",
    "order of keys": "self.table = {key: self.table[key] for key in sorted(self.table)}",
    "a type only": "self.n = 3.0\nself.name = self.name + ''",
    "a sign only": "self.n = 0.0\nself.n = -self.n",
    "a new slot, then read": "self.fresh = [a]\nself.fresh.append(2)\nreturn self.fresh",
    "a new slot on one branch": "if a > 5:\n    self.fresh = a\nreturn a",
    "a slot that is not there": "return self.missing",
    "inherited": "return self.motto, self.shared",
    "inherited, replaced": "self.shared = [*self.shared, a]\nself.motto = 'now'\nreturn self.shared",
    "inherited, changed": "self.shared.append(a)",
    "nested messages": "return self.half_(self.half_(a)), self.bump_(2)",
    "the answer of a message is a copy or not": "xs = self.bump_()\nxs.append(9)\nreturn self.items",
    "an error in a message": "try:\n    self.deny_()\nexcept ValueError as error:\n    return str(error), self.n",
    "an error that is not caught": "self.items.append(1)\nself.n = 5\nself.deny_()",
    "an error of its own": "self.items.append(1)\nreturn self.items[a]['x']",
    "wrong arguments": "return self.half_()",
    "a message to itself": "return self.f(a - 1) + [a] if a > 0 else []",
    "deep recursion": "return self.f(a + 1)",
    "finally": "try:\n    self.n = 1 // (a - 1)\nfinally:\n    self.items.append(self.n)",
    "a set": "self.tags.add(a)\nself.tags.discard(7)\nreturn sorted(self.tags)",
    "del": "del self.items[0], self.table['k']\nreturn len(self.items)",
    "closure": "def twice(n):\n    return n * self.n\nreturn [twice(n) for n in self.items], (lambda: self.name)()",
    "generator": "return sum(n for n in self.items), next((n for n in self.items if n > 9), None)",
    "map and filter": "return [*map(lambda n: n + self.n, self.items)], list(filter(None, [0, a]))",
    "key": "return sorted(self.items, key=lambda n: -n * self.n), max(self.rows, key=len)",
    "match": "match self.table:\n    case {'a': [first], **rest}:\n        return first, rest",
    "walrus": "return [y for x in self.items if (y := x + self.n)], y",
    "function as an answer": "return len",
    "lambda in a slot": "self.items = [lambda: 1]",
    "range as an answer": "return range(a)",
    "range in a slot": "self.items = range(3)\nreturn list(self.items)",
    "itself": "xs = []\nxs.append(xs)\nreturn xs",
    "itself, in a slot": "self.items.append(self.items)",
    "text like a cycle": "return '[...]'",
    "clock": "import datetime\nself.n = datetime.datetime.now().year\nreturn datetime.date.today()",
    "decimals": "from decimal import Decimal\nself.n = Decimal('1.50')\nreturn Decimal(1) / 3",
    "keyword arguments": "return a, b, c, d",
    "annotated": "total: int = self.n\nself.n: int = total + a\nreturn total",
    "f-string": "return f\"{self.name!r:>{a + 6}}|{self.table['k']}|{self.rows[0][0]:03d}|{{}}\"",
    "name of a prelude function": "sort = min = a\nreturn sort + min",
    "slot named as a builtin": "self.list = list(self.items)\nreturn self.list",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("args", [(), (2, [7])], ids=["defaults", "given"])
def test_the_two_ways_agree(sandbox: Sandbox, body: str, args: tuple[Any, ...]) -> None:
    agree(sandbox, method(body), *args)


# Generated: statements over shared values, one after another.

NUMBERS = st.sampled_from(
    ["1", "a", "self.n", "len(xs)", "xs[-1]", "self.items[0]", "self.rows[0][0]", "self.half_(4)"]
)
LISTS = st.sampled_from(
    ["xs", "ys", "self.items", "self.rows", "self.rows[-1]", "list(xs)", "[a, *ys]", "b", "self.bump_()"]
)
NAMES = st.sampled_from(["xs", "ys", "self.items", "self.rows", "self.fresh", "self.rows[0]"])
STATEMENTS = (
    st.builds("{} = {}".format, NAMES, LISTS)
    | st.builds("{} = {} = {}".format, NAMES, NAMES, LISTS)
    | st.builds("{}, {} = {}, {}".format, NAMES, NAMES, LISTS, LISTS)
    | st.builds("{} += {}".format, NAMES, LISTS)
    | st.builds("{}.append({})".format, LISTS, NUMBERS | LISTS)
    | st.builds("self.n {} {}".format, st.sampled_from(["=", "+=", "-="]), NUMBERS)
    | st.builds("self.table['k'] = {}".format, NUMBERS | LISTS)
    | st.builds("for {} in [{}, {}]:\n    xs.append(1)".format, NAMES, LISTS, LISTS)
    | st.builds("if {} > 1:\n    {} = {}".format, NUMBERS, NAMES, LISTS)
    | st.builds("try:\n    {}.append({})\nexcept (IndexError, TypeError):\n    xs = []".format, LISTS, NUMBERS)
)  # fmt: skip


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(STATEMENTS, min_size=1, max_size=6), LISTS | NUMBERS)
def test_the_two_ways_agree_on_what_is_shared(sandbox: Sandbox, statements: list[str], answer: str) -> None:
    body = "\n".join(["xs, ys = [3, 8], [[4]]", *statements, f"result = {answer}", "return result"])
    agree(sandbox, method(body), 2, [7])


# Where a container is changed in place only if a value happens to be one, it depends on the call how the method runs.

PARTS = st.sampled_from(["a", "b", "xs", "n", "self.n", "self.name", "self.items", "self.late"])
VALUED = (
    PARTS
    | st.sampled_from(["1", "2.5", "'y'", "[4]", "len(xs)", "str(n)", "self.name.upper()", "-n", "None"])
    | st.builds("{} {} {}".format, PARTS, st.sampled_from(["+", "*", "-", "%", "or"]), PARTS)
    | st.builds("({} if n else {})".format, PARTS, PARTS)
    | st.builds("{}[0]".format, PARTS)
)
TARGETS = st.sampled_from(["n", "xs", "self.n", "self.name", "self.items", "self.late"])
CHANGING = (
    st.builds("{} = {}".format, TARGETS, VALUED)
    | st.builds("{} = {} = {}".format, TARGETS, TARGETS, VALUED)
    | st.builds("{} {}= {}".format, TARGETS, st.sampled_from("+*-%"), VALUED)
    | st.builds("{} += {}".format, TARGETS, PARTS)
    | st.builds("for n in [{}]: {} += {}".format, VALUED, TARGETS, VALUED)
).map(lambda line: f"try:\n    {line}\nexcept (TypeError, IndexError):\n    n = 1")
GIVEN = st.sampled_from([(2, 3), (2.0, "x"), (True, [7]), ([], 2), ("ab", "c"), ([1], [[2]])])


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(CHANGING, min_size=1, max_size=5), VALUED, GIVEN)
def test_the_two_ways_agree_whatever_is_a_number(
    sandbox: Sandbox, statements: list[str], answer: str, args: tuple[Any, Any]
) -> None:
    body = "\n".join(["xs, n = self.items, 3", "self.late = a", *statements, f"result = {answer}", "return result"])
    agree(sandbox, method(body), *args)


# What is written is told from what was there, to the last sign.

EAST = timezone(timedelta(hours=1))
DIFFERENT = [
    (1, True), (1, 1.0), (0.0, -0.0), (Decimal("1.0"), Decimal("1.00")), ("a", b"a"), ([1], (1,)), ([1], [True]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ({1: 0}, {True: 0}), ({1}, {1.0}), ({1}, frozenset({1})), ([[1]], [[1.0]]),
    (NOON, NOON.astimezone(EAST)), (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, fold=1, tzinfo=UTC)),
    (complex(0.0, -0.0), complex(0.0, 0.0)), ([], [None]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now"), DIFFERENT)
def test_what_is_equal_may_still_be_a_change(before: Any, now: Any) -> None:
    assert not unchanged(before, now)
    assert not unchanged(now, before)
    assert not unchanged({"k": [before]}, {"k": [now]})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
def test_a_copy_is_no_change(value: Any) -> None:
    assert unchanged(value, plain(value))
