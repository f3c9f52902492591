"""A model server on loopback that speaks the chat-completions API, and on demand misbehaves the way real ones do.

It checks requests as real servers do (model, messages, response format, key) and answers with what it is told to say,
whole or as a stream of events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

LONGEST_HOLD = 20.0


@dataclass
class Fault:
    """One misbehaviour. `hold`: say nothing until the server stops. `cut`: break off in the middle of the reply.

    `stalls`: send the body and then nothing more until the server stops. `pauses`: where in the body to wait, and for
    what.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: bool = False
    cut: bool = False
    stalls: bool = False
    pauses: tuple[tuple[int, Event], ...] = ()


def refusal(status: int, message: str, **headers: str) -> Fault:
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status=status, headers=named, body=body.encode())


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class ModelServer:
    """Serves the models in `models`. `say` is a text, or a function from the request's body to a text or a message.

    `faults` are used up one per request, before anything is said. `received` keeps every request.
    """

    def __init__(self, say: str | Callable[[dict[str, Any]], Any] = "hello", *, key: str | None = None) -> None:
        self.models = ["small"]
        self.refuses: dict[str, str] = {}  # a field of the request, and what the server says against it
        self.streams = True
        self.counts_tokens = True
        self.say = say
        self.key = key
        self.faults: list[Fault] = []
        self.received: list[Received] = []
        self.finish_reason = "stop"
        self._stopping = Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self)

            def do_POST(self) -> None:
                server._serve(self)

            def log_message(self, *args: Any) -> None:
                """Tests read `received` instead."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False
        self._thread = Thread(target=self._http.serve_forever, args=(0.01,), name="model server")

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length", 0))
        body = json.loads(handler.rfile.read(length) or b"{}")
        self.received.append(Received(handler.path, dict(handler.headers), body))
        fault = self.faults.pop(0) if self.faults else self._reply(handler.path, dict(handler.headers), body)
        if fault.hold:
            self._stopping.wait(LONGEST_HOLD)
        handler.close_connection = True
        try:
            handler.send_response(fault.status)
            for name, value in {"Content-Type": "application/json", "Connection": "close", **fault.headers}.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(fault.body) + (100 if fault.cut or fault.stalls else 0)))
            handler.end_headers()
            sent = 0
            for place, go_on in fault.pauses:
                handler.wfile.write(fault.body[sent:place])
                go_on.wait(LONGEST_HOLD)
                sent = place
            handler.wfile.write(fault.body[sent:])
            if fault.stalls:
                self._stopping.wait(LONGEST_HOLD)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client went away, as an impatient one does

    def _reply(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Fault:
        if self.key and headers.get("Authorization") != f"Bearer {self.key}":
            return refusal(401, f"Incorrect API key provided: {headers.get('Authorization', 'none')}")
        if path == "/v1/models":
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "here"} for name in self.models]
            return _json({"object": "list", "data": listed})
        if path != "/v1/chat/completions":
            return self._other(path, body)
        return self._complaint(body) or self._completion(body)

    def _other(self, path: str, body: dict[str, Any]) -> Fault:
        """What FastAPI says of a path that nobody serves."""
        return Fault(status=404, body=b'{"detail":"Not Found"}')

    def _complaint(self, body: dict[str, Any]) -> Fault | None:
        if body.get("model") not in self.models:
            return refusal(404, f"The model `{body.get('model')}` does not exist")
        messages = body.get("messages")
        if not messages or any(m["role"] not in ("system", "user", "assistant") or not m["content"] for m in messages):
            return refusal(400, "messages: each needs a role and content")
        for name, against in self.refuses.items():
            if name in body:
                return refusal(400, against)
        shape = body.get("response_format")
        if (
            shape
            and shape["type"] != "json_object"
            and not (shape["type"] == "json_schema" and {"name", "schema"} <= set(shape["json_schema"]))
        ):
            return refusal(400, "response_format: json_schema needs name and schema")
        return None

    def _completion(self, body: dict[str, Any]) -> Fault:
        said = self.say(body) if callable(self.say) else self.say
        message = said if isinstance(said, dict) else {"role": "assistant", "content": said}
        if body.get("stream") and self.streams:
            return Fault(headers={"Content-Type": "text/event-stream"}, body=self._events(body, message))
        choices = [{"index": 0, "message": message, "finish_reason": self.finish_reason, "logprobs": None}]
        usage = {"usage": USAGE} if self.counts_tokens else {}
        return _json({**_head(body, "chat.completion"), "choices": choices, **usage})

    def _events(self, body: dict[str, Any], message: dict[str, Any]) -> bytes:
        """The events as vLLM sends them: the role, the text by words, the reason of the end, the usage, the mark."""
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in re.findall(r"\S+\s*|\s+", message.get("content") or "")]
        deltas += [{"refusal": message["refusal"]}] if message.get("refusal") else []
        events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]})
        if self.counts_tokens and (body.get("stream_options") or {}).get("include_usage"):
            events.append({"choices": [], "usage": USAGE})
        told = [{**_head(body, "chat.completion.chunk"), **event} for event in events]
        return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in told) + b"data: [DONE]\n\n"


USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 0, "model": body["model"]}


def _json(value: Any) -> Fault:
    return Fault(body=json.dumps(value).encode())
