"""Sending a message: find the method, then run it with the original receiver as `self`.

How a method runs depends on its trust. Primitives are looked up by name. Source is run by whoever is the current
activator, in the sandbox: a layer above hands one over with `activating`. A method that is marked trusted is compiled
here and runs in process, but only where a layer above vouches for it: the mark is part of the image, and an image from
elsewhere may say what it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from batos.errors import NeedsMission, SandboxDenied, SlotRefused
from batos.objects import lookup, primitives
from batos.objects.primitives import Primitive
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, not_understood

Activator = Callable[[Method, UvmObject, tuple[Any, ...], dict[str, Any]], Any]

_activator: ContextVar[Activator | None] = ContextVar("batos_activator", default=None)


# Who performs primitives that act on the outside: the running cycle, which makes a need of them.
Performer = Callable[[Primitive, UvmObject, tuple[Any, ...], dict[str, Any]], Any]
_performer: ContextVar[Performer | None] = ContextVar("batos_performer", default=None)


@contextmanager
def performing(performer: Performer) -> Iterator[None]:
    """Within the block, primitives with effects go to `performer`."""
    token = _performer.set(performer)
    try:
        yield
    finally:
        _performer.reset(token)


# Who knows which methods a person on this machine has approved to run in process.
Voucher = Callable[[Method], bool]
_voucher: ContextVar[Voucher | None] = ContextVar("batos_voucher", default=None)


@contextmanager
def vouching(voucher: Voucher | None) -> Iterator[None]:
    """Within the block, trusted methods for which `voucher` answers True run in process, outside the sandbox."""
    token = _voucher.set(voucher)
    try:
        yield
    finally:
        _voucher.reset(token)


@contextmanager
def activating(activator: Activator | None) -> Iterator[None]:
    """Within the block, sandboxed methods of this thread are run by `activator`."""
    token = _activator.set(activator)
    try:
        yield
    finally:
        _activator.reset(token)


def send(receiver: UvmObject, selector: str, /, *args: Any, **kwargs: Any) -> Any:
    """What `receiver` answers to the message. Raises `NotUnderstood` if no slot of that name is reached, or an intent.

    A data slot answers with its value, as in Self.
    """
    found = lookup.find(receiver, selector)
    if found is None or isinstance(found.value, Intent):
        raise not_understood(receiver, selector, args, kwargs)
    if isinstance(found.value, Method):
        return activate(found.value, receiver, args, kwargs)
    if args or kwargs:
        raise SlotRefused(slot=selector, what="arguments", instead="It is a data slot: read it without arguments.")
    return found.value


def activate(method: Method, receiver: UvmObject, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one method record with `receiver` as `self`."""
    if method.primitive is not None:
        return _primitive(primitives.registered(method.primitive), receiver, args, kwargs)
    voucher = _voucher.get()
    if method.trust == "trusted" and voucher is not None and voucher(method):
        return compiled(method)(receiver, *args, **kwargs)
    activator = _activator.get()
    if activator is None:
        raise SandboxDenied(selector=method.selector, reason="run where no sandbox was set up")
    return activator(method, receiver, args, kwargs)


def _primitive(found: Primitive, receiver: UvmObject, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not found.effect:
        return found.function(receiver, *args, **kwargs)
    performer = _performer.get()
    if performer is None:
        raise NeedsMission()
    return performer(found, receiver, args, kwargs)


def compiled(method: Method) -> Callable[..., Any]:
    """The function of a trusted method, compiled once per loaded record."""
    function = getattr(method, "_v_function", None)
    if function is None:
        namespace: dict[str, Any] = {"__name__": f"batos method {method.selector}"}
        exec(compile(method.source or "", f"<method {method.selector}>", "exec"), namespace)  # approved by a person
        function = method._v_function = namespace[method.selector]
    return function  # type: ignore[no-any-return]
