"""Who answers inferences in a thread while a method runs there: a cycle, a trial's rehearsal, or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn, Protocol

from batos.errors import NeedsMission
from batos.mind.cycle import Cycle
from batos.objects.sending import Performer, perform_by
from batos.objects.uvm_object import UvmObject


class Thinker(Protocol):
    """Who answers `infer_` while a method runs: the cycle, or a trial's rehearsal."""

    def infer(self, receiver: UvmObject, query: str, system_prompt: str | None) -> str: ...


_current: ContextVar[Thinker | None] = ContextVar("batos_thinker", default=None)


class Impatient:
    """Who answers where no mission runs: nobody. It remembers that it was asked, in case the method did not mind."""

    def __init__(self) -> None:
        self.asked = False

    def refuse(self, *_: Any) -> NoReturn:
        self.asked = True
        raise NeedsMission()

    infer = refuse


@contextmanager
def without_mission() -> Iterator[None]:
    """Run a message at once. Raises `NeedsMission` if it asked for anything, even if it swallowed the refusal."""
    impatient = Impatient()
    with answering_with(impatient, impatient.refuse):
        yield
    if impatient.asked:
        raise NeedsMission()


def thinker_if_any() -> Thinker | None:
    """Who answers inferences in this thread now; None outside a cycle and a trial."""
    return _current.get()


def thinker() -> Thinker:
    """Who answers inferences in this thread now. Raises `NeedsMission` outside a cycle and a trial."""
    found = _current.get()
    if found is None:
        raise NeedsMission()
    return found


def current() -> Cycle:
    """The cycle that this thread is running. Raises `NeedsMission` outside one."""
    found = _current.get()
    if isinstance(found, Impatient):
        found.refuse()
    if not isinstance(found, Cycle):
        raise NeedsMission()
    return found


@contextmanager
def answering_with(found: Thinker, performer: Performer) -> Iterator[None]:
    """Within the block, inferences of this thread go to `found`, and primitives with effects to `performer`."""
    token, before = _current.set(found), perform_by(performer)
    try:
        yield
    finally:
        perform_by(before)
        _current.reset(token)
