"""Running a source that this writer emitted, on plain values: does it do what an example says?

Only for sources made from the package's own tables; sources from elsewhere are tried in the sandbox.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Container
from typing import Any

from batos.methods.synthesis.brief import ABSENT, Case
from batos.methods.synthesis.values import MISSING, same

Ask = Callable[[dict[str, Any], str, tuple[Any, ...]], Any]
"""What a method that the object has learned before answers, or MISSING: ask(slots, selector, arguments)."""


class Receiver:
    """An object with nothing but slots."""

    def __init__(self, slots: dict[str, Any]) -> None:
        self.__dict__.update(copy.deepcopy(slots))


def _receiver(slots: dict[str, Any], ask: Ask | None, known: Container[str], within: str = "") -> Receiver:
    """An object with slots and, if there is somebody to `ask`, with the methods that are `known`; `within` is the slot
    of another object that holds it."""

    class Knowing(Receiver):
        def __getattr__(self, selector: str) -> Any:
            name = f"{within}{selector}"
            if ask is None or name not in known:
                raise AttributeError(selector)

            def answer(*args: Any) -> Any:
                if (value := ask(_plain_slots(self), name, args)) is MISSING:
                    raise ValueError(selector)
                return value

            return answer

    return Knowing(slots)


def _plain_slots(receiver: Receiver) -> dict[str, Any]:
    return {name: value for name, value in vars(receiver).items() if not isinstance(value, Receiver)}


def compiled(source: str, selector: str) -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(compile(source, f"<{selector}>", "exec"), names)
    method: Callable[..., Any] = names[selector]
    return method


def satisfies(source: str, selector: str, case: Case, ask: Ask | None = None, known: Collection[str] = ()) -> bool:
    """Whether the method gives the case's result, or raises what it should, and leaves the slots as they should be."""
    receiver = _receiver(case.slots, ask, known)
    for holder in {name.partition(".")[0] for name in known if "." in name}:
        vars(receiver)[holder] = _receiver({}, ask, known, f"{holder}.")
    try:
        result = compiled(source, selector)(receiver, *copy.deepcopy(case.args), **copy.deepcopy(case.kwargs))
    except Exception as error:  # whatever the method raises is what the example is compared with
        return case.raises == type(error).__name__
    if case.raises is not None:
        return False
    if case.result is not ABSENT and not same(result, case.result):
        return False
    return all(same(getattr(receiver, slot, ABSENT), value) for slot, value in (case.slots_after or {}).items())
