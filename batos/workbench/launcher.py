"""Running a generated program where it can do no harm: under bubblewrap, off screen or on a display.

Covered: no network, no files but the interpreter, batos and the program itself, all read-only, one directory for its
report, one socket of the bridge with the rights of its role; bounds on memory, processor time, open files and written
bytes; nothing outlives the launcher. Not covered: on an X server a program can watch and type into other programs'
windows; the number of processes is not bounded; there is no filter on system calls.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from batos.errors import MissingExtra, WorkbenchNotRun

PROGRAM, SOCKETS, OUT, HOME = "/app", "/ipc", "/out", "/home"
SIZE = (1280, 800)

KIVY = {
    "KIVY_NO_ARGS": "1",
    "KIVY_NO_FILELOG": "1",
    "KIVY_LOG_MODE": "PYTHON",  # leaves standard error alone, so that a traceback is found there
    "KIVY_HOME": f"{HOME}/.kivy",
    "KCFG_KIVY_LOG_LEVEL": "warning",
    "KCFG_KIVY_EXIT_ON_ESCAPE": "0",
    "KCFG_GRAPHICS_WIDTH": str(SIZE[0]),
    "KCFG_GRAPHICS_HEIGHT": str(SIZE[1]),
    "KCFG_GRAPHICS_MULTISAMPLES": "0",  # the kit's shapes are smooth by themselves
    "KCFG_GRAPHICS_MAXFPS": "30",
    "KCFG_INPUT_MOUSE": "mouse,disable_multitouch",
}

MIB = 1 << 20
STDERR_KEPT = 2000  # characters


@dataclass(frozen=True)
class Bounds:
    """What a program may use. `seconds`: wall time, None for a window that a person closes."""

    seconds: float | None = 60.0
    processor_seconds: int | None = 120
    memory_mib: int = 6144  # of address space, of which the drawing library reserves more than it uses
    written_mib: int = 32
    files: int = 256


@dataclass(frozen=True)
class Place:
    """Where a program runs. `endpoint` is the bridge's, outside; `out` a directory it may write to, or None."""

    program: Path
    endpoint: str | None
    out: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    display: str | None = None


@dataclass(frozen=True)
class Ended:
    """How a program ended. `status` is None where it was ended because its time was up."""

    status: int | None
    said: str


def run_program(place: Place, bounds: Bounds = Bounds()) -> Ended:
    """Run a program confined and wait for its end.

    Raises WorkbenchNotRun where this machine cannot confine one, MissingExtra without Kivy.
    """
    command = confined_command(place, bounds)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PATH": os.defpath},
        start_new_session=True,  # Ctrl-C is for us: a program that it ended would look like one that failed
    )
    try:
        _, said = process.communicate(timeout=bounds.seconds)
        status: int | None = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()  # bubblewrap takes everything in it along
        _, said = process.communicate()
        status = None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    text = said.decode("utf-8", "replace")[-STDERR_KEPT:].strip()
    if status not in (0, None) and text.startswith("bwrap:"):
        raise WorkbenchNotRun(reason=f"bubblewrap cannot confine it ({text}). Allow user namespaces, then try again.")
    return Ended(status, text)


def confined_command(place: Place, bounds: Bounds) -> list[str]:
    """The whole command line: bounds, confinement, interpreter, program."""
    if find_spec("kivy") is None:
        raise MissingExtra(feature="The workbench", extra="ui")
    return [
        *_bounded(bounds),
        *_walls(),
        *_visible(place),
        *_environment(place),
        sys.executable, "-P", "-s", "-B", f"{PROGRAM}/{place.program.name}",
    ]  # fmt: skip


def _bounded(bounds: Bounds) -> Iterator[str]:
    yield _tool("prlimit", "util-linux")
    yield f"--as={bounds.memory_mib * MIB}"
    yield f"--fsize={bounds.written_mib * MIB}"
    yield f"--nofile={bounds.files}"
    yield "--core=0"
    if bounds.processor_seconds is not None:
        yield f"--cpu={bounds.processor_seconds}"


def _walls() -> Iterator[str]:
    yield _tool("bwrap", "bubblewrap")
    yield from ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
    yield from ("--uid", "1000", "--gid", "1000", "--hostname", "workbench", "--clearenv")
    yield from ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", HOME)


def _visible(place: Place) -> Iterator[str]:
    """What can be seen from inside, everything but `out` read-only."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ("/bin", "/lib", "/lib64"):
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.exists():
            yield from ("--ro-bind", name, name)
    for name in ("/etc/fonts", "/etc/ld.so.cache", "/etc/glvnd", "/etc/alternatives"):
        yield from ("--ro-bind-try", name, name)
    for path in interpreter_paths():
        yield from ("--ro-bind", str(path), str(path))
    yield from ("--ro-bind", str(place.program.parent), PROGRAM, "--chdir", PROGRAM)
    if place.endpoint is not None:
        yield from ("--ro-bind", str(_socket(place.endpoint).parent), SOCKETS)
    if place.out is not None:
        yield from ("--bind", str(place.out), OUT)
    if place.display is not None:
        yield from _display_paths(place.display)


def _environment(place: Place) -> Iterator[str]:
    variables = {
        "PATH": "/usr/bin",
        "HOME": HOME,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(package_path().parent),
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "SDL_VIDEODRIVER": "offscreen" if place.display is None else "x11",
        **KIVY,
        **place.environment,
    }
    if place.endpoint is not None:
        variables["BATOS_BRIDGE_ENDPOINT"] = f"ipc://{SOCKETS}/{_socket(place.endpoint).name}"
    if place.display is not None:
        variables["DISPLAY"] = place.display
        if "XAUTHORITY" in os.environ:
            variables["XAUTHORITY"] = f"{SOCKETS}.Xauthority"
    for name, value in variables.items():
        yield from ("--setenv", name, value)


def interpreter_paths() -> list[Path]:
    """The directories that this interpreter, its packages and batos are in, without those inside another or /usr."""
    given = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent, package_path()}
    given |= {Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))}
    wanted = sorted({path for path in given | {path.resolve() for path in given} if path.is_dir()})
    kept: list[Path] = [Path("/usr")]
    for path in wanted:  # sorted, so that a directory comes before what is in it
        if not any(path.is_relative_to(outer) for outer in kept):
            kept.append(path)
    return kept[1:]


def package_path() -> Path:
    return Path(__file__).parent.parent


def usable_display() -> str | None:
    """The X display on this machine, as DISPLAY has it; None without one that a confined program can reach."""
    display = os.environ.get("DISPLAY", "")
    return display if display and _display_socket(display).exists() else None


def _display_socket(display: str) -> Path:
    number = display.rpartition(":")[2].partition(".")[0]
    return Path(f"/tmp/.X11-unix/X{number}")


def _display_paths(display: str) -> Iterator[str]:
    socket = str(_display_socket(display))
    yield from ("--dir", "/tmp/.X11-unix", "--ro-bind", socket, socket)
    if "XAUTHORITY" in os.environ:
        yield from ("--ro-bind-try", os.environ["XAUTHORITY"], f"{SOCKETS}.Xauthority")


def _socket(endpoint: str) -> Path:
    scheme, _, path = endpoint.partition("://")
    if scheme != "ipc" or not path.startswith("/"):
        raise WorkbenchNotRun(reason=f"a confined window reaches the bridge by an ipc socket only, not by {endpoint}.")
    return Path(path)


def _tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        where = f"install it with `apt-get install {package}`" if sys.platform == "linux" else "it exists on Linux only"
        reason = f"{package} is missing, and a generated program is never run unconfined; {where}."
        raise WorkbenchNotRun(reason=reason)
    return found
