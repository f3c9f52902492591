"""The messages that every object understands, as primitives of `traits`."""

from __future__ import annotations

from typing import Any

from batos.objects.primitives import primitive
from batos.objects.uvm_object import UvmObject, clone, not_understood, put


@primitive("traits.clone", sandbox=True)
def make_clone(receiver: UvmObject) -> UvmObject:
    """A new object with the receiver's own slots."""
    return clone(receiver)


@primitive("traits.setSlot_value_")
def set_slot(receiver: UvmObject, name: str, value: Any) -> UvmObject:
    """Create or change a slot by name. Not for the sandbox, where slots are written as `self.name = value`."""
    put(receiver, name, value)
    return receiver


@primitive("traits.doesNotUnderstand_")
def does_not_understand(receiver: UvmObject, selector: str, *args: Any, **kwargs: Any) -> Any:
    """Treat `selector` as not understood, whatever the object has: outside the layer above, an error like any other."""
    raise not_understood(receiver, selector, args, kwargs)
