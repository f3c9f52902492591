"""The documents that the system reads about itself: those of the wheel, and those that describe its parts.

Parts above this layer add theirs through the entry-point group `batos.documents`: a function that yields (document id,
text, kind). A document that a person made the system forget is not brought back, unless its text has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from importlib.resources import files

from batos.image.image import Image
from batos.image.world import World
from batos.memory.catalog import CATALOG, index_document
from batos.memory.shipped import content_hash


def own_documents() -> Iterator[tuple[str, str, str]]:
    """(document id, text, kind) of everything that an installed batos says about itself."""
    for entry in sorted(files("batos").joinpath("documents").iterdir(), key=lambda file: file.name):
        if entry.name.endswith(".md"):
            yield f"batos/{entry.name.removesuffix('.md')}", entry.read_text(encoding="utf-8"), "document"
    for part in sorted(entry_points(group="batos.documents"), key=lambda part: part.name):
        described: Iterable[tuple[str, str, str]] = part.load()()
        yield from described


def ingest_own_documents(image: Image) -> dict[str, int]:
    """Index what is new or changed, one commit per document. The numbers of documents by what became of them."""
    counts = {"added": 0, "changed": 0, "unchanged": 0, "left forgotten": 0}
    for document_id, text, kind in own_documents():

        def work(world: World, document_id: str = document_id, text: str = text, kind: str = kind) -> str:
            known = world[CATALOG].metadata_index.get(document_id)
            if known is not None and known.content_hash == content_hash(text):
                return "left forgotten" if known.forgotten_at is not None else "unchanged"
            report = index_document(world, document_id, text, {"kind": kind}, "markdown", tainted=False)
            return report.status

        counts[image.change(f"ingest {document_id}", work)] += 1
    return counts
