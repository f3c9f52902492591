"""Commands on what the image remembers: ingest, search, documents, forget."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import reading, show
from batos.cli.options import IMAGE, ImageOption, JsonOption, image_alone, opened

if TYPE_CHECKING:
    from batos.memory.ingesting import IngestReport, Progress
    from batos.memory.search import Hit, Searcher
    from batos.runtime.uvm import Uvm

LEAST_SHOWN = 0.01
STATUSES = ("added", "changed", "unchanged")


def ingest(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file or a folder: Markdown, text, Python.")],
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Read a file or a folder into memory.

    \b
    Example:
      batos ingest docs/
    """
    with opened(image, create=True) as uvm:
        report = _ingested(uvm, path)
    counts = {status: sum(found.status == status for found in report.documents) for status in STATUSES}

    def shown() -> None:
        told = ", ".join(f"{number} {status}" for status, number in counts.items() if number) or "nothing to read"
        show.say(f"{show.counted(len(report.documents), 'document')}: {told}.")
        for sentence in report.refused:
            show.note(sentence)

    show.deliver(as_json, {**counts, "documents": [*map(asdict, report.documents)], "refused": report.refused}, shown)


def _ingested(uvm: Uvm, path: Path) -> IngestReport:
    """Ingest with a bar on standard error, where that is a terminal and there is more than one file."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    console = show.error_console()
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def progress(seen: Progress) -> None:
            bar.update(
                task, completed=seen.done, total=seen.total, description=show.one_line(show.clean(seen.file), 50)
            )

        return uvm.ingest(path, progress)


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to look for.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many hits.")] = 5,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="NAME=VALUE", help="What a hit's metadata must be. Repeatable."),
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Search memory.

    \b
    Example:
      batos search "undo a method" --limit 3 --where kind=document
    """
    if not query.strip():
        raise typer.BadParameter("Say what to look for; `batos documents` lists what there is.")
    conditions = reading.named(where)
    from batos.memory.search import Searcher

    with image_alone(image) as home, closing(Searcher(home)) as searcher:
        hits = searcher.search(query, limit, conditions or None)
        if not hits:
            note_if_nothing_was_read(searcher)
    show.deliver(as_json, {"hits": [hit.as_dict() for hit in hits]}, lambda: show_hits(query, hits))


def note_if_nothing_was_read(searcher: Searcher) -> None:
    """An empty memory is the likeliest reason for an empty answer on a new image."""
    if not searcher.statistics().documents:
        show.note(
            "This image has read nothing: `batos ingest PATH` reads your files, `batos run` what comes with batos."
        )


def show_hits(query: str, hits: Sequence[Hit]) -> None:
    if not hits:
        show.say(f"Nothing in memory answers {query!r}.")
    for number, hit in enumerate(hits):
        if number:
            show.console().print()
        place = " › ".join(str(part) for part in hit.metadata.get("heading", ()))
        name = f"{hit.document_id} #{hit.chunk_index}"
        show.console().print(show.line((f"{score(hit.score):>5}  ", "dim"), (name, "bold"), (f"  {place}", "dim")))
        show.paragraph(show.one_line(_body(hit), 300), 7)


def score(value: float) -> str:
    """A score in figures. A word that most passages hold weighs next to nothing, which is not the same as nothing."""
    return f"{value:.2f}" if value >= LEAST_SHOWN else f"<{LEAST_SHOWN}"


def _body(hit: Hit) -> str:
    """The passage without its own heading line, which stands in the title already."""
    lines = hit.text.strip().splitlines()
    return "\n".join(lines[1:] if len(lines) > 1 and lines[0].startswith("#") else lines)


def documents(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="Only ids that begin so.")] = "",
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """List the documents in memory.

    \b
    Example:
      batos documents batos/
    """
    from batos.memory.catalog import documents as remembered

    with image_alone(image) as home, home.reading() as world:
        listed: list[dict[str, Any]] = [
            {
                "document_id": document.document_id,
                "kind": document.kind,
                "chunks": len(document.chunks),
                "tainted": document.tainted,
            }
            for document in remembered(world, prefix)
        ]

    def shown() -> None:
        header = ("document", "kind", "chunks", "")
        rows = [
            (found["document_id"], found["kind"], found["chunks"], "from outside" if found["tainted"] else "")
            for found in listed
        ]
        show.table(rows, header)
        show.say(show.counted(len(listed), "document") + ".", "dim")

    show.deliver(as_json, {"documents": listed}, shown)


def forget(
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="The id of a document, as search prints it.")],
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Make memory forget a document.

    Undoing the change brings it back.

    \b
    Example:
      batos forget docs/undo.md
    """
    with opened(image) as uvm:
        chunks = uvm.forget(document)
    told = f"{document} is forgotten, with its {show.counted(chunks, 'passage')}."
    show.deliver(as_json, {"document_id": document, "chunks": chunks}, lambda: show.say(told))
