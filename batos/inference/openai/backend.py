"""The backend: which server answers, and what it cost.

Of several servers the least busy answers. One that cannot be reached is left alone for a while, and the next is asked;
whoever refuses a request, or answers nonsense, is not replaced, because the others would not do better.
"""

from __future__ import annotations

import json
from threading import Lock

from pydantic import JsonValue

from batos.clock import Clock, SystemClock
from batos.errors import BackendUnavailable
from batos.inference.http import Patience
from batos.inference.openai.endpoint import API_KEY, parse_all
from batos.inference.openai.publishing import Library, Publisher
from batos.inference.openai.replies import Completion, Usage
from batos.inference.openai.server import NAME, Server
from batos.inference.port import Answer, Request, Told
from batos.inference.repair import LONGEST
from batos.inference.schema import NotJson, read_json
from batos.objects.records import Secret

UNKNOWN_MODEL = 404
LEFT_ALONE = 30.0
"""Seconds for which a server that could not be reached is asked last."""
TAKEN_AS_LACKING = 300.0
"""Seconds for which a server that has no model by the name of an adapter is not asked for it again."""


class OpenAIBackend:
    """One server or several. A request's `adapter` is the name of a model there: vLLM and SGLang serve adapters so.

    Personas name an adapter from the start, before one was trained, so where a server has no such model the base model
    answers alone, and the answer says so.
    """

    name = NAME

    def __init__(
        self,
        details: str,
        clock: Clock | None = None,
        *,
        api_key: Secret = API_KEY,
        patience: Patience | None = None,
    ) -> None:
        """`details` is `URL#MODEL;OPTION=NUMBER`, or several with commas. Raises SettingRefused for anything else."""
        self.endpoints = parse_all(details)
        self._clock = clock or SystemClock()
        self._choosing = Lock()
        self._publishers: dict[Server, Publisher] = {}
        self._servers = [Server(endpoint, self._clock, api_key, patience or Patience()) for endpoint in self.endpoints]

    def use_library(self, library: Library) -> None:
        """Adapters of the library are put on those servers whose option `adapters` names a folder that they see."""
        for server in self._servers:
            if server.endpoint.terms.adapters:
                self._publishers[server] = Publisher(server, library)

    def generate(self, request: Request) -> Answer:
        """Raises BackendUnavailable, BackendRefused, or BackendNonsense with what was said, for whoever repairs it."""
        return self._answer(request, None)

    def stream(self, request: Request, told: Told) -> Answer:
        """Like `generate`; `told` hears each piece, and ends the exchange by raising."""
        return self._answer(request, told)

    def models(self) -> tuple[str, ...]:
        """The names of the models that the first server offers. Raises BackendUnavailable or BackendNonsense."""
        return self._servers[0].models()

    def close(self) -> None:
        for server in self._servers:
            server.close()

    def _answer(self, request: Request, told: Told | None) -> Answer:
        """From the first server that can be reached. One that fell silent in the middle of its answer was reached."""
        heard: list[str] = []

        def hear(piece: str) -> None:
            heard.append(piece)
            if told is not None:
                told(piece)

        problems: list[BackendUnavailable] = []
        left = list(self._servers)
        while left:
            server = self._take(left)
            try:
                return self._from(server, request, hear if told else None, attempts=1 if left else None)
            except BackendUnavailable as problem:
                if heard:
                    raise
                server.down_until = self._clock.monotonic() + LEFT_ALONE
                problems.append(problem)
            finally:
                self._give_back(server)
        if len(problems) == 1:
            raise problems[0]
        reason = "; ".join(str(problem.facts["reason"]) for problem in problems)
        raise BackendUnavailable(backend=self.name, reason=f"none of its servers answers: {reason}")

    def _take(self, left: list[Server]) -> Server:
        """The best of the servers that are left, taken out of them and counted as busier by one."""
        now = self._clock.monotonic()
        with self._choosing:
            best = min(left, key=lambda server: (server.down_until > now, server.busy))
            best.busy += 1
        left.remove(best)
        return best

    def _give_back(self, server: Server) -> None:
        with self._choosing:
            server.busy -= 1

    def _from(self, server: Server, request: Request, told: Told | None, attempts: int | None) -> Answer:
        adapter = request.adapter
        if adapter is None:
            return self._asked(server, request, server.model, told, attempts)
        publisher = self._publishers.get(server)
        if publisher is not None and publisher.knows(adapter):
            return self._published(publisher, server, request, told, attempts)
        if server.lacks.get(adapter, 0.0) <= self._clock.monotonic():
            try:
                return self._asked(server, request, adapter, told, attempts)
            except BackendUnavailable as problem:
                if problem.facts.get("status") != UNKNOWN_MODEL:
                    raise
            server.lacks[adapter] = self._clock.monotonic() + TAKEN_AS_LACKING
        alone = request.model_copy(update={"adapter": None})
        answer = self._asked(server, alone, server.model, told, attempts)
        lacking = f"the server has no model {adapter!r}; the base model answered alone"
        return answer.model_copy(update={"notes": {**answer.notes, "adapter": lacking}})

    def _published(
        self, publisher: Publisher, server: Server, request: Request, told: Told | None, attempts: int | None
    ) -> Answer:
        name = str(request.adapter)
        try:
            with publisher.model(name) as model:
                return self._asked(server, request, model, told, attempts)
        except BackendUnavailable as problem:
            if problem.facts.get("status") != UNKNOWN_MODEL:
                raise
        publisher.forget()  # the server was started anew since
        with publisher.model(name) as model:
            return self._asked(server, request, model, told, attempts)

    def _asked(self, server: Server, request: Request, model: str, told: Told | None, attempts: int | None) -> Answer:
        started = self._clock.monotonic()
        completion = server.complete(request, model, told, attempts)
        usage = completion.usage or Usage()
        data: JsonValue = None
        if request.output_schema is not None:
            try:
                data = _read(completion, request.output_schema)
            except NotJson as problem:
                reason = f"it was asked for JSON, and {problem}"
                raise server.nonsense(reason, said=completion.text[:LONGEST], usage=usage.model_dump()) from None
        return Answer(
            text=request.ended(completion.text) if data is None else json.dumps(data, ensure_ascii=False),
            data=data,
            notes={"finish_reason": completion.finish_reason},
            model=completion.model or model,
            adapter=request.adapter,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            seconds=self._clock.monotonic() - started,
            cost=server.endpoint.terms.cost(usage.prompt_tokens, usage.completion_tokens),
        )


def _read(completion: Completion, schema: dict[str, JsonValue]) -> JsonValue:
    try:
        return read_json(completion.text, schema)
    except NotJson as problem:
        if completion.finish_reason == "length":
            raise NotJson(f"it was cut off at the limit of tokens; {problem}") from None
        raise
