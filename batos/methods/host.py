"""Objects as an activation in the sandbox reaches them: reads by delegation, writes only where it may write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from batos.methods.crossing import PLAIN
from batos.methods.hosting import Denial, Reading
from batos.objects import lookup, primitives, rules, sending
from batos.objects.records import Method
from batos.objects.uvm_object import (
    UvmObject,
    holds_data,
    is_slot_name,
    label,
    own_slots,
    put_all,
    remove,
    state,
)
from batos.objects.values import is_object, weight


def _writable(receiver: UvmObject) -> str | None:
    return None


class ObjectHost:
    """Hands the sandbox prototype objects.

    `protected` says why an object may not be written by a sandboxed method (a pinned object, a persona, policy), or
    None; `checked` is called before everything and may raise (a cycle's poison); `now` is the clock, without which a
    method that asks for the time is refused; `saw` is told which slots are read.
    """

    def __init__(
        self,
        protected: Callable[[UvmObject], str | None] = _writable,
        *,
        checked: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] | None = None,
        saw: Callable[[UvmObject, str], None] | None = None,
    ) -> None:
        self._saw = saw
        self._protected = protected
        self._checked = checked
        self._now = now

    def is_object(self, value: Any) -> bool:
        return is_object(value)

    def read(self, target: UvmObject, name: str) -> Reading | None:
        return self.read_all(target, (name,))[0]

    def read_all(self, target: UvmObject, names: Iterable[str]) -> list[Reading | None]:
        self._checked()
        own = state(target)
        readings: list[Reading | None] = []
        for name in names:
            if holds_data(own, name):  # the first to be asked has it, which needs no lookup
                value = own[name]
                if type(value) not in PLAIN:
                    lookup.note_read(value)
                if self._saw is not None:
                    self._saw(target, name)
                readings.append(Reading(value, True))
                continue
            found = lookup.find(target, name) if is_slot_name(name) else None
            if found is None:
                readings.append(None)
            elif found.is_data:
                if self._saw is not None:
                    self._saw(target, name)
                readings.append(Reading(found.value, found.holder is target))
            else:
                is_method = isinstance(found.value, Method)
                readings.append(Reading(found.value, found.holder is target, True) if is_method else None)
        return readings

    def write(self, receiver: UvmObject, values: Mapping[str, Any]) -> None:
        self._allow(receiver, values, "write")
        put_all(receiver, values)

    def remove(self, receiver: UvmObject, name: str) -> None:
        self._allow(receiver, (name,), "delete")
        remove(receiver, name)

    def _allow(self, receiver: UvmObject, names: Iterable[str], verb: str) -> None:
        """Data slots only: who could write a parent or a method slot could give itself any right."""
        self._checked()
        protected = self._protected(receiver)
        for name in names:
            reason = self._reason_against(receiver, name) or protected
            if reason is not None:
                raise Denial(f"{verb} slot {name!r} of {label(receiver)}: {reason}")

    def _reason_against(self, receiver: UvmObject, name: str) -> str | None:
        if name.endswith("*"):
            return "it is a parent slot"
        if not holds_data(state(receiver), name):
            if not is_slot_name(name):
                return "no data slot can have this name"
            found = lookup.find(receiver, name)
            if found is not None and not found.is_data:
                return f"it is, or would hide, a method of {label(found.holder)}"
        pinned = rules.pinned(receiver, name)
        return f"{pinned} is pinned" if pinned is not None else None

    def send(self, target: UvmObject, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._checked()
        found = lookup.find(target, selector)
        name = found.value.primitive if found is not None and isinstance(found.value, Method) else None
        primitive = primitives.registered(name) if name is not None else None
        if primitive is not None and not primitive.sandbox:
            raise Denial(f"call the primitive {name} of {label(target)}: it is not declared callable from the sandbox")
        if primitive is not None and primitive.effect:
            with sending.confined():
                return sending.send(target, selector, *args, **kwargs)
        return sending.send(target, selector, *args, **kwargs)

    def weight(self, value: Any, most: int) -> int:
        if not is_object(value):
            return weight(value, most)
        if value._p_jar is not None:
            return 1
        return weight(own_slots(value), most)

    def now(self) -> datetime:
        self._checked()
        if self._now is None:
            raise Denial("read the clock")
        return self._now()
