"""The objects as an activation in the sandbox reaches them: reads by delegation, writes only where a sandbox may write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from batos.errors import SandboxDenied, SlotRefused
from batos.methods.activation import Reading, Runnable
from batos.objects import lookup, primitives, sending
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, is_slot_name, label, own_slots, put, remove
from batos.objects.values import is_object


def _writable(receiver: UvmObject) -> str | None:
    return None


class ObjectHost:
    """Hands the sandbox prototype objects.

    `protected` says why an object may not be written by a sandboxed method (a pinned object, a persona, policy), or
    None; `checked` is called before everything and may raise (a cycle's poison); `now` is the clock, without which a
    method that asks for the time is refused; `trying` is a method that is not installed yet, as (receiver, method).
    """

    def __init__(
        self,
        protected: Callable[[UvmObject], str | None] = _writable,
        *,
        checked: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] | None = None,
        trying: tuple[UvmObject, Runnable] | None = None,
    ) -> None:
        self._protected = protected
        self._checked = checked
        self._now = now
        self._trying = trying

    def is_object(self, value: Any) -> bool:
        return is_object(value)

    def read(self, target: UvmObject, name: str) -> Reading | None:
        self._checked()
        if self._trying is not None and target is self._trying[0] and name == self._trying[1].selector:
            return Reading(self._trying[1], own=True, is_method=True)
        if not is_slot_name(name):
            return None
        found = lookup.find(target, name)
        if found is None or isinstance(found.value, Intent):
            return None
        return Reading(found.value, found.holder is target, isinstance(found.value, Method))

    def write(self, receiver: UvmObject, name: str, value: Any) -> None:
        self._allow(receiver, name, "write")
        put(receiver, name, value)

    def remove(self, receiver: UvmObject, name: str) -> None:
        self._allow(receiver, name, "delete")
        remove(receiver, name)

    def _allow(self, receiver: UvmObject, name: str, verb: str) -> None:
        """Data slots only: who could write a parent or a method slot could give itself any right."""
        self._checked()
        slot = f"{verb} slot {name!r} of {label(receiver)}"
        if name.endswith("*"):
            raise SandboxDenied(selector=name, reason=f"{slot}: it is a parent slot")
        if not is_slot_name(name):
            raise SlotRefused(slot=name, what="anything under this name", instead="Use an identifier without a leading underscore.")
        if isinstance(own_slots(receiver).get(name), Method | Intent):
            raise SandboxDenied(selector=name, reason=f"{slot}: it is a method slot")
        found = lookup.find(receiver, name)
        if found is not None and isinstance(found.value, Method | Intent):
            raise SandboxDenied(selector=name, reason=f"{slot}: it would hide a method of {label(found.holder)}")
        reason = self._protected(receiver)
        if reason is not None:
            raise SandboxDenied(selector=name, reason=f"{slot}: {reason}")

    def send(self, target: UvmObject, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._checked()
        reading = self.read(target, selector)
        method = reading.value if reading is not None and reading.is_method else None
        if self._trying is not None and method is self._trying[1]:
            return sending.activate(method, target, args, kwargs)
        if isinstance(method, Method) and method.primitive is not None:
            self._allow_primitive(method.primitive, target)
        return sending.send(target, selector, *args, **kwargs)

    def _allow_primitive(self, name: str, target: UvmObject) -> None:
        if not primitives.registered(name).sandbox:
            reason = f"call the primitive {name} of {label(target)}; it is not declared callable from the sandbox"
            raise SandboxDenied(selector=name, reason=reason)

    def now(self) -> datetime:
        self._checked()
        if self._now is None:
            raise SandboxDenied(selector="now", reason="read the clock")
        return self._now()
