"""The command `run`: the daemon of an image, with its First Conversation and its window."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import conversation, show
from batos.cli.memory import show_hits
from batos.cli.options import IMAGE, ImageOption, JsonOption, ModelOption, settled
from batos.cli.stages import Stages
from batos.cli.stages_shown import seconds, stages_shown

if TYPE_CHECKING:
    from batos.bridge.daemon import Daemon
    from batos.memory.search import Hit
    from batos.runtime.uvm import Uvm

PICTURE = "first-conversation.png"
FAILED = 1
QUERY = "how is a learned method undone"


def run(
    headless: Annotated[bool, typer.Option("--headless", help="Without a window; ends when all is done.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="With --headless: stay as a daemon.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=64, metavar="N", help="Threads that run missions.")
    ] = None,
    model: ModelOption = "builtin",
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Start the daemon of an image, and show its window.

    The First Conversation is held first, if it was not held yet: the image reads its own documents, reasons over them,
    writes its window, checks it, and keeps it. Without a display, or with --headless, the picture of the window is
    saved and a search through the bridge is shown instead.

    \b
    Example:
      batos run --image ./demo.image --headless
    """
    from batos.bridge.daemon import Daemon, ended_by_signals
    from batos.clock import SystemClock

    if serve and not headless:
        raise typer.BadParameter("--serve goes with --headless; without it `run` stays until its window is closed.")
    if workers is not None:
        os.environ["BATOS_WORKERS"] = str(workers)  # where settings are read from, and stronger than they
    chosen = settled(model)
    stages = Stages(SystemClock())
    with ended_by_signals(), stages_shown(stages, show.error_console() if as_json else show.console()):
        stages.begin("Opening the image")
        try:
            with Daemon(image, model=chosen) as daemon:
                stages.end(f"{daemon.system.image.path}, {daemon.system.place.backend.name} answers")
                try:
                    _work(daemon, stages, headless=headless, serve=serve, as_json=as_json)
                except KeyboardInterrupt:
                    stages.begin("Ending", "what is being done is finished first")
                    raise
        finally:
            stages.end()


def _work(daemon: Daemon, stages: Stages, *, headless: bool, serve: bool, as_json: bool) -> None:
    from batos.runtime.embedding import embedding

    failure = _converse(daemon.system, stages)
    if serve:
        if failure is not None:
            show.note(str(failure))
        stages.begin("Serving", "until Ctrl-C, or until a client of the bridge ends it", open_ended=True)
        with embedding(daemon.system.image, daemon.system.searcher):
            daemon.wait()
        stages.begin("Ending", "what is being done is finished first")
        _tell(daemon.system, as_json, failure)
    elif failure is None and not headless and _has_display():
        with embedding(daemon.system.image, daemon.system.searcher):
            _show_window(daemon.system, stages)
        _tell(daemon.system, as_json, failure)
    else:
        _report(daemon.system, stages, as_json, headless=headless, failure=failure)
        if failure is not None and as_json:  # which stands in the document, and there is one only
            show.note(str(failure))
            raise typer.Exit(FAILED)
        if failure is not None:
            raise failure


def _tell(system: Uvm, as_json: bool, failure: Exception | None) -> None:
    """The document of a run that was not about results."""
    show.deliver(as_json, _document(system, failure), lambda: None)


def _document(system: Uvm, failure: Exception | None) -> dict[str, Any]:
    says = {} if failure is None else {"says": str(failure)}
    return {"image": str(system.image.path), "complete": failure is None, **says}


def _converse(system: Uvm, stages: Stages) -> Exception | None:
    """Complete the First Conversation; why it could not be, or None."""
    from batos.errors import MissionError

    if conversation.is_complete(system):
        return None
    try:
        conversation.complete(system, stages)
    except MissionError as failure:
        stages.end("failed", failed=True)
        return failure
    return None


def _has_display() -> bool:
    from batos.workbench.launcher import usable_display

    return usable_display() is not None


def _show_window(system: Uvm, stages: Stages) -> None:
    from batos.workbench.showing import launch

    stages.begin("Showing the window", "until it is closed", open_ended=True)
    launch(system["genesis"].workbench.source, system.image.path)
    stages.end("closed")


def _report(system: Uvm, stages: Stages, as_json: bool, *, headless: bool, failure: Exception | None) -> None:
    """Save the picture, search through the bridge, and print what was found."""
    document = _document(system, failure)
    if failure is None:
        stages.begin("Saving its picture", PICTURE)
        workbench = system["genesis"].workbench
        Path(PICTURE).write_bytes(workbench.picture)
        stages.end()
        document |= {"picture": str(Path(PICTURE).absolute()), "written_by": workbench.written_by}
    stages.begin("Searching through the bridge", repr(QUERY))
    hits = _searched(system.image.path)
    stages.end(f"{show.counted(len(hits), 'hit')} for {QUERY!r}")
    document["stages"] = [
        {"stage": stage.title, "detail": stage.detail, "seconds": seconds(stage, stages)} for stage in stages.stages
    ]
    document["hits"] = [hit.as_dict() for hit in hits]

    def shown() -> None:
        show.console().print()
        show_hits(QUERY, hits)
        if not headless and failure is None:
            show.console().print()
            show.say("There is no display, so the window was not opened.", "dim")

    stages.close()
    show.deliver(as_json, document, shown)


def _searched(image_path: Path) -> list[Hit]:
    from batos.bridge.client import BridgeClient
    from batos.memory.search import Hit

    with BridgeClient.connect(image_path, name="batos run") as client:
        found = client.request("search_memory", query=QUERY)
    return [
        Hit(hit.chunk.document_id, hit.chunk.chunk_index, hit.chunk.text, dict(hit.chunk.metadata), hit.score)
        for hit in found.results
    ]
