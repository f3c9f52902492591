"""The backend for any server that speaks the OpenAI chat-completions API, on this machine or one that the user named.

Opening contacts nobody; only `generate` does, and only the server in the spec. Redirects are refused, because they lead
where nobody named. The key is read from the environment at each call and stands in no error, log or journal. Streaming
and tool calls are not used here. What it does not know: missions, budgets, and whether an answer is any good.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from batos.clock import Clock, SystemClock
from batos.errors import BackendNonsense, BackendRefused, BackendUnavailable, SettingRefused
from batos.inference.http import Patience, Reply, Sender
from batos.inference.port import Answer, Request
from batos.inference.repair import LONGEST
from batos.inference.schema import NotJson, read_json
from batos.objects.records import Secret

API_KEY = Secret("BATOS_API_KEY")
"""The default name of the variable that holds the key; servers on this machine usually need none."""

EXAMPLE = "`openai:http://127.0.0.1:11434/v1#llama3.2`"


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    message: _Content
    finish_reason: str | None = None


class _Usage(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class Completion(BaseModel):
    """The part of a chat completion that is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = ""
    choices: tuple[_Choice, ...] = Field(min_length=1)
    usage: _Usage | None = None

    @property
    def text(self) -> str:
        return self.choices[0].message.content or ""


class _Listing(BaseModel):
    """The answer to `GET /models`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    class Entry(BaseModel):
        id: str

    data: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """Where a server is, and which of its models answers; without a model, the only one that the server has."""

    url: str
    model: str | None

    @classmethod
    def parse(cls, details: str) -> Endpoint:
        """From `URL#MODEL`. A URL without a path gets the usual `/v1`. Raises SettingRefused."""
        url, _, model = details.partition("#")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise SettingRefused(name="model", value="openai:URL#MODEL", reason=f"the URL must be like {EXAMPLE}.")
        if parts.username or parts.password:
            reason = f"a URL shows the password; put it into the environment variable {API_KEY.name}."
            raise SettingRefused(name="model", value=f"openai:{parts.scheme}://…@{parts.hostname}", reason=reason)
        path = parts.path.rstrip("/") or "/v1"
        return cls(url=f"{parts.scheme}://{parts.netloc}{path}", model=model or None)

    @property
    def on_this_machine(self) -> bool:
        return urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")


class OpenAIBackend:
    """One server. `adapter` in a request is the name of a model there (vLLM and SGLang serve adapters so)."""

    name = "openai"

    def __init__(
        self,
        details: str,
        clock: Clock | None = None,
        *,
        api_key: Secret = API_KEY,
        patience: Patience | None = None,
    ) -> None:
        """`details` is `URL#MODEL`. Raises SettingRefused for anything else."""
        self.endpoint = Endpoint.parse(details)
        self._clock = clock or SystemClock()
        self._api_key = api_key
        self._sender = Sender(
            name=self.name,
            server=self.endpoint.url,
            clock=self._clock,
            patience=patience or Patience(),
            # A proxy from the environment has no business between this process and its own machine.
            trust_environment=not self.endpoint.on_this_machine,
        )

    def generate(self, request: Request) -> Answer:
        """Raises BackendUnavailable, BackendRefused, or BackendNonsense with what was said, for whoever repairs it."""
        started = self._clock.monotonic()
        model = request.adapter or self._model
        completion = self._complete(request, model)
        usage = completion.usage or _Usage()
        data: JsonValue = None
        if request.output_schema is not None:
            try:
                data = self._read(completion, request.output_schema)
            except NotJson as problem:
                reason = f"it was asked for JSON, and {problem}"
                said = self._redacted(completion.text[:LONGEST])
                raise self._nonsense(reason, said=said, usage=usage.model_dump()) from None
        return Answer(
            text=completion.text if data is None else json.dumps(data, ensure_ascii=False),
            data=data,
            notes={"finish_reason": completion.choices[0].finish_reason},
            model=completion.model or model,
            adapter=request.adapter,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            seconds=self._clock.monotonic() - started,
        )

    def models(self) -> tuple[str, ...]:
        """The names of the models that the server offers. Raises BackendUnavailable or BackendNonsense."""
        reply = self._sender.send("GET", "/models", self._headers())
        self._require_ok(reply)
        try:
            return tuple(entry.id for entry in _Listing.model_validate_json(reply.body).data)
        except ValidationError as error:
            raise self._nonsense("its list of models cannot be read") from error

    def close(self) -> None:
        self._sender.close()

    @cached_property
    def _model(self) -> str:
        if self.endpoint.model:
            return self.endpoint.model
        names = self.models()
        if len(names) == 1:
            return names[0]
        choice = f"it has {', '.join(names)}" if names else "it has none"
        reason = f"The server at {self.endpoint.url} does not say which model to use: {choice}. Name one after a `#`."
        raise BackendRefused(backend=self.name, reason=reason)

    def _complete(self, request: Request, model: str) -> Completion:
        body: dict[str, Any] = {
            "model": model,
            "messages": [message.model_dump() for message in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
            "stream": False,
        }
        if request.output_schema is not None:
            shape = {"name": request.purpose, "schema": request.output_schema}
            body["response_format"] = {"type": "json_schema", "json_schema": shape}
        reply = self._sender.send("POST", "/chat/completions", self._headers(), body)
        self._require_ok(reply)
        try:
            completion = Completion.model_validate_json(reply.body)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"]) or "its reply"
            raise self._nonsense(f"{where}: {problem['msg']}") from error
        if refusal := completion.choices[0].message.refusal:
            raise BackendRefused(backend=self.name, reason=f"The model {model} refused: {_shortened(refusal)}")
        if not completion.text.strip():
            raise self._nonsense("the answer is empty; raise `max_tokens` if the model thinks at length")
        return completion

    def _read(self, completion: Completion, schema: dict[str, JsonValue]) -> JsonValue:
        try:
            return read_json(completion.text, schema)
        except NotJson as problem:
            if completion.choices[0].finish_reason == "length":
                raise NotJson(f"it was cut off at the limit of tokens; {problem}") from None
            raise

    @property
    def _key(self) -> str:
        return os.environ.get(self._api_key.name, "").strip()

    def _headers(self) -> dict[str, str]:
        key = self._key
        if not (key.isascii() and key.isprintable()):
            reason = f"The environment variable {self._api_key.name} holds something that cannot be a key."
            raise BackendRefused(backend=self.name, reason=reason)
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _require_ok(self, reply: Reply) -> None:
        """Turn a final refusal of the server into the error and the sentence that help."""
        if 200 <= reply.status < 300:
            return
        said = self._redacted(_error_message(reply.body))
        if reply.status in (401, 403):
            reason = f"it refuses the key ({reply.status}); put a valid one into {self._api_key.name}. {said}"
        elif reply.status == 404:
            reason = (
                f"it knows no such model or path (404); see the names with `curl {self.endpoint.url}/models`. {said}"
            )
        elif 300 <= reply.status < 400:
            reason = f"it redirects elsewhere ({reply.status}); name the final URL."
        elif reply.status in (429, 500, 502, 503, 504, 529):
            reason = f"it still answers {reply.status} after {reply.attempts} attempts. {said}"
        else:
            text = f"The server at {self.endpoint.url} refused the request ({reply.status}). {said}"
            raise BackendRefused(backend=self.name, status=reply.status, reason=text.strip())
        raise BackendUnavailable(
            backend=self.name, status=reply.status, reason=f"{self.endpoint.url}: {reason}".strip()
        )

    def _redacted(self, text: str) -> str:
        return text.replace(self._key, f"<{self._api_key.name}>") if self._key else text

    def _nonsense(self, reason: str, **facts: Any) -> BackendNonsense:
        return BackendNonsense(backend=self.name, reason=f"{self.endpoint.url}: {self._redacted(reason)}", **facts)


def _error_message(body: bytes) -> str:
    """What the server said about its refusal, in the usual places, as one printable line."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return ""
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return _shortened(found) if isinstance(found, str) else ""


def _shortened(text: str, limit: int = 300) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
