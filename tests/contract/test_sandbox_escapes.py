"""Hostile methods against the sandbox with real workers: none gets out, none stays, and the next method runs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from batos.errors import SandboxDenied, SandboxLimit, SandboxRaised
from batos.methods.prelude import hidden, needed, text_of
from batos.methods.program import Program
from batos.methods.rewrite import Rewritten
from batos.methods.sandbox import Sandbox
from contract.sandbox_world import MARK, SMALL, World


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SMALL, wrapped=False) as opened:
        yield opened


@pytest.fixture
def world(sandbox: Sandbox) -> World:
    return World(sandbox)


# Hostile programs that got past the guardian and the rewrite: only the host stands against them.


def raw(sandbox: Sandbox, world: World, body: str) -> Any:
    """Run a body that has got past the guardian and the rewrite, and that knows the hidden names."""
    names = needed(frozenset({"_send", "_get", "_set", "_changes", "_out", "_late"}))
    source = f"def _method_(self):\n{textwrap.indent(textwrap.dedent(hidden(body)).strip(), '    ')}\n"
    rewritten = Rewritten(source, tuple(range(1, source.count("\n") + 2)), frozenset(), False)
    program = Program("hostile", rewritten, names, (), False, text_of(names))
    return sandbox.run(program, world.ada, (), {}, world.host)


HOSTILE = {
    # host-callback abuse
    "keep: other's slot": "bob = _get(self, 'friend')\n_host_keep([(bob.token, 'count', True, 1)])",
    "keep: parent slot": "_host_keep([(0, 'parent*', True, self)])",
    "keep: method slot": "_host_keep([(0, 'double', True, 1)])",
    "keep: dunder slot": "_host_keep([(0, '__methods__', True, {})])",
    "keep: persistence": "_host_keep([(0, '_p_jar', True, None)])",
    "keep: no such token": "_host_keep([(99, 'count', True, 1)])",
    "keep: negative token": "_host_keep([(-1, 'count', True, 1)])",
    "keep: odd token": "_host_keep([('0', 'count', True, 1)])",
    "keep: no list": "_host_keep('changes')",
    "keep: no tuple": "_host_keep([[0, 'count', True, 1]])",
    "keep: odd name": "_host_keep([(0, 5, True, 1)])",
    "keep: name that has no hash": "_host_keep([(0, ['a'], True, 1)])",
    "keep: by name": "_host_keep(changes=[])",
    "text of anything": "exec(_host_text('os'))\nreturn os",
    "keep: a class": "_host_keep([(0, 'count', True, _Proto)])",
    "keep: no arguments": "_host_keep()",
    "set": "_host_set(_get(self, 'friend'), 'count')",
    "delete: other's slot": "_host_delete(_get(self, 'friend'), 'count')",
    "delete: parent slot": "_host_delete(self, 'parent*')",
    "get: no object": "_host_get('ada', 'name')",
    "get: odd arity": "_host_get(self)",
    "find: odd name": "_host_find(self, 7, True)\n_host_keep(1)",
    "send: undeclared primitive": "_host_send(self, 'power', (), {}, [])",
    "send: odd arguments": "_host_send(self, 'double', 'x', [], [])",
    "send: forged receiver": "_host_send({'token': 0}, 'double', (1,), {}, [])",
    "token changed": "o = _get(self, 'friend')\no.token = 0\n_set(o, 'parent*', o)",
    "method called on a reference": "self.double(1)\n_host_keep(1)",
    "construct a reference": "_Proto(0, 1)",
    "made-up host call": "_host_admin('drop')",
    "swallow a denial": "try:\n    _host_keep([(0, 'parent*', True, self)])\nexcept BaseException:\n    pass",
    "deny in finally": "try:\n    _host_keep([(0, 'double', True, 1)])\nfinally:\n    return 'swallowed'",
    "replace the prelude": "global _changes\ndef _changes():\n    return [(0, 'parent*', True, 1)]\nreturn 1",
    "replace the answer check": "global _out\ndef _out(v):\n    return v\nreturn _Proto",
    # the operating system
    "open": "open('/etc/passwd').read()",
    "write a file": "open('/tmp/batos-escaped', 'w').write('x')",
    "path": "from pathlib import Path\nreturn Path('/etc/passwd').read_text()",
    "environment": "import os\nreturn os.environ['PATH']",
    "getenv": "import os\nreturn os.getenv('PATH', 'x') + ''",
    "system": "import os\nreturn os.system('id')",
    "subprocess": "import subprocess\nreturn subprocess.run(['id'])",
    "socket": "import socket\nreturn socket.socket()",
    "ctypes": "import ctypes\nreturn ctypes.CDLL(None)",
    "modules": "import sys\nreturn sys.modules['os']",
    "wall clock": "import time\nreturn time.time()",
    # the interpreter
    "classes": "return ().__class__.__bases__[0].__subclasses__()",
    "globals of a function": "return (lambda: 0).__globals__",
    "code of a function": "return (lambda: 0).__code__",
    "frames": "try:\n    1 / 0\nexcept Exception as e:\n    return e.__traceback__.tb_frame",
    "builtins": "return __builtins__['open']",
    "import by name": "return __import__('os')",
    "format walk": "return '{0.__class__.__mro__}'.format(self)",
    "reference's insides": "return self.target",
    "eval": "return eval('__import__(\"os\").getcwd()')",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_program_gets_nowhere(sandbox: Sandbox, world: World, body: str) -> None:
    before = world.state()
    with pytest.raises((SandboxDenied, SandboxRaised)):
        raw(sandbox, world, body)
    assert world.state() == before
    assert world.run("return self.name") == "ada"


def test_a_hostile_program_may_still_do_what_its_method_might(sandbox: Sandbox, world: World) -> None:
    """The proof that the corpus above fails for the right reason."""
    assert raw(sandbox, world, "_host_keep([(0, 'count', True, 5)])\nreturn _get(self, 'friend')") is world.bob
    assert world.ada.count == 5


# Keys that hash alike: the host would need the square of their number for the time in which it takes over a dict

ALIKE = "[n * 2305843009213693951 for n in range(3000)]"
COLLISIONS = {
    "set": f"return set({ALIKE})",
    "frozenset": f"return frozenset({ALIKE})",
    "dict": f"return {{n: 0 for n in {ALIKE}}}",
    "tuples": f"return {{(n, 1): 0 for n in {ALIKE}}}",
    "decimals": f"from decimal import Decimal\nreturn {{Decimal(n): 0 for n in {ALIKE}}}",
    "the same dict many times": f"d = {{n: 0 for n in {ALIKE}[:900]}}\nreturn [d] * 90",
    "the same slot many times": "return [self.table] * 90",
    "the same argument many times": "return [x] * 90",
    "a slot that grows": f"self.tags |= set({ALIKE})" + MARK,
    "grown by symmetric difference": f"s = set()\nfor n in {ALIKE}[:300]:\n    s ^= {{n}}\nreturn [s] * 90",
    "an argument of a message": f"return self.friend.double(set({ALIKE}))",
    "what another stores": f"return self.friend.keep_(set({ALIKE}))",
    "written out": "d = {" + ", ".join(f"{n * 2305843009213693951}: 0" for n in range(1, 700)) + "}\nreturn [d] * 90",
}


@pytest.mark.parametrize("body", COLLISIONS.values(), ids=COLLISIONS.keys())
def test_keys_that_hash_alike_do_not_leave(world: World, body: str) -> None:
    table = {n * 2305843009213693951: 0 for n in range(900)}
    world.ada.table = table
    world.learn(world.bob, "self.kept = x" + MARK, head="def keep_(self, x):")
    before = world.state()
    with pytest.raises(SandboxRaised, match="may hash alike"):
        world.run(body, table)
    assert world.state() == before


def test_keys_that_python_can_tell_apart_may_leave(world: World) -> None:
    assert len(world.run("return {(n, m): n for n in range(30) for m in range(30)}")) == 900
    assert len(world.run("return {str(n): n for n in range(5000)}, [{n} for n in range(5000)]")[0]) == 5000
    assert len(world.run("import datetime\nd = datetime.date(2020, 1, 1)\nday = datetime.timedelta(1)\n"
                         "return {d + day * n: n for n in range(3000)}")) == 3000  # fmt: skip


# What two objects in one session lend each other


def test_a_function_that_is_lent_runs_as_its_owners(world: World) -> None:
    """Another's reading method cannot change a container through a function that the owner's own method calls."""
    world.learn(world.ada, "return [x(rows) for rows in [self.items]]", head="def each_(self, x):")
    world.learn(world.bob, "return x.each_(lambda rows: self.push_(rows))", head="def look_(self, x):")
    world.learn(world.bob, "return lambda rows: self.push_(rows)", head="def give_(self):")
    world.learn(world.bob, "x.append('mine')", head="def push_(self, x):")
    world.learn(world.bob, "return x(3), x(4)", head="def call_(self, x):")
    before = world.state()
    world.run("self.friend.look_(self)\ngrow = self.friend.give_()\ngrow(self.items)\nself.count += 0" + MARK)
    assert world.state() == before
    assert world.run("return self.friend.call_(lambda n: n + len(self.items))") == (5, 6)
    assert world.run("add = lambda n: n + 1\nreturn self.friend.call_(add), add(1)") == ((4, 5), 2)


# Bombs, with small limits


BOMBS = {
    "loop": "while True:\n    pass",
    "loop that catches": "while True:\n    try:\n        sum(range(10 ** 9))\n    except BaseException:\n        pass",
    "loop in finally": "try:\n    pass\nfinally:\n    while True:\n        pass",
    "sum of a range": "return sum(range(10 ** 12))",
    "squaring": "n = 3\nwhile True:\n    n = n * n",
    "power": "return 10 ** 10 ** 8",
    "shift": "return 1 << 10 ** 12",
    "long text": "return 'a' * 10 ** 10",
    "format width": "return '{:>9999999999}'.format(1)",
    "growing list": "xs = [1]\nwhile True:\n    xs += xs",
    "growing text": "t = 'a'\nwhile True:\n    t += t",
    "nested lists": "xs = []\nwhile True:\n    xs = [xs, xs]",
    "growing dict": "d = {}\nfor n in range(10 ** 9):\n    d[n] = [n]",
    "recursion": "def g(n):\n    return g(n + 1)\nreturn g(0)",
    "recursion by messages": "return self.f()",
    "printing": "while True:\n    print('a' * 1000)",
    "asking": "while True:\n    self.double(1)",
    "asking for slots": "while True:\n    hasattr(self, 'nothing')",
    "writing by turns": "self.count += 1\nself._p_changed = True\nreturn self.friend.f()",
    "answer of many items": "return [0] * 10 ** 6",
    "deep answer": "xs = []\nfor _ in range(70):\n    xs = [xs]\nreturn xs",
    "large answer": "return 'a' * (5 * 1024 * 1024)",
    "large write": "self.items = [0] * 10 ** 6\nself._p_changed = True",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_a_limit_and_leaves_nothing(world: World, body: str) -> None:
    world.learn(world.bob, body)
    before = world.state()
    with pytest.raises((SandboxLimit, SandboxRaised)) as caught:
        world.run(body)
    assert isinstance(caught.value, SandboxLimit) or caught.value.facts["kind"] in ("OverflowError", "ValueError")
    if "self.count" not in body:
        assert world.state() == before
    assert world.run("return 1") == 1
