"""Whether a generated workbench is accepted: it is audited, rehearsed off screen with a real search, and looked at.

A program that fails any of the three is refused with the reason. What the rehearsal reports is written by a process
that runs the program itself, so it is compared with what a client outside gets for the same search, and the picture
is judged from its pixels.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batos.bridge.client import BridgeClient
from batos.bridge.kinds import Role
from batos.bridge.rundir import is_listening, path_of, read_connection
from batos.bridge.server import BridgeServer
from batos.errors import BridgeError, BridgeUnreachable, WorkbenchRefused
from batos.workbench.audit import audit
from batos.workbench.launcher import OUT, PROGRAM, SIZE, Bounds, Ended, Place, run_program
from batos.workbench.picture import Look, look_at, png

PROGRAM_NAME = "workbench.py"
REHEARSAL_SECONDS = 40.0
PATIENCE_SECONDS = 12.0  # for any one thing that the rehearsal waits for
SAMPLE_QUERY = "how is a learned method undone"
ERROR_LINE = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Refused|Extra)\b.*$", re.MULTILINE)
ROLE: Role = "workbench"


class ReportedHit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    chunk: int
    score: float
    text: str


class Report(BaseModel):
    """What the rehearsal saw. `failure` is the reason why it ended early; what comes after it is then missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    panels: tuple[str, ...] = ()
    failure: str | None = None
    busy: str = ""
    states: tuple[str, ...] = ()
    count: int = 0
    hits: tuple[ReportedHit, ...] = ()
    status: str = ""
    error: str = ""
    size: tuple[Annotated[int, Field(ge=1, le=8192)], Annotated[int, Field(ge=1, le=8192)]] = SIZE


@dataclass(frozen=True)
class Acceptance:
    """What an accepted program showed: the report of its rehearsal, how its picture looks, and the picture as PNG."""

    report: Report
    look: Look
    picture: bytes


class Workplace(Protocol):
    """What the runtime hands to whoever performs a need: the image, and the system that a bridge can serve."""

    image: Any
    system: Any


def accept(source: str, endpoint: str, query: str = SAMPLE_QUERY) -> Acceptance:
    """Put a program through all three steps against the bridge at `endpoint`.

    Raises WorkbenchRefused with what failed; BridgeError where the bridge itself does not answer.
    """
    audit(source)
    expected = _expected(endpoint, query)
    with tempfile.TemporaryDirectory(prefix="batos-workbench-") as folder:
        ended, out = _rehearse(source, endpoint, query, Path(folder))
        report = _read_report(ended, out)
        _check_report(report, ended, expected)
        look, picture = _judge_picture(report, out)
    return Acceptance(report, look, picture)


def _rehearse(source: str, endpoint: str, query: str, folder: Path) -> tuple[Ended, Path]:
    program, out = folder / "program", folder / "out"
    program.mkdir()
    out.mkdir()
    (program / PROGRAM_NAME).write_text(source, encoding="utf-8")
    script = {
        "query": query,
        "pixels": f"{OUT}/pixels",
        "report": f"{OUT}/report.json",
        "seconds": REHEARSAL_SECONDS,
        "patience": PATIENCE_SECONDS,
    }
    (program / "rehearsal.json").write_text(json.dumps(script), encoding="utf-8")
    environment = {"BATOS_WORKBENCH_REHEARSAL": f"{PROGRAM}/rehearsal.json"}
    place = Place(program=program / PROGRAM_NAME, endpoint=endpoint, out=out, environment=environment)
    return run_program(place, Bounds(seconds=REHEARSAL_SECONDS + 20)), out


def _read_report(ended: Ended, out: Path) -> Report:
    path = out / "report.json"
    if path.is_symlink() or not path.is_file():
        how = "was still running when its time was up" if ended.status is None else f"ended with status {ended.status}"
        raise WorkbenchRefused(reason=f"it {how} and reported nothing. {last_error(ended.said)}")
    try:
        return Report.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise WorkbenchRefused(reason="its report cannot be read.") from error


def _check_report(report: Report, ended: Ended, expected: list[tuple[str, int]]) -> None:
    """Compare what the program showed with what it had to show."""
    shown = [(hit.document, hit.chunk) for hit in report.hits]
    complaints = (
        (report.failure is not None, f"{report.failure}"),
        (ended.status != 0, f"it ended with status {ended.status}. {last_error(ended.said)}"),
        ("busy" not in report.states or not report.busy, "it does not show that it is searching."),
        (report.states[-2:] != ("busy", "error") or not report.error, "it does not show a refusal as an error."),
        (not report.hits, "the search in it showed no hits."),
        (any(not hit.text.strip() for hit in report.hits), "it shows a hit without its text."),
        (shown != expected, f"it shows other hits than the bridge gives: {shown} instead of {expected}."),
        (str(len(shown)) not in report.status, f"it does not say how many hits there are: {report.status!r}."),
    )
    for is_wrong, reason in complaints:
        if is_wrong:
            raise WorkbenchRefused(reason=reason)


def _expected(endpoint: str, query: str) -> list[tuple[str, int]]:
    """What a client outside gets for the same search; it has to be something, else showing it would prove nothing."""
    if not is_listening(path_of(endpoint)):
        raise BridgeError(reason=f"nobody listens at {endpoint}. Start a daemon with `batos run`.")
    with BridgeClient.at(path_of(endpoint), name="acceptance") as client:
        found = client.request("search_memory", query=query)
    if not found.results:
        raise WorkbenchRefused(reason=f"memory finds nothing for {query!r}, so that showing it would prove nothing.")
    return [(hit.chunk.document_id, hit.chunk.chunk_index) for hit in found.results]


def _judge_picture(report: Report, out: Path) -> tuple[Look, bytes]:
    path = out / "pixels"
    if path.is_symlink() or not path.is_file():
        raise WorkbenchRefused(reason="it made no picture.")
    pixels = path.read_bytes()
    try:
        look = look_at(pixels, *report.size)
    except ValueError as error:
        raise WorkbenchRefused(reason=f"its picture cannot be read: {error}.") from error
    if look.complaint is not None:
        raise WorkbenchRefused(reason=look.complaint)
    return look, png(pixels, *report.size)


def last_error(said: str) -> str:
    """The line in which Python names the error that a program ended with; empty where there is none."""
    found = ERROR_LINE.findall(said)
    return str(found[-1]) if found else ""


# For the runtime


def perform_program(place: Workplace, request: dict[str, Any]) -> dict[str, Any]:
    """Perform the need `program` / `workbench`: {"source", "query"} → a verdict as plain data.

    {"accepted": true, "report", "look", "picture": PNG in base64} or {"accepted": false, "reason", "report": {}}.
    What is wrong with the machine and not with the program (no bubblewrap, no Kivy, no bridge) is raised.
    """
    source, query = str(request["source"]), str(request.get("query") or SAMPLE_QUERY)
    try:
        audit(source)
        with reachable(Path(place.image.path), place.system) as endpoint:
            accepted = accept(source, endpoint, query)
    except WorkbenchRefused as refusal:
        return {"accepted": False, "reason": str(refusal), "report": {}}
    return {
        "accepted": True,
        "report": accepted.report.model_dump(mode="json"),
        "look": asdict(accepted.look),
        "picture": base64.b64encode(accepted.picture).decode("ascii"),
    }


@contextmanager
def reachable(image_path: Path, system: Any = None) -> Iterator[str]:
    """The endpoint for the workbench's role: the daemon's, or where there is none, a bridge to `system` for a while."""
    try:
        endpoint = read_connection(image_path).roles[ROLE]
        if is_listening(path_of(endpoint)):
            yield endpoint
            return
    except BridgeUnreachable:
        if system is None:
            raise
    if system is None:
        raise BridgeUnreachable(path=image_path, reason="its daemon is gone.")
    server = BridgeServer(system, image_path)
    try:
        yield server.start().roles[ROLE]
    finally:
        server.close()
