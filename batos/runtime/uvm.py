"""The running system over one image: what `batos.open` returns.

It joins the image with the mission database, the searcher, the backend and the workers. Opened beside a daemon that
holds the image's work, it starts no workers of its own and waits for the daemon's; if that daemon ends, whoever waits
for a mission takes up the work.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batos.clock import Clock, SystemClock
from batos.errors import EmbedderFailed, NeedsMission, NotUnderstood
from batos.image.differing import Difference, diff
from batos.image.finding import When
from batos.image.forking import Forked
from batos.image.handles import Handle, handle_of, inward, send_in
from batos.image.history import Change, history, undo
from batos.image.image import Committed, Image
from batos.image.inspecting import inspect
from batos.image.views import LIFETIME
from batos.image.world import World
from batos.inference.peft.library import Library
from batos.inference.port import Backend, UsesAdapters, UsesEmbedder, open_backend
from batos.memory import validity
from batos.memory.catalog import IndexReport, index_document, unindex_document
from batos.memory.choosing import spec_for
from batos.memory.embedding import models_folder, open_embedder
from batos.memory.ingesting import IngestReport, Progress, ingest_path
from batos.memory.search import Hit, Searcher
from batos.memory.summaries import summaries_above
from batos.memory.summarizing import summarize
from batos.memory.turn_taking import remember
from batos.methods.contract import Contract
from batos.methods.sandbox import Limits, Sandbox
from batos.mind.thinking import without_mission
from batos.objects import lookup, primitives
from batos.objects.records import Method
from batos.objects.uvm_object import UvmObject
from batos.objects.values import freeze
from batos.runtime import budgets, deciding, explaining, promises
from batos.runtime.activating import counted_activator
from batos.runtime.approvals import Approvals, default_path
from batos.runtime.awakening import awaken
from batos.runtime.briefs import Brief, brief_json
from batos.runtime.decisions import Decisions
from batos.runtime.events import Events, Listener
from batos.runtime.forking import fork_system
from batos.runtime.lock import is_held
from batos.runtime.mission import Mission
from batos.runtime.missions import MissionStore
from batos.runtime.performers import Workplace
from batos.runtime.questions import Questions
from batos.runtime.recovery import recover
from batos.runtime.views import SystemView
from batos.runtime.worker import Workers
from batos.settings import Settings, from_environment

if TYPE_CHECKING:
    from batos.runtime.adapters import Adapters
    from batos.runtime.care import Care
    from batos.runtime.replaying import Replayed


log = logging.getLogger(__name__)


class Uvm(Questions, Decisions):
    """Use as a context manager, or close it. Every method may be called from any thread.

    `work` says whether it works the image's missions; None: unless a daemon does.
    """

    def __init__(
        self,
        uri: str | Path,
        *,
        model: str | Backend = "builtin",
        create: bool = True,
        settings: Settings | None = None,
        clock: Clock | None = None,
        work: bool | None = None,
    ) -> None:
        self.settings = from_environment(settings)
        self.clock = clock or SystemClock()
        backend = open_backend(model, clock=self.clock)
        self.image = Image.open(uri, create=create, clock=self.clock)
        with ExitStack() as opened:  # what cannot be opened whole is not left open in part
            opened.callback(self.image.close)
            self.store = MissionStore.open(self.image.where.missions, self.clock, self.settings.max_attempts)
            opened.callback(self.store.close)
            self.events = Events()
            limits = Limits(seconds=self.settings.sandbox_seconds, memory_mib=self.settings.sandbox_memory_mib)
            self._sandbox = Sandbox(limits)
            opened.callback(self._sandbox.close)
            self.image.activator = counted_activator(self._sandbox, self.store, self.clock)
            self._approvals = Approvals(Path(self.settings.approvals) if self.settings.approvals else default_path())
            self.image.voucher = self._approvals.vouch
            self.image.messenger = self
            self.image.after_commit.append(self._told)
            awaken(self.image)
            if isinstance(backend, UsesAdapters):
                backend.use_library(Library(self.image))
            self.searcher = Searcher(self.image, open_embedder(spec_for(self.image, self.settings.embedding)))
            opened.callback(self.searcher.close)
            if isinstance(backend, UsesEmbedder) and self.searcher.vectors is not None:
                backend.use_embedder(self.searcher.vectors.embedder, models_folder())
            self.place = Workplace(
                self.image, self.store, backend, self.searcher, self._sandbox, self.clock,
                budget_policy=self.settings.budget_policy, system=self,
                granted=lambda tool, receiver: self._approvals.granted(self.image.id, tool, receiver),
            )  # fmt: skip
            budgets.apply_limits(self.store, self.settings)
            self._workers = Workers(self.place, self.settings, self.events)
            self._work_wanted = work
            self._work_begins = threading.Lock()
            self._works = False
            if work is None:
                self._see_to_work()
            elif work:
                self.start_work()
            opened.pop_all()

    @cached_property
    def care(self) -> Care:
        """Packing, backups, text, the doctor, erasing, figures."""
        from batos.runtime.care import Care  # most programs never need it, and it imports much

        return Care(self)

    @cached_property
    def adapters(self) -> Adapters:
        """The adapters of the image: add, list, activate, remove, verify, export, train."""
        from batos.runtime.adapters import Adapters

        return Adapters(self)

    @property
    def works(self) -> bool:
        """Whether this process works the image's missions."""
        return self._works

    def start_work(self) -> None:
        """Take up the image's work; a second call does nothing."""
        with self._work_begins:
            if not self._works:
                recover(self.place)
                self._workers.start()
                self._works = True

    def stop_work(self) -> None:
        """Finish what is being done and give the rest back. Calling it again does nothing."""
        self._workers.stop()

    def _see_to_work(self) -> None:
        """Work the missions unless a daemon does, or it was said that we should not."""
        if self._work_wanted is None and not self._works and not is_held(self.image.path):
            self.start_work()

    def _told(self, change: Committed) -> None:
        self.events.publish("change", id=change.id, note=change.note, names=list(change.names), **change.info)
        if promises.wants_recheck(self.store, change):
            promises.file_rechecks(self.image, self.store, change)

    # Objects

    def transaction(self, note: str) -> AbstractContextManager[World]:
        """Raw objects by name; everything written in the block commits together under `note`, or not at all."""
        return self.image.transaction(note)

    def create(self, name: str, slots: Mapping[str, Any] | None = None, parents: Iterable[str] = ("traits",)) -> Handle:
        """A new object under `name`, delegating to the objects called `parents`."""

        def work(world: World) -> Handle:
            values = {key: inward(world, value) for key, value in (slots or {}).items()}
            return handle_of(self.image, world, world.create(name, values, [world[parent] for parent in parents]))

        return self.image.change(f"create {name}", work)

    def __getitem__(self, name: str) -> Handle:
        with self.image.reading() as world:
            return handle_of(self.image, world, world[name])

    def __contains__(self, name: object) -> bool:
        with self.image.reading() as world:
            return name in world

    def names(self) -> list[str]:
        with self.image.reading() as world:
            return world.names()

    def delete(self, name: str) -> None:
        """Take an object's name away. What still refers to it keeps it, and history has it."""
        self.image.change(f"delete {name}", lambda world: world.delete(name))

    # Messages and missions

    def deliver(self, handle: Handle, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Send at once if the message is understood and needs nothing; otherwise file a mission and wait for it."""

        def at_once(world: World) -> Any:
            with without_mission():
                return send_in(world, self.image, handle._oid, selector, args, kwargs)

        try:
            return self.image.change(f"{selector} to {handle!r}", at_once)
        except (NotUnderstood, NeedsMission):
            return self.submit(handle, selector, args, kwargs).result()

    def send(self, target: str | Handle, selector: str, /, *args: Any, **kwargs: Any) -> Any:
        """What the object answers. Raises `MissionFailed` or `MissionPending` when it had to learn and did not."""
        return self.deliver(self._handle(target), selector, args, kwargs)

    def submit(
        self,
        target: str | Handle,
        selector: str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        learn: bool = False,
        intent: str | None = None,
        examples: Iterable[Any] = (),
        tainted: bool = False,
        mission_id: str | None = None,
    ) -> Mission:
        """File a message as a mission, durable when this returns. `learn` allows a selector close to a known one.

        Filing the same `mission_id` again changes nothing.
        """
        contract = Contract.of(intent, examples)
        asked = contract.to_json() if contract.examples or intent else None
        extra = {"learn": learn or asked is not None, "tainted": tainted}
        return self._file(target, selector, args, kwargs or {}, None, asked, extra, mission_id)

    def teach(
        self,
        target: str | Handle,
        selector: str,
        *,
        intent: str | None = None,
        examples: Iterable[Any] = (),
        timeout: float | None = None,
    ) -> None:
        """Have a method learned from an intent and examples; learned when it returns.

        Raises `MissionFailed`, or `MissionPending` with a proposal to approve or a question to answer.
        """
        contract = Contract.of(intent, examples).to_json()
        extra = {"learn": True, "taught": True}
        self._file(target, selector, (), {}, "learn", contract, extra).result(timeout)

    def _file(
        self,
        target: str | Handle,
        selector: str,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        type_: str | None,
        contract: Any,
        extra: dict[str, Any],
        mission_id: str | None = None,
    ) -> Mission:
        """Freeze the message against the image as it is now, and file it."""
        with self.image.reading() as world:
            receiver = inward(world, self._handle(target))
            brief = Brief(
                type_ or _mission_type(receiver, selector),
                world.add(receiver).hex(),
                selector,
                tuple(freeze(inward(world, arg)) for arg in args),
                {name: freeze(inward(world, value)) for name, value in kwargs.items()},
                contract,
                extra,
            )
        identity = self.store.submit(brief, mission_id=mission_id)
        self.events.publish(
            "mission", id=identity, state="queued", type=brief.type, target=brief.target, selector=selector
        )
        return Mission(self.image, self.store, identity, self._see_to_work)

    def _handle(self, target: str | Handle) -> Handle:
        if isinstance(target, Handle):
            return target
        with self.image.reading() as world:
            return handle_of(self.image, world, world.find(target))

    def missions(self, state: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """The newest missions first, as plain data."""
        with self.image.reading() as world:
            return [self._shown(world, found) for found in self.store.list(state, limit)]  # type: ignore[arg-type]

    def mission(self, identity: str) -> dict[str, Any]:
        """One mission with its attempts and the trace of its cycle. Raises `UnknownMission`."""
        found = self.store.get(identity)
        with self.image.reading() as world:
            receipt = world.receipts.get(identity)
            shown = self._shown(world, found)
            trace = list(receipt.trace) if receipt else []
        attempts = [asdict(attempt) for attempt in self.store.attempts(identity)]
        return {**shown, "brief": brief_json(found.brief), "trace": trace, "attempts": attempts}

    def _shown(self, world: World, found: Any) -> dict[str, Any]:
        pending = self.store.pending_below(found.id) if not found.ended else None
        return {
            "mission": found.id,
            "type": found.brief.type,
            "target": deciding.called(world, found.brief.target),
            "selector": found.brief.selector,
            "state": found.state,
            "created_at": found.created_at,
            "outcome": found.outcome,
            "pending": pending.pending if pending else (found.outcome or {}).get("pending"),
        }

    # Memory

    def ingest(
        self,
        path: str | Path,
        progress: Callable[[Progress], None] | None = None,
        *,
        since: str | None = None,
        until: str | None = None,
    ) -> IngestReport:
        """Read a file or folder into memory. Raises `MemoryRefused`; in a folder, bad files are only reported.

        `since` and `until` are the days (ISO form) between which it holds, where that is known.
        With an embedding model, all that memory holds can then be searched by meaning; if the model fails, the log
        says so, and a later call goes on.
        """
        vectors = self.searcher.vectors
        embedder = vectors.embedder if vectors is not None else None
        report = ingest_path(self.image, path, progress, embedder, since=since, until=until)
        self.summarize(lambda done: progress(Progress(done, done, "summarizing")) if progress else None)
        try:
            self.searcher.embed(lambda done, total: progress(Progress(done, total, "embedding")) if progress else None)
        except EmbedderFailed as error:
            log.warning("What was read can be searched by words. %s", error)
        return report

    def summarize(self, told: Callable[[int], None] = lambda done: None) -> int:
        """Write the summaries of documents that changed, as extracts; how many. `told` hears how many documents are
        done."""
        return summarize(self.image, self.searcher.sections, told)

    def summaries_above(self, document_id: str, chunk_index: int) -> list[str]:
        """What the summaries over a chunk say, from the lowest up; nothing where there are none."""
        with self.image.reading() as world:
            return [summary.text for summary in summaries_above(world, document_id, chunk_index)]

    def summarize_by_model(self, document_id: str) -> Mission:
        """File a mission that has the model write the summaries of a document, in place of extracts."""
        return self._file("knowledge_catalog", "summarize_", (document_id,), {}, "summarize", None, {})

    def ingest_text(self, document_id: str, text: str, metadata: Mapping[str, Any] | None = None) -> IndexReport:
        """Remember a text under an id."""

        def work(world: World) -> IndexReport:
            return index_document(world, document_id, text, metadata, now=self.clock.now())

        return remember(self.image, f"ingest {document_id}", work)

    def limit_validity(
        self, document_id: str, since: str | None = None, until: str | None = None, chunk_index: int | None = None
    ) -> None:
        """Say from what day until what day (ISO form) a document, or only one chunk of it, holds.

        Raises `UnknownDocument`, `UnknownObject`, `MemoryRefused`.
        """
        days = (since, until, chunk_index)
        self.image.change(f"limit {document_id}", lambda world: validity.limit_validity(world, document_id, *days))

    def supersede(self, former: str, successor: str) -> None:
        """Say that one document took the place of another, which a search then finds only when it is asked to.

        Raises `UnknownDocument`, `MemoryRefused`.
        """
        now = self.clock.now()
        note = f"{successor} supersedes {former}"
        self.image.change(note, lambda world: validity.supersede(world, former, successor, now))

    def search(self, query: str, limit: int = 5, where: Mapping[str, Any] | None = None) -> list[Hit]:
        """The passages that answer `query` best. No query is an error."""
        return self.searcher.search(query, limit, where)

    def forget(self, document_id: str) -> int:
        """Make memory forget a document; the number of its passages. Raises `UnknownObject`."""
        return self.image.change(
            f"forget {document_id}", lambda world: unindex_document(world, document_id, now=self.clock.now())
        )

    # Looking back

    def history(self, target: str | Handle) -> list[Change]:
        """The changes of an object, newest first."""
        return history(self.image, self._handle(target)._oid)

    def at(self, when: When, lifetime: float = LIFETIME) -> SystemView:
        """The image as of a change id, a time, or the newest change with a note; to read, for `lifetime` seconds.

        Raises `UnknownChange`, or `PackedAway`.
        """
        return SystemView(self.image, self.store, when, lifetime)

    def diff(self, target: str, before: When, after: When | None = None) -> Difference:
        """What is different about an object between two moments (until now), slot by slot."""
        return diff(self.image, target, before, after)

    def fork(self, target: str | Path, when: When | None = None) -> Forked:
        """Make the image as of a moment (now) a new one at `target`, with its history; open missions stay here.

        Raises `ForkRefused`, `UnknownChange`, `PackedAway`.
        """
        return fork_system(self.image, self.store, target, when)

    def undo(self, change: str) -> str:
        """Put back what a change wrote. Raises `UndoRefused`, or `UnknownChange`."""
        return undo(self.image, change)

    def why(self, target: str, selector: str) -> explaining.Why:
        """Where a slot came from: its mission, what was asked and answered, the chunks."""
        return explaining.why(self.image, self.store, target, selector)

    def inspect(self, target: str) -> dict[str, Any]:
        """An object's own slots, parents and selectors. Raises `UnknownObject`."""
        return inspect(self.image, target)

    def replay(self, mission: str, model: str | None = None) -> Replayed:
        """Run a mission that has ended again, on the image as it is now, with another model or today's code.

        Nothing of it is kept but what it costs. Raises `UnknownMission`, `MissionError`, `UnknownBackend`.
        """
        from batos.runtime.replaying import replay  # few programs ever do

        return replay(self.place, self.settings, mission, model)

    # Telling

    def subscribe(self, kind: str, function: Listener) -> Callable[[], None]:
        """Call `function` with events of `kind` (see `Events`, or `*` for all); returns what ends that."""
        return self.events.subscribe(kind, function)

    def state(self) -> dict[str, Any]:
        """The whole of it in a few numbers and names."""
        with self.image.reading() as world:
            workbench = lookup.find(world["genesis"], "workbench") is not None
            names = world.names()
        memory = self.searcher.statistics()
        return {
            "image": self.image.where.name,
            "instance": self.image.id,
            "backend": self.place.backend.name,
            "objects": names,
            "missions": self.store.counts(),
            "memory": asdict(memory),
            "proposals": len(self.proposals()),
            "broken_contracts": self.broken_contracts(),
            "policies": self.policies(),
            "heartbeat": self.store.meta("heartbeat", {}),
            "workbench": workbench,
        }

    def close(self) -> None:
        """Stop working, give missions back, and close everything. A second call does nothing."""
        if self.image.messenger is None:
            return
        self.image.messenger = None
        self.stop_work()
        self.place.backend.close()
        self._sandbox.close()
        self.searcher.close()
        self.store.close()
        self.image.close()

    def __repr__(self) -> str:
        stands = f"{self.place.backend.name} answers" if self.image.messenger is not None else "closed"
        return f"<image {self.image.where.name}, {stands}>"

    def __enter__(self) -> Uvm:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _mission_type(receiver: UvmObject, selector: str) -> str:
    """Some messages are missions of a type of their own; the primitive behind them says so."""
    found = lookup.find(receiver, selector)
    if found is not None and isinstance(found.value, Method) and found.value.primitive is not None:
        return primitives.registered(found.value.primitive).mission or "unhandled_message"
    return "unhandled_message"
