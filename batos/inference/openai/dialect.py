"""What one server takes of a request. A dialect begins with everything, and gives up what the server refuses by name.

Servers that call themselves compatible differ in what they refuse: JSON schemas, seeds, the name of the token limit.
Each refusal costs one request, which no server computes; then the dialect is remembered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from batos.inference.port import Message, Request

Form = Literal["json_schema", "json_object", "prompt"]
SCHEMA_WORDS = re.compile(r"response.?format|json.?(schema|object|mode)|structured|guided|grammar", re.IGNORECASE)
NOT_TAKEN = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|only the default|instead",
    re.IGNORECASE,
)
NEXT_FORM: dict[Form, Form] = {"json_schema": "json_object", "json_object": "prompt"}


@dataclass(frozen=True)
class Dialect:
    """`form` is how JSON is asked for; `limit` the name of the token limit; `left_out` what the server refuses."""

    form: Form = "json_schema"
    limit: str = "max_tokens"
    left_out: frozenset[str] = frozenset()

    def body(self, request: Request, model: str, messages: tuple[Message, ...], streaming: bool) -> dict[str, Any]:
        """The request as this server takes it. `messages` say by themselves what the form leaves to the prompt."""
        said: dict[str, Any] = {
            "model": model,
            "messages": [message.model_dump() for message in messages],
            self.limit: request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
            "stream": streaming,
        }
        if request.stop and request.output_schema is None:
            said["stop"] = list(request.stop)
        if streaming:
            said["stream_options"] = {"include_usage": True}
        if request.output_schema is not None and self.form == "json_schema":
            shape = {"name": request.purpose, "schema": request.output_schema}
            said["response_format"] = {"type": "json_schema", "json_schema": shape}
        elif request.output_schema is not None and self.form == "json_object":
            said["response_format"] = {"type": "json_object"}
        return {name: value for name, value in said.items() if name not in self.left_out}

    def after(self, refusal: str, body: dict[str, Any]) -> Dialect | None:
        """The dialect to try after a refused request, by the server's words; None if they name nothing we can spare."""
        if "response_format" in body and self.form in NEXT_FORM and SCHEMA_WORDS.search(refusal):
            return replace(self, form=NEXT_FORM[self.form])
        if not NOT_TAKEN.search(refusal):
            return None
        if "max_completion_tokens" in refusal and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        for name in ("stream_options", "seed", "temperature", "stop"):
            if name in refusal and name in body:
                return replace(self, left_out=self.left_out | {name})
        return None
