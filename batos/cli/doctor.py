"""What `batos doctor` looks at: the image record by record, its methods, its index, and what this machine offers.

It changes nothing. It reads every record there is, so it takes as long as the image is large.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from ctypes.util import find_library
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from batos.errors import BatosError, RecordRefused

if TYPE_CHECKING:
    from batos.image.loading import Record
    from batos.runtime.uvm import Uvm

METHOD = ("batos.objects.records", "Method")
MOST_NAMED = 5
DRAWING = {"GL": "libgl1", "EGL": "libegl1", "GLESv2": "libgles2"}  # libraries and the packages that bring them


@dataclass(frozen=True)
class Finding:
    """`missing` is what this machine lacks and the image can live without; `wrong` is to be mended."""

    what: str
    standing: Literal["sound", "missing", "wrong"]
    says: str


def examine(uvm: Uvm) -> list[Finding]:
    """Everything that doctor looks at, in the order in which it is told."""
    records, refused = _records(uvm)
    return [
        _privacy(uvm),
        _loading(len(records), refused),
        _methods(records),
        _index(uvm),
        _receipts(uvm),
        *_sandbox(),
        _confinement(),
        _drawing(),
    ]


def _found(what: str, problems: list[str], sound: str) -> Finding:
    if not problems:
        return Finding(what, "sound", sound)
    more = f" And {len(problems) - MOST_NAMED} more." if len(problems) > MOST_NAMED else ""
    return Finding(what, "wrong", " ".join(problems[:MOST_NAMED]) + more)


def _privacy(uvm: Uvm) -> Finding:
    mode = stat.S_IMODE(uvm.image.path.stat().st_mode)
    problems = [f"others can enter {uvm.image.path}; type `chmod 700 {uvm.image.path}`."] if mode & 0o077 else []
    return _found("image", problems, f"{uvm.image.path} opens, and nobody else can enter it.")


def _records(uvm: Uvm) -> tuple[list[Record], list[str]]:
    """Every record of the whole history through the safe loader, and what it refused."""
    from batos.image.loading import read_record

    records, refused = [], []
    for logged in uvm.image.db.storage.iterator():
        for stored in logged:
            if stored.data:
                try:
                    records.append(read_record(stored.data))
                except RecordRefused as error:
                    refused.append(f"object {stored.oid.hex()} of change {logged.tid.hex()}: {error}")
                except Exception as error:
                    what = f"{type(error).__name__}: {error}"
                    refused.append(f"object {stored.oid.hex()} of change {logged.tid.hex()} cannot be read ({what}).")
    return records, refused


def _loading(number: int, refused: list[str]) -> Finding:
    return _found("records", refused, f"all {number}, the past included, name only classes that images may hold.")


def _methods(records: list[Record]) -> Finding:
    """Every version that was ever installed, by the guardian as it is today."""
    from batos.methods.guardian import audit

    sources = [record.state for record in records if record.kind == METHOD and record.state.get("source")]
    problems = []
    for method in sources:
        result = audit(method["source"], method["selector"], facet=_is_facet(method))
        if not result.passed:
            problems.append(f"{method['selector']} version {method['version']}: {result.reason}")
    return _found("methods", problems, f"all {len(sources)} written ones pass the guardian of today.")


def _is_facet(method: dict[str, Any]) -> bool:
    contract = method["contract"]
    return bool(method["selector"].endswith("_facet_") and contract.get("intent") and not contract.get("examples"))


def _index(uvm: Uvm) -> Finding:
    from batos.memory.catalog import documents

    with uvm.image.reading() as world:
        chunks = [len(document.chunks) for document in documents(world)]
    found = uvm.searcher.statistics()
    held, kept = _amount(found.documents, found.chunks), _amount(len(chunks), sum(chunks))
    wrong = f"it holds {held}, the catalog {kept}; delete {uvm.image.path / 'index'}, it is made again."
    return _found("index", [wrong] if held != kept else [], f"it agrees with the catalog: {held}.")


def _amount(documents: int, chunks: int) -> str:
    return f"{documents} documents with {chunks} passages"


def _receipts(uvm: Uvm) -> Finding:
    with uvm.image.reading() as world:
        lost = [found.id for found in uvm.store.list("done", limit=10_000) if found.id not in world.receipts]
    problems = [f"mission {identity} is done, but the image has no receipt of it; it runs again." for identity in lost]
    return _found("missions", problems, "each that is done has its receipt in the image.")


def _sandbox() -> Iterator[Finding]:
    from batos.methods.sandbox import Sandbox

    try:
        with Sandbox() as sandbox:
            first, second = sandbox.walls()
    except (BatosError, OSError, RuntimeError) as error:
        yield Finding("sandbox", "wrong", f"it does not start: {error}")
        return
    yield Finding("sandbox", "sound", first)
    yield Finding("second wall", "missing" if "not wrapped" in second else "sound", second)


def _confinement() -> Finding:
    lacking = [
        package for tool, package in (("bwrap", "bubblewrap"), ("prlimit", "util-linux")) if not shutil.which(tool)
    ]
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
