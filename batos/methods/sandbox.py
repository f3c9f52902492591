"""The sandbox: a pool of workers that run rewritten methods, a fresh session for each activation.

It protects from: code that loops, recurses, grows, prints or asks without end; code that reads files, the
environment, the network or the clock; code that walks from a value to the interpreter; code that swallows what the host
raises; writes to anything but data slots of the receiver.

It does not protect from: a fault in the worker's interpreter, if the second wall (`walls`) is missing; a worker's use
of one processor for the seconds it is given; what a method does with the objects that it may rightly reach, which it
may read and send to; what primitives do that a program declared callable.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from pydantic_monty import (
    CollectString,
    Monty,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySession,
    MontySyntaxError,
)
from pydantic_monty._binary import find_monty_binary

from batos.errors import SandboxDenied, SandboxError, SandboxLimit, SandboxRaised
from batos.methods.activation import Activation
from batos.methods.crossing import Crossing
from batos.methods.direct import Direct, NotPlain, prepared
from batos.methods.driving import Allowance, running
from batos.methods.hosting import Denial, Host
from batos.methods.program import Program, place, prepare
from batos.methods.walls import Wall, build

MOST_MESSAGE = 500
TRACING = ("opentelemetry", "opentelemetry.context")


@dataclass(frozen=True)
class Limits:
    """What one outermost activation may use, with all that it starts. `seconds` is running time inside one session,
    `wall_seconds` the time from first to last for all of them, `memory_mib` the heap of one session."""

    seconds: float = 2.0
    wall_seconds: float = 30.0
    memory_mib: int = 64
    recursion: int = 200
    depth: int = 8
    host_calls: int = 10_000
    output: int = 64 * 1024
    items: int = 100_000
    made: int = 1_000_000
    text: int = 4 * 1024 * 1024


class _Nested:
    """One activation more: within the block, what it may still use, which is the outermost one's."""

    __slots__ = ("_allowance", "_limits", "_selector", "_token")

    def __init__(self, selector: str, limits: Limits) -> None:
        self._selector = selector
        self._limits = limits

    def __enter__(self) -> Allowance:
        allowance, limits = running.get(), self._limits
        if allowance is None:
            deadline = time.monotonic() + limits.wall_seconds
            allowance = Allowance(limits.depth, limits.host_calls, deadline, limits.made)
        if allowance.depth <= 0:
            reason = f"messages that write are nested more than {limits.depth} objects deep."
            raise SandboxLimit(selector=self._selector, reason=reason)
        allowance.depth -= 1
        self._allowance, self._token = allowance, running.set(allowance)
        return allowance

    def __exit__(self, *exc: object) -> None:
        running.reset(self._token)
        self._allowance.depth += 1


class Runnable(Protocol):
    """A method record, as far as the sandbox is concerned."""

    @property
    def selector(self) -> str: ...
    @property
    def source(self) -> str | None: ...


class Sandbox:
    """Starts its workers when first used, may be used from any thread, and is closed once.

    `wrapped` puts bubblewrap around each worker where it works; `walls()` says whether it does.
    """

    def __init__(self, limits: Limits | None = None, *, wrapped: bool = True, most_workers: int = 32) -> None:
        self.limits = limits or Limits()
        self.wrapped = wrapped
        self.most_workers = most_workers
        self._options = _options(self.limits)
        self._lock = threading.Lock()
        self._pool: Monty | None = None
        self._owner = 0
        self._folder: Callable[[], object] | None = None  # removes the folder of the workers' starting script
        self._wall: Wall | None = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers. The sandbox starts new ones if it is used again."""
        with self._lock:
            if self._owner != os.getpid():
                return  # never started, or a forked process that must leave the parent's workers alone
            pool, self._pool = self._pool, None
            self._wall = None
        if pool is not None:
            pool.__exit__(None, None, None)
        if self._folder is not None:
            self._folder()

    def walls(self) -> list[str]:
        """Which walls stand, a sentence each, for `batos doctor`."""
        self._started()
        with self._lock:
            second = self._wall.says if self._wall is not None else "Workers are not wrapped: the setting says so."
        return ["Generated methods run in a separate interpreter (Monty) in a process of its own, with limits.", second]

    def activate(
        self, method: Runnable, receiver: Any, args: tuple[Any, ...], kwargs: dict[str, Any], host: Host
    ) -> Any:
        """What `method` answers with `receiver` as `self`; its writes have been handed to `host`.

        Raises `SandboxRaised` for an exception of the method's own, `SandboxLimit`, `SandboxDenied`, `GuardianRefused`
        for a source that does not pass the audit, and whatever the host raises. Objects are compared by identity, so
        the host must give the same one each time. After an exception some writes may have been made: abort.
        """
        ready = prepare(method.source or "", method.selector)
        if ready.closed is not None:
            with _Nested(ready.selector, self.limits) as allowance:
                crossing = self._crossing(ready.selector, host)
                direct = prepared(ready, receiver, args, kwargs, host, crossing, allowance)
                if direct is not None:
                    try:
                        return self._run(direct, args, kwargs)
                    except NotPlain:
                        pass
        return self.run(ready.program, receiver, args, kwargs, host)

    def run(self, program: Program, receiver: Any, args: tuple[Any, ...], kwargs: dict[str, Any], host: Host) -> Any:
        """As `activate`, for a program that is ready."""
        with _Nested(program.selector, self.limits) as allowance:
            crossing = self._crossing(program.selector, host)
            return self._run(Activation(program, receiver, host, crossing, allowance), args, kwargs)

    def _crossing(self, selector: str, host: Host) -> Crossing:
        return Crossing(selector, host.is_object, self.limits.items, self.limits.text)

    def _run(self, activation: Activation | Direct, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            with self.checkout() as session:
                try:
                    return activation.run(session, CollectString(max_bytes=self.limits.output), args, kwargs)
                except MontyError as error:
                    translated = self._translated(error, activation)
                    if isinstance(translated, SandboxRaised):
                        activation.keep_after(session)
                    raise translated from None
        except Denial as denial:
            raise SandboxDenied(selector=activation.selector, reason=str(denial)) from None
        except TimeoutError as error:
            raise SandboxLimit(selector=activation.selector, reason=f"no worker became free ({error}).") from None

    def checkout(self, **options: Any) -> MontySession:
        """A fresh session under the limits, for this module and the type check."""
        return self._started().checkout(**self._options, **options)

    def _started(self) -> Monty:
        with self._lock:
            if self._pool is not None:
                if self._owner == os.getpid():
                    return self._pool
                # The workers are the parent's, and Monty hangs where it is started a second time after a fork.
                reason = "this process was forked from one that had used the sandbox. Open the image after forking."
                raise SandboxError(selector="(any)", reason=reason)
            spare_tracing()
            self._owner = os.getpid()
            self._wall = self._built() if self.wrapped else None
            pool = Monty(
                binary_path=self._wall.script if self._wall is not None else None,
                max_processes=self.most_workers,
                checkout_timeout=10.0,
                request_timeout=self.limits.seconds + 5.0,
                max_checkouts_per_worker=10_000,
            )
            self._pool = pool.__enter__()
            return self._pool

    def _built(self) -> Wall:
        folder = Path(tempfile.mkdtemp(prefix="batos-sandbox-"))
        self._folder = weakref.finalize(self, _remove, folder, os.getpid())
        return build(Path(find_monty_binary()).resolve(), folder)

    def _translated(self, error: MontyError, activation: Activation | Direct) -> SandboxError:
        """Monty's error as ours, with the line of the method's own source."""
        if isinstance(error, MontyCrashedError):
            reason = f"it used more than {self.limits.seconds} s or {self.limits.memory_mib} MiB; its worker was ended."
            return SandboxLimit(selector=activation.selector, reason=reason)
        raised = error.exception()
        message = str(raised.args[0] if len(raised.args) == 1 else raised)[:MOST_MESSAGE]
        limit = self._limit(raised, message)
        if limit is not None:
            return SandboxLimit(selector=activation.selector, reason=limit)
        frames = error.traceback() if isinstance(error, MontyRuntimeError | MontySyntaxError) else []
        selector, line = place(activation.session.placed, frames)
        message = activation.session.said(message, selector)  # a call with the wrong arguments names what is called
        return SandboxRaised(selector=selector, kind=type(raised).__name__, message=message, line=line)

    def _limit(self, raised: BaseException, message: str) -> str | None:
        limits = self.limits
        match raised:
            case TimeoutError() if "time limit exceeded" in message:
                return f"it ran longer than {limits.seconds} s."
            case MemoryError():
                return f"it used more than {limits.memory_mib} MiB, or printed more than {limits.output} bytes."
            case RecursionError():
                return f"calls are nested deeper than {limits.recursion}."
            case RuntimeError() if "suspension" in message:
                return "it made more host calls than it may."
        return None


def _options(limits: Limits) -> dict[str, Any]:
    """What every session is checked out with."""
    return {
        "limits": {
            "max_feed_duration_secs": limits.seconds,
            "max_memory": limits.memory_mib << 20,
            "max_recursion_depth": limits.recursion,
            # Counted by the host, across sessions; this is only the pool's own bound above ours.
            "max_suspensions": limits.host_calls + 10,
        },
        # Nothing in a session may differ from one attempt to the next.
        "os_policy": {"datetime": "call_host", "sleep": "zero", "random_start": {"seed": 0}},
        "assert_message_annotations": False,
    }


def spare_tracing() -> None:
    """Monty tries to import OpenTelemetry at every call, and where that is not installed the search costs more than
    the call. None in its place makes the import fail at once; it fails either way."""
    if TRACING[0] not in sys.modules and find_spec(TRACING[0]) is None:
        sys.modules.update(dict.fromkeys(TRACING))  # type: ignore[arg-type]


def _remove(folder: Path, owner: int) -> None:
    """A forked process that ends must not take the folder from its parent."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
