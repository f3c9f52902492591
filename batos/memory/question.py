"""What a question asks for, beside its words: who spoke, when, and what kind of answer it expects.

Whoever is named and speaks in a remembered conversation is likely to have said the answer, which then says `I`. So the
question is put to the embedding model in the first person; with the name left in, it finds those who address that
person. Dates and the usual relative ones (`yesterday`, `last week`, `in May 2023`) become a span of days.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from batos.memory.expected import expected
from batos.memory.query import LONGEST_QUESTION, expressions, stop_words, terms

MOST_NAMES = 20_000  # speakers that a question is searched for
MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
MONTHS |= {name[:3]: number for name, number in MONTHS.items()}
WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_ISO = re.compile(r"\b(\d{4})-(\d{2})(?:-(\d{2}))?\b")
_DAY_FIRST = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b\.?,? ?(\d{{4}})?", re.IGNORECASE)
_MONTH_FIRST = re.compile(rf"\b({_MONTH})\b\.? (\d{{1,2}})(?:st|nd|rd|th)?\b,? ?(\d{{4}})?", re.IGNORECASE)
_MONTH_YEAR = re.compile(rf"\b({_MONTH})\b\.?,?(?: of)? (\d{{4}})\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:in|during|of|since) ((?:19|20)\d{2})\b", re.IGNORECASE)
_AGO = re.compile(r"\b(\d{1,3}|a|an|one|two|three|few) (day|week|month|year)s? ago\b", re.IGNORECASE)
_LAST = re.compile(rf"\b(last|this) (week|month|year|{'|'.join(WEEKDAYS)})\b", re.IGNORECASE)
_DAYS = {"today": 0, "yesterday": 1}
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "few": 3}
_LENGTHS = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True)
class Span:
    """Days from `first` to `last`, both included, in ISO form."""

    first: str
    last: str

    def holds(self, moment: str | None) -> bool:
        return moment is not None and self.first <= moment[:10] <= self.last


@dataclass(frozen=True)
class Question:
    """`words` are looked for; `parts` are they as expressions of the text index, phrases among them.

    `meaning` is what the embedding model is given. `speakers` are those whom the question names, `likely` is the one of
    them who is likely to have said the answer, None if nobody is more than the others. `expected` is the kind of answer
    that it expects, 0 if none in particular.
    """

    words: tuple[str, ...]
    parts: tuple[str, ...]
    meaning: str
    speakers: frozenset[str] = frozenset()
    likely: str | None = None
    span: Span | None = None
    expected: int = 0


def understood(question: str, speakers: Iterable[str], today: date) -> Question:
    """What `question` asks for, where these people are known to speak."""
    text = question[:LONGEST_QUESTION]
    named = _named(text, speakers)
    words, parts, likely = tuple(terms(text)), tuple(expressions(text)), _likely(text, named)
    return Question(words, parts, _meaning(text, named), named, likely, span_of(text, today), expected(text))


def _named(text: str, speakers: Iterable[str]) -> frozenset[str]:
    """The speakers whom the text names, by their whole name or the first part of it."""
    words = set(re.findall(r"\w+", text))
    lower = text == text.lower()
    found = set()
    for speaker, _ in zip(speakers, range(MOST_NAMES), strict=False):
        first = _first(speaker)
        if len(first) < 2:
            continue
        if first in words or (lower and first.lower() in words and first.lower() not in stop_words()):
            found.add(speaker)
    whole = {speaker for speaker in found if speaker in text}
    meant = {_first(speaker) for speaker in whole}  # not their namesakes, then
    return frozenset(speaker for speaker in found if speaker in whole or _first(speaker) not in meant)


def _likely(text: str, named: frozenset[str]) -> str | None:
    """Who is named alone; of several who is named first, unless two are together (`Ada and Alan`) or it is about what
    is theirs (`Ada's`).
    """
    if len(named) <= 1:
        return next(iter(named), None)
    names = {name.casefold(): speaker for speaker in named for name in (speaker, _first(speaker))}
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    lower = text.casefold()
    if re.search(rf"\b(?:{either}) (?:and|or) (?:{either})\b", lower):
        return None
    first = re.search(rf"\b(?:{either})\b(?!['’]s)", lower)
    namesakes = len({_first(speaker) for speaker in named}) < len(named)
    return names[first[0]] if first is not None and not namesakes else None


def _first(name: str) -> str:
    return re.split(r"\W+", name, maxsplit=1)[0]


def _meaning(text: str, speakers: Iterable[str]) -> str:
    for speaker in sorted(speakers, key=len, reverse=True):
        first = _first(speaker)
        for name in (speaker, first):
            text = re.sub(rf"\b{re.escape(name)}\b(?:['’]s)?", "I", text, flags=re.IGNORECASE)
    return text.strip() or "?"


def span_of(text: str, today: date) -> Span | None:
    """The days that `text` speaks of; None if it names none. A day without a year is the last one before `today`."""
    for reader in (_read_iso, _read_day, _read_month, _read_year, _read_ago, _read_last, _read_word):
        try:
            if (found := reader(text, today)) is not None:
                return Span(found[0].isoformat(), found[1].isoformat())
        except (ValueError, OverflowError):  # a day that no calendar has
            continue
    return None


Days = tuple[date, date] | None


def _read_iso(text: str, today: date) -> Days:
    found = _ISO.search(text)
    if found is None:
        return None
    year, month, day = found.groups()
    return _one(date(int(year), int(month), int(day))) if day else _whole_month(int(year), int(month))


def _read_day(text: str, today: date) -> Days:
    if found := _DAY_FIRST.search(text):
        day, month, year = found.groups()
    elif found := _MONTH_FIRST.search(text):
        month, day, year = found.groups()
    else:
        return None
    number = MONTHS[month.lower()]
    if year:
        return _one(date(int(year), number, int(day)))
    this = date(today.year, number, int(day))
    return _one(this if this <= today else date(today.year - 1, number, int(day)))


def _read_month(text: str, today: date) -> Days:
    found = _MONTH_YEAR.search(text)
    return _whole_month(int(found[2]), MONTHS[found[1].lower()]) if found else None


def _read_year(text: str, today: date) -> Days:
    found = _YEAR.search(text)
    return (date(int(found[1]), 1, 1), date(int(found[1]), 12, 31)) if found else None


def _read_ago(text: str, today: date) -> Days:
    found = _AGO.search(text)
    if found is None:
        return None
    number = _NUMBERS.get(found[1].lower()) or int(found[1])
    length = _LENGTHS[found[2].lower()]
    middle = today - timedelta(days=number * length)
    slack = timedelta(days=length // 2)
    return middle - slack, min(today, middle + slack)


def _read_last(text: str, today: date) -> Days:
    found = _LAST.search(text)
    if found is None:
        return None
    back = 1 if found[1].lower() == "last" else 0
    what = found[2].lower()
    if what == "week":
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return monday, monday + timedelta(days=6)
    if what == "month":
        month = today.year * 12 + today.month - 1 - back
        return _whole_month(month // 12, month % 12 + 1)
    if what == "year":
        return date(today.year - back, 1, 1), date(today.year - back, 12, 31)
    days = (today.weekday() - WEEKDAYS[what]) % 7 or 7 * back
    return _one(today - timedelta(days=days))


def _read_word(text: str, today: date) -> Days:
    words = set(re.findall(r"[a-z]+", text.lower()))
    return next((_one(today - timedelta(days=days)) for word, days in _DAYS.items() if word in words), None)


def _one(day: date) -> Days:
    return day, day


def _whole_month(year: int, month: int) -> Days:
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
