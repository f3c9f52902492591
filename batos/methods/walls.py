"""The second wall: the sandbox's workers run under bubblewrap where it works, and see nothing but themselves."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/etc/ld.so.cache")
PROBE_SECONDS = 10.0


@dataclass(frozen=True)
class Wall:
    """Whether workers are wrapped; `script` is the program that starts one, `says` a sentence for `batos doctor`."""

    script: Path | None
    says: str


def build(worker: Path, folder: Path) -> Wall:
    """Write the starting script into `folder` if bubblewrap works here, and say what stands."""
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        return Wall(None, "Workers are not wrapped: bubblewrap is not installed (`apt install bubblewrap`).")
    command = _command(bubblewrap, worker)
    try:
        probe = subprocess.run([*command, worker, "--version"], capture_output=True, timeout=PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Wall(None, f"Workers are not wrapped: bubblewrap does not start here ({error}).")
    if probe.returncode != 0:
        reason = probe.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        return Wall(None, f"Workers are not wrapped: bubblewrap does not work here ({reason[0]}).")
    script = folder / "worker"
    script.write_text(f'#!/bin/sh\nexec {shlex.join([*command, str(worker)])} "$@"\n', encoding="utf-8")
    script.chmod(0o700)
    return Wall(script, "Workers run under bubblewrap: no network, no environment, no files but system libraries.")


def _command(bubblewrap: str, worker: Path) -> list[str]:
    shown = [part for path in LIBRARIES if Path(path).exists() for part in ("--ro-bind", path, path)]
    return [
        bubblewrap, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",  # first: the worker itself may lie there
        *shown, "--ro-bind", str(worker), str(worker),
        "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
    ]  # fmt: skip
