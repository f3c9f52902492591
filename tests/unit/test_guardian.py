"""The guardian: each rule of the covenant with its line and reason, the path rule against an oracle, and no crash."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batos.errors import GuardianRefused
from batos.methods.guardian import Audit, audit, check


def method(body: str, head: str = "def f(self, x=None, y=None):") -> str:
    return f"{head}\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"


def found(source: str, **options: Any) -> set[str]:
    return {finding.rule for finding in audit(source, "f", **options).findings}


ACCEPTED = {
    "reads": "return self.name.upper()",
    "sends": "return self.greet(x, polite=True) + self.friend.name",
    "writes and marks": "self.count = x\nself._p_changed = True\nreturn self.count",
    "augments and marks": "self.count += x\nself._p_changed = True",
    "marks in each branch": "if x:\n    self.a = 1\n    self._p_changed = True\n    return 1\nelse:\n    return 2",
    "writes in a loop, marks after it": "for i in range(3):\n    self.n += i\nself._p_changed = True",
    "marks in finally": "try:\n    self.a = x\nfinally:\n    self._p_changed = True",
    "tuple and mark": "self.a, (b, *self.c) = x\nself._p_changed = True\nreturn b",
    "container": "self.items.append(x)\nself._p_changed = True",
    "copy of a container": "xs = list(self.items)\nxs.append(x)\nreturn xs",
    "own container": "xs = []\nxs.append(self.name)\nreturn xs",
    "number in a name": "total = self.total\ntotal += 2\ntotal += len(x)\ntotal -= 0.5\nreturn total",
    "number of a sum": "total = 0\nfor item in self.items:\n    total += item\nreturn total",
    "helper with a container of its own": "def add(xs):\n    xs.append(1)\nys = []\nadd(ys)\nreturn ys",
    "name put together": "total = self.total\ntotal = total + x\nreturn total",
    "imports": "import math\nfrom collections import Counter\nreturn math.sqrt(x), Counter(y)",
    "nested function": "def double(n):\n    return 2 * n\nreturn [double(n) for n in self.items]",
    "lambda": "return sorted(self.items, key=lambda item: item.size)",
    "throw-away name": "return [0 for _ in range(x)]",
    "one-argument type": "return type(x) is int",
    "shadowed builtin": "input = x\nreturn input + 1",
    "setattr with a name": "setattr(self, 'a', x)\nself._p_changed = True",
    "getattr by a variable": "return getattr(self, x, None)",
    "scratch slot": "return self._tmp_synthesis_data",
    "delegated state": "return self._process_synthesis_()",
    "match": "match x:\n    case {'a': b}:\n        return b\n    case [c, *_]:\n        return c",
    "with": "return x",
    "non-ASCII name": "größe = self.name\nreturn größe",
    "text with any character": "return 'ﬁ 👩‍💻 m² а'",
    "raise before any write": "if not x:\n    raise ValueError('x')\nself.a = x\nself._p_changed = True",
    "caught raise": "try:\n    self.a = x\n    raise KeyError\nexcept KeyError:\n    pass\nself._p_changed = True",
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_keeps_the_covenant_passes(body: str) -> None:
    result = audit(method(body), "f")
    assert result.passed, result.reason


REFUSED = {
    # The covenant, in all the places where a write can hide
    "no mark": ("self.a = 1", "covenant"),
    "mark before the write": ("self._p_changed = True\nself.a = 1", "covenant"),
    "mark in one branch only": ("self.a = 1\nif x:\n    self._p_changed = True", "covenant"),
    "return before the mark": ("self.a = 1\nif x:\n    return 1\nself._p_changed = True", "covenant"),
    "raise before the mark": ("self.a = 1\nif x:\n    raise ValueError\nself._p_changed = True", "covenant"),
    "loop": ("for i in x:\n    self.a = i", "covenant"),
    "while, break": ("while True:\n    self.a = 1\n    if x:\n        break\n    self._p_changed = True", "covenant"),
    "continue": ("for i in x:\n    self.a = i\n    if i:\n        continue\n    self._p_changed = True", "covenant"),
    "handler": ("try:\n    self.a = x\n    self._p_changed = True\nexcept ValueError:\n    pass", "covenant"),
    "finally writes": ("try:\n    return 1\nfinally:\n    self.a = 1", "covenant"),
    "finally swallows": (
        "try:\n    self.a = 1\n    g = x[0]\n    self._p_changed = True\nfinally:\n    return 1",
        "covenant",
    ),
    "raise through finally": (
        "try:\n    try:\n        raise KeyError\n    finally:\n        self.a = 1\nexcept KeyError:\n    pass",
        "covenant",
    ),
    "with swallows": ("with x:\n    self.a = 1\n    self._p_changed = True", "covenant"),
    "match": ("match x:\n    case 1:\n        self.a = 1\n    case _:\n        self._p_changed = True", "covenant"),
    "tuple": ("(a, self.b) = x", "covenant"),
    "starred": ("a, *self.b = x", "covenant"),
    "nested target": ("[a, (self.b, c)] = x", "covenant"),
    "for target": ("for self.a in x:\n    pass", "covenant"),
    "with target": ("with x as self.a:\n    pass", "covenant"),
    "augmented": ("self.a += 1", "covenant"),
    "annotated": ("self.a: int = 1", "covenant"),
    "deleted": ("del self.a", "covenant"),
    "chained": ("b = self.a = x", "covenant"),
    "subscript": ("self.d['k'] = x", "covenant"),
    "augmented subscript": ("self.d['k'] += x", "covenant"),
    "deleted subscript": ("del self.d['k']", "covenant"),
    "slice": ("self.items[1:] = x", "covenant"),
    "comprehension target": ("return [0 for self.a in x]", "covenant"),
    "mutator": ("self.items.append(x)", "covenant"),
    "mutator in a return": ("return self.items.pop()", "covenant"),
    "mutator in a walrus": ("if (y := self.items.pop()):\n    return y", "covenant"),
    "alias": ("xs = self.items\nxs.append(x)", "covenant"),
    "alias of an alias": ("xs = self.items\nys = xs\nys[0] = 1", "covenant"),
    "alias by walrus": ("(xs := self.items).append(x)", "covenant"),
    "alias by choice": ("xs = self.a if x else self.b\nxs.append(1)", "covenant"),
    "element": ("for row in self.rows:\n    row.append(x)", "covenant"),
    "element of a copy": ("for row in list(self.rows):\n    row['k'] = x", "covenant"),
    "element by get": ("self.d.get('k').append(x)", "covenant"),
    "alias through a helper": ("def add(xs):\n    xs.append(1)\nadd(self.items)", "nested-write"),
    "in place, list": ("xs = self.items\nxs += [1]", "covenant"),
    "in place, name": ("xs = self.items\nxs += x", "covenant"),
    "in place, set": ("xs = self.tags\nxs |= x", "covenant"),
    "in place, times": ("xs = self.items\nxs *= 2", "covenant"),
    "row put into a list": ("xs = []\nxs.append(self.rows[0])\nxs[0].append(x)", "covenant"),
    "row put into a place": ("xs = [0]\nxs[0] = self.rows\nxs[0].append(x)", "covenant"),
    "rows added to a list": ("xs = []\nxs += self.rows\nxs[0].append(x)", "covenant"),
    "bound mutator": ("add = self.items.append\nadd(x)", "covenant"),
    "bound mutator as a key": ("return list(map(self.items.append, x))", "covenant"),
    "mutator of the type": ("list.append(self.items, x)", "covenant"),
    "row by a function": ("def same(q):\n    return q\nsame(self.rows).append(x)", "covenant"),
    "row by a lambda": ("(lambda q: q)(self.rows).append(x)", "covenant"),
    "row by map": ("for row in map(lambda q: q, self.rows):\n    row.append(x)", "covenant"),
    "row by what it was given": ("x(self.rows).append(1)", "covenant"),
    "row by choice": ("import random\nrandom.choice(self.rows).append(x)", "covenant"),
    "row by reduce": ("from functools import reduce\nreduce(x, self.rows).append(1)", "covenant"),
    "row by cast": ("from typing import cast\ncast(list, self.items).append(1)", "covenant"),
    "rows in a tuple": ("(self.rows, 1)[0].append(x)", "covenant"),
    "alias by arguments": ("def add(*xs, **ys):\n    xs[0].append(1)\nadd(self.items)", "nested-write"),
    "alias by spread": ("def add(a, b):\n    b.append(1)\nadd(*x, self.items)", "nested-write"),
    "alias by keyword": ("def add(a, *, b):\n    b.append(1)\nadd(x, b=self.items)", "nested-write"),
    "alias by default": ("def add(xs=self.items):\n    xs.append(1)\nadd()", "nested-write"),
    "alias by a lambda": ("(lambda xs: xs.append(1))(self.items)", "nested-write"),
    "helper by another name": ("def add(xs):\n    xs.append(1)\ng = add\ng(self.items)", "nested-write"),
    "helper handed on": ("def add(xs):\n    xs.append(1)\nreturn list(map(add, self.rows))", "nested-write"),
    "lambda handed on": ("return sorted(self.rows, key=lambda row: row.pop())", "nested-write"),
    "accumulator": (
        "from functools import reduce\nreturn reduce(lambda xs, y: xs.append(y) or xs, x, self.items)",
        "nested-write",
    ),
    "setattr": ("setattr(self, 'a', 1)", "covenant"),
    "shuffle": ("import random\nrandom.shuffle(self.items)", "covenant"),
    "mark with another value": ("self.a = 1\nself._p_changed = False", "covenant"),
    "mark augmented": ("self.a = 1\nself._p_changed |= True", "covenant"),
    "mark as a loop variable": ("self.a = 1\nfor self._p_changed in [True]:\n    pass", "covenant"),
    "mark in a tuple": ("self.a, self._p_changed = 1, True", "covenant"),
    "mark of another": ("x._p_changed = True", "covenant"),
    "mark read": ("return self._p_changed", "covenant"),
    "write in a lambda": ("return (lambda: setattr(self, 'a', 1))()", "nested-write"),
    "write in a nested function": ("def g():\n    self.a = 1\ng()\nself._p_changed = True", "nested-write"),
    "mark in a nested function": ("def g():\n    self._p_changed = True\ng()", "nested-write"),
    # State of others, and what is no data slot
    "other's slot": ("x.a = 1", "foreign-write"),
    "friend's slot": ("self.friend.a = 1\nself._p_changed = True", "foreign-write"),
    "other's slot by setattr": ("setattr(x, 'a', 1)", "foreign-write"),
    "alias of self": ("me = self\nme.a = 1", "foreign-write"),
    "setattr with a made-up name": ("setattr(self, x, 1)\nself._p_changed = True", "setattr"),
    "setattr of a parent slot": ("setattr(self, 'parent*', x)\nself._p_changed = True", "parent-slot"),
    "setattr as a value": ("f = setattr\nf(self, 'a', 1)", "setattr"),
    "setattr by stars": ("setattr(*x)", "setattr"),
    "_slots": ("return self._slots", "slots"),
    # Names
    "dunder attribute": ("return x.__class__", "underscore"),
    "dunder name": ("return __builtins__", "underscore"),
    "private name": ("_a = 1\nreturn _a", "underscore"),
    "private slot": ("return self._p_jar", "underscore"),
    "private by getattr": ("return getattr(self, '__dict__')", "underscore"),
    "private keyword": ("return self.g(_x=1)", "underscore"),
    "private capture": ("match x:\n    case [_a]:\n        return 1", "underscore"),
    "private class attribute in a pattern": ("match x:\n    case object(__class__=c):\n        return c", "underscore"),
    "format walk": ("return '{0.__class__}'.format(x)", "format"),
    "format index walk": ("return '{a[__k]}'.format(a=x)", "format"),
    "format_map": ("return x.format_map(y)", "attribute"),
    "traceback": ("return x.tb_frame", "attribute"),
    "frame": ("return x.gi_frame", "attribute"),
    "eval": ("return eval(x)", "name"),
    "exec as a value": ("return [exec][0](x)", "name"),
    "compile": ("return compile(x, '', 'exec')", "name"),
    "open": ("return open(x)", "name"),
    "globals": ("return globals()", "name"),
    "three-argument type": ("return type('A', (), {})", "name"),
    "type as a value": ("return type", "name"),
    "builtin shadowed elsewhere only": ("def g(open):\n    return open\nreturn open(x)", "name"),
    "self rebound": ("self = x", "self"),
    "self as a loop variable": ("for self in x:\n    pass", "self"),
    "self in a comprehension": ("return [self for self in x]", "self"),
    "self as a nested parameter": ("return (lambda self: self)(x)", "self"),
    "self caught": ("try:\n    pass\nexcept ValueError as self:\n    pass", "self"),
    "self imported": ("import math as self", "self"),
    "self captured": ("match x:\n    case self:\n        return 1", "self"),
    "getattr rebound": ("getattr = x\nreturn getattr", "name"),
    # Imports
    "os": ("import os", "import"),
    "os by another name": ("import os as math", "import"),
    "submodule": ("import os.path", "import"),
    "star": ("from math import *", "import"),
    "relative": ("from . import x", "import"),
    "door in a module": ("import re\nreturn re.enum.sys", "module"),
    "door imported": ("from json import codecs", "module"),
    "door by alias": ("import json as j\nreturn j.codecs", "module"),
    "module as a value": ("import re\nreturn [re]", "module"),
    "module rebound": ("import re\nre = x", "import"),
    # What a method cannot be
    "class": ("class A:\n    pass", "class"),
    "yield": ("yield 1", "yield"),
    "await": ("def g():\n    pass\nreturn [a async for a in x]", "async"),
    "global": ("global z\nz = 1", "global"),
    "decorator": ("@x\ndef g():\n    pass", "decorator"),
    "slot in a pattern": ("match x:\n    case self.a:\n        return 1", "pattern"),
}


@pytest.mark.parametrize(("body", "rule"), REFUSED.values(), ids=REFUSED.keys())
def test_what_breaks_it_is_refused_by_its_rule(body: str, rule: str) -> None:
    assert rule in found(method(body))


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("", "one-function"),
        ("x = 1\n", "one-function"),
        ("import math\ndef f(self):\n    return 1\n", "one-function"),
        ("def f(self):\n    return 1\nf(1)\n", "one-function"),
        ("def g(self):\n    return 1\n", "selector"),
        ("async def f(self):\n    return 1\n", "async"),
        ("def f():\n    return 1\n", "self"),
        ("def f(me):\n    return 1\n", "self"),
        ("def f(self=None):\n    return 1\n", "self"),
        ("def f(*self):\n    return 1\n", "self"),
        ("@staticmethod\ndef f(self):\n    return 1\n", "decorator"),
        ("def f(self, x=open('/etc/passwd')):\n    return 1\n", "name"),
        ("def f(self, x: __import__('os') = 1):\n    return 1\n", "underscore"),
        ("def f(self):\n    return (\n", "parse"),
        ("def f(self):\n    return '\x00'\n", "unicode"),
        ("def f(self):\n    return 1 # \u202e\n", "unicode"),
        ("def f(self):\n    ｅval = 1\n    return eval\n", "unicode"),
        ("def f(self):\n    pаy = 1\n    return 1\n", "unicode"),  # the second letter is Cyrillic
        ("def f(self):\n    return " + "(" * 60 + ")" * 60 + "\n", "nesting"),
        ("def f(self):\n    return " + "-" * 150 + "1\n", "nesting"),
        ("def f(self):\n    return self" + ".a" * 500 + "\n", "nesting"),
        ("def f(self):\n    return " + "+".join(["1"] * 500) + "\n", "nesting"),
        ("def f(self):\n" + "    x = 1\n" * 500, "size"),
        ("def f(self):\n    return '" + "a" * 30_000 + "'\n", "size"),
    ],
)
def test_the_source_is_one_small_plain_function(source: str, rule: str) -> None:
    assert rule in found(source)


def test_a_refusal_names_the_line_and_the_reason() -> None:
    with pytest.raises(GuardianRefused) as caught:
        check("def f(self):\n    import os\n    self.a = 1\n", "f")
    assert "Line 2: 'os' may not be imported" in str(caught.value)
    assert "Line 3: a path that wrote state here" in str(caught.value)
    assert [finding["line"] for finding in caught.value.facts["findings"]] == [2, 3]


def test_a_refusal_of_what_may_be_in_place_says_what_to_write_instead() -> None:
    assert "`name = name + value` does not" in audit(method("total = self.total\ntotal += x\nreturn total"), "f").reason
    assert "`name = name + value`" not in audit(method("self.total += x"), "f").reason


def test_the_audit_lists_reads_writes_and_sends() -> None:
    source = method(
        "self.total += self.price\nself.log.append(self.label_(x))\nself._p_changed = True\ngetattr(self, 'unit')"
    )
    result = check(source, "f")
    assert result == Audit("f", (), ("log", "price", "total", "unit"), ("log", "total"), ("label_",), marks=True)
    assert check(method("return getattr(self, x)"), "f").dynamic


FACET = "return self.infer_(x, system_prompt='Be kind.')"


def test_a_facet_that_asks_once_passes() -> None:
    assert not found(method(FACET), facet=True)
    assert not found(method(f"prompt = 'Be kind.'\n{FACET.replace('return', 'answer =')}\nreturn answer"), facet=True)


@pytest.mark.parametrize(
    "body",
    [
        "return x",
        f"if x:\n    {FACET}",
        f"for _ in range(2):\n    {FACET}",
        f"if not x:\n    return ''\n{FACET}",
        "return self.infer_(x, system_prompt='a') + self.infer_(x, system_prompt='b')",
        "return [self.infer_(q, system_prompt='a') for q in x]",
        "return (lambda: self.infer_(x, system_prompt='a'))()",
        "return x and self.infer_(x, system_prompt='a')",
        "return self.infer_(self, x, system_prompt='a')",
        "return self.friend.infer_(x, system_prompt='a')",
        "return self.infer_(x)",
        "ask = self.infer_\nreturn ask(x, system_prompt='a')",
    ],
)
def test_a_facet_sends_infer_exactly_once(body: str) -> None:
    assert "facet" in found(method(body), facet=True)
    assert "facet" not in found(method(body))


# The path rule against an oracle that walks every path, told by a different representation of the program.

Program = list[Any]
LEAVES = st.sampled_from(["write", "mark", "other", "return", "break", "continue", "raise"])


def compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    block = st.lists(inner, min_size=1, max_size=3)
    pairs = st.tuples(st.sampled_from(["if", "try", "finally"]), block, block)
    return pairs | st.tuples(st.just("for"), block)


blocks = st.lists(st.recursive(LEAVES, compound, max_leaves=8), min_size=1, max_size=3)
LINES = {"write": "self.a = x", "mark": "self._p_changed = True", "other": "y = x", "raise": "raise KeyError"}


def written(block: Program, in_loop: bool = False) -> str:
    lines: list[str] = []
    for statement in block:
        match statement:
            case "break" | "continue" if not in_loop:
                lines.append("y = x")
            case str():
                lines.append(LINES.get(statement, statement))
            case ("if", body, orelse):
                lines += ["if x:", textwrap.indent(written(body, in_loop), "    ")]
                lines += ["else:", textwrap.indent(written(orelse, in_loop), "    ")]
            case ("for", body):
                lines += ["for y in x:", textwrap.indent(written(body, True), "    ")]
            case ("try", body, handler):
                lines += ["try:", textwrap.indent(written(body, in_loop), "    ")]
                lines += ["except Exception:", textwrap.indent(written(handler, in_loop), "    ")]
            case ("finally", body, last):
                lines += ["try:", textwrap.indent(written(body, in_loop), "    ")]
                lines += ["finally:", textwrap.indent(written(last, in_loop), "    ")]
    return "\n".join(lines)


Ending = tuple[str, bool]  # how control leaves, and whether a write is unmarked then


def endings(block: Program, dirty: bool, in_loop: bool = False) -> set[Ending]:
    """Every way a block can end. "surprise" is an exception that no `raise` states; any statement may throw one, and
    may have written before it does."""
    if not block:
        return {("fall", dirty), ("surprise", dirty)}
    ends: set[Ending] = {("surprise", dirty)}
    for how, after in step(block[0], dirty, in_loop):
        ends |= endings(block[1:], after, in_loop) if how == "fall" else {(how, after)}
    return ends


def step(statement: Any, dirty: bool, in_loop: bool) -> set[Ending]:
    match statement:
        case "write" | "mark":
            return {("fall", statement == "write")}
        case "return" | "raise":
            return {(statement, dirty)}
        case "break" | "continue":
            return {(statement if in_loop else "fall", dirty)}
        case ("if", body, orelse):
            return endings(body, dirty, in_loop) | endings(orelse, dirty, in_loop)
        case ("for", body):
            starts, ends = {dirty}, set()
            for _ in range(3):
                turns = {end for start in starts for end in endings(body, start, True)}
                starts |= {after for how, after in turns if how in ("fall", "continue")}
                ends |= {
                    ("fall" if how == "break" else how, after)
                    for how, after in turns
                    if how not in ("fall", "continue")
                }
            return ends | {("fall", start) for start in starts}
        case ("try", body, handler):
            tried = endings(body, dirty, in_loop)
            caught = {after for how, after in tried if how in ("raise", "surprise")}
            kept = {end for end in tried if end[0] not in ("raise", "surprise")}
            return kept | {end for start in caught for end in endings(handler, start, in_loop)}
        case ("finally", body, last):
            ends = set()
            for how, after in endings(body, dirty, in_loop):
                ends |= {(how if then == "fall" else then, left) for then, left in endings(last, after, in_loop)}
            return ends
    return {("fall", dirty)}


@settings(max_examples=300)
@given(blocks)
def test_the_path_rule_agrees_with_an_oracle_that_walks_every_path(block: Program) -> None:
    unmarked = any(dirty for how, dirty in endings(block, False) if how != "surprise")
    source = method(written(block))
    assert ("covenant" in found(source)) == unmarked, source


@given(
    st.text(max_size=300) | st.text(alphabet="def f(self):\n \t=[]{}().,'\"#\\_x1@*:;&|^~<>é\u202e\x00", max_size=300)
)
def test_no_text_crashes_the_guardian(source: str) -> None:
    audit(source, "f")
    audit("def f(self):\n    " + source.replace("\n", "\n    "), "f", facet=True)
