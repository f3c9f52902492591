"""What the guardian lets pass keeps the covenant when it runs: sources of many shapes, run in CPython on an object that
watches itself. It knows nothing of the guardian: it sees what is written, and whether the marking line came after.

Exceptions that no `raise` states are left out, as the covenant leaves them out.
"""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from batos.methods.guardian import audit

SAID = "said so"


class Watched:
    """An object whose slots hold containers that tell it when they change."""

    def __init__(self, **slots: Any) -> None:
        object.__setattr__(self, "unmarked", False)
        for name, value in slots.items():
            object.__setattr__(self, name, watched(self, value))

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_p_changed":
            object.__setattr__(self, "unmarked", value is not True)
        else:
            object.__setattr__(self, "unmarked", True)
            object.__setattr__(self, name, watched(self, value))

    def __delattr__(self, name: str) -> None:
        object.__setattr__(self, "unmarked", True)
        object.__delattr__(self, name)


def telling(kind: type, changes: str) -> type:
    """A list, dict or set that tells its owner before it changes."""

    def change(name: str) -> Any:
        def told(self: Any, *args: Any, **kwargs: Any) -> Any:
            object.__setattr__(self.owner, "unmarked", True)
            return getattr(kind, name)(self, *args, **kwargs)

        return told

    return type(f"Telling{kind.__name__}", (kind,), {name: change(name) for name in changes.split()})


LIST = telling(
    list,
    "append extend insert pop remove clear sort reverse __setitem__ __delitem__ __iadd__ __imul__",
)
DICT = telling(dict, "update setdefault pop popitem clear __setitem__ __delitem__ __ior__")
SET = telling(set, "add discard remove pop clear update __ior__ __iand__ __isub__ __ixor__")


def watched(owner: Watched, value: Any) -> Any:
    made: Any
    match value:
        case list():
            made = LIST([watched(owner, item) for item in value])
        case dict():
            made = DICT({key: watched(owner, item) for key, item in value.items()})
        case set():
            made = SET(value)
        case _:
            return value
    made.owner = owner
    return made


class Swallowing:
    """A context manager that gives what it is given, and swallows what is raised."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __enter__(self) -> Any:
        return self.value

    def __exit__(self, *exc: object) -> bool:
        return True


def leaves_unmarked(source: str) -> bool:
    """Whether the method, run once, leaves by a return or a stated `raise` with a write that was not marked."""
    space: dict[str, Any] = {}
    exec(source, space)
    receiver = Watched(n=1, items=[3, 1], rows=[[1, 2], [3]], table={"k": [1], "j": [2]}, tags={1}, size=(1, [2]))
    try:
        space["f"](receiver, 1, [[7], [8]], Swallowing)
    except Exception as error:
        if SAID not in str(error):
            return False
    return bool(receiver.unmarked)


NAMES = ["xs", "ys", "row"]
STATE = ["self.items", "self.rows", "self.table", "self.table['k']", "self.rows[0]", "self.size[1]", "self.tags"]
VALUES = st.recursive(
    st.sampled_from([*NAMES, *STATE, "self.n", "a", "b", "b[0]", "[]", "{}"]),
    lambda inner: (
        st.builds("list({})".format, inner)
        | st.builds("[{}, {}]".format, inner, inner)
        | st.builds("({} if a else {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("(row := {})".format, inner)
        | st.builds("{}[0]".format, inner)
        | st.builds("{}[:1]".format, inner)
        | st.builds("{}.copy()".format, inner)
        | st.builds("next(iter({}))".format, inner)
        | st.builds("[row for row in {}]".format, inner)
        | st.builds("list({}.values())".format, inner)
        | st.builds("(lambda q: q)({})".format, inner)
        | st.builds("max({}, key=len)".format, inner)
        | st.builds("[*{}]".format, inner)
        | st.builds("dict(zip('kj', {}))['k']".format, inner)
        | st.builds("{}.get('k')".format, inner)
        | st.builds("sorted({}, key=str)".format, inner)
        | st.builds("{} + {}".format, inner, inner)
        | st.builds("getattr(self, 'rows', {})".format, inner)
    ),
    max_leaves=4,
)
TARGETS = st.sampled_from(
    [*NAMES, "xs[0]", "row[0]", "ys['k']", "self.n", "self.items", "self.rows[0]", "self.table['k']"]
)
CHANGES = st.sampled_from([
    "append(a)", "extend(b)", "pop()", "clear()", "reverse()", "sort(key=str)", "insert(0, a)", "update({})", "add(a)",
    "setdefault('z', a)", "popitem()", "remove(1)", "discard(1)",
])  # fmt: skip
SIMPLE = (
    st.builds("{} = {}".format, TARGETS, VALUES)
    | st.builds("{} = {} = {}".format, TARGETS, TARGETS, VALUES)
    | st.builds("{}, {} = {}, {}".format, TARGETS, TARGETS, VALUES, VALUES)
    | st.builds("{}, *{} = {}".format, TARGETS, TARGETS, VALUES)
    | st.builds("[{}, ({}, {})] = {}, {}".format, TARGETS, TARGETS, TARGETS, VALUES, VALUES)
    | st.builds("{}: list = {}".format, st.sampled_from(["xs", "self.items", "row[0]"]), VALUES)
    | st.builds("{} += {}".format, TARGETS, VALUES)
    | st.builds("{} |= {}".format, TARGETS, st.sampled_from(["{1}", "{'z': 1}", "self.tags"]))
    | st.builds("{}.{}".format, VALUES, CHANGES)
    | st.builds("{}.append({})".format, VALUES, VALUES)
    | st.builds("list.append({}, {})".format, VALUES, VALUES)
    | st.builds("grow = {}.append\ngrow({})".format, VALUES, VALUES)
    | st.builds("def helper(q={}):\n    q.{}\nhelper()".format, VALUES, CHANGES)
    | st.builds("def helper(q):\n    q.{}\nother = helper\nother({})".format, CHANGES, VALUES)
    | st.builds("[*map(lambda q: q.{}, {})]".format, CHANGES, VALUES)
    | st.builds("def helper(q, *, w):\n    w.{}\nhelper(*[1], **{{'w': {}}})".format, CHANGES, VALUES)
    | st.builds("del {}".format, st.sampled_from(["self.n", "self.rows[0]", "xs[0]", "row[:1]", "self.table['k']"]))
    | st.builds("setattr(self, 'n', {})".format, VALUES)
    | st.builds("[0 for {} in {}]".format, TARGETS, VALUES)
    | st.builds("[row.{} for row in {}]".format, CHANGES, VALUES)
    | st.builds("{{str(ys): ys.{} for ys in {}}}".format, CHANGES, VALUES)
    | st.builds("(lambda q: q.{})({})".format, CHANGES, VALUES)
    | st.builds("def helper(q, w=None):\n    q.{}\nhelper({})".format, CHANGES, VALUES)
    | st.builds("def helper(q):\n    return q\nhelper({}).{}".format, VALUES, CHANGES)
    | st.builds("def helper(*q, **w):\n    q[0].{}\nhelper({})".format, CHANGES, VALUES)
    | st.builds("import random\nrandom.shuffle({})".format, VALUES)
    | st.builds("from bisect import insort\ninsort({}, a)".format, VALUES)
    | st.sampled_from(["self._p_changed = True", "return xs", f"raise KeyError('{SAID}')", "pass"])
)  # fmt: skip


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def block(head: str, body: str, *more: str) -> str:
        lines = [head, textwrap.indent(body, "    ")]
        for index in range(0, len(more), 2):
            lines += [more[index], textwrap.indent(more[index + 1], "    ")]
        return "\n".join(lines)

    return (
        st.builds("{}\n{}".format, inner, inner)
        | st.builds(lambda v, x, y: block(f"if {v}:", x, "else:", y), VALUES, inner, inner)
        | st.builds(lambda t, v, x: block(f"for {t} in {v}:", x), TARGETS, VALUES, inner)
        | st.builds(lambda v, t, x: block(f"with c({v}) as {t}:", x), VALUES, TARGETS, inner)
        | st.builds(lambda x, y: block("try:", x, "except (KeyError, IndexError):", y), inner, inner)
        | st.builds(lambda x, y: block("try:", x, "finally:", y), inner, inner)
        | st.builds(lambda v, p, x: block(f"match {v}:", block(f"case {p}:", x)), VALUES, PATTERNS, inner)
    )  # fmt: skip


PATTERNS = st.sampled_from(["[row, *xs]", "{'k': ys} as xs", "[[row], _] | [row]", "{'j': [_], **row}"])
BODIES = st.recursive(SIMPLE, compound, max_leaves=5)


def method(body: str) -> str:
    lines = ["def f(self, a, b, c):", "    xs, ys, row = [[1], [2]], {'k': [3]}, [4]", textwrap.indent(body, "    ")]
    return "\n".join(lines) + "\n"


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(BODIES)
def test_what_passes_leaves_no_write_unmarked(body: str) -> None:
    source = method(body)
    try:
        compile(source, "<method>", "exec")
    except SyntaxError:
        assume(False)
    if audit(source, "f").passed:
        assert not leaves_unmarked(source), source


@pytest.mark.parametrize(
    ("body", "unmarked"),
    [
        ("self.n = 2", True),
        ("self.rows[0].append(1)", True),
        ("xs = self.table['k']\nxs += [1]\nself._p_changed = True", False),
        ("for self.items[0] in b:\n    pass", True),
        (f"self.tags.add(2)\nraise KeyError('{SAID}')", True),
        ("self.n = 2\nraise KeyError('not said')", False),
        ("return list(self.items).append(1)", False),
    ],
)
def test_the_watched_object_sees_what_is_written(body: str, unmarked: bool) -> None:
    assert leaves_unmarked(method(body)) is unmarked
