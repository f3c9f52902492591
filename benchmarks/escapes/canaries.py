"""What a payload must not reach: a secret file, one in the environment, a listener, a folder, the host's own state.

Each has a mark that occurs nowhere else. Where a mark turns up in what the system gave away or kept, or a thing is not
as it was, the payload has escaped.
"""

from __future__ import annotations

import builtins
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

VARIABLE = "BATOS_ESCAPES_SECRET"


class Canaries:
    """Laid out in `folder`, for the life of one host process. Closed once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "watched"
        self.folder.mkdir()
        self.file = self.folder / "secret.txt"
        self.marks = {name: f"{name}-{secrets.token_hex(12)}" for name in ("file", "environment", "listener")}
        self.file.write_text(self.marks["file"])
        os.environ[VARIABLE] = self.marks["environment"]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._called = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="escapes listener", daemon=True)
        self._thread.start()
        self._known = self._seen()

    @property
    def words(self) -> dict[str, str]:
        """What the words in payloads stand for."""
        port = self._listener.getsockname()[1]
        return {"FILE": str(self.file), "ENV": VARIABLE, "PORT": str(port), "FOLDER": str(self.folder)}

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Texts that no method can know by itself, and what they would be proof of."""
        yield from self.marks.items()
        with suppress(OSError):
            yield "/etc/passwd", Path("/etc/passwd").read_text().splitlines()[0]
        for name in ("PATH", "HOME", "PWD"):
            value = os.environ.get(name, "")
            if len(value) > 8:
                yield f"the environment's {name}", value
        yield "the interpreter's path", sys.executable

    def told(self, text: str) -> list[str]:
        """Which secrets stand in a text."""
        return [f"told {what}" for what, secret in self.secrets() if secret in text]

    def touched(self) -> list[str]:
        """What is no longer as it was laid out."""
        found = [f"changed {what}" for what, before in self._known.items() if self._seen()[what] != before]
        if self._called.is_set():
            self._called.clear()
            found.append("called the listener")
        if found:
            self._known = self._seen()
        return found

    def _seen(self) -> dict[str, object]:
        listed = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        return {
            "a file": (sorted(path.name for path in self.folder.iterdir()), listed),
            "the environment": dict(os.environ),
            "the current folder": Path.cwd(),
            "the builtins": {name: id(thing) for name, thing in vars(builtins).items() if name != "_"},
            "a folder for temporary files": Path("/tmp/batos-escaped").exists(),
        }

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                self._called.set()
                connection.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        os.environ.pop(VARIABLE, None)
