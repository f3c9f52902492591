"""What a persona's adapter may learn from: inferences of accepted missions, out of the journal.

Accepted is a mission that is done: its cycle passed the quality gate and its effects are committed. What drew on text
from outside is left out unless it is asked for, because whoever wrote that text would be teaching.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from batos.inference.peft.lessons import Lesson
from batos.inference.port import Message
from batos.runtime.briefs import Mission
from batos.runtime.journal import JournalEntry
from batos.runtime.missions import MissionStore

MOST_MISSIONS = 10_000
PURPOSES = ("facet", "weave")
LEAST_LETTERS = 200
TEXTS_PER_DOCUMENT = 2


def lessons_of(store: MissionStore, persona: str, *, outside: bool = False) -> tuple[list[Lesson], int]:
    """The lessons for a persona, and how many were left out because they drew on text from outside."""
    found, left_out = [], 0
    for mission in store.list("done", MOST_MISSIONS):
        tainted = bool(mission.brief.extra.get("tainted"))
        for entry in _spoken(store, mission.id):
            if entry.request["adapter"] != persona:
                continue
            if not outside and (tainted or _draws_on_outside(entry.request)):
                left_out += 1
                continue
            messages = tuple(Message.model_validate(message) for message in entry.request["messages"])
            found.append(Lesson(messages, entry.answer["value"]["text"], entry.made_at, mission.id))
    return found, left_out


def voices_in(store: MissionStore, mission: Mission) -> Counter[str]:
    """How many lessons a mission holds for each persona, text from outside left out."""
    if mission.brief.extra.get("tainted"):
        return Counter()
    spoken = (entry.request for entry in _spoken(store, mission.id) if not _draws_on_outside(entry.request))
    return Counter(str(asked["adapter"]) for asked in spoken)


def _spoken(store: MissionStore, mission: str) -> Iterator[JournalEntry]:
    """What the personas' own voices answered in a mission."""
    for entry in store.journal(mission).values():
        asked: dict[str, Any] = entry.request
        if entry.kind == "inference" and asked.get("adapter") and asked.get("purpose") in PURPOSES:
            answered: Any = entry.answer.get("value")
            if answered and answered["text"].strip():
                yield entry


def _draws_on_outside(asked: dict[str, Any]) -> bool:
    chunks = asked.get("materials", {}).get("chunks") or []
    return any(chunk.get("metadata", {}).get("tainted", True) for chunk in chunks)


def regression_texts() -> list[str]:
    """Texts that are the same for every training by one version of batos: the longest paragraphs of its documents."""
    found = []
    for entry in sorted(files("batos").joinpath("documents").iterdir(), key=lambda entry: entry.name):
        paragraphs = [part for part in entry.read_text(encoding="utf-8").split("\n\n") if len(part) >= LEAST_LETTERS]
        found += sorted(paragraphs, key=len, reverse=True)[:TEXTS_PER_DOCUMENT]
    return found
