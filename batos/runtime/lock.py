"""One daemon per image: a lock that the kernel gives back when its process ends, however it ends.

Who holds it works the image's missions and serves its bridge. Others ask `is_held` whether to wait for that daemon
instead of working themselves.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from batos.errors import BridgeError, ImageBusy, ImageUnwritable

LOCK_NAME = "daemon.lock"
TRIES = 500  # whoever asks `is_held` shares the lock for an instant, which is no daemon: try again
PAUSE_SECONDS = 0.002


class DaemonLock:
    """Held by the daemon of the image at `path` from `acquire` to `release`; also a context manager."""

    def __init__(self, image_path: Path) -> None:
        self._image_path = image_path
        self._file: int | None = None

    def acquire(self) -> DaemonLock:
        """Take the lock.

        Raises ImageBusy with the other daemon's process id where it is taken, BridgeError where its place is a link,
        ImageUnwritable where it cannot be made.
        """
        file = self._open()
        if not _locked(file):
            holder = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            reason = f"a daemon is already running on it (process {holder}). Use that one, or end it first."
            raise ImageBusy(path=self._image_path, reason=reason)
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode("ascii"))
        self._file = file
        return self

    def _open(self) -> int:
        folder = self._image_path / "run"
        if folder.is_symlink():
            raise BridgeError(reason=f"{folder} is not a directory of your own. Move it away and start again.")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            reason = f"{folder / LOCK_NAME}: {error.strerror}."
            raise ImageUnwritable(path=self._image_path, reason=reason) from None

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


def _locked(file: int) -> bool:
    """Take the lock for this process alone; False where a daemon has it, which those who only ask never look like."""
    for _ in range(TRIES):
        if _taken(file, fcntl.LOCK_EX):
            return True
        if not _taken(file, fcntl.LOCK_SH):
            return False
        fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(PAUSE_SECONDS)
    return False


def _taken(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(image_path: Path) -> bool:
    """Whether a daemon serves the image at `image_path` now, in this process or another."""
    try:
        file = os.open(image_path / "run" / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return not _taken(file, fcntl.LOCK_SH)
    finally:
        os.close(file)
