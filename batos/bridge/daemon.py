"""The daemon: one process that works an image's missions, serves its bridge, and keeps its heart beating."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from batos.bridge.server import BridgeServer
from batos.clock import Clock
from batos.image.storages import address, prepare
from batos.inference.port import Backend
from batos.runtime.heartbeat import Heartbeat
from batos.runtime.lock import DaemonLock
from batos.runtime.uvm import Uvm
from batos.settings import Settings


class Daemon:
    """Serves the image at `uri` from `open` to `close`; also a context manager.

    `system` is the running `Uvm`. The bridge is there before the first mission runs, because missions use it, and goes
    after the last one has ended.
    """

    system: Uvm

    def __init__(
        self,
        uri: str | Path,
        *,
        model: str | Backend = "builtin",
        create: bool = True,
        settings: Settings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._uri = uri
        self._model = model
        self._create = create
        self._settings = settings
        self._clock = clock
        self._ending = threading.Event()
        self._lock: DaemonLock | None = None
        self._bridge: BridgeServer | None = None
        self._heartbeat: Heartbeat | None = None
        self._opened = False

    def open(self) -> Daemon:
        """Take up the image's work. Raises ImageBusy where another daemon does, and what `batos.open` raises."""
        where = address(self._uri)
        prepare(where, self._create)
        self._lock = DaemonLock(where.path)
        self._lock.acquire()
        try:
            self.system = Uvm(
                self._uri,
                model=self._model,
                create=self._create,
                settings=self._settings,
                clock=self._clock,
                work=False,
            )
            self._opened = True
            clock = self.system.clock
            self._bridge = BridgeServer(self.system, where.path, clock=clock, on_shutdown=self.end, lock=self._lock)
            self._bridge.start()
            self.system.start_work()
            self._heartbeat = Heartbeat(self.system.place, self.system.settings, self.system.events)
            self._heartbeat.start()
        except BaseException:
            self.close()
            raise
        return self

    def end(self) -> None:
        """Ask the daemon to end: `wait` returns. From any thread, and at once."""
        self._ending.set()

    def wait(self) -> None:
        """Serve until `end` is called, by a client of the bridge for instance, or a signal says so."""
        try:
            self._ending.wait()
        except KeyboardInterrupt:
            self._ending.set()

    def close(self) -> None:
        """Finish what is being done, give the rest back, let the image go. Calling it again does nothing."""
        if self._heartbeat is not None:
            self._heartbeat.stop()
        if self._opened:
            self.system.stop_work()
        if self._bridge is not None:
            self._bridge.close()
        if self._opened:
            self.system.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Daemon:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """In the block, SIGTERM ends the program as Ctrl-C does: by KeyboardInterrupt, so that everything is closed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
