"""The sandbox with real workers: what methods can do, what they have no right to, and what never reaches them."""

from __future__ import annotations

import shutil
import subprocess
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ZODB.POSException import ConflictError

from batos.errors import GuardianRefused, NotUnderstood, SandboxDenied, SandboxLimit, SandboxRaised, TypeCheckFailed
from batos.methods.host import ObjectHost
from batos.methods.sandbox import Limits, Sandbox
from batos.methods.typecheck import check_types
from batos.methods.walls import build
from batos.objects import primitives
from batos.objects.records import Method, Secret
from batos.objects.uvm_object import UvmObject, put
from batos.objects.values import plain
from contract.sandbox_world import MARK, NOON, SMALL, World


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SMALL, wrapped=False) as opened:
        yield opened


@pytest.fixture
def world(sandbox: Sandbox) -> World:
    return World(sandbox)


ANSWERS: dict[str, tuple[str, Any]] = {
    "own slot": ("return self.name", "ada"),
    "inherited slot": ("return self.motto", "onwards"),
    "other's slot": ("return self.friend.name", "bob"),
    "walk": ("return self.friend.friend.friend.name", "bob"),
    "primitive": ("return self.double(21)", 42),
    "other's primitive": ("return self.friend.double('ab')", "abab"),
    "data slot as a message": ("return self.name()", "ada"),
    "bound method": ("double = self.double\nreturn [double(n) for n in (1, 2)]", [2, 4]),
    "method as a key": ("return sorted([3, -4, 1], key=self.double)", [-4, 1, 3]),
    "key that asks": ("return max([self, self.friend], key=lambda o: o.count).name", "bob"),
    "least by key": ("return min(self.friend, self, key=lambda o: o.count).name", "ada"),
    "default of max": ("return max([], key=len, default='none')", "none"),
    "map that asks": ("return list(map(lambda o: o.name, [self, self.friend]))", ["ada", "bob"]),
    "filter that asks": ("return [o.name for o in filter(lambda o: o.count, [self, self.friend])]", ["bob"]),
    "reduce that asks": ("from functools import reduce\nreturn reduce(lambda a, o: a + o.count, [self.friend], 1)", 11),
    "functools.reduce": ("import functools\nreturn functools.reduce(lambda a, b: a + b, [1, 2, 3])", 6),
    "sort by key": ("xs = [3, -4, 1]\nxs.sort(key=lambda n: n * n, reverse=True)\nreturn xs", [-4, 3, 1]),
    "stable and reversed": ("return sorted(['bb', 'aa', 'c'], key=len, reverse=True)", ["bb", "aa", "c"]),
    "next of a generator": ("return next(o.name for o in [self, self.friend] if o.count)", "bob"),
    "next with a default": ("return next((n for n in []), None)", None),
    "f-string": ("return f'{self.name!r:>8}|{self.count + 3:03d}|{x}'", "   'ada'|003|None"),
    "f-string with quotes": ("return f\"{self.table['a'][0]} {', '.join(['p', 'q'])}\"", "1 p, q"),
    "getattr": ("return getattr(self, 'name'), getattr(self, 'nothing', 7)", ("ada", 7)),
    "getattr on a value": ("import datetime\nreturn getattr(datetime.date(2020, 1, 2), 'year')", 2020),
    "hasattr": ("return [hasattr(self, name) for name in ('name', 'nothing', 'wished_')]", [True, False, False]),
    "missing slot": ("try:\n    return self.nothing\nexcept AttributeError:\n    return 'caught'", "caught"),
    "intent is no slot": ("try:\n    return self.wished_\nexcept AttributeError:\n    return 'caught'", "caught"),
    "error of a primitive": ("try:\n    return self.fails()\nexcept KeyError as e:\n    return str(e)", "'key'"),
    "identity": ("o = self.friend.friend\nreturn o is self, o is not self.friend, o == self", (True, True, True)),
    "membership": ("return self in [self.friend.friend]", True),
    "is None": ("return x is None, self is None", (True, False)),
    "object as an answer": ("return [self.friend, self]", "objects"),
    "del in a local dict": ("d = {'a': 1, 'b': 2}\ndel d['a']\nreturn d", {"b": 2}),
    "del in a local list": ("xs = [1, 2, 3, 4]\ndel xs[-1], xs[:1]\nreturn xs", [2, 3]),
    "del of a missing key": ("d = {}\ntry:\n    del d['a']\nexcept KeyError:\n    return 'caught'", "caught"),
    "nested calls": ("return self.double(self.friend.double(self.double(len(self.name.strip().upper()))))", 24),
    "starred call": ("return (lambda *a, **k: (a, k))(*[1, 2], **{'z': 3})", ((1, 2), {"z": 3})),
    "starred message": ("return self.friend.double(*[4])", 8),
    "starred method of a value": ("return '{}{}'.format(*['a', 'b']), x.join(*[['p', 'q']])", ("ab", "-"), ),
    "modules": ("import math, re\nreturn math.pi > 3, re.sub('a', 'b', self.name)", (True, "bdb")),
    "names of a module": ("from collections import Counter\nreturn Counter('aab')['a']", 2),
    "clock": ("import datetime\nreturn datetime.datetime.now().day, datetime.date.today().month", (29, 2)),
    "seeded chance": ("import random\nreturn random.random()", 0.8444218515250481),
    "walrus": ("return [y for n in [1, 2] if (y := self.double(n)) > 2]", [4]),
    "match": ("match self.table:\n    case {'a': [first, *_]}:\n        return first", 1),
    "closure": ("n = 1\ndef add(o):\n    nonlocal n\n    n += o.count\nadd(self.friend)\nreturn n", 11),
    "finally": ("try:\n    return 1\nfinally:\n    self.double(1)", 1),
    "chained exception": (
        "try:\n    raise ValueError('3') from KeyError()\nexcept ValueError as e:\n    return str(e)",
        "3",
    ),
    "values there and back": ("return x", "everything"),
}  # fmt: skip
EVERYTHING = [None, True, 2**80, 1.5, "é", b"\x00", 2j, (1, (2,)), {1, 2}, frozenset({3}), {"k": [NOON]}, {(1, 2): 3}]


@pytest.mark.parametrize(("body", "answer"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_method_does_what_python_would(world: World, body: str, answer: Any) -> None:
    if answer == "objects":
        assert world.run(body) == [world.bob, world.ada]
    elif answer == "everything":
        assert world.run(body, EVERYTHING) == EVERYTHING
    elif answer == ("ab", "-"):
        assert world.run(body, "-") == ("ab", "p-q")
    else:
        assert world.run(body) == answer


WRITES: dict[str, tuple[str, str, Any]] = {
    "assignment": ("self.count = 5", "count", 5),
    "augmented": ("self.count += 2\nself.count *= 3", "count", 6),
    "new slot": ("self.fresh = [1, {'a': 2}]", "fresh", [1, {"a": 2}]),
    "tuple": ("a, (self.count, *self.items) = 0, (1, 2, 3)", "items", [2, 3]),
    "chained": ("self.count = self.fresh = 9", "fresh", 9),
    "loop target": ("for self.count in range(4):\n    pass", "count", 3),
    "comprehension target": ("[0 for self.count in range(3)]", "count", 2),
    "append": ("self.items.append(3)", "items", [1, 2, 3]),
    "alias": ("xs = self.items\nxs.append(3)\nxs += [4]\nself.items.append(5)", "items", [1, 2, 3, 4, 5]),
    "a slot takes a copy": ("xs = [1]\nself.items = xs\nxs.append(2)", "items", [1]),
    "in place": ("xs = self.items\nself.items += [3]\nself.items.append(len(xs))", "items", [1, 2, 3, 3]),
    "subscript": ("self.table['b'] = 2\nself.table['a'][0] += 5\ndel self.table['b']", "table", {"a": [6]}),
    "set": ("self.tags.add('y')", "tags", {"x", "y"}),
    "delete and create": ("del self.count\nself.count = 8", "count", 8),
    "True is not 1": ("self.flag = 1", "flag", 1),
    "setattr": ("setattr(self, 'count', 4)", "count", 4),
    "hiding what is inherited": ("self.shared = self.shared + ['mine']", "shared", ["inherited", "mine"]),
    "object": ("self.best = self.friend", "best", "bob"),
    "sort in place": ("self.items.sort(key=lambda n: -n)", "items", [2, 1]),
    "alias over a send": ("xs = self.items\nxs.append(3)\nself.grow()\nxs.append(4)", "items", [1, 2, 3, "grown", 4]),
    "read after a primitive": ("self.grow()\nself.count = len(self.items)", "count", 3),
    "write inside a self-send": ("self.helper()\nself.count += 1", "count", 101),
}  # fmt: skip


@pytest.mark.parametrize(("body", "slot", "value"), WRITES.values(), ids=WRITES.keys())
def test_writes_reach_the_receiver(world: World, body: str, slot: str, value: Any) -> None:
    world.learn(world.ada, "self.count = 100" + MARK, head="def helper(self):")
    world.run(body + MARK)
    held = plain(getattr(world.ada, slot))
    assert held is world.bob if value == "bob" else held == value
    assert type(held) is type(value) or value == "bob"


def test_what_was_only_read_is_not_written(world: World) -> None:
    before = world.ada.items
    world.run("return [self.items, self.table, self.tags, self.count]")
    assert world.ada.items is before


def test_a_method_of_another_object_that_writes_writes_that_object(world: World) -> None:
    world.learn(
        world.bob, "self.count += x\nself.items.append(x)" + MARK + "\nreturn self.count", head="def add(self, x):"
    )
    answer = world.run(
        "old = self.friend.count\nself.count = self.friend.add(5)" + MARK + "\nreturn old, self.friend.count"
    )
    assert answer == (10, 15)
    assert (world.ada.count, world.bob.count, list(world.bob.items)) == (15, 15, [5])


def test_objects_may_write_each_other_by_turns(world: World) -> None:
    """Each object's own method writes it; the state that one sees after a message is what the other left."""
    for obj in (world.ada, world.bob):
        body = "self.count += 1\nself._p_changed = True\nif x:\n    self.friend.ping(x - 1)\nreturn self.count"
        world.learn(obj, body, head="def ping(self, x):")
    assert world.send(world.ada, "ping", 3) == 2
    assert (world.ada.count, world.bob.count) == (2, 12)


def test_a_method_of_another_object_that_only_reads_shares_the_session(world: World) -> None:
    world.learn(world.bob, "return [f(n) for n in x] + [self.name]", head="def each(self, x, f):")
    assert world.run("return self.friend.each([1, 2], lambda n: n + self.double(n))") == [3, 6, "bob"]


# What never goes in


class Signal(BaseException):
    """Stands for the runtime's suspension."""


@pytest.mark.parametrize(
    "signal", [Signal(), ConflictError("x"), NotUnderstood(receiver="x", selector="y"), KeyboardInterrupt()]
)
@pytest.mark.parametrize("handler", ["except Exception", "except BaseException", "except", "finally"])
def test_a_signal_is_never_seen_inside(world: World, signal: BaseException, handler: str) -> None:
    def raising(receiver: UvmObject) -> None:
        raise signal

    primitives.primitive("test.signal", sandbox=True)(raising)
    put(world.ada, "signal", Method("signal", primitive="test.signal"))
    before = world.state()
    with pytest.raises(type(signal)) as caught:
        world.run(
            f"try:\n    self.signal()\n{handler}:\n    self.double(1)\n    self.friend.double(1)\nreturn 'went on'"
        )
    assert caught.value is signal
    assert world.state() == before
    assert world.run("return 1") == 1


def test_what_nobody_understands_is_raised_outside_and_not_catchable(world: World) -> None:
    with pytest.raises(NotUnderstood):
        world.run("try:\n    return self.unheard_of_(3)\nexcept Exception:\n    return 'caught'")
    with pytest.raises(NotUnderstood):
        world.run("return self.friend.wished_(3)")


def test_what_the_host_checks_first_is_raised_through(world: World) -> None:
    def poisoned() -> None:
        raise Signal

    world.host = ObjectHost(checked=poisoned)
    with pytest.raises(Signal):
        world.run("try:\n    return self.friend.name\nexcept BaseException:\n    return 'caught'")


# Errors of the method's own


def test_an_error_names_the_line_of_the_source(world: World) -> None:
    with pytest.raises(SandboxRaised) as caught:
        world.run("total = 0\nself.items = [\n    1,\n]\nself._p_changed = True\n\nreturn total / 0")
    assert caught.value.facts == {
        "selector": "f",
        "kind": "ZeroDivisionError",
        "message": "division by zero",
        "line": 8,
    }


def test_an_error_in_a_method_on_the_way_names_that_method(world: World) -> None:
    world.learn(world.bob, "y = 1\nreturn {}[x]", head="def look(self, x):")
    with pytest.raises(SandboxRaised) as caught:
        world.run("z = 1\nz = 2\nreturn self.friend.look('key')")
    assert (caught.value.facts["selector"], caught.value.facts["line"]) == ("look", 3)
    assert caught.value.facts["message"] == "key"


def test_an_error_in_another_session_can_be_caught(world: World) -> None:
    world.learn(world.bob, "self.count = 1" + MARK + "\nraise ValueError('no')", head="def deny(self):")
    assert world.run("try:\n    self.friend.deny()\nexcept ValueError as e:\n    return str(e), self.friend.count") == (
        "no",
        1,
    )


def test_writes_before_an_error_are_kept_for_who_catches_it(world: World) -> None:
    with pytest.raises(SandboxRaised):
        world.run("self.count = 7" + MARK + "\nraise KeyError('x')")
    assert world.ada.count == 7


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("return undefined_name", "NameError"),
        ("return undefined_call(1)", "NameError"),
        ("return self.nothing", "AttributeError"),
        ("return 1 + 'a'", "TypeError"),
        ("return lambda: 1", "TypeError"),
        ("return [len]", "TypeError"),
        ("return {'a': iter([1])}", "TypeError"),
        ("self.a = lambda: 1" + MARK, "TypeError"),
        ("self.friend.double(lambda: 1)", "TypeError"),
        ("return {self: 1}", "TypeError"),
        ("raise TimeoutError('mine')", "TimeoutError"),
        ("x.y = 1", "refused"),
    ],
)
def test_it_raises_what_python_would(world: World, body: str, kind: str) -> None:
    if kind == "refused":
        with pytest.raises(GuardianRefused):
            world.run(body)
        return
    with pytest.raises(SandboxRaised) as caught:
        world.run(body)
    assert caught.value.facts["kind"] == kind
    assert "a" not in world.ada.__dict__


# Authority


DENIED = {
    "method slot": "self.double = 1" + MARK,
    "own source": "self.f = 1" + MARK,
    "intent": "self.wished_ = 1" + MARK,
    "inherited method": "self.trait_ = 1" + MARK,
    "delete a method": "del self.double" + MARK,
    "inherited container": "self.shared.append(1)" + MARK,
    "other's container": "xs = self.friend.items\nxs.append(1)" + MARK,
    "container of the other's other": "self.friend.friend.friend.items.append(1)" + MARK,
    "undeclared primitive": "return self.power()",
    "undeclared primitive, swallowed": "try:\n    return self.power()\nexcept BaseException:\n    return 1",
    "secret": "return self.secret",
}


@pytest.mark.parametrize("body", DENIED.values(), ids=DENIED.keys())
def test_what_a_method_has_no_right_to_is_denied(world: World, body: str) -> None:
    put(world.traits, "trait_", Method("trait_", "def trait_(self):\n    return 1\n"))
    world.ada.secret = Secret("TOKEN")
    before = world.state()
    with pytest.raises(SandboxDenied, match="'f' has no right to"):
        world.run(body)
    assert world.state() == before


def test_a_protected_object_is_not_written(world: World) -> None:
    world.host = ObjectHost(lambda obj: "it is pinned" if obj is world.ada else None)
    with pytest.raises(SandboxDenied, match="write slot 'count' of new object: it is pinned"):
        world.run("self.count = 1" + MARK)
    assert world.ada.count == 0


def test_the_clock_is_denied_without_one(world: World) -> None:
    world.host = ObjectHost()
    with pytest.raises(SandboxDenied, match="read the clock"):
        world.run("import datetime\nreturn datetime.datetime.now()")


def test_a_stored_source_is_audited_like_a_new_one(world: World) -> None:
    put(world.ada, "f", Method("f", "def f(self):\n    return self.__class__\n"))
    with pytest.raises(GuardianRefused, match="Line 2"):
        world.send(world.ada, "f")


def test_a_reading_method_of_another_has_no_right_to_that_object(world: World) -> None:
    """A source that hides its write from the guardian gains nothing: it never says that it writes, so it may not."""
    world.learn(world.bob, "return [x(o) for o in [self]]", head="def lend(self, x):")
    world.learn(world.ada, "x.append('mine')", head="def push(self, x):")
    before = world.state()
    with pytest.raises(SandboxDenied):
        world.run("return self.friend.lend(lambda other: self.push(other.items))")
    assert world.state() == before


def test_the_deadline_counts_the_hosts_time_too(sandbox: Sandbox) -> None:
    with Sandbox(Limits(wall_seconds=0.0), wrapped=False) as hurried:
        world = World(hurried)
        with pytest.raises(SandboxLimit, match="deadline"):
            world.run("return self.double(1)")


# Life


def test_one_sandbox_serves_many_threads(sandbox: Sandbox) -> None:
    answers: list[Any] = []

    def work(number: int) -> None:
        world = World(sandbox)
        answers.append(
            world.run("self.count += x\nself._p_changed = True\nreturn self.friend.double(self.count)", number)
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [0, 2, 4, 6]


def test_sessions_share_nothing(world: World) -> None:
    for _ in range(3):
        assert world.run("import json\njson.dumps(1)\nreturn [*self.items, x]", 3) == [1, 2, 3]


def test_it_starts_when_used_and_may_be_closed_twice() -> None:
    sandbox = Sandbox(SMALL, wrapped=False)
    sandbox.close()
    assert World(sandbox).run("return 1") == 1
    sandbox.close()
    sandbox.close()


def test_it_says_which_walls_stand(sandbox: Sandbox) -> None:
    with Sandbox(SMALL) as wrapped:
        says = wrapped.walls()
        if "under bubblewrap" not in says[1]:
            pytest.skip(says[1])
        assert World(wrapped).run("return self.friend.double(4)") == 8
    assert "not wrapped" in sandbox.walls()[1]


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_a_worker_is_wrapped_wherever_it_is_installed(tmp_path: Path) -> None:
    """Within /tmp too, of which it sees nothing but itself."""
    worker = tmp_path / "installed" / "worker"
    worker.parent.mkdir()
    worker.write_text(f"#!/bin/sh\nls {tmp_path} {worker.parent}\n")
    worker.chmod(0o700)
    for secret in (tmp_path, worker.parent):
        (secret / "secret").write_text("dear")

    wall = build(worker, tmp_path)

    assert wall.says.startswith("Workers run under bubblewrap")
    assert wall.script is not None
    seen = subprocess.run([wall.script], capture_output=True, text=True, timeout=30, check=True).stdout.split()
    assert seen == [f"{tmp_path}:", "installed", f"{worker.parent}:", "worker"]


MIRROR = {"slots": {"count": 1, "name": "x", "friend": {"$object": "00"}, "none": None}, "methods": ["double"]}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("return self.count + 1, self.name.upper(), self.unheard_of_(2), self.friend.anything(3)", None),
        ("self.count = 'three'\nself._p_changed = True", None),
        ("return self.none.anything", None),
        ("return self.count + 'a'", "f.py:2:12: error\\[unsupported-operator\\]"),
        ("return self.name.uper()", "no attribute `uper`"),
        ("return len(3)", "invalid-argument-type"),
        ("return undefined_thing", "undefined_thing"),
    ],
)
def test_the_type_check_finds_what_is_surely_wrong(sandbox: Sandbox, body: str, complaint: str | None) -> None:
    source = f"def f(self):\n{textwrap.indent(body, '    ')}\n"
    check: Callable[[], None] = lambda: check_types(sandbox, source, "f", MIRROR)
    if complaint is None:
        check()
        return
    with pytest.raises(TypeCheckFailed, match=complaint):
        check()
