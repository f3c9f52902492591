"""When a closed method changes no container in place, told by its text."""

import textwrap

import pytest

from batos.methods.program import prepare
from batos.methods.scalars import Condition


def condition(body: str) -> Condition | None:
    body = textwrap.indent(f"{body}\nself._p_changed = True\nreturn 1", "    ")
    light = prepare(f"def f(self, x, y=1):\n{body}\n", "f").light
    return light[1] if light is not None else None


@pytest.mark.parametrize(
    ("body", "slots", "arguments"),
    [
        ("self.n += x", {"n"}, True),
        ("self.n += self.rate * x", {"n", "rate"}, True),
        ("total = self.n\ntotal += self.more\nself.n = total", {"n", "more"}, False),
        ("self.n *= 2", {"n"}, False),
        ("self.name += '!'", {"name"}, False),
        ("self.n = len(self.items)\nself.n += x", {"n", "items"}, True),
        ("self.n += x\nself.items = [*self.items, x]", {"n"}, True),
        ("self.n = self.items[:1] + self.items\nself.n += 'x'", {"n", "items"}, False),
    ],
)
def test_what_must_be_a_scalar(body, slots, arguments):
    assert condition(body) == Condition(frozenset(slots), arguments)


@pytest.mark.parametrize(
    "body",
    [
        "self.items.append(x)",
        "self.items[0] = x",
        "self.n += x\nself.n = [x]",
        "for row in self.rows:\n    row += x",
        "a, b = self.pair\na += b\nself.pair = (a, b)",
        "self.n = [*self.items]\nself.n += x",
        "words = self.name.split()\nwords += x\nself.n = words",
        "import collections\nself.n = collections.deque()\nself.n += x",
    ],
)
def test_what_may_change_a_container_however_it_is_called(body):
    assert condition(body) is None


def test_a_long_chain_of_names_is_taken_for_a_container():
    chain = "; ".join(f"a{number} = a{number + 1}" for number in range(500))
    assert condition(f"self.n += x\na500 = self.items\na500 += x\n{chain}") is not None
    assert condition(f"a500 = [x]\n{chain}\na0 += x\nself.n = a0") is None


def test_what_changes_nothing_in_place_has_one_form():
    assert prepare("def f(self):\n    self.n = 2\n    self._p_changed = True\n", "f").light is None
