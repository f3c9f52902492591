"""Objects whose methods run in a sandbox with small limits, for the sandbox's suites."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import Any

from batos.methods.host import ObjectHost
from batos.methods.sandbox import Limits, Sandbox
from batos.objects import primitives
from batos.objects.records import Intent, Method
from batos.objects.sending import activating, send
from batos.objects.uvm_object import UvmObject, put
from batos.objects.values import plain

SMALL = Limits(seconds=0.4, wall_seconds=20.0, memory_mib=32, recursion=80, depth=4, host_calls=400, output=4096)
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
MARK = "\nself._p_changed = True"

primitives.primitive("test.double", sandbox=True)(lambda receiver, x: 2 * x)
primitives.primitive("test.fails", sandbox=True)(lambda receiver: {}["key"])
primitives.primitive("test.grow", sandbox=True)(lambda receiver: receiver.items.append("grown"))
primitives.primitive("test.power")(lambda receiver: "never")


class World:
    """Two friends and a parent, whose methods run in the sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.host = ObjectHost(now=lambda: NOON)
        self.traits = UvmObject(shared=["inherited"], motto="onwards")
        self.ada = UvmObject([self.traits], name="ada", count=0, items=[1, 2], table={"a": [1]}, tags={"x"}, flag=True)
        self.bob = UvmObject([self.traits], name="bob", count=10, items=[], friend=self.ada)
        self.ada.friend = self.bob
        for obj, selector in ((self.ada, "double"), (self.bob, "double"), (self.ada, "fails"), (self.ada, "power")):
            put(obj, selector, Method(selector, primitive=f"test.{selector}"))
        put(self.ada, "grow", Method("grow", primitive="test.grow"))
        put(self.ada, "wished_", Intent("some day"))

    def learn(self, obj: UvmObject, body: str, head: str = "def f(self, x=None, y=None):") -> None:
        source = f"{head}\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
        selector = head.split("(")[0].removeprefix("def ").strip()
        put(obj, selector, Method(selector, source))

    def send(self, obj: UvmObject, selector: str, *args: Any, **kwargs: Any) -> Any:
        def activate(method: Method, receiver: UvmObject, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
            return self.sandbox.activate(method, receiver, given, named, self.host)

        with activating(activate):
            return send(obj, selector, *args, **kwargs)

    def run(self, body: str, *args: Any) -> Any:
        """What ada answers when her method is `body`."""
        self.learn(self.ada, body)
        return self.send(self.ada, "f", *args)

    def state(self) -> list[dict[str, Any]]:
        kept = []
        for obj in (self.ada, self.bob, self.traits):
            obj._p_activate()
            kept.append(
                {name: plain(value) for name, value in obj.__dict__.items() if name not in ("__methods__", "f")}
            )
        return kept
