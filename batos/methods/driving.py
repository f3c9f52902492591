"""Driving one session of the sandbox step by step, whatever form the method in it has.

Every call that the sandbox makes stops it; the host answers, or raises. What the host raises never goes in: the pause
is dropped and the error goes on outside, so that code in the sandbox can neither see nor swallow a suspension, a
conflict or a denial. What goes in as an exception is only what Python code expects.
"""

from __future__ import annotations

import time as _time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from pydantic_monty import FunctionSnapshot, FutureSnapshot, MontyComplete, NameLookupSnapshot

from batos.errors import SandboxDenied, SandboxLimit
from batos.methods.crossing import Crossing
from batos.methods.hosting import Host


@dataclass
class Allowance:
    """What an outermost activation and all that it starts may still use."""

    depth: int
    host_calls: int
    deadline: float
    made: int  # values in the answers of messages, which may be objects made for the purpose

    def spend(self, selector: str) -> None:
        self.host_calls -= 1
        if self.host_calls < 0:
            raise SandboxLimit(selector=selector, reason="it made more host calls than it may.")
        if _time.monotonic() > self.deadline:
            raise SandboxLimit(selector=selector, reason="it ran past its deadline.")

    def make(self, selector: str, values: int) -> None:
        self.made -= values
        if self.made < 0:
            raise SandboxLimit(selector=selector, reason="the answers to its messages hold more values than they may.")


running: ContextVar[Allowance | None] = ContextVar("batos_sandbox_allowance", default=None)


class Inside(Exception):
    """An exception that the code in the sandbox may catch."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Driver:
    """The part of an activation that stands between the session and the host. `handlers` are the functions that the
    session may call, each with the number of its arguments."""

    handlers: Mapping[str, tuple[int, Callable[..., Any]]] = {}

    def __init__(self, selector: str, host: Host, crossing: Crossing, allowance: Allowance) -> None:
        self.selector = selector
        self.host = host
        self.crossing = crossing
        self.allowance = allowance

    def driven(self, step: Any) -> Any:
        while not isinstance(step, MontyComplete):
            step = self._step(step)
        return self._converted(step, "output")

    def _converted(self, step: Any, name: str) -> Any:
        """What the sandbox hands over becomes Python's only here, so nothing is looked at that was not asked for."""
        try:
            return getattr(step, name)
        except (ValueError, TypeError, RecursionError) as error:  # a number of too many digits, a key without a hash
            reason = f"it handed over a value that Python cannot take: {error}."
            raise SandboxLimit(selector=self.selector, reason=reason) from None

    def _step(self, step: FunctionSnapshot | NameLookupSnapshot | FutureSnapshot) -> Any:
        self.allowance.spend(self.selector)
        if isinstance(step, NameLookupSnapshot):
            return step.resume()  # a name that is defined nowhere: the sandbox raises what Python would
        if isinstance(step, FutureSnapshot):
            raise self.denied("wait for anything")
        if step.is_os_function:
            return self._outside(step)
        if step.object_id is not None or step.function_name not in self.handlers:
            return step.resume({"exc_type": "NameError", "message": f"name {step.function_name!r} is not defined"})
        arity, handler = self.handlers[step.function_name]
        args = self._converted(step, "args")
        if len(args) != arity:
            raise self.denied("call the host in a form of its own")
        try:
            answer = handler(*args)
        except Inside as inside:
            return step.resume({"exc_type": inside.kind, "message": inside.message})  # type: ignore[typeddict-item]
        return step.resume({"return_value": answer})

    def _outside(self, step: FunctionSnapshot) -> Any:
        """The clock is the host's; anything else of the operating system is refused by the sandbox itself."""
        if step.function_name == "datetime.now" and len(step.args) == 1:
            zone, now = step.args[0], self.host.now()
            moment = now.astimezone(zone) if isinstance(zone, tzinfo) else now.astimezone(UTC).replace(tzinfo=None)
            return step.resume({"return_value": moment})
        if step.function_name == "date.today":
            return step.resume({"return_value": self.host.now().date()})
        return step.resume_not_handled()

    def denied(self, reason: str) -> SandboxDenied:
        return SandboxDenied(selector=self.selector, reason=reason)
