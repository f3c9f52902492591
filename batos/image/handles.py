"""Handles: what a program holds of an object outside a transaction. A handle is an image and an object id, no more.

It is resolved in the calling thread's own transaction each time, and gives plain values or other handles, never raw
objects. Reading a data slot reads it, assigning writes it in a transaction of its own, and calling sends a message.
"""

from __future__ import annotations

from typing import Any, NoReturn

from batos.image.image import Image
from batos.image.world import World
from batos.objects import lookup
from batos.objects.records import Intent, Method
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject, label, put, remove
from batos.objects.values import is_object, plain


class Handle:
    """An object of an image, usable from any thread."""

    __slots__ = ("_image", "_oid")

    def __init__(self, image: Image, oid: bytes) -> None:
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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and (self._image, self._oid) == (other._image, other._oid)

    def __hash__(self) -> int:
        return hash(self._oid)

    def __repr__(self) -> str:
        with self._image.reading() as world:
            return label(world.object(self._oid))


class Selector:
    """A message of a handle, to be called. If the object does not understand it, calling starts the learning."""

    __slots__ = ("_handle", "_name")

    def __init__(self, handle: Handle, name: str) -> None:
        self._handle = handle
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return deliver(self._handle, self._name, args, kwargs)

    def _misused(self, *_: Any) -> NoReturn:
        receiver = repr(self._handle)
        raise TypeError(f"{receiver}.{self._name} is a message, not a value; send it with {receiver}.{self._name}(…).")

    __bool__ = __iter__ = __len__ = __int__ = __float__ = __index__ = __getitem__ = __contains__ = _misused
    __add__ = __radd__ = __lt__ = __gt__ = __le__ = __ge__ = _misused

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


def send_in(world: World, image: Image, oid: bytes, selector: str, args: Any, kwargs: Any) -> Any:
    """Send within an open transaction, arguments and answer crossing its border."""
    arguments = [inward(world, arg) for arg in args]
    named = {key: inward(world, value) for key, value in kwargs.items()}
    return outward(image, world, send(world.object(oid), selector, *arguments, **named))


def inward(world: World, value: Any) -> Any:
    """A value from outside, with raw objects in place of handles."""
    if isinstance(value, Handle):
        return world.object(value._oid)
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(inward(world, item) for item in value)
    if isinstance(value, dict):
        return {key: inward(world, item) for key, item in value.items()}
    return value


def outward(image: Image, world: World, value: Any) -> Any:
    """A value as it may leave the transaction: plain, with handles in place of raw objects."""

    def reference(obj: Any) -> Any:
        return Handle(image, world.add(obj)) if is_object(obj) else repr(obj)

    return plain(value, reference)


def handle_of(image: Image, world: World, obj: UvmObject) -> Handle:
    return Handle(image, world.add(obj))
