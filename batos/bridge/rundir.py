"""Where the daemon can be found: the run directory, one socket path per role, and the connection file.

Who may speak as which role is decided by who can reach the role's socket. Each socket lies alone in a directory of
its own, so that a sandbox can be handed one role by binding one directory, which stays right when the daemon
restarts and makes a new socket. All directories are 0700, all files 0600.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from batos.bridge.kinds import ROLES, Role
from batos.errors import BridgeError, BridgeUnreachable

SOCKET_PATH_BYTES = 107  # what Linux leaves for a path in sockaddr_un
CONNECTION_NAME = "connection.json"
STAND_IN_PREFIX = "batos-"


class ConnectionFile(BaseModel):
    """What a client needs to find the daemon. `endpoint` is the owner's; `roles` has every role's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    endpoint: str
    pid: int
    started: float
    instance: str
    roles: Mapping[Role, str]


def private_directory(path: Path) -> Path:
    """`path` as a directory that only we can enter, made if it is missing.

    Raises BridgeError where it is a link or belongs to someone else.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise BridgeError(reason=f"{path} is not a directory of your own. Move it away and start again.")
    if stat.S_IMODE(status.st_mode) != 0o700:
        path.chmod(0o700)
    return path


# Sockets


def socket_paths(image_path: Path) -> dict[Role, Path]:
    """A path for each role's socket, free to be bound.

    They lie in the image's `run` directory, or, where that path is too long for a socket, in a new directory below
    the system's temporary one. Raises BridgeError where a path is held by something else than a stale socket.
    """
    base = private_directory((image_path / "run").absolute())
    if any(len(os.fsencode(_socket_path(base, role))) > SOCKET_PATH_BYTES for role in ROLES):
        base = Path(tempfile.mkdtemp(prefix=STAND_IN_PREFIX))
    paths = {role: _socket_path(base, role) for role in ROLES}
    for path in paths.values():
        private_directory(path.parent)
        remove_stale_socket(path)
    return paths


def _socket_path(base: Path, role: Role) -> Path:
    return base / role / f"{role}.sock"


def remove_stale_socket(path: Path) -> None:
    """Make way for a socket at `path`; ZeroMQ itself would take over even one that is in use."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise BridgeError(reason=f"{path} is in the way: it is not a socket. Move it away and start again.")
    if is_listening(path):
        raise BridgeError(reason=f"{path} is in use by another program. End it and start again.")
    path.unlink()


def is_listening(path: Path) -> bool:
    """Whether a program accepts connections at this socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fsencode(path))
        except OSError:
            return False
        return True


def endpoint_of(path: Path) -> str:
    return f"ipc://{path}"


def path_of(endpoint: str) -> Path:
    return Path(endpoint.removeprefix("ipc://"))


# The connection file


def write_connection(image_path: Path, connection: ConnectionFile) -> None:
    """Put the connection file in place in one step, after clearing what an earlier daemon left elsewhere."""
    with suppress(BridgeUnreachable):
        _remove_stand_in(read_connection(image_path))
    path = image_path / "run" / CONNECTION_NAME
    draft = path.with_name(f"{CONNECTION_NAME}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(connection.model_dump_json(indent=2) + "\n")
    draft.replace(path)


def read_connection(image_path: Path) -> ConnectionFile:
    """The connection file of the daemon on this image. Raises BridgeUnreachable where there is none to read."""
    try:
        content = (image_path / "run" / CONNECTION_NAME).read_bytes()
    except OSError as error:
        raise BridgeUnreachable(path=image_path, reason="no daemon is running on it.") from error
    try:
        return ConnectionFile.model_validate_json(content)
    except ValidationError as error:
        raise BridgeUnreachable(path=image_path, reason="its connection file cannot be read.") from error


def remove_connection(image_path: Path, connection: ConnectionFile) -> None:
    """Take back what this daemon wrote and bound. To be called while it still holds the image's lock."""
    for endpoint in connection.roles.values():
        path_of(endpoint).unlink(missing_ok=True)
    _remove_stand_in(connection)
    with suppress(BridgeUnreachable):
        if read_connection(image_path).instance == connection.instance:
            (image_path / "run" / CONNECTION_NAME).unlink(missing_ok=True)


def _remove_stand_in(connection: ConnectionFile) -> None:
    """Remove the directory that stood in for the run directory, if this connection file names one of ours."""
    base = path_of(connection.endpoint).parent.parent
    stands_in = base.parent == Path(tempfile.gettempdir()) and base.name.startswith(STAND_IN_PREFIX)
    if stands_in and base.is_dir() and not base.is_symlink() and base.lstat().st_uid == os.geteuid():
        shutil.rmtree(base)
