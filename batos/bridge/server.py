"""The daemon's end of the bridge: the lock, the run directory, and the one thread that owns every socket."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread
from types import TracebackType
from uuid import uuid4

from batos.bridge.handlers import System
from batos.bridge.kinds import Role
from batos.bridge.limits import Limits
from batos.bridge.loop import BridgeLoop
from batos.bridge.rundir import ConnectionFile, endpoint_of, remove_connection, socket_paths, write_connection
from batos.clock import Clock, SystemClock
from batos.errors import BatosError, BridgeError
from batos.runtime.lock import DaemonLock

log = logging.getLogger(__name__)


def _nothing() -> None:
    """What a daemon does that is not to be ended over the bridge."""


class BridgeServer:
    """Serves one image over `ipc://`, one socket per role, from `start` to `close`; also a context manager.

    `on_shutdown` is called in the bridge's own thread when the owner asks the daemon to end: it returns at once and
    leaves calling `close` to another thread. `lock` is one that the caller already holds; without it the server takes
    its own and gives it back.
    """

    def __init__(
        self,
        system: System,
        image_path: Path,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        on_shutdown: Callable[[], None] = _nothing,
        lock: DaemonLock | None = None,
    ) -> None:
        self.instance = uuid4().hex
        self._image_path = image_path
        self._clock = clock or SystemClock()
        self._loop = BridgeLoop(system, self.instance, self._clock, limits or Limits(), on_shutdown)
        self._own_lock = DaemonLock(image_path) if lock is None else None
        self._ready: Future[None] = Future()
        self._thread: Thread | None = None
        self._connection: ConnectionFile | None = None

    def start(self) -> ConnectionFile:
        """Bind the sockets and write the connection file; returns when clients can connect.

        Raises ImageBusy where another daemon serves this image, BridgeError where a path cannot be used.
        """
        if self._own_lock is not None:
            self._own_lock.acquire()
        try:
            paths = socket_paths(self._image_path)
            roles = {role: endpoint_of(path) for role, path in paths.items()}
            self._connection = ConnectionFile(
                endpoint=roles["owner"],
                pid=os.getpid(),
                started=self._clock.now(),
                instance=self.instance,
                roles=roles,
            )
            self._thread = Thread(target=self._run, args=(paths, self._connection), name="batos-bridge", daemon=True)
            self._thread.start()
            self._ready.result()
        except BaseException:
            self.close()
            raise
        return self._connection

    def _run(self, paths: Mapping[Role, Path], connection: ConnectionFile) -> None:
        def bound() -> None:
            write_connection(self._image_path, connection)  # before any client is answered: it compares the instance
            self._ready.set_result(None)

        try:
            asyncio.run(self._loop.serve(paths, bound))
        except BaseException as error:
            if self._ready.done():
                log.critical("The bridge has ended because of an error.", exc_info=error)
            elif isinstance(error, BatosError):
                self._ready.set_exception(error)
            else:
                self._ready.set_exception(BridgeError(reason=f"its sockets could not be opened: {error}."))

    def close(self) -> None:
        """Answer what is open, close the sockets, take the files back. Calling it again does nothing."""
        if self._thread is not None:
            wait([self._ready])
            self._loop.stop()
            self._thread.join()
            self._thread = None
        if self._connection is not None:
            remove_connection(self._image_path, self._connection)
            self._connection = None
        if self._own_lock is not None:
            self._own_lock.release()

    def __enter__(self) -> BridgeServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
