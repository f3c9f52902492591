"""What this machine offers, and what it lacks: the sandbox's walls, the confinement of windows, drawing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from ctypes.util import find_library
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from batos.errors import BatosError
from batos.methods.sandbox import Sandbox

CONFINING = {"bwrap": "bubblewrap", "prlimit": "util-linux"}  # programs and the packages that bring them
DRAWING = {"GL": "libgl1", "EGL": "libegl1", "GLESv2": "libgles2"}  # libraries, likewise


@dataclass(frozen=True)
class Finding:
    """`missing` is what could be there and the image can live without; `wrong` is to be mended. `mended` says that it
    was wrong, and has been made again."""

    what: str
    standing: Literal["sound", "missing", "wrong", "mended"]
    says: str


def examine_machine() -> Iterator[Finding]:
    yield from _sandbox()
    yield _confinement()
    yield _drawing()


def _sandbox() -> Iterator[Finding]:
    try:
        with Sandbox() as sandbox:
            first, second = sandbox.walls()
    except (BatosError, OSError, RuntimeError) as error:
        yield Finding("sandbox", "wrong", f"it does not start: {error}")
        return
    yield Finding("sandbox", "sound", first)
    yield Finding("second wall", "missing" if "not wrapped" in second else "sound", second)


def _confinement() -> Finding:
    lacking = [package for program, package in CONFINING.items() if not shutil.which(program)]
    if lacking:
        says = f"a generated window is never run unconfined; type `apt-get install {' '.join(lacking)}`."
        return Finding("confinement", "missing", says)
    return Finding("confinement", "sound", "bubblewrap confines the generated window.")


def _drawing() -> Finding:
    if find_spec("kivy") is None:
        return Finding("drawing", "missing", "the window needs Kivy; type `pip install 'batos[ui]'`.")
    lacking = [package for library, package in DRAWING.items() if find_library(library) is None]
    if lacking:
        says = f"the window needs OpenGL; type `apt-get install libgl1-mesa-dri {' '.join(lacking)}`."
        return Finding("drawing", "missing", says)
    return Finding("drawing", "sound", "Kivy and OpenGL are there for the window.")
