"""What a call costs: in the sandbox, with messages inside it, and in process where a person trusts the method.

The sandbox is measured in units of a bare warm call of its interpreter: `f(1, 2)` in a session that stays open. Monty
as it comes looks in vain for OpenTelemetry at each feed, which costs more than the call; the sandbox spares itself
that. So there are two units. The figures of the issue are in the unit as Monty comes; those in the spared unit below.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

from pydantic_monty import Monty, MontySession

from batos.image.world import World
from batos.methods.sandbox import TRACING
from batos.objects.records import Method
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject, put
from batos.runtime.uvm import Uvm
from batos.settings import Settings
from benchmarks.figures import Figure
from benchmarks.rounds import Times, interleaved, per_call

SETTLE = """
def settle_(self, amount):
    if amount > self.limit:
        raise ValueError("too much")
    self.balance += amount
    self.count += 1
    self.last = amount
    self.fees = self.fees + amount * self.rate
    self.log = [*self.log[-4:], amount]
    self._p_changed = True
    return f"{self.owner}: {self.balance:.2f} {self.currency}"
"""
ACCOUNT = {
    "limit": 100, "balance": 0.0, "count": 0, "last": None, "fees": 0.0, "rate": 0.01, "log": [1, 2], "owner": "ada",
    "currency": "EUR",
}  # fmt: skip
NAMED = "def named_(self):\n    return self.friend.owner\n"
MESSAGES = 10
# What a message may be: to itself, to another object that answers from its slots, to one that writes its own.
KINDS = {
    "own": ("self.plus_(x)", "def plus_(self, x):\n    return x + self.count\n"),
    "other": ("friend.add_(x)", "def add_(self, x):\n    return x + self.count\n"),
    "writing": (
        "friend.take_(x)",
        "def take_(self, x):\n    self.last = x\n    self._p_changed = True\n    return x\n",
    ),
}


def measure(quick: bool) -> Iterator[Figure]:
    rounds, seconds = (3, 0.005) if quick else (30, 0.01)
    with TemporaryDirectory(prefix="batos-benchmark-") as folder, _image(folder) as uvm, bare() as unit:
        with uvm.image.transaction("a benchmark") as world:
            _set_up(world)
            times = interleaved(_cases(world, unit, seconds), rounds)
        yield from _sandboxed(times)
        yield from _nested(times)
    with TemporaryDirectory(prefix="batos-benchmark-") as folder, _image(folder) as uvm:
        yield _trusted(uvm, rounds, seconds)


def _image(folder: str) -> Uvm:
    settings = replace(Settings(), approvals=f"{folder}/approvals.json", heartbeat=False)
    return Uvm(f"sqlite:{folder}/a.image", settings=settings, work=False)


def _set_up(world: World) -> None:
    account = world.create("account", ACCOUNT)
    friends = [
        world.create(f"friend{number}", {"count": number, "last": 0, "owner": "bob"}) for number in range(MESSAGES)
    ]
    put(account, "friend", friends[0])
    put(account, "friends", friends)
    _learn(account, SETTLE)
    _learn(account, NAMED)
    for kind, (message, source) in KINDS.items():
        for obj in (account, *friends):
            _learn(obj, source)
        body = "    friend = self.friend\n" if kind == "own" else ""
        loop = "for _ in range(n)" if kind == "own" else "for friend in self.friends[:n]"
        _learn(account, f"def {kind}_(self, n, x):\n{body}    {loop}:\n        x = {message}\n    return x\n")


def _learn(obj: UvmObject, source: str) -> None:
    selector = source.strip().removeprefix("def ").partition("(")[0]
    put(obj, selector, Method(selector, source.strip() + "\n"))


def _cases(world: World, unit: MontySession, seconds: float) -> dict[str, Callable[[], float]]:
    account = world["account"]
    names: dict[str, Any] = {"send": send, "account": account, "unit": unit}
    spared = per_call("unit.feed_run('f(1, 2)')", names, seconds)
    cases = {"unit": as_it_comes(spared), "spared": spared}
    cases["call"] = per_call("send(account, 'settle_', 5)", names, seconds)
    cases["object"] = per_call("send(account, 'named_')", names, seconds)
    for kind in KINDS:
        for number in (0, MESSAGES):
            cases[f"{kind} {number}"] = per_call(f"send(account, '{kind}_', {number}, 1)", names, seconds)
    return cases


@contextmanager
def bare() -> Iterator[MontySession]:
    """A session that stays open, in which `f` adds two numbers."""
    with Monty(max_processes=1) as pool, pool.checkout() as session:
        session.feed_run("def f(a, b):\n    return a + b\n")
        yield session


def as_it_comes(case: Callable[[], float]) -> Callable[[], float]:
    """The case without what the sandbox does to spare Monty its search for OpenTelemetry."""

    def timed() -> float:
        spared = [name for name in TRACING if name in sys.modules and sys.modules[name] is None]
        for name in spared:
            del sys.modules[name]
        try:
            return case()
        finally:
            sys.modules.update(dict.fromkeys(spared))  # type: ignore[arg-type]

    return timed


def _sandboxed(times: Times) -> Iterator[Figure]:
    unit, spared = times.median("unit") * 1e6, times.median("spared") * 1e6
    for key, case, what in (
        ("sandbox_ratio", "call", "sandboxed call that reads and writes nine slots ÷ a bare warm Monty call"),
        ("sandbox_object_ratio", "object", "sandboxed call that reads a slot of another object ÷ the same"),
    ):
        beside = f"{times.median(case) * 1e6:.0f} µs ÷ {unit:.0f} µs"
        yield Figure(key, times.ratio(case, "unit"), what, "≤ 2.5" if case == "call" else "", beside)
    beside = f"{times.median('call') * 1e6:.0f} µs ÷ {spared:.0f} µs"
    yield Figure(
        "sandbox_spared_ratio", times.ratio("call", "spared"), "the first, Monty spared its search", "", beside
    )


def _nested(times: Times) -> Iterator[Figure]:
    """What each message adds to the call that sends it."""
    each = {
        kind: [(taken[f"{kind} {MESSAGES}"] - taken[f"{kind} 0"]) / MESSAGES for taken in times.rounds]
        for kind in KINDS
    }
    unit = [taken["unit"] for taken in times.rounds]
    meanings = {
        "own": ("nested_own_ratio", "each message to itself ÷ a bare warm Monty call", ""),
        "other": ("nested_ratio", "each message to another object ÷ the same", "≤ 2"),
        "writing": ("nested_writing_ratio", "each message to one that writes its own slots ÷ the same", ""),
    }
    for kind, (key, what, reach) in meanings.items():
        ratio = _median([taken / bare_call for taken, bare_call in zip(each[kind], unit, strict=True)])
        yield Figure(key, ratio, what, reach, f"{_median(each[kind]) * 1e6:.0f} µs ÷ {_median(unit) * 1e6:.0f} µs")


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


TRUSTED = "def gross_(self, net):\n    return round(net * (1 + self.rate) + self.fees, 2)\n"


def _trusted(uvm: Uvm, rounds: int, seconds: float) -> Figure:
    uvm.create("account", ACCOUNT)
    uvm.create_method("account", "gross_", TRUSTED, "the benchmark")
    uvm.trust("account", "gross_")
    namespace: dict[str, Any] = {}
    exec(TRUSTED, namespace)
    with uvm.image.reading() as world:
        names = {"send": send, "account": world["account"], "gross_": namespace["gross_"]}
        times = interleaved(
            {
                "plain": per_call("gross_(account, 10)", names, seconds),
                "trusted": per_call("send(account, 'gross_', 10)", names, seconds),
            },
            rounds,
        )
    beside = f"{times.median('trusted') * 1e9:.0f} ns ÷ {times.median('plain') * 1e9:.0f} ns"
    return Figure("trusted_ratio", times.ratio("trusted", "plain"), "trusted call ÷ its plain function", "≤ 12", beside)
