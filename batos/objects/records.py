"""The records that stand in method slots: methods, intents; and secrets, which stand in data slots.

A method is immutable: a change is a new record and the slot points at it. Whoever changes one after its first commit
breaks history, undo and `why`, so the records refuse it.
"""

from __future__ import annotations

from typing import Any, Literal

from persistent import Persistent

Trust = Literal["sandboxed", "trusted", "primitive"]

FIELDS = ("selector", "source", "primitive", "trust", "contract", "provenance", "intent", "version", "previous")


class Method(Persistent):
    """One version of the behaviour of one selector.

    `contract` and `provenance` are JSON. Provenance names where it came from: `mission`, `model`, `made_at`,
    `proven` (how many given examples it satisfied), `tainted`. `previous` is the version it replaced.
    A primitive has no source; `primitive` is its name in the registry.
    """

    selector: str
    source: str | None
    primitive: str | None
    trust: Trust
    contract: dict[str, Any]
    provenance: dict[str, Any]
    intent: str | None
    version: int
    previous: Method | None

    def __init__(
        self,
        selector: str,
        source: str | None = None,
        *,
        primitive: str | None = None,
        trust: Trust = "sandboxed",
        contract: dict[str, Any] | None = None,
        provenance: dict[str, Any] | None = None,
        intent: str | None = None,
        previous: Method | None = None,
    ) -> None:
        self.__dict__.update(
            selector=selector,
            source=source,
            primitive=primitive,
            trust="primitive" if primitive else trust,
            contract=contract or {},
            provenance=provenance or {},
            intent=intent,
            version=previous.version + 1 if previous is not None else 1,
            previous=previous,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIELDS:
            raise AttributeError(f"A method is immutable; make a new version of {self.selector!r} instead.")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name in FIELDS:
            raise AttributeError(f"A method is immutable; make a new version of {self.selector!r} instead.")
        super().__delattr__(name)

    def __repr__(self) -> str:
        return f"<method {self.selector} v{self.version} {self.trust}>"


class _Immutable:
    """Base of records that stand inline in an object's state: changed in place, they would change for every reader of
    the connection's cache, and in no commit."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self!r} is immutable; make a new one.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{self!r} is immutable; make a new one.")


class Intent(_Immutable):
    """A facet or wished-for method that is only described yet. Sending its selector is not understood.

    `examples` are JSON as `batos.methods.contract` writes them. `retired` is the method that was made from an earlier
    intent in this slot; the next one continues its versions.
    """

    __slots__ = ("examples", "retired", "text")

    text: str
    examples: tuple[Any, ...]
    retired: Method | None

    def __init__(self, text: str, examples: tuple[Any, ...] = (), retired: Method | None = None) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "examples", examples)
        object.__setattr__(self, "retired", retired)

    def __reduce__(self) -> tuple[Any, ...]:
        told = (self.text, self.examples)
        return Intent, told if self.retired is None else (*told, self.retired)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intent) and (self.text, self.examples) == (other.text, other.examples)

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"<intent {self.text!r}>"


def previous_of(present: object) -> Method | None:
    """The version that a new one replaces, where `present` stands in its slot: a method, or what an intent retired."""
    if isinstance(present, Method):
        return present
    return present.retired if isinstance(present, Intent) else None


class Secret(_Immutable):
    """The name of an environment variable that holds a secret. Only performers resolve it; the image, the journal,
    prompts and logs hold the name."""

    __slots__ = ("name",)

    name: str

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self.name,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"batos.Secret({self.name!r})"
