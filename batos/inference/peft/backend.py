"""The backend with a model in this process: `peft:FOLDER`. Opening it reads a config.json; the model comes with the
first request.

Requests that come while another is being answered wait together, and are answered together as far as slots and memory
allow, each with its own persona's adapter. Only one batch is written at a time, and which adapters answer it is set for
it alone, so nobody ever gets another's weights. What it does not know: missions, budgets of tokens, what an image is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from batos.clock import Clock, SystemClock
from batos.errors import BackendNonsense, BackendRefused, BackendUnavailable, BatosError, MissingExtra, UnknownAdapter
from batos.inference.peft.extra import require_extra
from batos.inference.peft.library import Library, Version
from batos.inference.peft.plan import Device, Plan, make_plan
from batos.inference.peft.shape import ModelShape
from batos.inference.peft.spec import Spec
from batos.inference.peft.tightening import LONGEST_TEXT, settled, tightened
from batos.inference.port import Answer, Request, Told
from batos.inference.schema import NotJson, read_json

if TYPE_CHECKING:
    from batos.inference.peft.engine import Engine

FEATURE = "A model in this process"
LETTERS_PER_TOKEN = 12
"""At the second try, texts in JSON may have so many times fewer letters than the answer may have tokens."""


@dataclass
class Job:
    """One request while it waits and is answered. `written` is set by whoever answers it."""

    request: Request
    prompt: list[int]
    version: Version | None
    grammar: Callable[[], Any] | None
    most: int
    told: Told | None
    cancelled: Event
    written: Any = None
    together: int = 0
    failed: BaseException | None = None
    done: Event = field(default_factory=Event)

    def tell(self, piece: str) -> None:
        """Hand on a piece of text. The thread that writes may be another's, so what the hearer raises is kept."""
        if self.told is not None and self.failed is None:
            try:
                self.told(piece)
            except BaseException as error:
                self.failed = error
                self.cancelled.set()


class PeftBackend:
    """Answers with the model in a folder. Equal requests that are answered alone have equal answers."""

    name = "peft"

    def __init__(self, details: str, clock: Clock | None = None) -> None:
        """`details` is `FOLDER`, or `FOLDER#vram=6.9GB,context=8192,slots=4`.

        Raises `SettingRefused`, `MissingExtra`, and `OverBudget` for a model that cannot fit.
        """
        self.spec = Spec.parse(details)
        self.shape = ModelShape.read(self.spec.folder)
        require_extra(FEATURE)
        self._clock = clock or SystemClock()
        self._library: Library | None = None
        self._plan: Plan | None = None
        self._engine: Engine | None = None
        self._loading = Lock()
        self._turn = Lock()
        self._waiting: list[Job] = []
        self._queue = Lock()
        self._readers = ThreadPoolExecutor(1, "batos-adapters")
        self._closed = False
        if self.spec.vram is not None and self.spec.device is not None:
            certain = replace(self.spec.wish(self.spec.device, self.shape), slots=0)  # adapters are not known yet
            make_plan(self.shape, self.spec.vram, certain).require()

    def use_library(self, library: Library) -> None:
        """The adapters that requests name are looked up there; without one the base model answers alone."""
        self._library = library

    # The port

    def generate(self, request: Request, cancelled: Event | None = None) -> Answer:
        """Answer. Setting `cancelled` ends it between two tokens.

        Raises `BackendRefused` (a prompt that is too long, a cancelled answer), `BackendNonsense` (JSON that did not
        come to its end), `AdapterRefused`, `OverBudget`, `SettingRefused` for a model that cannot be loaded.
        """
        return self._answered(request, cancelled or Event(), None)

    def stream(self, request: Request, told: Told) -> Answer:
        """Like `generate`, and `told` hears each piece, perhaps in another thread. Whatever it raises ends the answer
        at that token, and is raised here."""
        return self._answered(request, Event(), told)

    def expect(self, adapter: str) -> None:
        """Bring the adapter into RAM beside whatever is answered now. What is wrong with it, the request will tell."""
        if self._engine is not None and not self._closed:
            with suppress(RuntimeError):  # it was closed meanwhile
                self._readers.submit(self._read_ahead, self._engine, adapter)

    def close(self) -> None:
        """Cancel what is being written, and give the model's memory back. A second call does nothing."""
        self._closed = True
        with self._queue:
            for job in self._waiting:
                job.cancelled.set()
        if self._engine is not None:
            self._engine.cancel()
        self._readers.shutdown(cancel_futures=True)
        with self._turn, self._loading:
            self._engine = None

    # The memory manager

    def tiers(self) -> dict[str, list[str]]:
        """Which adapters are cold (in the image), warm (in RAM) and hot (in the model), as `name@hash`."""
        cold = [version.called for version in self._library.currents()] if self._library else []
        warm, hot = self._engine.held() if self._engine is not None else ([], [])
        return {"cold": cold, "warm": warm, "hot": hot}

    def activate(self, name: str) -> dict[str, Any]:
        """Bring an adapter into the model. Answers which, in which slot, and in which tier it was."""
        version = self._version(name)
        if version is None:
            known = ", ".join(found.name for found in self._library.currents()) if self._library else ""
            raise UnknownAdapter(name=name, known=f"It holds {known or 'none'}.")
        engine = self._ready()
        was = engine.tier(version)
        engine.warm(version)
        with self._turn:
            slot = engine.activate([version])[0]
        return {"adapter": version.called, "slot": slot, "was": was}

    def plan(self) -> Plan:
        """What of the budget goes where. Loads the model if it is not there yet."""
        self._ready()
        assert self._plan is not None
        return self._plan

    @property
    def engine(self) -> Engine:
        """The loaded model with its slots; for measurements."""
        return self._ready()

    # How an answer comes about

    def _answered(self, request: Request, cancelled: Event, told: Told | None) -> Answer:
        started = self._clock.monotonic()
        engine = self._ready()
        version = self._version(request.adapter) if request.adapter is not None else None
        prompt = engine.tokens(request.messages)
        spent = []
        longest = LONGEST_TEXT
        while True:
            job = self._job(engine, request, prompt, version, longest, told, cancelled)
            self._await(engine, job)
            spent.append(job)
            if request.output_schema is None:
                return self._answer(request, spent, job.written.text, None, started)
            try:
                data = settled(request, read_json(job.written.text, request.output_schema))
                return self._answer(request, spent, json.dumps(data, ensure_ascii=False), data, started)
            except NotJson as problem:
                cut = job.written.finish == "length"
                if not cut or len(spent) > 1:
                    what = "it was cut off at the limit of tokens" if cut else str(problem)
                    reason = f"its {request.purpose} is not what was asked for: {what}"
                    raise BackendNonsense(backend=self.name, reason=reason) from None
                longest = max(job.most // LETTERS_PER_TOKEN, 16)

    def _job(
        self,
        engine: Engine,
        request: Request,
        prompt: list[int],
        version: Version | None,
        longest: int,
        told: Told | None,
        cancelled: Event,
    ) -> Job:
        most = min(request.max_tokens, self.spec.longest or request.max_tokens, engine.context - len(prompt))
        if most < 1:
            reason = (
                f"The prompt has {len(prompt)} tokens and the context {engine.context}. Ask for less at once, or raise "
                "`context=` in the model's name and give it the memory."
            )
            raise BackendRefused(backend=self.name, purpose=request.purpose, reason=reason)
        grammar = None
        if request.output_schema is not None:
            schema = tightened(request, longest)
            grammar = lambda: engine.grammar(schema)  # noqa: E731
        return Job(request, prompt, version, grammar, most, told, cancelled)

    def _await(self, engine: Engine, job: Job) -> None:
        """Wait for the job's turn, answering others' beside it if it comes first. Raises what went wrong with it."""
        if job.version is not None:
            engine.warm(job.version)  # while another is being answered
        with self._queue:
            self._waiting.append(job)
        with self._turn:
            if not job.done.is_set():
                self._write(engine, self._batch(engine, job))
        if job.failed is not None:
            raise job.failed
        if job.written.finish == "cancelled":
            self._refuse_closed()
            reason = f"The answer was cancelled after {len(job.written.tokens)} tokens."
            raise BackendRefused(backend=self.name, purpose=job.request.purpose, reason=reason)

    def _batch(self, engine: Engine, first: Job) -> list[Job]:
        """The jobs that are answered together with `first`: those that wait longest, as far as they fit."""
        with self._queue:
            self._waiting.remove(first)
            chosen = [first]
            for job in self._waiting[:]:
                if engine.fits([*chosen, job]):
                    chosen.append(job)
                    self._waiting.remove(job)
            return chosen

    def _write(self, engine: Engine, jobs: list[Job]) -> None:
        """Answer a batch. What goes wrong with several at once may be one's own fault, so each is tried alone then."""
        try:
            self._refuse_closed()
            engine.write(jobs)
        except BaseException as error:
            if len(jobs) > 1 and isinstance(error, BatosError):
                for job in jobs:
                    self._write(engine, [job])
                return
            interrupted = None if isinstance(error, Exception) else _unavailable("its process was interrupted.")
            for job in jobs:
                job.failed = interrupted or error
            if interrupted is not None:
                raise
        finally:
            for job in jobs:
                job.done.set()

    def _answer(self, request: Request, spent: list[Job], text: str, data: Any, started: float) -> Answer:
        last = spent[-1]
        notes = {
            "finish_reason": last.written.finish,
            "together": last.together,
            "reused_tokens": last.written.reused,
            "repaired": len(spent) > 1,
        }
        if request.adapter is not None and last.version is None:
            notes["adapter"] = f"the image holds no adapter {request.adapter!r}; the base model answered alone"
        return Answer(
            text=text,
            data=data,
            notes=notes,
            model=f"peft:{self.spec.folder.name}",
            adapter=last.version.called if last.version else None,
            prompt_tokens=sum(len(job.prompt) for job in spent),
            completion_tokens=sum(len(job.written.tokens) for job in spent),
            seconds=self._clock.monotonic() - started,
        )

    def _read_ahead(self, engine: Engine, adapter: str) -> None:
        with suppress(BatosError):
            if (version := self._version(adapter)) is not None:
                engine.warm(version)

    def _version(self, name: str) -> Version | None:
        return self._library.current(name) if self._library is not None else None

    # Loading

    def _ready(self) -> Engine:
        """The loaded model; loaded now if it was not. Raises as `generate`."""
        self._refuse_closed()
        with self._loading:
            if self._engine is None:
                try:
                    from batos.inference.peft.engine import Engine, device_and_memory
                except ImportError as error:
                    raise MissingExtra(feature=f"{FEATURE} ({error})", extra="peft") from error
                device, free = device_and_memory(self.spec.device)
                plan = self._planned(device, self.spec.vram or free)
                self._engine = Engine(self.spec, self.shape, plan, self._library)
            return self._engine

    def _planned(self, device: Device, budget: int) -> Plan:
        wish = self.spec.wish(device, self.shape, self._library.currents() if self._library is not None else ())
        self._plan = make_plan(self.shape, budget, wish).require()
        return self._plan

    def _refuse_closed(self) -> None:
        if self._closed:
            raise _unavailable("it was closed.")


def _unavailable(reason: str) -> BackendUnavailable:
    return BackendUnavailable(backend=PeftBackend.name, reason=reason)
