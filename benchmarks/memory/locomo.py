"""A file in LoCoMo's form (Maharana et al., ACL 2024): conversations in sessions, and questions with their evidence.

Its licence (CC BY-NC 4.0) forbids to ship it; whoever measures brings the file along.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batos.memory.turns import Turn, read_time

EVIDENCE = re.compile(r"D:?(\d+):(\d+)")
ADVERSARIAL = 5


@dataclass(frozen=True)
class Said:
    """One turn; `id` is (session, number)."""

    id: tuple[int, int]
    turn: Turn

    @property
    def bare(self) -> str:
        return self.turn.text


@dataclass(frozen=True)
class Asked:
    question: str
    evidence: frozenset[tuple[int, int]]
    category: int


@dataclass(frozen=True)
class Conversation:
    said: tuple[Said, ...]
    asked: tuple[Asked, ...]

    def sessions(self) -> dict[int, list[Said]]:
        found: dict[int, list[Said]] = {}
        for one in self.said:
            found.setdefault(one.id[0], []).append(one)
        return found


def read_conversations(path: Path) -> list[Conversation]:
    """The questions of category 5 have no answer and are left out, as are those without evidence. What lacks a field is
    passed over."""
    return [_conversation(sample) for sample in json.loads(path.read_text("utf-8-sig"))]


def _conversation(sample: dict[str, Any]) -> Conversation:
    kept = sample["conversation"]
    numbers = sorted(int(key.split("_")[1]) for key in kept if re.fullmatch(r"session_\d+", key))
    said = []
    for number in numbers:
        time = read_time(kept.get(f"session_{number}_date_time") or "")
        for turn in kept[f"session_{number}"] or ():
            text = f"{turn.get('text') or ''} {turn.get('blip_caption') or ''}".strip()
            found = EVIDENCE.match(turn.get("dia_id") or "")
            if text and found:
                said.append(Said((int(found[1]), int(found[2])), Turn(turn.get("speaker") or "", text, time)))
    known = {one.id for one in said}
    asked = []
    for question in sample.get("qa") or ():
        text, category = question.get("question"), question.get("category") or 0
        named = {(int(a), int(b)) for a, b in EVIDENCE.findall(str(question.get("evidence")))}
        if text and category != ADVERSARIAL and named & known:
            asked.append(Asked(text, frozenset(named & known), category))
    return Conversation(tuple(said), tuple(asked))
