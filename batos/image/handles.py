"""Handles: what a program holds of an object outside a transaction. A handle is an image and an object id, no more.

It is resolved in the calling thread's own transaction each time, and gives plain values or other handles, never raw
objects. Reading a data slot reads it (a blob reads as its bytes), assigning writes it in a transaction of its own (or
in the one that the thread has open), and calling sends a message.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Protocol

from ZODB.blob import Blob

from batos.errors import BatosError, TransactionMisuse
from batos.image.world import World
from batos.objects import lookup
from batos.objects.records import Intent, Method
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject, label, own_slots, put, remove
from batos.objects.values import blob_bytes, is_object, plain


class Home(Protocol):
    """Where a handle was taken from: an image, or a view of its past. What it asks of it."""

    messenger: Any
    db: Any

    def reading(self) -> AbstractContextManager[World]: ...
    def change(self, note: str, work: Callable[[World], Any]) -> Any: ...
    def current(self) -> World | None: ...


class Handle:
    """An object of an image, usable from any thread."""

    __slots__ = ("_image", "_oid")

    def __init__(self, image: Home, oid: bytes) -> None:
        object.__setattr__(self, "_image", image)
        object.__setattr__(self, "_oid", oid)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        with self._image.reading() as world:
            found = lookup.find(world.object(self._oid), name)
            if found is not None and not isinstance(found.value, Method | Intent):
                return outward(self._image, world, found.value)
        return Selector(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        def work(world: World) -> None:
            put(world.object(self._oid), name, inward(world, value))

        self._image.change(f"set {name} of {self!r}", work)

    def __delattr__(self, name: str) -> None:
        self._image.change(f"remove {name} of {self!r}", lambda world: remove(world.object(self._oid), name))

    def submit(self, selector: str, /, *args: Any, **kwargs: Any) -> Any:
        """File the message as a mission and return the `Mission` at once."""
        return self._image.messenger.submit(self, selector, args, kwargs)

    def __dir__(self) -> list[str]:
        """The object's slots and messages, its parents' included, so that a prompt can complete them."""
        with self._image.reading() as world:
            holders = lookup.delegation(world.object(self._oid))
            names = {name for holder in holders for name in own_slots(holder) if name.isidentifier()}
        return sorted({"submit", *names})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and (self._image, self._oid) == (other._image, other._oid)

    def __hash__(self) -> int:
        return hash(self._oid)

    def __copy__(self) -> Handle:
        return self

    def __deepcopy__(self, memo: object) -> Handle:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A handle belongs to the image it was taken from; pass the object's name instead.")

    def __repr__(self) -> str:
        try:
            with self._image.reading() as world:
                return label(world.object(self._oid))
        except BatosError:  # a closed image, a packed object: a debugger shows handles too
            return f"object {int.from_bytes(self._oid, 'big'):#x}"


class Selector:
    """A message of a handle, to be called. If the object does not understand it, calling starts the learning."""

    __slots__ = ("_handle", "_name")

    def __init__(self, handle: Handle, name: str) -> None:
        object.__setattr__(self, "_handle", handle)
        object.__setattr__(self, "_name", name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return deliver(self._handle, self._name, args, kwargs)

    def _misused(self, *_: Any) -> NoReturn:
        raise TypeError(self._sentence())

    def _sentence(self) -> str:
        message = f"{self._handle!r}.{self._name}"
        return f"{message} is a message, not a value; send it with {message}(…)."

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(name if name.startswith("_") else self._sentence())

    # Asked for its value in any way, it says that it has none. Only `repr` shows it, for debuggers.
    __setattr__ = __delattr__ = __eq__ = __ne__ = __hash__ = __str__ = __format__ = _misused
    __bool__ = __len__ = __int__ = __float__ = __complex__ = __index__ = __bytes__ = __fspath__ = __round__ = _misused
    __iter__ = __next__ = __reversed__ = __contains__ = __getitem__ = __setitem__ = __delitem__ = _misused
    __enter__ = __exit__ = __aenter__ = __aexit__ = __aiter__ = __anext__ = __await__ = __reduce__ = _misused
    __lt__ = __gt__ = __le__ = __ge__ = __neg__ = __pos__ = __abs__ = __invert__ = _misused
    __add__ = __sub__ = __mul__ = __matmul__ = __truediv__ = __floordiv__ = __mod__ = __divmod__ = __pow__ = _misused
    __radd__ = __rsub__ = __rmul__ = __rmatmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = _misused
    __and__ = __or__ = __xor__ = __lshift__ = __rshift__ = __rand__ = __ror__ = __rxor__ = _misused

    def __repr__(self) -> str:
        return f"<message {self._name} to {self._handle!r}>"


def deliver(handle: Handle, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Send a message and return its answer, in plain values and handles.

    With a runtime, what is not understood becomes a mission; inside the caller's own transaction, or without a runtime,
    it raises `NotUnderstood`.
    """
    image = handle._image
    if image.messenger is not None and image.current() is None:
        return image.messenger.deliver(handle, selector, args, kwargs)
    return image.change(
        f"{selector} to {handle!r}", lambda world: send_in(world, image, handle._oid, selector, args, kwargs)
    )


def send_in(world: World, image: Home, oid: bytes, selector: str, args: Any, kwargs: Any) -> Any:
    """Send within an open transaction, arguments and answer crossing its border.

    If anything was written, the transaction commits only if all that was read on the way is still current.
    """
    with lookup.noting_reads() as reads:
        arguments = [inward(world, arg) for arg in args]
        named = {key: inward(world, value) for key, value in kwargs.items()}
        answer = outward(image, world, send(world.object(oid), selector, *arguments, **named))
        if world.written():
            world.rely_on(reads)
    return answer


def inward(world: World, value: Any) -> Any:
    """A value from outside, with raw objects in place of handles. Raises `TransactionMisuse` for another image's."""
    kind = type(value)
    if kind is Handle:
        if value._image.db is not world.connection.db():
            raise TransactionMisuse(reason=f"{value!r} is an object of another image; images share no objects.")
        return world.object(value._oid)
    if kind in (list, tuple, set, frozenset):
        return kind(inward(world, item) for item in value)
    if kind is dict:
        return {inward(world, key): inward(world, item) for key, item in value.items()}
    # A blob is handed over when it is stored; an attempt that loses a race must not take the caller's along.
    return Blob(blob_bytes(value)) if kind is Blob and value._p_jar is None else value


def outward(image: Home, world: World, value: Any) -> Any:
    """A value as it may leave the transaction: plain, with handles in place of raw objects, and bytes of blobs."""

    def reference(obj: Any) -> Any:
        if type(obj) is Blob:
            return blob_bytes(obj)
        return Handle(image, world.add(obj)) if is_object(obj) else repr(obj)

    return plain(value, reference)


def handle_of(image: Home, world: World, obj: UvmObject) -> Handle:
    return Handle(image, world.add(obj))
