"""Objects as an activation in the sandbox reaches them: reads by delegation, writes only where it may write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from batos.methods.hosting import Denial, Reading
from batos.objects import lookup, primitives, sending
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, is_slot_name, label, own_slots, put, remove
from batos.objects.values import is_object, weight


def _writable(receiver: UvmObject) -> str | None:
    return None


class ObjectHost:
    """Hands the sandbox prototype objects.

    `protected` says why an object may not be written by a sandboxed method (a pinned object, a persona, policy), or
    None; `checked` is called before everything and may raise (a cycle's poison); `now` is the clock, without which a
    method that asks for the time is refused.
    """

    def __init__(
        self,
        protected: Callable[[UvmObject], str | None] = _writable,
        *,
        checked: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._protected = protected
        self._checked = checked
        self._now = now

    def is_object(self, value: Any) -> bool:
        return is_object(value)

    def read(self, target: UvmObject, name: str) -> Reading | None:
        self._checked()
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
            raise Denial(f"{slot}: it is a parent slot")
        if not is_slot_name(name):
            raise Denial(f"{slot}: no data slot can have this name")
        found = lookup.find(receiver, name)
        if found is not None and isinstance(found.value, Method | Intent):
            raise Denial(f"{slot}: it is, or would hide, a method of {label(found.holder)}")
        reason = self._protected(receiver)
        if reason is not None:
            raise Denial(f"{slot}: {reason}")

    def send(self, target: UvmObject, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._checked()
        found = lookup.find(target, selector)
        primitive = found.value.primitive if found is not None and isinstance(found.value, Method) else None
        if primitive is not None and not primitives.registered(primitive).sandbox:
            raise Denial(
                f"call the primitive {primitive} of {label(target)}: it is not declared callable from the sandbox"
            )
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
