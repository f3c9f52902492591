"""One attempt at one mission: a deterministic function of the image's snapshot and the mission's journal.

The cycle runs the six states (`walking.py`) on a fresh object, its context. What it needs and does not find in the
journal it raises as `Suspended`; the attempt is then aborted, and a later one, with the answers in its journal, runs
from IDLE again. The first such signal poisons the attempt: code that swallows it meets it again at its next call and
cannot commit.

This module performs nothing and commits nothing. The runtime does both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from persistent.mapping import PersistentMapping

import batos.errors
from batos.errors import MissionError
from batos.image.image import Image
from batos.image.world import World
from batos.inference.citations import cited_chunks
from batos.inference.port import Request
from batos.mind import speaking
from batos.mind.needs import Key, Need, NeedKind, Pending, Suspended, digest
from batos.objects.primitives import Primitive
from batos.objects.sending import is_confined
from batos.objects.tallying import Book
from batos.objects.uvm_object import UvmObject, label
from batos.objects.values import freeze, plain, thaw
from batos.settings import Settings

Result = TypeVar("Result")
PERMISSION = "permission"  # the name of the journal's entry that says whether a tool may be used
SHORT = 12  # the beginning of a mission's id by which a person decides


@dataclass
class Cycle:
    """What the states of one attempt work with. `journal` maps need keys to answers as the journal holds them."""

    image: Image
    world: World
    mission: str
    brief: Mapping[str, Any]
    journal: Mapping[Key, dict[str, Any]]
    settings: Settings
    submitted_at: float
    events: list[dict[str, Any]] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0  # for the log of states only: what a cycle does may not depend on it
    granted: Callable[[str, str], bool] = lambda tool, receiver: False  # whether a person allowed a tool for good
    context: UvmObject = field(init=False)
    trace: list[dict[str, Any]] = field(default_factory=list)
    used: list[tuple[str, str, int]] = field(default_factory=list)
    children: list[dict[str, Any]] = field(default_factory=list)
    step: speaking.Step | None = None
    next_adapter: str | None = None  # who is going to be asked when the current round is answered
    depth: int = 0
    answer: Any = None
    pending: dict[str, Any] | None = None
    tainted: bool = False  # whether text from outside has reached it
    calls: list[tuple[str, str, int, bool, int]] = field(default_factory=list)  # as `store.count_call` takes them
    book: Book = field(default_factory=dict)  # the calls of trusted methods
    _asked: dict[str, int] = field(default_factory=dict)  # how often the same was asked, by its hash
    _poison: BaseException | None = None
    _scripts: list[list[Any]] = field(default_factory=list)
    _recording: list[list[Any]] = field(default_factory=list)

    # Asking

    def ask(self, kind: NeedKind, name: str, **request: Any) -> Any:
        """The answer to a need, whose request is JSON. Raises `Suspended` if the journal has none, or the error that
        was the answer."""
        return self._ask(kind, name, plain(request))

    def _ask(self, kind: NeedKind, name: str, request: dict[str, Any]) -> Any:
        """`request` is JSON in ordinary containers."""
        self.check()
        if self._scripts:
            return self._scripts[-1].pop(0)
        asked = digest(kind, name, request)
        occurrence = self._asked.get(asked, 0)
        self._asked[asked] = occurrence + 1
        key = (asked, occurrence)
        if key not in self.journal:
            raise self.suspend((Need(kind, name, request, *key, self.next_adapter),))
        if len(self.used) >= self.settings.max_asks:
            reason = f"it asked more than {self.settings.max_asks} times; the setting max_asks bounds this."
            raise MissionError(mission=self.mission, reason=reason)
        self.used.append((kind, *key))
        answer = _opened(self.journal[key])
        self.tainted = self.tainted or _is_from_outside(kind, name, answer)
        for recording in self._recording:
            recording.append(answer)
        return answer

    def gather(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """The results of independent `calls`, whose missing needs are all asked for in one round.

        Each runs under a savepoint. One that writes is rolled back and run again, with the same answers, once all are
        answered; so no call sees what another wrote before its request was made.
        """
        missing: list[Need] = []
        kept: list[tuple[bool, Any]] = []
        for call in calls:
            done, result = self._tried(call, missing)
            kept.append((done, result))
        if missing:
            raise self.suspend(tuple(missing))
        tried = zip(calls, kept, strict=True)
        return [result if done else self._scripted(call, result) for call, (done, result) in tried]

    def _tried(self, call: Callable[[], Result], missing: list[Need]) -> tuple[bool, Any]:
        savepoint = self.world.savepoint()
        answers: list[Any] = []
        self._recording.append(answers)
        try:
            result = call()
        except Suspended as suspended:
            self._poison = None
            missing.extend(suspended.needs)
            if self.world.written():
                savepoint.rollback()
            return False, answers
        finally:
            self._recording.pop()
        if not self.world.written():
            return True, result
        savepoint.rollback()
        return False, answers

    def _scripted(self, call: Callable[[], Result], answers: list[Any]) -> Result:
        self._scripts.append(list(answers))
        try:
            return call()
        finally:
            self._scripts.pop()

    def suspend(self, needs: tuple[Need, ...]) -> Suspended:
        self._poison = Suspended(needs)
        return self._poison

    def wait_for_person(self, **pending: Any) -> Pending:
        self._poison = Pending(plain(pending))
        return self._poison

    def check(self) -> None:
        """Raise the first signal again. Every call into the cycle, and the commit, begins with this."""
        if self._poison is not None:
            raise self._poison

    def poison(self, signal: BaseException) -> None:
        self._poison = self._poison or signal

    def infer(self, receiver: UvmObject, query: str, system_prompt: str | None) -> str:
        """Ask the receiver's own model; within a plan step, as the facet that is being asked."""
        answer = self.generate(speaking.request(receiver, query, system_prompt, self.step))
        if self.step is not None:
            self.step.citations.extend(cited_chunks(answer["text"], self.step.chunks))
        return str(answer["text"])

    def perform(self, tool: Primitive, receiver: UvmObject, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have a primitive that acts on the outside performed as a need. At least once, unless it takes `key`.

        A sandboxed method needs a person's permission for it.
        """
        request = {
            "called": tool.name,
            "receiver": self.world.add(receiver).hex(),
            "message": freeze(plain([list(args), kwargs])),
        }
        if is_confined() and not self._scripts:
            self._have_permission(request, receiver)
        return self.thawed(self.ask("tool", "primitive", **request))

    def _have_permission(self, request: dict[str, Any], receiver: UvmObject) -> None:
        """Return if the tool was used before in this mission, or a person allows it. Raises `Pending` until one does,
        and `MissionError` when the person refused."""
        asked = digest("tool", "primitive", request)
        occurrence = self._asked.get(asked, 0)
        key = (digest("tool", PERMISSION, request), occurrence)
        if (asked, occurrence) in self.journal or self.granted(request["called"], request["receiver"]):
            return
        decided = self.journal.get(key)
        if decided is None:
            what = f"{request['called']!r} of {label(receiver)}"
            raise self.wait_for_person(
                reason=f"A sandboxed method wants to use {what}, which acts on the outside.",
                proposal=self.mission[:SHORT],
                permission={**request, "hash": key[0], "occurrence": key[1]},
            )
        if not decided["value"]:
            raise MissionError(mission=self.mission, reason=f"A person refused the use of {request['called']!r}.")
        self.used.append(("tool", *key))

    def spawn(self, brief: dict[str, Any]) -> str:
        """List a mission to be filed when this cycle has committed; its id, which a replay gives again."""
        identity = hashlib.sha256(f"{self.mission} {len(self.children)}".encode()).hexdigest()[:32]
        self.children.append({"mission": identity, "brief": brief})
        return identity

    def generate(self, request: Request, backend: str | None = None) -> dict[str, Any]:
        """The answer to an inference request, as JSON, from the image's backend or the one named. Raises as `ask`."""
        extra = {"backend": backend} if backend else {}
        return self._ask("inference", "generate", {**extra, **request.written()})  # type: ignore[no-any-return]

    @contextmanager
    def stepping(self, step: speaking.Step) -> Iterator[None]:
        """Within the block, inferences belong to one step of the plan."""
        outer, self.step = self.step, step
        try:
            yield
        finally:
            self.step = outer

    # What the states keep

    @property
    def scratch(self) -> PersistentMapping:
        """`original_query`, `start_time`, `plan`, `partial_responses`, `final_response`, while the cycle runs."""
        return self.context._tmp_synthesis_data

    @property
    def target(self) -> UvmObject:
        return self.world.object(self.brief["target"])  # type: ignore[no-any-return]

    @property
    def learned(self) -> int:
        """How many methods were learned for this mission so far, those that were learned for these included."""
        ends = [entry["outcome"] for entry in self.journal.values() if entry.get("outcome")]
        answers = [outcome["answer"] for outcome in ends if isinstance(outcome.get("answer"), dict)]
        return sum(answer.get("learned", 0) for answer in answers)

    def note(self, **facts: Any) -> None:
        """Add facts, which are JSON, to the current state's entry of the trace."""
        self.trace[-1].update(plain(facts))

    def thawed(self, data: Any) -> Any:
        return thaw(data, self.world.object)


def _is_from_outside(kind: NeedKind, name: str, answer: Any) -> bool:
    """Whether an answer brings text that came from outside: what a tool fetched, or a tainted passage of memory."""
    if kind == "tool":
        return name == "primitive"
    if (kind, name) != ("observe", "search"):
        return False
    return any(chunk["metadata"].get("tainted", True) for chunk in answer)


def _opened(stored: dict[str, Any]) -> Any:
    """A journaled answer: its value, or the error it was, raised. The end of a learn stands there as it is."""
    if "error" in stored:
        kind = getattr(batos.errors, stored["error"]["type"])
        raise kind(**stored["error"]["facts"])
    return stored.get("value", stored)
