"""One server: its dialect, its turn-taking, and its refusals as sentences that help.

Redirects are refused, because they lead where nobody named. The key is read from the environment at each call and
stands in no error, log or journal. Tool calls are not used here.
"""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from functools import cached_property
from importlib.resources import files
from string import Template
from threading import BoundedSemaphore
from typing import Any

from pydantic import ValidationError

from batos.clock import Clock
from batos.errors import BackendNonsense, BackendRefused, BackendUnavailable
from batos.inference.http import LATER, Hear, Patience, Reply, Sender
from batos.inference.openai.dialect import Dialect
from batos.inference.openai.endpoint import Endpoint
from batos.inference.openai.replies import (
    Completion,
    Gathering,
    StopReached,
    Usage,
    first_problem,
    model_names,
    said_of_refusal,
    shortened,
)
from batos.inference.port import Message, Request, Told
from batos.objects.records import Secret

NAME = "openai"
NOT_AS_SENT = frozenset({400, 422, 501})
"""Statuses with which servers answer a request that holds something they do not take."""
CHARACTERS_PER_TOKEN = 4
"""How tokens are estimated where a server counts none: the usual figure for English text."""


class Server:
    """May be used from several threads. `busy`, `down_until` and `lacks`, which says until when an adapter's name is
    taken to be none of its models, are kept by whoever chooses among servers."""

    def __init__(self, endpoint: Endpoint, clock: Clock, api_key: Secret, patience: Patience) -> None:
        self.endpoint = endpoint
        self.busy = 0
        self.down_until = 0.0
        self.lacks: dict[str, float] = {}
        self._api_key = api_key
        self._dialect = Dialect()
        self._places = BoundedSemaphore(endpoint.terms.parallel) if endpoint.terms.parallel else nullcontext()
        self._sender = Sender(
            name=NAME,
            server=endpoint.url,
            clock=clock,
            patience=patience,
            # A proxy from the environment has no business between this process and its own machine.
            trust_environment=not endpoint.on_this_machine,
            per_minute=endpoint.terms.per_minute,
        )

    def close(self) -> None:
        self._sender.close()

    def models(self) -> tuple[str, ...]:
        """The names of the models that the server offers. Raises BackendUnavailable or BackendNonsense."""
        reply = self._sender.send("GET", f"{self.endpoint.url}/models", self._headers())
        self.require_ok(reply)
        try:
            return model_names(reply.body)
        except ValidationError as error:
            raise self.nonsense("its list of models cannot be read") from error

    @cached_property
    def model(self) -> str:
        """The model that the spec names, or the only one there is. Raises BackendRefused."""
        if self.endpoint.model:
            return self.endpoint.model
        names = self.models()
        if len(names) == 1:
            return names[0]
        choice = f"it has {', '.join(names)}" if names else "it has none"
        reason = f"The server at {self.endpoint.url} does not say which model to use: {choice}. Name one after a `#`."
        raise BackendRefused(backend=NAME, reason=reason)

    def post(self, url: str, body: dict[str, object]) -> Reply:
        """Send `body` to a URL of this server. The reply may be a refusal."""
        return self._sender.send("POST", url, self._headers(), body)

    def complete(self, request: Request, model: str, told: Told | None, attempts: int | None) -> Completion:
        """One completion, told as it comes if `told` is given. Raises the errors of `Backend.generate`."""
        with self._places:
            completion = self._in_a_dialect(request, model, told, attempts)
        if completion.refusal:
            raise BackendRefused(backend=NAME, reason=f"The model {model} refused: {shortened(completion.refusal)}")
        if not completion.text.strip():
            raise self.nonsense("the answer is empty; raise `max_tokens` if the model thinks at length")
        if completion.usage is None:
            return completion.model_copy(update={"usage": _estimated(request.messages, completion.text)})
        return completion

    def _in_a_dialect(self, request: Request, model: str, told: Told | None, attempts: int | None) -> Completion:
        dialect = self._dialect
        while True:
            said = request.messages
            if request.output_schema is not None and dialect.form != "json_schema":
                said = (*said, Message(role="user", content=_schema_prompt(request)))
            body = dialect.body(request, model, said, streaming=told is not None)
            gathering = Gathering(request.stops)
            try:
                reply = self._sender.send(
                    "POST",
                    f"{self.endpoint.url}/chat/completions",
                    self._headers(),
                    body,
                    hear=self._hearing(gathering, told) if told else None,
                    attempts=attempts,
                )
            except StopReached:
                self._dialect = dialect
                return gathering.completion()
            if reply.status in NOT_AS_SENT:
                other = dialect.after(said_of_refusal(reply.body), body)
                if other is not None:
                    dialect = other
                    continue
            self.require_ok(reply)
            self._dialect = dialect
            return self._read(request, reply, gathering, told)

    def _hearing(self, gathering: Gathering, told: Told) -> Hear:
        def hear(line: bytes) -> None:
            try:
                added = gathering.feed(line)
            except ValidationError as error:
                raise self.nonsense(first_problem(error)) from error
            if added:
                told(added)
            if gathering.stopped:
                raise StopReached

        return hear

    def _read(self, request: Request, reply: Reply, gathering: Gathering, told: Told | None) -> Completion:
        if reply.streamed:
            if not gathering.complete:
                raise BackendUnavailable(
                    backend=NAME, reason=f"{self.endpoint.url}: it stopped in the middle of its answer"
                )
            if told is not None and (rest := gathering.rest()):
                told(rest)
            return gathering.completion()
        try:
            completion = Completion.model_validate_json(reply.body)
        except ValidationError as error:
            raise self.nonsense(first_problem(error)) from error
        if told is not None:
            told(request.ended(completion.text))
        return completion

    @property
    def _key(self) -> str:
        return os.environ.get(self._api_key.name, "").strip()

    def _headers(self) -> dict[str, str]:
        key = self._key
        if not (key.isascii() and key.isprintable()):
            reason = f"The environment variable {self._api_key.name} holds something that cannot be a key."
            raise BackendRefused(backend=NAME, reason=reason)
        return {"Authorization": f"Bearer {key}"} if key else {}

    def require_ok(self, reply: Reply) -> None:
        """Turn a final refusal of the server into the error and the sentence that help."""
        if 200 <= reply.status < 300:
            return
        said = self._redacted(said_of_refusal(reply.body))
        if reply.status in (401, 403):
            reason = f"it refuses the key ({reply.status}); put a valid one into {self._api_key.name}. {said}"
        elif reply.status == 404:
            reason = (
                f"it knows no such model or path (404); see the names with `curl {self.endpoint.url}/models`. {said}"
            )
        elif 300 <= reply.status < 400:
            reason = f"it redirects elsewhere ({reply.status}); name the final URL."
        elif reply.status in LATER:
            reason = f"it still answers {reply.status} after {reply.attempts} attempts. {said}"
        else:
            text = f"The server at {self.endpoint.url} refused the request ({reply.status}). {said}"
            raise BackendRefused(backend=NAME, status=reply.status, reason=text.strip())
        raise BackendUnavailable(backend=NAME, status=reply.status, reason=f"{self.endpoint.url}: {reason}".strip())

    def nonsense(self, reason: str, said: str = "", **facts: Any) -> BackendNonsense:
        told = f"{self.endpoint.url}: {self._redacted(reason)}"
        return BackendNonsense(backend=NAME, reason=told, said=self._redacted(said), **facts)

    def _redacted(self, text: str) -> str:
        return text.replace(self._key, f"<{self._api_key.name}>") if self._key else text


def _schema_prompt(request: Request) -> str:
    prompt = Template(files("batos.inference").joinpath("prompts", "schema.md").read_text("utf-8"))
    return prompt.substitute(schema=json.dumps(request.output_schema, ensure_ascii=False))


def _estimated(messages: tuple[Message, ...], text: str) -> Usage:
    """What a server that counts no tokens is taken to have used."""
    asked = sum(len(message.content) for message in messages)
    return Usage(
        prompt_tokens=-(-asked // CHARACTERS_PER_TOKEN), completion_tokens=-(-len(text) // CHARACTERS_PER_TOKEN)
    )
