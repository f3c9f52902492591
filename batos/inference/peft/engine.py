"""The loaded model at work: its slots, its decoder, its grammars. Everything here needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import torch

from batos.inference.peft.decoding import Decoder, Writing
from batos.inference.peft.grammar import Grammar, Grammars
from batos.inference.peft.library import Library, Version
from batos.inference.peft.model import BaseModel
from batos.inference.peft.plan import Device, Plan
from batos.inference.peft.residence import Residence
from batos.inference.peft.shape import ModelShape
from batos.inference.peft.spec import Spec
from batos.inference.port import Message

if TYPE_CHECKING:
    from batos.inference.peft.backend import Job

BASE_VOICE = "base"
SHARE_OF_FREE_MEMORY = 0.9


class Engine:
    """Made once for a backend. `write` and `activate` are called by one thread at a time; the rest by any."""

    def __init__(self, spec: Spec, shape: ModelShape, plan: Plan, library: Library | None) -> None:
        self.model = BaseModel.load(spec, shape, plan)
        self.plan = plan
        self.residence = Residence(self.model, plan, library, spec.ram) if library is not None else None
        self.decoder = Decoder(self.model, plan.wish.context)
        self._grammars = Grammars(self.model.tokenizer, shape.vocabulary)
        self._running: tuple[Event, ...] = ()

    @property
    def context(self) -> int:
        """Tokens that all answers of one batch may have together, prompts included."""
        return self.plan.wish.context

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        return self.model.tokens(messages)

    def grammar(self, schema: dict[str, Any]) -> Grammar:
        return self._grammars.of(schema)

    def fits(self, jobs: Sequence[Job]) -> bool:
        """Whether these can be answered together: by number, by tokens, and by different adapters."""
        adapters = {job.version.sha256 for job in jobs if job.version is not None}
        longest = max(len(job.prompt) for job in jobs) + max(job.most for job in jobs)
        return (
            len(jobs) <= self.plan.wish.batch
            and len(jobs) * longest <= self.context
            and len(adapters) <= max(1, len(self.residence.hot) if self.residence is not None else 0)
        )

    def write(self, jobs: Sequence[Job]) -> None:
        """Answer these together: bring their adapters in, set which answers which row, and write."""
        versions = [job.version for job in jobs if job.version is not None]
        slots = iter(self.activate(versions))
        rows = [self._row(job, next(slots) if job.version is not None else None) for job in jobs]
        alone = jobs[0].version.sha256 if jobs[0].version is not None else BASE_VOICE
        running = sum(len(row.prompt) + row.most for row in rows)
        self.decoder.make_room(self.context - running)
        self._running = tuple(job.cancelled for job in jobs)
        for job, row in zip(jobs, rows, strict=True):
            job.written, job.together = row, len(jobs)
        hot = self.residence.slots if self.residence is not None else None
        with hot.answering([row.slot for row in rows]) if hot is not None else nullcontext():
            self.decoder.write(rows, alone if len(rows) == 1 else None)
        self._running = ()

    def _row(self, job: Job, slot: int | None) -> Writing:
        return Writing(
            job.prompt,
            slot,
            job.most,
            job.request.temperature,
            job.request.seed,
            job.grammar() if job.grammar is not None else None,
            stops=job.request.stops,
            sink=job.tell if job.told is not None else None,
            cancelled=job.cancelled,
        )

    def activate(self, versions: Sequence[Version]) -> list[int]:
        """The slots that hold these adapters from now on."""
        if not versions:
            return []
        assert self.residence is not None
        before = self.residence.slots
        slots = self.residence.activate(versions)
        if self.residence.slots is not before:
            self.decoder.forget()
        return slots

    def warm(self, version: Version) -> None:
        """Have the adapter in RAM, so that its turn costs no reading."""
        assert self.residence is not None
        self.residence.warmed(version)

    def tier(self, version: Version) -> str:
        """Where the adapter is now: hot, warm or cold."""
        assert self.residence is not None
        if version.sha256 in self.residence.hot.held:
            return "hot"
        return "warm" if version.sha256 in self.residence.warm.keys() else "cold"  # noqa: SIM118

    def held(self) -> tuple[list[str], list[str]]:
        """What is warm and what is hot, as `name@hash`."""
        if self.residence is None:
            return [], []
        called = self.residence.called
        warm = [called(sha256) for sha256 in self.residence.warm.keys()]  # noqa: SIM118
        return warm, [called(sha256) for sha256 in self.residence.hot.held if sha256 is not None]

    def cancel(self) -> None:
        """End what is being written at its next token."""
        for cancelled in self._running:
            cancelled.set()


def device_and_memory(wanted: Device | None) -> tuple[Device, int]:
    """The device to use, and how many bytes of its memory may be taken where nobody said so."""
    device: Device = wanted or ("cuda" if torch.cuda.is_available() else "cpu")
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else _free_ram()
    return device, int(free * SHARE_OF_FREE_MEMORY)


def _free_ram() -> int:
    """What Linux says is available; elsewhere nothing is known, and a large number stands for it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 2**40
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 2**40)
