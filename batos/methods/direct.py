"""One activation of a closed method (`closed`): its slots go in with the call, and come back with the answer.

No object enters the session, so there is nothing to ask the host for but the time. That the slots are there, are data
of the object's own where they are written, and hold no objects, is seen at each call; `prepared` answers None where
they do not, and the method is activated in the ordinary way. So it is if the answer turns out to be no plain data:
nothing has been handed to the host by then, and the ordinary way finds the words for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic_monty import MontyError, MontySession

from batos.errors import GuardianRefused, SandboxDenied
from batos.methods import prelude
from batos.methods.closed import SLOT
from batos.methods.crossing import CONTAINERS, CYCLES, PLAIN, Crossing, is_plain, unchanged
from batos.methods.driving import Allowance, Driver
from batos.methods.hosting import Host
from batos.methods.program import Linked, Ready, confined, link
from batos.methods.scalars import Condition
from batos.objects.values import plain

MOST_ITEMS = 2000  # values in the slots and arguments of one call
MOST_LINKED = 16  # methods of one call
SHORT = 64  # characters that weigh as much as one value
NUMBERS = frozenset({type(None), bool, int, float})

# Stands in a slot that is not there yet. No method can make it, and none is run that could read it.
ABSENT = os.urandom(16)
NAMED = "_k"  # the variable that holds the arguments by name
FETCH = prelude.hidden("_host_text")


class NotPlain(Exception):
    """The method answers or stores what is no plain data."""


class Direct(Driver):
    """Created per call, used once. `before` are the values of the slots as they were handed in."""

    def __init__(
        self,
        linked: Linked,
        inputs: dict[str, Any],
        before: Mapping[str, Any],
        receiver: Any,
        host: Host,
        crossing: Crossing,
        allowance: Allowance,
    ) -> None:
        super().__init__(linked.selector, host, crossing, allowance)
        self.session = linked
        crossing.doubted = CYCLES
        self.receiver = receiver
        self._inputs = inputs
        self._before = before
        self.handlers = {FETCH: (1, prelude.Loaded(linked.needs).fetched)} if linked.out else {}

    def run(self, session: MontySession, printed: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Drive the method to its end; the answer, with all its writes handed to the host. Raises `NotPlain`."""
        text = self.session.text_for(len(args), bool(kwargs))
        answer, values = self.driven(session.feed_start(text, inputs=self._inputs, print_callback=printed))
        try:
            answered, kept = self.crossing.out(answer), self._changed(values)
        except SandboxDenied:
            raise NotPlain from None
        self._keep(kept)
        return answered

    def keep_after(self, session: MontySession) -> None:
        """Take over the writes made before the method raised: who catches the exception finds them, as in Python."""
        try:
            self._keep(self._changed(self.driven(session.feed_start(self.session.state))))
        except MontyError:
            return  # no time is left, or a value cannot leave; the first exception stands

    def _changed(self, values: Any) -> dict[str, Any]:
        """The slots that have another value now, as far as they may have: containers, and what is assigned."""
        if type(values) is not list or len(values) != len(self.session.watched):
            raise self.denied("report changes in a form of its own")
        changed = {}
        for name, value in zip(self.session.watched, values, strict=True):
            before = self._before.get(name, ABSENT)
            if type(value) in PLAIN and (name not in self.session.stores or unchanged(before, value)):
                continue
            now = self.crossing.out(value)
            if not unchanged(before, now):
                changed[name] = now
        return changed

    def _keep(self, changed: Mapping[str, Any]) -> None:
        if changed:
            self.host.write(self.receiver, changed)


def prepared(
    ready: Ready,
    receiver: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    host: Host,
    crossing: Crossing,
    allowance: Allowance,
) -> Direct | None:
    """The activation, if this method can run as a closed one on this object with these arguments."""
    linked = _linked(ready, receiver, host)
    if linked is None:
        return None
    handed = _Handed(host)
    for number, value in enumerate(args):
        handed.add(f"_{number}", value)
    if kwargs:
        handed.add(NAMED, kwargs)
    before: dict[str, Any] = {}
    readings = host.read_all(receiver, linked.slots)
    for name, variable, reading in zip(linked.slots, linked.variables, readings, strict=True):
        if reading is None:
            if name in linked.reads:
                return None
            handed.inputs[variable] = ABSENT
            continue
        value, own, is_method = reading
        if is_method or not (own or name not in linked.stores):
            return None
        before[name] = value = handed.add(variable, value)
        if handed.left < 0 or (not own and linked.mutates and type(value) in CONTAINERS):
            return None
    if handed.left < 0:
        return None
    if linked.mutates and ready.light is not None and _holds(ready.light[1], handed.containers):
        linked = link((ready.light[0],))
    return Direct(linked, handed.inputs, before, receiver, host, crossing, allowance)


def _holds(given: Condition, containers: list[str]) -> bool:
    """Whether none of the variables that hold containers is one that must not."""
    return not any(
        variable.removeprefix(SLOT) in given.slots if variable.startswith(SLOT) else given.arguments
        for variable in containers
    )


class _Handed:
    """What goes into the session, and how many values more it may be. Below none, something was no plain data.
    `containers` are the variables that hold one; arguments by name are one together."""

    def __init__(self, host: Host) -> None:
        self.inputs: dict[str, Any] = {}
        self.containers: list[str] = []
        self.left = MOST_ITEMS
        self._host = host

    def add(self, variable: str, value: Any) -> Any:
        kind = type(value)
        if kind in NUMBERS or (kind is str and len(value) <= SHORT):
            self.left -= 1
        else:
            self.left -= self._host.weight(value, self.left)
            if self.left < 0:
                return None
            value = plain(value)
            if type(value) in CONTAINERS:
                self.containers.append(variable)
            if not is_plain(value):
                self.left = -1
        self.inputs[variable] = value
        return value


def _linked(ready: Ready, receiver: Any, host: Host) -> Linked | None:
    """The method with all that it sends to itself, as the receiver answers these messages now."""
    if ready.closed is None:
        return None
    if not ready.closed.sends:
        return link((ready.closed,))
    methods, forms = {ready.selector: ready}, [ready.closed]
    waiting = list(ready.closed.sends)
    while waiting:
        selector = waiting.pop()
        answering = _answering(selector, receiver, host)
        if answering is None or answering.closed is None or methods.get(selector, answering) is not answering:
            return None
        if selector not in methods:
            methods[selector] = answering
            forms.append(answering.closed)
            waiting.extend(answering.closed.sends)
    return link(tuple(forms)) if len(methods) <= MOST_LINKED else None


def _answering(selector: str, receiver: Any, host: Host) -> Ready | None:
    reading = host.read(receiver, selector)
    if reading is None or not reading.is_method or reading.value.selector != selector:
        return None
    try:
        return confined(reading.value)
    except GuardianRefused:
        return None
