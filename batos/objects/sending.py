"""Sending a message: find the method, then run it with the original receiver as `self`.

How a method runs depends on its trust. Primitives are looked up by name. Source is run by whoever is the current
activator, in the sandbox: a layer above hands one over with `activating`. A method that is marked trusted is compiled
here and runs in process, but only where a layer above vouches for it: the mark is part of the image, and an image from
elsewhere may say what it likes.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from batos.errors import NeedsMission, NotUnderstood, SandboxDenied, SlotRefused
from batos.objects import lookup, primitives, tallying
from batos.objects.answers import Found, Running
from batos.objects.lookup import find, note_running
from batos.objects.primitives import Primitive
from batos.objects.reading import only_sends
from batos.objects.records import Intent, Method
from batos.objects.tallying import counted
from batos.objects.uvm_object import UvmObject, not_understood
from batos.parsing import parse_module

METHOD_FILE = "<method "  # how the file names of trusted methods begin, as tracebacks show them
Activator = Callable[[Method, UvmObject, tuple[Any, ...], dict[str, Any]], Any]

_activator: ContextVar[Activator | None] = ContextVar("batos_activator", default=None)


# Who performs primitives that act on the outside: the running cycle, which makes a need of them.
Performer = Callable[[Primitive, UvmObject, tuple[Any, ...], dict[str, Any]], Any]
_performer: ContextVar[Performer | None] = ContextVar("batos_performer", default=None)


def perform_by(performer: Performer | None) -> Performer | None:
    """From now on, primitives with effects go to `performer`. Returns who did it before, to be put back."""
    before = _performer.get()
    _performer.set(performer)
    return before


# Whether the message comes from a sandboxed method: then a tool needs a person's permission.
_confined: ContextVar[bool] = ContextVar("batos_confined", default=False)


@contextmanager
def confined() -> Iterator[None]:
    """Within the block, what is sent comes from a sandboxed method."""
    token = _confined.set(True)
    try:
        yield
    finally:
        _confined.reset(token)


def is_confined() -> bool:
    return _confined.get()


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


def run_by(activator: Activator | None, voucher: Voucher | None) -> tuple[Activator | None, Voucher | None]:
    """From now on, methods of this thread are run by `activator`, or in process if `voucher` answers True. Returns who
    did both before, to be put back."""
    before = _activator.get(), _voucher.get()
    _activator.set(activator)
    _voucher.set(voucher)
    return before


def send(receiver: UvmObject, selector: str, /, *args: Any, **kwargs: Any) -> Any:
    """What `receiver` answers to the message. Raises `NotUnderstood` if no slot of that name is reached, or an intent.

    A data slot answers with its value, as in Self.
    """
    found = find(receiver, selector)
    if found is None:
        raise not_understood(receiver, selector, args, kwargs)
    if found.is_data and not args and not kwargs:
        return found.value
    running = found.running
    if running is not None and running.voucher is _voucher.get():  # said thrice here: each frame is a tenth of the time
        note_running(receiver, running.only_sends)
        return running.function(receiver, *args, **kwargs)
    return _answer(found, receiver, selector, args, kwargs)


def resend(holder: UvmObject, receiver: UvmObject, selector: str, /, *args: Any, **kwargs: Any) -> Any:
    """What `receiver` would answer if `holder` had no slot of that name: the parents of `holder` are asked.

    In the source of a trusted method, `resend(self, …)` is this for the method that runs and the object that holds it.
    """
    found = lookup.find_above(holder, selector)
    if found is None:
        raise not_understood(receiver, selector, args, kwargs)
    return _answer(found, receiver, selector, args, kwargs)


def _answer(found: Found, receiver: UvmObject, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    value = found.value
    if isinstance(value, Method):
        running = found.running
        if running is not None and running.voucher is _voucher.get():
            note_running(receiver, running.only_sends)
            return running.function(receiver, *args, **kwargs)
        return activate(value, receiver, args, kwargs, found)
    if isinstance(value, Intent):
        raise not_understood(receiver, selector, args, kwargs)
    if args or kwargs:
        raise SlotRefused(slot=selector, what="arguments", instead="It is a data slot: read it without arguments.")
    return value


def activate(
    method: Method, receiver: UvmObject, args: tuple[Any, ...], kwargs: dict[str, Any], found: Found | None = None
) -> Any:
    """Run one method record with `receiver` as `self`. `found` says where it stands; without it, it cannot resend."""
    if method.primitive is not None:
        return _primitive(primitives.registered(method.primitive), receiver, args, kwargs)
    voucher = _voucher.get()
    if method.trust == "trusted" and voucher is not None:
        running = _running(method, voucher, found)
        if running is not None:
            note_running(receiver, running.only_sends)
            return running.function(receiver, *args, **kwargs)
    activator = _activator.get()
    if activator is None:
        raise SandboxDenied(selector=method.selector, reason="run where no sandbox was set up")
    return activator(method, receiver, args, kwargs)


def _primitive(found: Primitive, receiver: UvmObject, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not found.effect:
        if not found.notes_reads:
            lookup.note_what_python_reads()
        return found.function(receiver, *args, **kwargs)
    performer = _performer.get()
    if performer is None:
        raise NeedsMission()
    return performer(found, receiver, args, kwargs)


def _running(method: Method, voucher: Voucher, found: Found | None) -> Running | None:
    """The trusted method ready to run; None if it is not approved.

    A record is immutable, so that it is asked about and compiled once as long as it is loaded, for each object that
    holds it.
    """
    kept: dict[UvmObject | None, Running] | None = getattr(method, "_v_running", None)
    if kept is None:
        kept = method._v_running = {}
    holder = found.holder if found is not None else None
    running = kept.get(holder)
    if running is None or running.voucher is not voucher:
        if not voucher(method):
            return None
        function = _compiled(method, holder)
        if holder is not None:
            function = counted(function, holder, method)
        running = kept[holder] = Running(voucher, function, only_sends(method.source or ""))
    if found is not None:
        found.running = running
    return running


def _compiled(method: Method, holder: UvmObject | None) -> Callable[..., Any]:
    namespace: dict[str, Any] = {"__name__": f"batos method {method.selector}"}
    if holder is not None and "resend" in (method.source or ""):
        namespace["resend"] = lambda receiver, /, *args, **kwargs: resend(
            holder, receiver, method.selector, *args, **kwargs
        )
    namespace[ASKED] = _asked
    module = _Asking().visit(parse_module(method.source or ""))
    exec(compile(module, f"{METHOD_FILE}{method.selector}>", "exec"), namespace)  # approved by a person
    function: Callable[..., Any] = namespace[method.selector]
    return function


CALLING = {__file__, tallying.__file__}  # whose frames call a method or a primitive


def raised_by_a_message(error: BaseException) -> bool:
    """Whether a trusted method or a primitive raised it, or was given arguments that it does not take."""
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    inside = any(code is _primitive.__code__ or code.co_filename.startswith(METHOD_FILE) for code in codes)
    return inside or (isinstance(error, TypeError) and codes[-1].co_filename in CALLING)


ASKED = "__asked__"


class _Asking(ast.NodeTransformer):
    """`target.name(…)` asks `_asked` for what it calls: Python reads `name` before it has looked at the arguments, and
    a message that nobody understands would be one without them."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = node.func
        if isinstance(called, ast.Attribute) and not called.attr.startswith("_"):
            function = ast.copy_location(ast.Name(ASKED, ast.Load()), called)
            name = ast.copy_location(ast.Constant(called.attr), called)
            node.func = ast.copy_location(ast.Call(function, [called.value, name], []), called)
        return node


def _asked(target: Any, name: str) -> Any:
    """The attribute, or for a message that the target does not understand one that says so when it is called."""
    try:
        return getattr(target, name)
    except NotUnderstood:
        if not isinstance(target, UvmObject):
            raise
        return lookup.Message(target, name)
