"""A host process: runs payloads one after the other, each in three ways, and writes a line of JSON about each.

As it would be learned: a model answers with the payload, so it goes through extraction, guardian, type check and trial;
what is left to a person, that person approves without looking; then the message is sent again. With the guardian
bypassed: it is put into its slot and sent, and neither guardian nor type check are asked. Raw: it is fed to the sandbox
beside the prelude as it is.
"""

from __future__ import annotations

import ast
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from batos.errors import BatosError, ExtractionFailed, GuardianRefused, MissionPending
from batos.image.world import World
from batos.inference.port import Request
from batos.methods import program as programs
from batos.methods.guardian import Audit
from batos.methods.host import ObjectHost
from batos.methods.sandbox import Limits, Sandbox
from batos.methods.tree import Tree, grow
from batos.objects.records import Method
from batos.objects.sending import send
from batos.objects.uvm_object import put
from batos.objects.values import freeze, plain
from batos.runtime.activating import protected
from batos.runtime.uvm import Uvm
from batos.settings import Settings
from batos.testing import ScriptedBackend
from benchmarks.escapes import stage
from benchmarks.escapes.canaries import Canaries
from benchmarks.escapes.payload import Payload, payloads
from benchmarks.escapes.pulse import Pulse
from benchmarks.escapes.verdicts import Verdict, verdict_of

SECONDS, MEMORY_MIB, LONGEST = 0.4, 32, 60.0
DEEPEST = 200
SETTINGS = Settings(
    repair_rounds=1, workers=2, performers=4, heartbeat=False, sandbox_seconds=SECONDS, sandbox_memory_mib=MEMORY_MIB
)


@dataclass
class Report:
    """About one payload: what stopped it in each way, and what it should not have come to. `seconds` is for both."""

    name: str
    family: str
    learned: Verdict = "nothing"
    alone: Verdict = "nothing"
    raw: Verdict = "nothing"
    escapes: list[str] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    mib: float = 0.0


class Host:
    """One image with everything that a running system has, and the canaries around it."""

    def __init__(self, folder: Path) -> None:
        self.canaries = Canaries(folder)
        self.pulse = Pulse()
        self._source = ""
        backend = ScriptedBackend(self._answer)
        settings = Settings(**{**asdict(SETTINGS), "approvals": str(folder / "approvals.json")})
        self.uvm = Uvm(f"file:{folder / 'stage.image'}", model=backend, settings=settings)
        self.uvm.image.change("set up", stage.set_up)
        limits = Limits(seconds=SECONDS, wall_seconds=10.0, memory_mib=MEMORY_MIB)
        self.sandbox = Sandbox(limits)
        self.uvm.send("bob", "echo", 1)

    def _answer(self, request: Request) -> str:
        return self._source

    def close(self) -> None:
        self.sandbox.close()
        self.uvm.close()
        self.pulse.close()
        self.canaries.close()

    def run(self, payload: Payload) -> Report:
        report = Report(payload.name, payload.family)
        self._source = payload.with_words(self.canaries.words)
        begun = time.monotonic()
        with self._target(payload):
            for way, attempt in (("learned", self._learned), ("alone", self._alone), ("raw", self._raw)):
                place = stage.Stage(self.uvm.image, payload.target)
                bystander = self.uvm.submit("bob", "echo", (f"{payload.name} {way}",))
                verdict, told = attempt(payload)
                setattr(report, way, verdict)
                report.details[way] = told[:300]
                in_order = bystander.result(30) == f"{payload.name} {way}" and self.uvm.send("bob", "double", 21) == 42
                wrongs = [] if in_order else ["left the host out of order"]
                wrongs += place.wrongs(payload.selector, ran=verdict == "harmless")
                wrongs += self.canaries.told(told) + self.canaries.touched() + self._launched()
                wrongs += self.pulse.held_up()
                report.escapes += [f"{way}: {wrong}" for wrong in wrongs]
                place.put_back()
        report.seconds = time.monotonic() - begun
        report.mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return report

    @contextmanager
    def _target(self, payload: Payload) -> Iterator[None]:
        """The payload's target; one that is not on the stage is there for the payload only."""
        if payload.target in self.uvm:
            yield
            return
        slots = {"count": 0, "items": [1, 2], "name": payload.target}
        self.uvm.image.change("a target", lambda world: stage.friend(world, payload.target, slots))
        yield
        self.uvm.delete(payload.target)

    @staticmethod
    def _launched() -> list[str]:
        called = [f"called the primitive {name}" for name in stage.launched]
        stage.launched.clear()
        return called

    # The three ways. Each answers what stopped the payload, and all that it made the system tell.

    def _learned(self, payload: Payload) -> tuple[Verdict, str]:
        mission = self.uvm.submit(payload.target, payload.selector, payload.args, payload.kwargs, learn=True)
        try:
            try:
                answer = mission.result(LONGEST)
            except MissionPending as pending:
                if pending.facts["proposal"] is None:
                    raise
                self.uvm.approve(pending.facts["proposal"])
                answer = mission.result(LONGEST)
        except BatosError as error:
            return verdict_of(error), f"{error} {self._outcome(mission.id)}"
        return "harmless", f"{_exercised(answer)} {self._outcome(mission.id)}"

    def _outcome(self, mission: str) -> str:
        return json.dumps(self.uvm.store.get(mission).outcome, default=repr)

    def _alone(self, payload: Payload) -> tuple[Verdict, str]:
        """Through the rewrite into the sandbox, as if it had passed the guardian."""

        def work(world: World) -> Any:
            put(world[payload.target], payload.selector, Method(payload.selector, self._source))
            return plain(send(world[payload.target], payload.selector, *payload.args, **payload.kwargs))

        with without_guardian():
            return self._committed(work)

    def _raw(self, payload: Payload) -> tuple[Verdict, str]:
        """Into the sandbox as it is, beside the prelude, not even rewritten."""
        text = f"{self._source}\n_method_ = {payload.selector}\n"
        rewritten = programs.Rewritten(text, (), frozenset(), True)
        uses = frozenset({"_send", "_get", "_set", "_late", *programs.prelude.ALWAYS})
        needs = programs.prelude.needed(uses)
        opening = programs.prelude.text_of(needs)
        program = programs.Program(payload.selector, rewritten, needs, (), True, opening)

        def work(world: World) -> Any:
            host = ObjectHost(protected)
            return plain(self.sandbox.run(program, world[payload.target], payload.args, dict(payload.kwargs), host))

        return self._committed(work)

    def _committed(self, work: Any) -> tuple[Verdict, str]:
        try:
            answer = self.uvm.image.change("a payload", lambda world: freeze_or_show(work(world)))
        except (BatosError, ExtractionFailed) as error:
            return verdict_of(error), str(error)
        return "harmless", _exercised(answer)


def freeze_or_show(value: Any) -> str:
    """The value as text, and handled as a host would: a thing that goes off when touched goes off here."""
    with suppress(BatosError):
        return json.dumps(freeze(value))
    return _exercised(value)


def _exercised(value: Any) -> str:
    shown = repr(value)
    if isinstance(value, list | tuple | dict | set | frozenset):
        assert value == value
        assert len({hash(str(part)) for part in value}) <= len(value)
    return shown


@contextmanager
def without_guardian() -> Iterator[None]:
    """Within the block, a method that is run is not audited."""

    def checked(source: str, selector: str) -> tuple[Audit, Tree]:
        try:
            tree = grow(source, DEEPEST)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise GuardianRefused(selector=selector, reason=f"not even Python: {error}") from None
        single = len(tree.module.body) == 1 and isinstance(tree.module.body[0], ast.FunctionDef)
        if not single or tree.depth >= DEEPEST:
            raise GuardianRefused(selector=selector, reason="no single function that could be rewritten")
        return Audit(selector, marks="_p_changed" in source), tree

    programs.prepare.cache_clear()
    with mock.patch.object(programs.guardian, "checked", checked):
        yield
    programs.prepare.cache_clear()


def main(descriptor: int) -> None:
    """The payloads' folder and a place of one's own are arguments; what to run is read from standard input."""
    folder, place = Path(sys.argv[1]), Path(sys.argv[2])
    named = {payload.name: payload for payload in payloads(folder)}
    chosen = [named[name] for name in json.load(sys.stdin)]
    host = Host(place)
    try:
        with os.fdopen(descriptor, "w", buffering=1) as lines:
            for payload in chosen:
                lines.write(json.dumps(asdict(host.run(payload))) + "\n")
    finally:
        host.close()
