"""One daemon per image: a lock that the kernel gives back when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from batos.bridge.rundir import private_directory
from batos.errors import ImageBusy

LOCK_NAME = "daemon.lock"


class DaemonLock:
    """Held by the daemon of the image at `path` from `acquire` to `release`; also a context manager."""

    def __init__(self, image_path: Path) -> None:
        self._image_path = image_path
        self._file: int | None = None

    def acquire(self) -> DaemonLock:
        """Take the lock. Raises ImageBusy with the other daemon's process id where it is taken."""
        path = private_directory(self._image_path / "run") / LOCK_NAME
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            reason = f"a daemon is already running on it (process {holder}). Use that one, or end it first."
            raise ImageBusy(path=self._image_path, reason=reason) from None
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode("ascii"))
        self._file = file
        return self

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two daemons lock two files of one name."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> DaemonLock:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
