"""A method means the same in the sandbox as it does in process once a person has approved it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batos.errors import SandboxRaised
from batos.methods.contract import same
from batos.methods.guardian import audit
from batos.methods.host import ObjectHost
from batos.methods.sandbox import Limits, Sandbox
from batos.objects.records import Method
from batos.objects.sending import activate, activating, vouching
from batos.objects.uvm_object import UvmObject, own_slots
from batos.objects.values import plain


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=2.0), wrapped=False) as opened:
        yield opened


NUMBERS = st.sampled_from(["1", "a", "b", "self.n", "len(xs)", "self.items[0]", "self.table['k']", "-a", "xs[-1]"])
LISTS = st.sampled_from(
    ["xs", "self.items", "list(self.items)", "[a, b]", "sorted(xs, key=lambda n: -n)", "self.items[:1]"]
)
TARGETS = st.sampled_from(["a", "self.n", "self.items[0]", "self.items[a]", "self.table['k']", "xs[-1]"])
EXPRESSIONS = (
    NUMBERS
    | LISTS
    | st.builds("{} {} {}".format, NUMBERS, st.sampled_from(["+", "-", "*", "//", "<", "=="]), NUMBERS)
    | st.builds("[n {} {} for n in {}]".format, st.sampled_from(["+", "*"]), NUMBERS, LISTS)
    | st.builds("({} if {} > {} else {})".format, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
    | st.builds("max({}, key=lambda n: n % 3, default=None)".format, LISTS)
    | st.builds('f"{{{}}}|{{{}!r:>6}}"'.format, NUMBERS, NUMBERS)
    | st.builds("{}.count({})".format, LISTS, NUMBERS)
)
SIMPLE = (
    st.builds("{} = {}".format, st.sampled_from(["a", "b", "self.n"]), NUMBERS)
    | st.builds("{} += {}".format, st.sampled_from(["a", "self.n", "self.items[0]", "self.table['k']"]), NUMBERS)
    | st.builds("{} = list({})".format, st.sampled_from(["xs", "self.items"]), LISTS)
    | st.builds("xs = {}".format, LISTS)
    | st.builds("{}.{}({})".format, LISTS, st.sampled_from(["append", "remove"]), NUMBERS)
    | st.builds("del {}[{}]".format, st.sampled_from(["xs", "self.items"]), st.sampled_from(["0", "-1", "1:", "9"]))
    | st.builds("a, self.n = {}, {}".format, NUMBERS, NUMBERS)
    | st.builds("self.table[{}] = {}".format, NUMBERS, NUMBERS)
    | st.builds("self.table.setdefault({}, {})".format, NUMBERS, NUMBERS)
    | st.builds("{} = {} = {}".format, TARGETS, TARGETS, NUMBERS)
    | st.builds("{}, {} = {}, {}".format, TARGETS, TARGETS, NUMBERS, NUMBERS)
    | st.builds("self.items, {} = {}, {}".format, TARGETS, LISTS, NUMBERS)
    | st.just("del self.n")
    | st.just("self.n = 0")
)  # fmt: skip


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def indented(head: str, body: str) -> str:
        return f"{head}\n{textwrap.indent(body, '    ')}"

    heads = st.builds("if {} > {}:".format, NUMBERS, NUMBERS) | st.builds("for self.n in list({}):".format, LISTS)
    tries = st.builds(
        lambda body: f"try:\n{textwrap.indent(body, '    ')}\nexcept (IndexError, KeyError) as e:\n    b += 1", inner
    )
    return st.builds(indented, heads, inner) | tries | st.builds("{}\n{}".format, inner, inner)


BODIES = st.recursive(SIMPLE, compound, max_leaves=6)


def outcome(trust: Any, source: str) -> tuple[str, Any, dict[str, Any]]:
    receiver = UvmObject(n=3, items=[5, 1, 4], table={"k": 2})
    method = Method("f", source, trust=trust)
    try:
        how, answer = "answered", plain(activate(method, receiver, (2, 7), {}))
    except SandboxRaised as raised:
        how, answer = raised.facts["kind"], None
    except Exception as error:
        # A missing slot is an AttributeError wherever it is raised.
        how, answer = "AttributeError" if isinstance(error, AttributeError) else type(error).__name__, None
    return how, answer, {name: plain(value) for name, value in own_slots(receiver).items()}


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(BODIES, EXPRESSIONS)
def test_the_sandbox_and_the_process_agree(sandbox: Sandbox, body: str, answer: str) -> None:
    text = f"xs = [3, 8]\n{body}\nresult = {answer}\nself._p_changed = True\nreturn result"
    source = f"def f(self, a, b):\n{textwrap.indent(text, '    ')}\n"
    assert audit(source, "f").passed

    def confined(method: Method, receiver: UvmObject, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return sandbox.activate(method, receiver, args, kwargs, ObjectHost())

    with activating(confined), vouching(lambda method: True):
        sandboxed, trusted = outcome("sandboxed", source), outcome("trusted", source)
    assert same(sandboxed, trusted), f"{source}\nsandboxed: {sandboxed}\ntrusted:   {trusted}"
