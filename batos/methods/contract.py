"""What a method must do: an intent sentence and examples.

An example is one message with its outcome. A person writes `Example(args, result=…)` or, for short, the pair
`(args, result)`; the image, prompts and the journal hold the same as JSON. This module compares and converts; it runs
nothing.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from batos.errors import SettingRefused
from batos.objects.values import freeze, plain, thaw

Resolve = Callable[[bytes], Any]


class _Unset:
    """Stands for an outcome that an example does not state; None is a possible outcome."""

    _only: _Unset | None = None

    def __new__(cls) -> _Unset:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __reduce__(self) -> tuple[type[_Unset], tuple[()]]:
        return _Unset, ()

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


@dataclass(frozen=True)
class Example:
    """One message and what must come of it.

    `result` is the answer; `raises` the name of a built-in exception instead. `slots` are set on the receiver before
    the message, `slots_after` must hold afterwards (slots not named are not compared). An example with neither
    `result`, `raises` nor `slots_after` is a question. `given` says that a person stated it; an example that a model
    proposed, or that a call was taken for, is not given and proves nothing. `held` is what the other slots that the
    method reads held when the example was first satisfied: it is set as `slots` are, so that the example means the
    same when it is run again after they have changed.
    `asked` says that the writer asked for it.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    result: Any = UNSET
    raises: str | None = None
    slots: Mapping[str, Any] | None = None
    slots_after: Mapping[str, Any] | None = None
    given: bool = True
    held: Mapping[str, Any] | None = None
    asked: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "args", tuple(self.args))
        object.__setattr__(self, "raises", _exception_name(self.raises))
        if self.raises is not None and self.result is not UNSET:
            raise SettingRefused(name="raises", value=self.raises, reason="the example states a result as well.")

    @property
    def is_question(self) -> bool:
        return self.result is UNSET and self.raises is None and self.slots_after is None

    @property
    def is_proof(self) -> bool:
        """Whether a method that satisfies it has shown something: a person stated it, with an outcome."""
        return self.given and not self.is_question

    @property
    def before(self) -> dict[str, Any]:
        """The slots to set before the message."""
        return {**(self.held or {}), **(self.slots or {})}

    def answered(self, result: Any) -> Example:
        """The example that a person's answer makes of a question."""
        return replace(self, result=result, raises=None, given=True)

    def accepts(self, result: Any = UNSET, raised: str | None = None, slots: Mapping[str, Any] | None = None) -> bool:
        """Whether an outcome is the stated one. Numbers compare by type too: 1, 1.0 and True are three answers."""
        if self.raises is not None or raised is not None:
            return self.raises == raised and self._accepts_slots(slots)
        return (self.result is UNSET or same(self.result, result)) and self._accepts_slots(slots)

    def _accepts_slots(self, slots: Mapping[str, Any] | None) -> bool:
        wanted = self.slots_after or {}
        return all(name in (slots or {}) and same(value, (slots or {})[name]) for name, value in wanted.items())

    def to_json(self) -> dict[str, Any]:
        """Frozen JSON; an outcome that is not stated is absent. Raises `SlotRefused` for values JSON cannot carry."""
        data: dict[str, Any] = {
            "args": [freeze(value) for value in self.args],
            "kwargs": {name: freeze(value) for name, value in self.kwargs.items()},
            "given": self.given,
        }
        if self.asked:
            data["asked"] = True
        if self.result is not UNSET:
            data["result"] = freeze(self.result)
        if self.raises is not None:
            data["raises"] = self.raises
        for name in ("slots", "slots_after", "held"):
            slots = getattr(self, name)
            if slots is not None:
                data[name] = {slot: freeze(value) for slot, value in slots.items()}
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any], resolve: Resolve | None = None) -> Example:
        """The example that `to_json` wrote. Without `resolve`, an object in it is refused."""
        resolve = resolve or _unresolved

        def table(name: str) -> dict[str, Any] | None:
            slots = data.get(name)
            return None if slots is None else {slot: thaw(value, resolve) for slot, value in slots.items()}

        return cls(
            args=tuple(thaw(value, resolve) for value in data.get("args", ())),
            kwargs=table("kwargs") or {},
            result=thaw(data["result"], resolve) if "result" in data else UNSET,
            raises=data.get("raises"),
            slots=table("slots"),
            slots_after=table("slots_after"),
            given=bool(data.get("given", True)),
            held=table("held"),
            asked=bool(data.get("asked", False)),
        )

    @classmethod
    def of(cls, stated: Example | tuple[Any, Any] | Mapping[str, Any]) -> Example:
        """An example from any of its written forms: itself, the pair `(args, result)`, or JSON."""
        if isinstance(stated, Example):
            return stated
        if isinstance(stated, Mapping):
            return cls.from_json(stated)
        if isinstance(stated, tuple) and len(stated) == 2 and isinstance(stated[0], tuple | list):
            return cls(args=tuple(stated[0]), result=stated[1])
        reason = "write (args, result) with args a tuple, or batos.Example(args, result=…)."
        raise SettingRefused(name="examples", value=stated, reason=reason)


@dataclass(frozen=True)
class Contract:
    """What a method must do. Without given examples it proves nothing."""

    intent: str | None = None
    examples: tuple[Example, ...] = ()

    @classmethod
    def of(cls, intent: str | None, examples: Iterable[Any] = ()) -> Contract:
        return cls(intent, tuple(Example.of(stated) for stated in examples))

    @property
    def given(self) -> tuple[Example, ...]:
        """The examples that count as proof."""
        return tuple(example for example in self.examples if example.is_proof)

    @property
    def questions(self) -> int:
        """How many of the examples answer a question."""
        return sum(example.asked for example in self.answered.examples)

    @property
    def answered(self) -> Contract:
        """This contract without open questions."""
        return replace(self, examples=tuple(example for example in self.examples if not example.is_question))

    def with_example(self, example: Example) -> Contract:
        """This contract with one example more; a restated example replaces the one with the same message."""
        message = _message(example)
        kept = tuple(known for known in self.examples if _message(known) != message)
        asked = any(known.asked for known in self.examples if _message(known) == message)
        return replace(self, examples=(*kept, replace(example, asked=example.asked or asked)))

    def to_json(self) -> dict[str, Any]:
        return {"intent": self.intent, "examples": [example.to_json() for example in self.examples]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], resolve: Resolve | None = None) -> Contract:
        return cls(data.get("intent"), tuple(Example.from_json(item, resolve) for item in data.get("examples", ())))


def same(left: Any, right: Any) -> bool:
    """Equality for proof: types must agree all the way down, so that True is not taken for 1."""
    return _same(plain(left), plain(right))


def _same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return len(left) == len(right) and all(key in right and _same(value, right[key]) for key, value in left.items())
    if isinstance(left, set | frozenset):
        return left == right and sorted(map(_typed, left)) == sorted(map(_typed, right))
    return bool(left == right or (left != left and right != right))


def _typed(item: Any) -> str:
    return f"{type(item).__name__} {item!r}"


def _message(example: Example) -> str:
    data = example.to_json()
    return repr((data["args"], sorted(data["kwargs"].items()), sorted(data.get("slots", {}).items())))


def _exception_name(raises: Any) -> str | None:
    if raises is None:
        return None
    name = raises.__name__ if isinstance(raises, type) else str(raises)
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise SettingRefused(name="raises", value=raises, reason="name a built-in exception, such as ValueError.")
    return name


def _unresolved(oid: bytes) -> Any:
    raise SettingRefused(
        name="examples", value=f"object {oid.hex()}", reason="an object needs an image to be found in."
    )
