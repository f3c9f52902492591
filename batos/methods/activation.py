"""One activation of one method in one fresh session of the sandbox, driven step by step.

Every call that the sandbox makes stops it; the host answers, or raises. What the host raises never goes in: the pause
is dropped and the error goes on outside, so that code in the sandbox can neither see nor swallow a suspension, a
conflict or a denial. What goes in as an exception is only what Python code expects: a missing slot as `AttributeError`,
and what a called primitive or method raised by a built-in name.

Whose slots may be written: all methods of one session share its globals, so nothing that the code claims about whose
turn it is can be trusted. Therefore a session has one receiver for its whole life, and it is the only object it may
write. A method that the receiver sends to itself runs in the session. So does a method of another object that does not
declare that it writes (its source never says `self._p_changed = True`): it runs without any right to that object's
slots. A method of another object that does declare it is activated in a session of its own, where that object is the
receiver; what the two pass to each other is copied.
"""

from __future__ import annotations

import time as _time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, get_args

from pydantic_monty import (
    ExcType,
    FunctionSnapshot,
    FutureSnapshot,
    MontyComplete,
    MontyError,
    MontySession,
    NameLookupSnapshot,
)

from batos.errors import SandboxDenied, SandboxLimit, SandboxRaised
from batos.methods import prelude
from batos.methods.contract import same
from batos.methods.crossing import Crossing, Object
from batos.methods.hosting import Host, Reading
from batos.methods.program import Program, Session, prepare
from batos.objects.values import plain

MOST_SENT_ALONG = 10
SMALL = 64


@dataclass
class Allowance:
    """What an outermost activation and all that it starts may still use."""

    depth: int
    host_calls: int
    deadline: float

    def spend(self, selector: str) -> None:
        self.host_calls -= 1
        if self.host_calls < 0:
            raise SandboxLimit(selector=selector, reason="it made more host calls than it may.")
        if _time.monotonic() > self.deadline:
            raise SandboxLimit(selector=selector, reason="it ran past its deadline.")


running: ContextVar[Allowance | None] = ContextVar("batos_sandbox_allowance", default=None)


class Activation:
    """Created per call, used once."""

    def __init__(
        self,
        program: Program,
        receiver: Any,
        host: Host,
        crossing: Crossing,
        allowance: Allowance,
    ) -> None:
        self.selector = program.selector
        self.receiver = receiver
        self.host = host
        self.crossing = crossing
        self.allowance = allowance
        self.session = Session(program)
        self.crossing.wrap(receiver)
        # What the sandbox was shown: (token, slot) -> the plain value and whether the slot is the object's own.
        self.shown: dict[tuple[int, str], tuple[Any, bool]] = {}
        # What the prelude may call, and with how many arguments.
        self._handlers: Mapping[str, tuple[int, Callable[..., Any]]] = {
            "_host_get": (2, self._get),
            "_host_has": (2, self._has),
            "_host_set": (2, self._set),
            "_host_delete": (2, self._delete),
            "_host_find": (3, self._find),
            "_host_send": (5, self._send),
            "_host_keep": (1, self._keep),
            "_host_text": (1, self._text),
        }

    def run(self, session: MontySession, printed: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Drive the method to its end; the answer, with all its writes handed to the host."""
        crossing = self.crossing
        inputs = {
            "_Proto": crossing.kind,
            "_me": crossing.wrap(self.receiver),
            "_a": tuple(crossing.into(plain(value), "(argument)") for value in args),
            "_k": {name: crossing.into(plain(value), "(argument)") for name, value in kwargs.items()},
            "_state": self._sent_along(self.session.program),
        }
        answer, changes = self._driven(session.feed_start(self.session.text, inputs=inputs, print_callback=printed))
        self._keep(changes)
        return crossing.out(answer)

    def keep_after(self, session: MontySession) -> None:
        """Take over the writes made before the method raised: who catches the exception finds them, as in Python."""
        try:
            self._keep(self._driven(session.feed_start(prelude.CHANGES)))
        except MontyError:
            return  # a value among them cannot leave the sandbox, or no time is left; the first exception stands

    def _driven(self, step: Any) -> Any:
        while not isinstance(step, MontyComplete):
            step = self._step(step)
        return step.output

    def _sent_along(self, program: Program) -> list[tuple[str, Any]]:
        """Small slots that the method names, so that reading them needs no host call."""
        state: list[tuple[str, Any]] = []
        for name in program.reads:
            reading = self.host.read(self.receiver, name)
            if reading is None or reading.is_method or len(state) == MOST_SENT_ALONG:
                continue
            value = plain(reading.value)
            if self.crossing.is_small(value, SMALL):
                self.shown[0, name] = (value, reading.own)
                state.append((name, self.crossing.into(value, name)))
        return state

    def _step(self, step: FunctionSnapshot | NameLookupSnapshot | FutureSnapshot) -> Any:
        self.allowance.spend(self.selector)
        if isinstance(step, NameLookupSnapshot):
            return step.resume()  # a name that is defined nowhere: the sandbox raises what Python would
        if isinstance(step, FutureSnapshot):
            raise self._denied("wait for anything")
        if step.is_os_function:
            return self._outside(step)
        if step.object_id is not None or step.function_name not in self._handlers:
            return step.resume({"exc_type": "NameError", "message": f"name {step.function_name!r} is not defined"})
        arity, handler = self._handlers[step.function_name]
        if len(step.args) != arity or step.kwargs:
            raise self._denied("call the host in a form of its own")
        try:
            answer = handler(*step.args)
        except _Inside as inside:
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

    def _denied(self, reason: str) -> SandboxDenied:
        return SandboxDenied(selector=self.selector, reason=reason)

    def _object(self, reference: Any) -> Any:
        if type(reference) is not Object:
            raise self._denied("call the host with something that is no object")
        return self.crossing.target(reference.token)

    # What the prelude calls

    def _read(self, reference: Any, name: Any) -> tuple[Any, Reading | None]:
        target = self._object(reference)
        if type(name) is not str:
            raise _Inside("TypeError", "attribute name must be string")
        return target, self.host.read(target, name)

    def _get(self, reference: Any, name: Any) -> tuple[str, Any]:
        _, reading = self._read(reference, name)
        if reading is None:
            raise _Inside("AttributeError", f"the object has no slot {name!r}")
        if reading.is_method:
            return ("method", None)
        value = plain(reading.value)
        self.shown[reference.token, name] = (value, reading.own)
        return ("data", self.crossing.into(value, name))

    def _has(self, reference: Any, name: Any) -> bool:
        return self._read(reference, name)[1] is not None

    def _set(self, reference: Any, name: Any) -> None:
        raise self._denied(f"write slot {name!r} of another object; send it a message instead")

    def _delete(self, reference: Any, name: Any) -> None:
        target, reading = self._read(reference, name)
        if target is not self.receiver:
            raise self._denied(f"delete slot {name!r} of another object")
        if reading is None or not reading.own:
            raise _Inside("AttributeError", f"the object has no own slot {name!r}")
        self.host.remove(target, name)
        self.shown.pop((0, name), None)

    def _find(self, reference: Any, selector: Any, bare: Any) -> tuple[str, Any]:
        target, reading = self._read(reference, selector)
        if reading is not None and not reading.is_method and bare is True:
            return ("data", None)
        if reading is None or not reading.is_method or reading.value.trust != "sandboxed" or not reading.value.source:
            return ("away", None)
        program = prepare(reading.value.source, reading.value.selector)
        if target is not self.receiver and program.declares:
            return ("away", None)
        return ("source", self.session.add(program))

    def _text(self, name: Any) -> str:
        return self.session.also(str(name))

    def _send(self, reference: Any, selector: Any, args: Any, kwargs: Any, changes: Any) -> tuple[Any, list[Any]]:
        target = self._object(reference)
        named_by_text = type(kwargs) is dict and all(type(name) is str for name in kwargs)
        if type(selector) is not str or type(args) is not tuple or not named_by_text:
            raise self._denied("send a message that is none")
        self._keep(changes)
        given = tuple(self.crossing.out(value) for value in args)
        named = {name: self.crossing.out(value) for name, value in kwargs.items()}
        answer = self._answer(target, selector, given, named)
        return self.crossing.into(plain(answer), f"(answer of {selector})"), self._news()

    def _answer(self, target: Any, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self.host.send(target, selector, args, kwargs)
        except SandboxRaised as raised:
            raise _Inside(_known(str(raised.facts["kind"])), str(raised.facts["message"])) from raised
        except Exception as error:
            if type(error).__module__ != "builtins" or isinstance(error, RecursionError | MemoryError):
                raise
            message = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else str(error)
            raise _Inside(_known(*(base.__name__ for base in type(error).__mro__)), message) from error

    def _news(self) -> list[tuple[int, str, bool, Any]]:
        """What was shown and has changed since: (token, slot, still there, value)."""
        news: list[tuple[int, str, bool, Any]] = []
        for (token, name), (before, _) in list(self.shown.items()):
            reading = self.host.read(self.crossing.target(token), name)
            if reading is None or reading.is_method:
                del self.shown[token, name]
                news.append((token, name, False, None))
                continue
            value = plain(reading.value)
            if not same(value, before) or reading.own != self.shown[token, name][1]:
                self.shown[token, name] = (value, reading.own)
                news.append((token, name, True, self.crossing.into(value, name)))
        return news

    def _keep(self, changes: Any) -> None:
        """Take over what the sandbox says has changed: assigned slots, and containers as they are now."""
        if type(changes) is not list or not all(_is_change(change) for change in changes):
            raise self._denied("report changes in a form of its own")
        for token, name, assigned, value in changes:
            target = self.crossing.target(token)
            now = self.crossing.out(value)
            before, own = self.shown.get((token, name), (_NOTHING, True))
            if same(before, now) and (own or assigned is not True):
                continue
            if target is not self.receiver:
                raise self._denied(f"change slot {name!r} of another object; send it a message instead")
            if not own and assigned is not True:
                raise self._denied(
                    f"change what it inherits as {name!r}; assign a changed copy to `self.{name}` instead"
                )
            self.host.write(target, name, now)
            self.shown[0, name] = (plain(now), True)


class _Inside(Exception):
    """An exception that the code in the sandbox may catch."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


_NOTHING = object()
_INSIDE = frozenset(get_args(ExcType))


def _is_change(change: Any) -> bool:
    """Whether it is (token, slot, assigned, value), told before anything looks into it."""
    return type(change) is tuple and len(change) == 4 and type(change[0]) is int and type(change[1]) is str


def _known(*names: str) -> str:
    """The first of these exception names that the sandbox has."""
    return next((name for name in names if name in _INSIDE), "Exception")
