"""Commands on what the image remembers: ingest, search, documents, forget, memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import reading, show
from batos.cli.options import IMAGE, ImageOption, JsonOption, image_alone, opened
from batos.errors import EmbedderRefused

if TYPE_CHECKING:
    from batos.image.image import Image
    from batos.image.world import World
    from batos.memory.search import Hit, Searcher

LEAST_SHOWN = 0.01
STATUSES = ("added", "changed", "unchanged")


def ingest(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A file, a folder or an archive: Markdown, text, code, HTML, PDF, DOCX, chats."
        ),
    ],
    since: Annotated[str | None, typer.Option("--since", metavar="DAY", help="The day from which it holds.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DAY", help="The last day on which it holds.")] = None,
    supersedes: Annotated[
        str | None, typer.Option("--supersedes", metavar="DOCUMENT", help="The document whose place it takes.")
    ] = None,
    passage: Annotated[
        int | None, typer.Option("--passage", metavar="NUMBER", help="Only that passage of the superseded document.")
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Read a file or a folder into memory.

    \b
    Example:
      batos ingest docs/
    """
    if passage is not None and supersedes is None:
        raise typer.BadParameter("--passage says which passage of the document after --supersedes.")
    replaced = supersedes if supersedes is None or passage is None else (supersedes, passage)
    with opened(image, create=True) as uvm, _bar() as advance:
        report = uvm.ingest(
            path,
            lambda seen: advance(seen.done, seen.total, seen.file),
            since=since,
            until=until,
            supersedes=replaced,
        )
    counts = {status: sum(found.status == status for found in report.documents) for status in STATUSES}

    def shown() -> None:
        told = ", ".join(f"{number} {status}" for status, number in counts.items() if number) or "nothing to read"
        show.say(f"{show.counted(len(report.documents), 'document')}: {told}.")
        for sentence in report.refused:
            show.note(sentence)

    show.deliver(as_json, {**counts, "documents": [*map(asdict, report.documents)], "refused": report.refused}, shown)


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    """A bar on standard error, where that is a terminal; what is yielded takes (done, total, what is being done)."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    console = show.error_console()
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def advance(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=show.one_line(show.clean(what), 50))

        yield advance


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to look for.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many hits.")] = 5,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="NAME=VALUE", help="What a hit's metadata must be. Repeatable."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say where each score comes from.")] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="WHEN", help="Search what was remembered then: a change id, a time or a note."),
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
    with _searched(image) as (home, searcher), _looking_at(home, at) as world:
        hits = searcher.search(query, limit, conditions or None, world)
        if not hits and at is None:
            note_if_nothing_was_read(searcher)
    found = {"hits": [hit.as_dict(explained=explain) for hit in hits]}
    show.deliver(as_json, found, lambda: show_hits(query, hits, explain=explain))


@contextmanager
def _looking_at(image: Image, when: str | None) -> Iterator[World | None]:
    """The image as it was; None for the present."""
    from batos.image import views

    if when is None:
        yield None
    else:
        with views.at(image, when) as view, view.reading() as world:
            yield world


@contextmanager
def _searched(image: str) -> Iterator[tuple[Image, Searcher]]:
    """The image without the system, and what searches it, as the settings say."""
    from batos.memory.choosing import spec_for
    from batos.memory.embedding import open_embedder
    from batos.memory.search import Searcher
    from batos.settings import from_environment

    with image_alone(image) as home:
        searcher = Searcher(home, open_embedder(spec_for(home, from_environment().embedding)))
        try:
            yield home, searcher
        finally:
            searcher.close()


def note_if_nothing_was_read(searcher: Searcher) -> None:
    """An empty memory is the likeliest reason for an empty answer on a new image."""
    if not searcher.statistics().documents:
        show.note(
            "This image has read nothing: `batos ingest PATH` reads your files, `batos run` what comes with batos."
        )


def show_hits(query: str, hits: Sequence[Hit], *, explain: bool = False) -> None:
    if not hits:
        show.say(f"Nothing in memory answers {query!r}.")
    for number, hit in enumerate(hits):
        if number:
            show.console().print()
        place = " › ".join(str(part) for part in hit.metadata.get("heading", ()))
        name = f"{hit.document_id} #{hit.chunk_index}"
        show.console().print(show.line((f"{score(hit.score):>5}  ", "dim"), (name, "bold"), (f"  {place}", "dim")))
        show.paragraph(show.one_line(_body(hit), 300), 7)
        if explain:
            show.paragraph(hit.explanation.told, 7)


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


class MemoryAction(StrEnum):
    """What `batos memory` does."""

    STATS = "stats"
    VERIFY = "verify"
    SETUP = "setup"
    EMBED = "embed"
    SUMMARIZE = "summarize"


def memory(
    action: Annotated[
        MemoryAction,
        typer.Argument(
            metavar="stats|verify|setup|embed|summarize",
            help="stats: how much there is. verify: compare the indexes with the image. setup: fetch and convert the "
            "default embedding model. embed: give every passage its vector now. summarize: write the summaries of "
            "documents that changed.",
        ),
    ] = MemoryAction.STATS,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="With embed: build the indexes of this embedding model beside the present ones, then go over to it.",
        ),
    ] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing when all is well.")] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Look after memory: its figures, its indexes, its embedding model.

    \b
    Example:
      batos memory stats
    """
    if model and action is not MemoryAction.EMBED:
        raise typer.BadParameter("Only embed takes a model.")
    found, told = _switch(image, model) if model else _ACTIONS[action](image)
    if not quiet or as_json:
        show.deliver(as_json, found, lambda: show.say(told))
    if found.get("sound") is False:
        raise typer.Exit(1)


def _stats(image: str) -> tuple[dict[str, Any], str]:
    with _searched(image) as (_, searcher):
        found = searcher.statistics()
    counts = (
        show.counted(found.documents, "document"),
        show.counted(found.chunks, "passage"),
        show.counted(found.summaries, "summary", "summaries"),
    )
    told = f"{', '.join(counts)}. "
    if found.model is None:
        told += "No embedding model: search goes by words. `batos memory setup` fetches one."
    elif found.waiting:
        told += f"{found.model} has not seen {show.counted(found.waiting, 'passage')} yet: `batos memory embed`."
    else:
        told += f"All are embedded by {found.model}."
    return asdict(found), told


def _verify(image: str) -> tuple[dict[str, Any], str]:
    from batos.memory.verifying import verify

    with _searched(image) as (home, searcher):
        found = verify(home, searcher)
    return {**asdict(found), "sound": found.sound}, found.told


def _setup(image: str) -> tuple[dict[str, Any], str]:
    from batos.memory.encoders.minilm import MODEL_ID, is_set_up, set_up

    known = is_set_up()
    place = set_up(show.note)
    told = f"{MODEL_ID} is {'in place' if known else 'set up'}, in {place}."
    return {"model": MODEL_ID, "folder": str(place), "fetched": not known}, told


def _embed(image: str) -> tuple[dict[str, Any], str]:
    with _searched(image) as (_, searcher):
        if searcher.embedder is None:
            raise EmbedderRefused(spec="none", reason="There is no model. `batos memory setup` fetches one.")
        with _bar() as advance:
            number = searcher.embed(lambda done, total: advance(done, total, "embedding"))
        model = searcher.embedder.model_id
    return {"model": model, "embedded": number}, f"{show.counted(number, 'passage')} embedded by {model}."


def _switch(image: str, spec: str) -> tuple[dict[str, Any], str]:
    from batos.memory.choosing import choose, switch
    from batos.memory.embedding import open_embedder

    with image_alone(image) as home:
        embedder = open_embedder(spec)
        if embedder is None or spec == "auto":
            choose(home, spec)
            return {"model": spec, "embedded": 0}, f"The image goes by {spec} from its next opening on."
        with _bar() as advance:
            number = switch(home, spec, embedder, lambda done, total: advance(done, total, "embedding"))
    told = f"{show.counted(number, 'passage')} embedded. The image goes by {spec} from its next opening on."
    return {"model": embedder.model_id, "embedded": number}, told


def _summarize(image: str) -> tuple[dict[str, Any], str]:
    from batos.memory.summaries import extracted

    with opened(image) as uvm:
        written = uvm.summarize()
        if uvm.place.backend.name != "builtin":
            with uvm.image.reading() as world:
                due = extracted(world)
            missions = [uvm.summarize_by_model(document_id) for document_id in due]
            written = sum(mission.result()["written"] for mission in missions)
        kept = uvm.searcher.statistics().summaries
    told = f"{show.counted(written, 'summary', 'summaries')} written, {kept} in all."
    return {"written": written, "summaries": kept}, told


_ACTIONS = {
    MemoryAction.STATS: _stats,
    MemoryAction.VERIFY: _verify,
    MemoryAction.SETUP: _setup,
    MemoryAction.EMBED: _embed,
    MemoryAction.SUMMARIZE: _summarize,
}
