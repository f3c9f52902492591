"""Taking files into the catalog: one commit per document, so that a bad one costs itself only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from batos.errors import MemoryRefused, MissingExtra
from batos.image.image import Image
from batos.image.world import World
from batos.memory.catalog import IndexReport, get_document, index_document
from batos.memory.chunking import Fits
from batos.memory.embedding import Embedder, window_of
from batos.memory.reading import Material, files_of, read_all, shown
from batos.memory.turn_taking import remember
from batos.memory.validity import Validity

ALWAYS = Validity()


@dataclass(frozen=True)
class IngestReport:
    """`documents` as they were indexed, `refused` a sentence for each file that was skipped."""

    documents: tuple[IndexReport, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """`done` of `total` files are dealt with; `file` was the last."""

    done: int
    total: int
    file: str


def ingest_path(
    image: Image,
    path: str | Path,
    progress: Callable[[Progress], None] | None = None,
    embedder: Embedder | None = None,
    validity: Validity = ALWAYS,
) -> IngestReport:
    """Index a file, or the files of a folder. Raises `MemoryRefused` when the path itself cannot be read.

    In a folder, files that cannot be read are skipped and reported. A document's id is the path of its file from the
    named folder on, that folder's name included, and is made longer only where another file has that id already.
    No chunk is longer than `embedder` can take in. `validity` is said in the commit of each document, and undone with
    it; what supersedes another document has to be one document.
    """
    given = Path(path).expanduser()
    files = files_of(given)
    if validity.supersedes is not None and (len(files) != 1 or len(list(read_all(files[0]))) != 1):
        raise MemoryRefused(source=shown(given), reason="only one document can take the place of another.")
    anchor = given.resolve().parent
    fits = window_of(embedder)
    reports, refused = [], []
    for number, file in enumerate(files, 1):
        try:
            for material in read_all(file):
                if isinstance(material, MemoryRefused):
                    refused.append(str(material))
                else:
                    reports.append(_ingest(image, material, anchor, fits, validity))
        except (MemoryRefused, MissingExtra) as error:
            if not given.is_dir():
                raise
            refused.append(str(error))
        if progress is not None:
            progress(Progress(number, len(files), shown(file)))
    return IngestReport(tuple(reports), tuple(refused))


def _ingest(image: Image, material: Material, anchor: Path, fits: Fits | None, validity: Validity) -> IndexReport:
    file = material.source
    preferred = len(file.relative_to(anchor).parts)

    def work(world: World) -> IndexReport:
        document_id = _free_id(world, material, preferred)
        metadata = {"source": shown(material.source)}
        report = index_document(world, document_id, material.text, metadata, material.media, fits=fits)
        validity.say(world, document_id, image.clock.now())
        return report

    return remember(image, f"ingest {shown(file.relative_to(anchor))}", work)


def _free_id(world: World, material: Material, preferred: int) -> str:
    """The id under which this file is known, else the shortest end of its path that no other file has."""
    parts = [shown(Path(part)) for part in material.source.parts[1:]]
    names = ["/".join(parts[-length:]) for length in range(1, len(parts) + 1)]
    source = shown(material.source)
    for name in names:
        if _source_of(world, name) == source:
            return name
    return next((name for name in names[preferred - 1 :] if _source_of(world, name) is None), source)


def _source_of(world: World, document_id: str) -> str | None:
    """Where the document of this id came from; None if there is no such document, "" if it came from no file."""
    document = get_document(world, document_id)
    return None if document is None else str(document.metadata.get("source", ""))
