"""Which methods a person on this machine has approved to run in process, outside the sandbox, and which tools
sandboxed methods may use without asking again.

The mark `trusted` is part of the image, and an image from elsewhere may say what it likes. What counts is this list:
the hashes of approved sources, in a file of the user's own, outside every image.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from pathlib import Path

from batos.errors import SettingRefused
from batos.objects.records import Method

DIGITS = frozenset("0123456789abcdef")


def default_path() -> Path:
    """`$XDG_STATE_HOME/batos/approvals.json`, by default below `~/.local/state`."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "batos" / "approvals.json"


class Approvals:
    """The list in the file `path`. Safe from any thread; approvals of other processes are seen when asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._stamp: tuple[int, int] | None = None

    def vouch(self, method: Method) -> bool:
        """Whether exactly this source was approved here."""
        digest = _digest(method)
        return digest in self._known or digest in self._read()

    def approve(self, method: Method) -> None:
        """Approve the method's source, durably."""
        self._add(_digest(method))

    def _add(self, digest: str) -> None:
        with self._lock:
            approved = sorted(self._read() | {digest})
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(dir=self.path.parent)
            with os.fdopen(handle, "w") as file:
                json.dump(approved, file, indent=0)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)

    def grant(self, image: str, tool: str, receiver: str) -> None:
        """Allow sandboxed methods to use a tool of one object of one image from now on, durably."""
        self._add(_granted(image, tool, receiver))

    def granted(self, image: str, tool: str, receiver: str) -> bool:
        digest = _granted(image, tool, receiver)
        return digest in self._known or digest in self._read()

    def _read(self) -> frozenset[str]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return frozenset()
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._known = _checked(self.path)
            self._stamp = stamp
        return self._known


def _digest(method: Method) -> str:
    return hashlib.sha256(f"{method.selector}\n{method.source}".encode()).hexdigest()


def _granted(image: str, tool: str, receiver: str) -> str:
    return hashlib.sha256(f"tool\n{image}\n{tool}\n{receiver}".encode()).hexdigest()


def _checked(path: Path) -> frozenset[str]:
    try:
        hashes = json.loads(path.read_text())
    except ValueError:
        hashes = None
    if not isinstance(hashes, list) or not all(isinstance(item, str) and set(item) <= DIGITS for item in hashes):
        raise SettingRefused(name="approvals", value=str(path), reason="the file is damaged; move it away.")
    return frozenset(hashes)
