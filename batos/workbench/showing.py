"""An accepted workbench for people: in a window, or as a picture. Both want the daemon of the image."""

from __future__ import annotations

import tempfile
from pathlib import Path

from batos.errors import WorkbenchNotRun, WorkbenchRefused
from batos.workbench.acceptance import PROGRAM_NAME, SAMPLE_QUERY, Acceptance, accept, last_error, reachable
from batos.workbench.audit import audit
from batos.workbench.launcher import Bounds, Place, run_program, usable_display


def render(source: str, image_path: Path, png_path: Path, query: str = SAMPLE_QUERY) -> Acceptance:
    """Put a program through acceptance and save its picture. Raises what `accept` raises, and BridgeUnreachable."""
    with reachable(image_path) as endpoint:
        accepted = accept(source, endpoint, query)
    png_path.write_bytes(accepted.picture)
    return accepted


def launch(source: str, image_path: Path) -> None:
    """Show a program and wait until its window is closed. The window ends with the thread that called this.

    Raises WorkbenchRefused where the audit refuses it or it ends badly, WorkbenchNotRun without a display or
    bubblewrap, BridgeUnreachable without a daemon.
    """
    audit(source)
    display = usable_display()
    if display is None:
        raise WorkbenchNotRun(reason="there is no display that a confined window can reach. Use `--headless`.")
    with tempfile.TemporaryDirectory(prefix="batos-workbench-") as folder, reachable(image_path) as endpoint:
        program = Path(folder) / PROGRAM_NAME
        program.write_text(source, encoding="utf-8")
        place = Place(program=program, endpoint=endpoint, display=display)
        ended = run_program(place, Bounds(seconds=None, processor_seconds=None))
    if ended.status != 0:
        raise WorkbenchRefused(reason=f"it ended with status {ended.status}. {last_error(ended.said)}")
