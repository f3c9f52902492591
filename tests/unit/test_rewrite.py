"""The rewrite: which touches of an object become which calls, and which line came from where."""

from __future__ import annotations

import ast
import textwrap

import pytest

from batos.errors import GuardianRefused
from batos.methods.rewrite import rewrite


def body_of(statements: str) -> str:
    """The rewritten statements of a method's body."""
    source = f"def f(self, x=None):\n{textwrap.indent(textwrap.dedent(statements).strip(), '    ')}\n"
    return textwrap.dedent(rewrite(source).source.split("\n", 1)[1]).strip()


SAME = {
    "locals": "y = x + 1\nreturn [y for y in range(3)]",
    "modules": "import math\nreturn math.sqrt(math.pi)",
    "methods of text": "return ', '.join(x)",
    "builtins without a key": "return [sorted(x), max(x), min(1, 2)]",
    "a local name for a builtin": "map = x\nreturn map",
}


@pytest.mark.parametrize("statements", SAME.values(), ids=SAME.keys())
def test_what_touches_no_object_stays(statements: str) -> None:
    assert body_of(statements) == statements


CHANGED = {
    "read": ("return self.a", "return _get(self, 'a')"),
    "walk": ("return x.a.b", "return _get(_get(x, 'a'), 'b')"),
    "write": ("self.a = 1", "_set(self, 'a', 1)"),
    "augmented": ("self.a += 1", "_v1 = _get(self, 'a')\n_v1 += 1\n_set(self, 'a', _v1)"),
    "container": ("self.d['k'] = 1", "_get(self, 'd')['k'] = 1"),
    "tuple": ("a, self.b = x", "a, _v1 = x\n_set(self, 'b', _v1)"),
    "chain": ("a = self.b = x", "_v1 = x\na = _v1\n_set(self, 'b', _v1)"),
    "loop": ("for self.a in x:\n    y = 1", "for _v1 in x:\n    _set(self, 'a', _v1)\n    y = 1"),
    "with": ("with x as self.a:\n    y = 1", "with x as _v1:\n    _set(self, 'a', _v1)\n    y = 1"),
    "comprehension": ("return [0 for self.a in x]", "return [0 for _v1 in x if _set(self, 'a', _v1) is None]"),
    "annotated": ("self.a: int = 1", "_set(self, 'a', 1)"),
    "delete a slot": ("del self.a", "_delattr(self, 'a')"),
    "delete an item": ("del x[0], self.d['k']", "_delitem(x, 0)\n_delitem(_get(self, 'd'), 'k')"),
    "delete a slice": ("del x[1:]", "_delslice(x, 1, None)"),
    "send to self": ("return self.m(x, k=self.a)", "return _send(self, 'm', x, k=_get(self, 'a'))"),
    "message without arguments": (
        "return x.m()",
        "return _late('_send')(_v1, 'm') if isinstance((_v1 := x), _Proto) else _v1.m()",
    ),
    "message with a constant": (
        "return x.m(1)",
        "return _late('_send')(_v1, 'm', 1) if isinstance((_v1 := x), _Proto) else _v1.m(1)",
    ),
    "sort by key": ("x.sort(key=len)", "_sort(x, key=len)"),
    "sorted by key": ("return sorted(x, key=len)", "return _sorted(x, key=len)"),
    "map": ("return map(len, x)", "return _map(len, x)"),
    "getattr": ("return getattr(self, 'a')", "return _getattr(self, 'a')"),
    "reduce": ("import functools\nreturn functools.reduce(x, [])", "import functools\nreturn _reduce(x, [])"),
    "identity": ("return x is self, x is not None", "return _same(x, self), x is not None"),
    "generator": ("return sum(n for n in x)", "return sum(iter([n for n in x]))"),
    "f-string": ("return f'{x}: {self.a:.2f}'", "return f\"{x}: {_get(self, 'a'):.2f}\""),
    "f-string with quotes": ("return f'{x}\"'", "return ''.join((format(x, ''), '\"'))"),
    "converting f-string": ("return f'a{x!r:>4}'", "return ''.join(('a', format(repr(x), \">4\")))"),
    "mark": ("self._p_changed = True", "pass"),
    "mark in a chain": ("self.a = self._p_changed = True", "_set(self, 'a', True)"),
}


@pytest.mark.parametrize(("statements", "rewritten"), CHANGED.values(), ids=CHANGED.keys())
def test_a_touch_of_an_object_becomes_a_call(statements: str, rewritten: str) -> None:
    assert body_of(statements) == rewritten


def test_arguments_are_evaluated_once_and_in_order() -> None:
    assert body_of("return x.m(self.a, *self.b, k=x.n())") == (
        "return ((_v2 := x), (_v3 := _get(self, 'a')), (_v4 := _get(self, 'b')), "
        "(_v5 := (_late('_send')(_v1, 'n') if isinstance((_v1 := x), _Proto) else _v1.n())), "
        "_late('_send')(_v2, 'm', _v3, *_v4, k=_v5) if isinstance(_v2, _Proto) else _v2.m(_v3, *_v4, k=_v5))[-1]"
    )


def test_nested_messages_do_not_grow_the_text_beyond_measure() -> None:
    nested = "x"
    for _ in range(12):
        nested = f"x.m({nested}, {nested[:1]})"
    assert len(body_of(f"return {nested}")) < 200 * 12


def test_annotations_are_left_out() -> None:
    assert rewrite("def f(self: object, x: 'int') -> str:\n    return x\n").source.startswith("def _method_(self, x):")


def test_each_line_knows_where_it_came_from() -> None:
    head = "def f(self, x):\n    '''Doc.'''\n    # a comment\n    a, self.b = x\n\n"
    source = head + "    if (\n        a\n    ):\n        self.c += 1\n    return a\n"
    rewritten = rewrite(source)
    lines = dict(zip(rewritten.source.splitlines(), rewritten.lines, strict=False))
    assert lines["    a, _v1 = x"] == lines["    _set(self, 'b', _v1)"] == 4
    assert lines["    if ("] == 6
    assert lines["        _set(self, 'c', _v2)"] == 9
    assert lines["    return a"] == 10


def test_a_form_without_meaning_is_refused_with_its_line() -> None:
    with pytest.raises(GuardianRefused, match="Line 3: this form of `del`"):
        rewrite("def f(self, x):\n    y = 1\n    del x[::2]\n")


def test_it_is_pure() -> None:
    source = "def f(self, x):\n    self.a = [y.b for y in x]\n    self._p_changed = True\n"
    assert rewrite(source) == rewrite(source)
    assert rewrite(source).declares
    assert not rewrite("def f(self):\n    return self.a\n").declares
    ast.parse(rewrite(source).source)
