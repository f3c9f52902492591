"""The port between batos and whatever answers it: requests, answers, backends.

A backend sees the request and nothing else, so a request carries everything its answer may draw on. The port knows
nothing about missions, personas or the image; those are names and text to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, cast, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from batos.clock import Clock, SystemClock
from batos.errors import UnknownBackend
from batos.inference.stops import ended

Purpose = Literal["plan", "facet", "weave", "method", "workbench", "summary", "verdict"]

BACKENDS = "batos.backends"
"""Entry-point group; a value is called as `opener(details, clock)` with the text after the first colon of the spec."""


class Message(BaseModel):
    """One turn of the prompt as a model reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str


class Request(BaseModel):
    """One question to a backend.

    `messages` is the rendered prompt; `materials` is the same as data, for backends that compute instead of read. It is
    JSON, and so is the schema; who journals a request finds out, not each attempt of a cycle that builds it again.
    `adapter` is None for the base model alone. With `output_schema`, a JSON schema, the answer's text is JSON that
    satisfies it. `stop` are texts before the first of which an answer without a schema ends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: Purpose
    messages: tuple[Message, ...] = ()
    materials: dict[str, Any] = Field(default_factory=dict)
    persona: str | None = None
    adapter: str | None = None
    output_schema: dict[str, Any] | None = None
    max_tokens: int = Field(default=1024, ge=1)
    temperature: float = Field(default=0.0, ge=0.0)
    seed: int = 0
    stop: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(default=(), max_length=4)

    def written(self) -> dict[str, Any]:
        """The request as JSON in plain containers; `materials` and the schema are not copied."""
        messages = [{"role": message.role, "content": message.content} for message in self.messages]
        return _without_no_stop({**self.__dict__, "messages": messages, "stop": list(self.stop)})

    def ended(self, text: str) -> str:
        """`text` up to the first stop, for backends that do not end there by themselves."""
        return ended(text, self.stops)

    @property
    def stops(self) -> tuple[str, ...]:
        """The stops that count: JSON ends where its schema says."""
        return self.stop if self.output_schema is None else ()

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the request as canonical JSON; equal requests have equal ones in every process."""
        canonical = json.dumps(_without_no_stop(self.model_dump(mode="json")), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _without_no_stop(request: dict[str, Any]) -> dict[str, Any]:
    """Journals and fingerprints are older than stops, so a request without one is written as before."""
    if not request["stop"]:
        del request["stop"]
    return request


class Answer(BaseModel):
    """What a backend said, and what it cost.

    `data` is the parsed text where a schema was asked for, and structured findings otherwise. `question` (purpose
    "method") is an example without result, for which the backend wants to know the result. `notes` tell how the
    answer came about. `seconds` is wall time, `cost` is in the currency of the price list, 0 for local backends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = ""
    data: JsonValue = None
    question: dict[str, JsonValue] | None = None
    notes: dict[str, JsonValue] = Field(default_factory=dict)
    model: str
    adapter: str | None = None
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    seconds: float = 0.0
    cost: float = 0.0


@runtime_checkable
class Backend(Protocol):
    """Anything that answers requests. May be called from several threads at once."""

    name: str

    def generate(self, request: Request) -> Answer:
        """Answer, or raise BackendRefused (cannot do this), BackendUnavailable (down, slow) or BackendNonsense."""
        ...

    def close(self) -> None:
        """Give back connections and memory; a second call does nothing."""
        ...


Told = Callable[[str], None]
"""Called with each piece of what the model says, as it says it. Whatever it raises ends the generation."""


@runtime_checkable
class Streaming(Protocol):
    """A backend that tells its text as it comes."""

    def stream(self, request: Request, told: Told) -> Answer:
        """Like `generate`, and `told` hears each piece."""
        ...


@runtime_checkable
class UsesAdapters(Protocol):
    """A backend that takes the adapters that requests name from the image."""

    def use_library(self, library: Any) -> None:
        """From now on adapters are looked up in this library (`batos.inference.peft.library.Library`)."""
        ...


@runtime_checkable
class Expects(Protocol):
    """A backend that can make ready what it will be asked for soon."""

    def expect(self, adapter: str) -> None:
        """A request for this adapter is likely to come next. Returns at once, raises nothing."""
        ...


@runtime_checkable
class UsesEmbedder(Protocol):
    """A backend that reads better with the embedding model that search uses."""

    def use_embedder(self, embedder: Any, shelf: Path | None = None) -> None:
        """From now on texts may be compared by this model (`batos.memory.embedding.Embedder`). `shelf` is a folder for
        what may be kept between processes and tells nothing of the image."""
        ...


@runtime_checkable
class AdapterHost(UsesAdapters, Protocol):
    """A backend with the model in this process, to which it brings adapters."""

    def activate(self, name: str) -> dict[str, JsonValue]:
        """Bring an adapter's current version to the model. Raises `UnknownAdapter`, `AdapterRefused`, `OverBudget`."""
        ...

    def tiers(self) -> dict[str, list[str]]:
        """Which adapters are cold, warm and hot, as `name@hash`."""
        ...


Opener = Callable[[str, Clock], Backend]


def open_backend(spec: str | Backend, *, clock: Clock | None = None) -> Backend:
    """The backend that `spec` names: `builtin`, `openai:URL#MODEL`, `peft:FOLDER`, or one of an installed plug-in.

    A backend given as an object is returned as it is. Opening contacts nobody.
    Raises UnknownBackend; SettingRefused when the part after the colon cannot be used.
    """
    if not isinstance(spec, str):
        return spec
    name, _, details = spec.partition(":")
    known = entry_points(group=BACKENDS)
    if name not in known.names:
        raise UnknownBackend(backend=name, known=", ".join(sorted(known.names)) or "none")
    opener = cast(Opener, known[name].load())
    return opener(details, clock or SystemClock())
