"""Environments of their own for the peers that are measured beside batos, under `benchmarks/.environments`.

A peer never enters batos's own environment: its dependencies would decide about ours.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / ".environments"
INSTALL_SECONDS = 600

LANGGRAPH = ("langgraph>=1.2.22,<1.3", "langgraph-checkpoint-sqlite>=3.1.2,<3.2")
DBOS = ("dbos>=3.4,<3.5",)


class NotInstalled(Exception):
    """A peer that is not here: not installed yet in a quick run, or it could not be installed."""


def python_with(name: str, packages: Sequence[str], *, install: bool = True) -> Path:
    """The interpreter of the environment `name` that has `packages`, made if it may be. Raises `NotInstalled`."""
    folder = FOLDER / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = hashlib.sha256("\n".join(packages).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted and python.exists():
        return python
    if not install:
        raise NotInstalled(f"{name} is not installed yet; a run without --quick installs it")
    print(f"installing {', '.join(packages)}", file=sys.stderr, flush=True)
    venv.create(folder, clear=True, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        reason = (error.stderr or str(error)).strip().splitlines()[-1:]
        raise NotInstalled(f"{name} could not be installed: {' '.join(map(str, reason))}") from None
    stamp.write_text(wanted)
    return python


def answer_of(command: Sequence[str | Path], **options: Any) -> Any:
    """What a child process printed as JSON on its last line. Its other output and its errors are shown if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
