"""What tests of batos, and of programs that use it, need: a backend that says what it is told, a clock that is moved.

These are real implementations of the ports, held to the same contract suites as the others; they are no mocks.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Condition, Event
from typing import Any

from batos.clock import Clock
from batos.errors import BackendNonsense, BackendRefused
from batos.inference.port import Answer, Backend, Request
from batos.inference.schema import NotJson, read_json
from batos.runtime.uvm import Uvm
from batos.settings import Settings

Reply = str | dict[str, Any] | Answer | Exception
"""Text, data (sent as JSON), a whole answer, or an error to raise."""

Script = Iterable[Reply] | Mapping[str, Reply | list[Reply]] | Callable[[Request], Reply]


class ScriptedBackend:
    """Says what it was told to say, and keeps the requests it was asked.

    The script is a list (said in order), a map by purpose (one reply for every request of that purpose, or a list said
    in order), or a function of the request. A script that has come to its end refuses.
    """

    name = "scripted"

    def __init__(self, script: Script = ()) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self._turn = Condition()
        self._function = script if callable(script) else None
        self._replies: dict[str, Reply | list[Reply]] | list[Reply] = {}
        if isinstance(script, Mapping):
            copied = {purpose: list(said) if isinstance(said, list) else said for purpose, said in script.items()}
            self._replies = copied
        elif not callable(script):
            self._replies = list(script)

    def generate(self, request: Request) -> Answer:
        """The next reply of the script; BackendNonsense if it does not satisfy the request's schema."""
        with self._turn:
            self.requests.append(request)
            said = [] if self._function else [self._next(request)]
        # A function is called outside the lock: several at once, as any backend may be.
        reply = self._function(request) if self._function else said[0]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, Answer):
            return reply
        if isinstance(reply, dict):
            reply = json.dumps(reply)
        if request.output_schema is None:
            return Answer(text=request.ended(reply), model=self.name, adapter=request.adapter)
        try:
            data = read_json(reply, request.output_schema)
        except NotJson as problem:
            raise BackendNonsense(backend=self.name, reason=str(problem), said=reply) from None
        return Answer(text=reply, data=data, model=self.name, adapter=request.adapter)

    def close(self) -> None:
        self.closed = True

    def _next(self, request: Request) -> Reply:
        replies = self._replies.get(request.purpose, []) if isinstance(self._replies, dict) else self._replies
        if not isinstance(replies, list):
            return replies
        if not replies:
            reason = f"The script has no reply left for {request.purpose!r} (request {len(self.requests)})."
            raise BackendRefused(backend=self.name, purpose=request.purpose, reason=reason)
        return replies.pop(0)


class HashedEmbedder:
    """An embedding model without weights: texts that share beginnings of words are close. Nothing else is.

    It keeps the texts it was given, and raises `fails` when that is set.
    """

    longest = 256

    def __init__(self, model_id: str = "hashed", dimension: int = 64) -> None:
        self.model_id = model_id
        self.dimension = dimension
        self.seen: list[str] = []
        self.fails: Exception | None = None

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def passages(self, texts: Sequence[str]) -> Any:
        """float32 of shape (texts, dimension), rows of length one."""
        import numpy as np

        if self.fails is not None:
            raise self.fails
        self.seen.extend(texts)
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()) or [""]:
                digest = hashlib.sha256(word[:4].encode("utf-8", "replace")).digest()
                vectors[row, digest[0] % self.dimension] += 1 if digest[1] % 2 else -1
            if not vectors[row].any():
                vectors[row, 0] = 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def query(self, text: str) -> Any:
        return self.passages([text])[0]


class MovableClock:
    """A clock that stands still until it is moved.

    A wait lasts until another thread has moved the clock far enough, or its event is set; with `automatic`, a wait
    moves the clock by itself and returns at once. `waits` lists the seconds that were asked for.
    """

    def __init__(self, now: float = 1_700_000_000.0, *, automatic: bool = False) -> None:
        self.waits: list[float] = []
        self._now = now
        self._passed = 0.0
        self._automatic = automatic
        self._waiting = 0
        self._changed = Condition()

    def now(self) -> float:
        return self._now + self._passed

    def monotonic(self) -> float:
        return self._passed

    def move(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._changed:
            self._passed += seconds
            self._changed.notify_all()

    def wait(self, event: Event, seconds: float) -> bool:
        with self._changed:
            self.waits.append(seconds)
            until = self._passed + seconds
            if self._automatic and not event.is_set():
                self._passed = until
            self._waiting += 1
            self._changed.notify_all()
            while not event.is_set() and self._passed < until:
                # The event cannot wake this condition; look at it often enough that nobody notices.
                self._changed.wait(0.005)
            self._waiting -= 1
        return event.is_set()

    def await_waiters(self, count: int = 1, timeout: float = 10.0) -> None:
        """Block until `count` threads wait on this clock, so that moving it reaches them. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._waiting < count:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())) and self._waiting < count:
                    raise TimeoutError(f"{self._waiting} of {count} threads waited on the clock after {timeout} s")


@contextmanager
def temporary_image(
    *,
    scheme: str = "sqlite",
    model: str | Backend = "builtin",
    settings: Settings | None = None,
    clock: Clock | None = None,
) -> Iterator[Uvm]:
    """A new image in a folder of its own, with approvals of its own, opened; closed and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="batos-") as folder:
        alone = replace(settings or Settings(), approvals=f"{folder}/approvals.json")
        with Uvm(f"{scheme}:{folder}/test.image", model=model, settings=alone, clock=clock) as uvm:
            yield uvm
