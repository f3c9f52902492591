"""A system that has read batos's own documents and can be asked over a real bridge; and what memory would return."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.resources import files

from batos.bridge.documents import message_documents
from batos.errors import UnknownMission, UnknownObject
from batos.memory.chunking import split
from batos.workbench.documents import widget_documents


@dataclass(frozen=True)
class Passage:
    document_id: str
    chunk_index: int
    text: str
    score: float = 0.0
    metadata: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Filed:
    id: str


def chunks_of(document_id, text):
    """A document cut as memory cuts it, in the shape in which materials come."""
    pieces = split(text, "markdown")
    return [
        {"document_id": document_id, "chunk_index": number, "text": piece.text, "metadata": {}, "score": 1.0}
        for number, piece in enumerate(pieces)
    ]


def materials(without=(), extra=()):
    """Everything that memory holds about messages and widgets, but for some documents, and with some more."""
    documents = {document.document_id: document.text for document in message_documents()}
    documents |= {document_id: text for document_id, text, _ in widget_documents()}
    documents |= dict(extra)
    return [chunk for name, text in documents.items() if name not in without for chunk in chunks_of(name, text)]


def words(text):
    return set(re.findall(r"[a-z]{3,}", text.lower()))


class Library:
    """Ranks passages by the share of a query's words that they hold; holds a few missions and one object."""

    def __init__(self):
        self.passages = [
            Passage(f"batos/{entry.name.removesuffix('.md')}", number, piece.text)
            for entry in sorted(files("batos").joinpath("documents").iterdir(), key=lambda entry: entry.name)
            for number, piece in enumerate(split(entry.read_text(), "markdown"))
        ]

    def summaries_above(self, document_id, chunk_index):
        return []

    def search(self, query, limit, where):
        wanted = words(query)
        scored = [
            Passage(one.document_id, one.chunk_index, one.text, len(wanted & words(one.text)) / len(wanted or {1}))
            for one in self.passages
        ]
        found = [one for one in scored if one.score > 0]
        return sorted(found, key=lambda one: (-one.score, one.document_id, one.chunk_index))[:limit]

    def missions(self, state):
        rows = [
            {"id": f"m-{number:04}", "state": "done" if number % 3 else "failed", "target": "greeter",
             "selector": f"initials_{number}_", "attempts": 1, "created": 1790000000.25 + number}
            for number in range(40)
        ]  # fmt: skip
        return [row for row in rows if state in (None, row["state"])]

    def state(self):
        return {
            "objects": ["genesis", "greeter", "knowledge_catalog"],
            "missions": {"queued": 0, "running": 1, "done": 40},
            "memory": {"documents": 14, "chunks": len(self.passages)},
            "instance": "library",
        }

    def inspect(self, name):
        if name != "greeter":
            raise UnknownObject(name=name, known="Known are greeter.")
        return {"slots": {"name": "Ada Lovelace"}, "parents": ["traits"], "methods": {"initials_": "sandboxed"}}

    def submit_question(self, question):
        return Filed("m-0001")

    def mission(self, mission_id):
        if mission_id != "m-0001":
            raise UnknownMission(mission=mission_id, reason="")
        cited = [{"document_id": "batos/learning", "chunk_index": 2}]
        outcome = {"answer": "Undo is a new change [1].", "citations": cited, "known": True}
        return {"id": mission_id, "state": "done", "target": "orchestrator", "selector": "answer_", "outcome": outcome}

    def subscribe(self, kind, function):
        return lambda: None
