"""The port between the sandbox and the objects: what an activation asks of its host, and what it may be told.

The real host is `ObjectHost` in `batos.methods.host`. Nothing here knows the sandbox's interpreter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol


class Reading(NamedTuple):
    """What an object answers for a slot name: a data value, or a method record. `own` says that the slot is its own."""

    value: Any
    own: bool
    is_method: bool = False


class Denial(Exception):
    """Raised by a host: the running method has no right to do what the message says."""


class Host(Protocol):
    """The objects, as an activation reaches them. Whatever it raises goes on outside, unseen by the sandbox."""

    def is_object(self, value: Any) -> bool: ...

    def read(self, target: Any, name: str) -> Reading | None:
        """The slot as the target sees it, or None: no such slot, an intent, or a name that no slot can have."""
        ...

    def read_all(self, target: Any, names: Iterable[str]) -> list[Reading | None]:
        """As `read`, one after the other."""
        ...

    def write(self, receiver: Any, values: Mapping[str, Any]) -> None:
        """Write data slots of the receiver. Raises `Denial` if any of them is another slot, before it writes one."""
        ...

    def remove(self, receiver: Any, name: str) -> None: ...

    def send(self, target: Any, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Send outside the session: to primitives, trusted methods, methods that write their own receiver, and what
        nobody understands."""
        ...

    def weight(self, value: Any, most: int) -> int:
        """How many values a slot's value holds, or that an object holds which is not stored yet; looked at no further
        than `most`."""
        ...

    def now(self) -> datetime:
        """The time, with its zone. A replay must read the same."""
        ...
