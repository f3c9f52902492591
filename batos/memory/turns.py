"""Conversations as text: one turn after the other, each with who said it and when.

A turn is written `Ada (8 May 2023, 13:56): text`, or without the parenthesis where the time is not known; the lines
that follow belong to it. A chunk is one turn, because that is what a question about a conversation asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

LONGEST_NAME = 60
# Of the lines of a text that may be a conversation, so many must begin a turn.
SHARE = 0.7

_NAME = r"[^\W\d_][^\n:()\[\]]{0,59}?"
_TURN = re.compile(rf"^(?P<speaker>{_NAME})(?: \((?P<date>[^()\n]{{4,40}})\))?: (?=\S)", re.MULTILINE)
_LOGGED = re.compile(
    rf"^\[?(?P<date>\d{{1,4}}[-./]\d{{1,2}}[-./]\d{{1,4}}[ T,]+\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?: ?[AaPp][Mm])?)\]?"
    rf"(?: -)? (?:<(?P<quoted>[^<>\n]{{1,60}})>|(?P<speaker>{_NAME}):) (?=\S)"
)
FORMATS = (
    "%d %B %Y, %H:%M",
    "%d %B %Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%I:%M %p on %d %B, %Y",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M",
    "%m/%d/%y %I:%M %p",
    "%d/%m/%y %H:%M",
)


@dataclass(frozen=True)
class Turn:
    """`time` is None where it is not known."""

    speaker: str
    text: str
    time: datetime | None = None


def written(turns: Iterable[Turn]) -> str:
    """The conversation as the text that `begun` reads back."""
    return "".join(f"{_head(turn)}: {_one_block(turn.text)}\n" for turn in turns if turn.text.strip())


def _head(turn: Turn) -> str:
    speaker = re.sub(r"[:()\[\]\n]+", " ", turn.speaker).strip()[:LONGEST_NAME] or "somebody"
    if not speaker[0].isalpha():
        speaker = f"user {speaker}"[:LONGEST_NAME]
    if turn.time is None:
        return speaker
    return f"{speaker} ({turn.time.day} {turn.time:%B %Y, %H:%M})"


def _one_block(text: str) -> str:
    """A line of a turn's text must not look like the beginning of another turn."""
    first, *rest = text.strip().splitlines()
    return "\n".join((first, *(f"  {line}" if line.strip() else "" for line in rest)))


@dataclass(frozen=True)
class Beginning:
    """Where in a text a turn begins. `date` is in ISO form."""

    start: int
    speaker: str
    date: str | None


def begun(text: str) -> list[Beginning]:
    """The beginnings of the turns in a text that `written` made, or that looks like it."""
    return [Beginning(found.start(), found["speaker"].strip(), _iso(found["date"])) for found in _TURN.finditer(text)]


def said(text: str) -> str:
    """A turn's text without who said it and when."""
    return _TURN.sub("", text, count=1) if _TURN.match(text) else text


def read_log(text: str) -> str | None:
    """A chat log as a conversation in our form; None if the text is no such log.

    Read are lines that begin with a time and a name, as messengers export them, and texts already in our form.
    """
    lines = text.splitlines()
    filled = [line for line in lines if line.strip()]
    if len(filled) < 2:
        return None
    if sum(_LOGGED.match(line) is not None for line in filled) >= SHARE * len(filled):
        return written(_logged(lines))
    dated = [found for found in map(_TURN.match, filled) if found and found["date"] and _iso(found["date"])]
    return text if len(dated) >= SHARE * len(filled) else None


def _logged(lines: Iterable[str]) -> list[Turn]:
    turns: list[Turn] = []
    for line in lines:
        if found := _LOGGED.match(line):
            turns.append(Turn(found["speaker"] or found["quoted"], line[found.end() :], read_time(found["date"])))
        elif turns:
            last = turns[-1]
            turns[-1] = Turn(last.speaker, f"{last.text}\n{line}", last.time)
    return turns


def read_time(text: str) -> datetime | None:
    """The time that `text` names, in one of the usual forms; None if it names none."""
    tidy = re.sub(r"[ ,]+", " ", text.strip())
    try:
        return datetime.fromisoformat(tidy.replace(" ", "T", 1) if re.match(r"\d{4}-\d\d-\d\d ", tidy) else tidy)
    except ValueError:
        pass
    for form in FORMATS:
        try:
            # The zone of a messenger's export is not known, and does not matter for its day.
            return datetime.strptime(tidy.upper(), form.replace(",", ""))  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _iso(date: str | None) -> str | None:
    time = read_time(date) if date else None
    return time.strftime("%Y-%m-%dT%H:%M") if time else None
