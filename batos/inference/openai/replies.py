"""What a server's replies say: a completion, whole or in pieces, a list of models, a reason for a refusal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batos.inference.stops import Ending

DONE = b"[DONE]"


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Content(_Read):
    content: str | None = None
    refusal: str | None = None


class Choice(_Read):
    message: Content
    finish_reason: str | None = None


class Usage(_Read):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class Completion(_Read):
    """The part of a chat completion that is read."""

    model: str = ""
    choices: tuple[Choice, ...] = Field(min_length=1)
    usage: Usage | None = None

    @property
    def text(self) -> str:
        return self.choices[0].message.content or ""

    @property
    def refusal(self) -> str:
        return self.choices[0].message.refusal or ""

    @property
    def finish_reason(self) -> str | None:
        return self.choices[0].finish_reason


class _PartChoice(_Read):
    delta: Content = Content()
    finish_reason: str | None = None


class _Part(_Read):
    """One event of a streamed completion. The last one may have no choice, only the usage."""

    model: str = ""
    choices: tuple[_PartChoice, ...] = ()
    usage: Usage | None = None


class StopReached(Exception):
    """The answer is over though the server goes on: it does not heed the texts at which it shall stop."""


class Gathering:
    """A completion put together from the events of a stream: feed it lines. It ends before the first of the `stops`."""

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self.complete = False
        self._ending = Ending(stops)
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._model = ""
        self._finish_reason: str | None = None
        self._usage: Usage | None = None

    def feed(self, line: bytes) -> str:
        """The text that may be told with this line, often none. Raises pydantic's ValidationError for an event that is
        none."""
        if not line.startswith(b"data:"):
            return ""  # comments keep a connection alive; other fields say nothing that is needed
        data = line[5:].strip()
        if data == DONE:
            self.complete = True
            return ""
        part = _Part.model_validate_json(data)
        self._model = part.model or self._model
        self._usage = part.usage or self._usage
        if not part.choices:
            return ""
        choice = part.choices[0]
        if choice.finish_reason is not None:
            self._finish_reason, self.complete = choice.finish_reason, True
        self._refusal.append(choice.delta.refusal or "")
        added = choice.delta.content or ""
        self._text.append(added)
        told = self._ending.add(added)
        if self._ending.stopped:
            self._finish_reason, self.complete = "stop", True
        return told

    @property
    def stopped(self) -> bool:
        return self._ending.stopped

    def rest(self) -> str:
        """What was held back because it could have been the beginning of a stop."""
        return self._ending.rest()

    def completion(self) -> Completion:
        content = Content(content="".join(self._text), refusal="".join(self._refusal) or None)
        choice = Choice(message=content, finish_reason=self._finish_reason)
        return Completion(model=self._model, choices=(choice,), usage=self._usage)


class _Entry(_Read):
    id: str


class _Listing(_Read):
    data: tuple[_Entry, ...] = ()


def model_names(body: bytes) -> tuple[str, ...]:
    """From the answer to `GET /models`. Raises pydantic's ValidationError."""
    return tuple(entry.id for entry in _Listing.model_validate_json(body).data)


def first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "its reply"
    return f"{where}: {problem['msg']}"


def said_of_refusal(body: bytes) -> str:
    """What the server said about its refusal, in the usual places, as one printable line."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return ""
    for key in ("error", "message", "error_message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return shortened(found) if isinstance(found, str) else ""


def shortened(text: str, limit: int = 300) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
