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
from batos.errors import NeedsMission, NotUnderstood
from batos.image.handles import Handle, handle_of, inward, send_in
from batos.image.image import Committed, Image
from batos.image.world import World
from batos.inference.peft.library import Library
from batos.inference.port import Backend, UsesAdapters, UsesEmbedder, open_backend
from batos.memory.choosing import spec_for
from batos.memory.embedding import models_folder, open_embedder
from batos.memory.search import Searcher
from batos.methods.sandbox import Limits, Sandbox
from batos.mind.thinking import without_mission
from batos.objects import lookup
from batos.runtime import budgets, promises
from batos.runtime.activating import counted_activator
from batos.runtime.approvals import Approvals, default_path
from batos.runtime.awakening import awaken
from batos.runtime.decisions import Decisions
from batos.runtime.events import Events, Listener
from batos.runtime.lock import is_held
from batos.runtime.looking_back import LookingBack
from batos.runtime.missions import MissionStore
from batos.runtime.performers import Workplace
from batos.runtime.questions import Questions
from batos.runtime.recovery import recover
from batos.runtime.remembering import Remembering
from batos.runtime.worker import Workers
from batos.settings import Settings, from_environment

if TYPE_CHECKING:
    from batos.runtime.adapters import Adapters
    from batos.runtime.care import Care


log = logging.getLogger(__name__)


class Uvm(Questions, Remembering, LookingBack, Decisions):
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
            self.image.counter = self.store.count_calls
            self.image.messenger = self
            self.image.after_commit.append(self._told)
            awaken(self.image)
            if isinstance(backend, UsesAdapters):
                backend.use_library(Library(self.image))
            self.searcher = Searcher(self.image, open_embedder(spec_for(self.image, self.settings.embedding)))
            opened.callback(self.searcher.close)
            if isinstance(backend, UsesEmbedder) and self.searcher.embedder is not None:
                backend.use_embedder(self.searcher.embedder, models_folder())
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
