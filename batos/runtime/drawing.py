"""Drawing a timeline: in characters for a terminal, and as SVG for a page. Knows spans, nothing of missions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape as escape_marks

if TYPE_CHECKING:
    from batos.runtime.timeline import Span, Timeline

COLUMNS = 44
LABEL = 30
EIGHTHS = " ▏▎▍▌▋▊▉█"

WIDTH, LEFT, RIGHT, ROW, TOP = 960, 236, 150, 22, 72
FONT = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'"
INK, DIM, RULE, PAPER = "#1f2933", "#52606d", "#d9e2ec", "#ffffff"
STATES = {
    "IDLE": "#9aa5b1",
    "DECOMPOSING": "#2f80ed",
    "DELEGATING": "#8e6bbf",
    "SYNTHESIZING": "#d9822b",
    "COMPLETE": "#2b8a5f",
    "FAILED": "#c53030",
}
KINDS = {"inference": "#3c7dc4", "observe": "#5f8d8a", "learn": "#8e6bbf", "tool": "#b7791f", "program": "#b7791f"}
ERROR = STATES["FAILED"]
NEVER_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NARROWEST = 1.5  # what took no time at all is seen all the same


# In characters


def text(timeline: Timeline) -> str:
    """One line per attempt and need, with a bar where it lay in the mission's time."""
    head = f"{timeline.title}, {_seconds(timeline.seconds)} in {_counted(len(timeline.attempts), 'attempt')}"
    return "\n".join([head, *(_line(label, span, timeline.seconds) for label, span in _rows(timeline))])


def _rows(timeline: Timeline) -> Iterator[tuple[str, Any]]:
    """Attempts and needs in the order in which they began."""
    rows: list[tuple[str, Any]] = [
        (f"attempt {number}, {span.label}", span) for number, span in enumerate(timeline.attempts, 1)
    ]
    rows += [(f"  {span.label}", span) for span in timeline.needs]
    yield from sorted(rows, key=lambda row: (row[1].began, row[0].startswith(" ")))


def _line(label: str, span: Span, whole: float) -> str:
    unit = COLUMNS * 8 / whole if whole else 0.0
    begin, end = round(span.began * unit), max(round(span.ended * unit), round(span.began * unit) + 1)
    begin = min(begin, COLUMNS * 8 - 1)
    cells = []
    for column in range(COLUMNS):
        low, high = max(begin, column * 8), min(end, column * 8 + 8)
        # A cell can be filled from its left only: a bar that begins within it is drawn from its edge.
        cells.append(EIGHTHS[high - column * 8 if low < high and high < column * 8 + 8 else 8] if low < high else " ")
    shown = label if len(label) <= LABEL else label[: LABEL - 1] + "…"
    return f"{shown:<{LABEL}} {''.join(cells)} {_seconds(span.seconds):>9}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# As a picture


def svg(timeline: Timeline) -> str:
    """A picture of fixed width: attempts in the colours of their states, the needs between them, a legend."""
    rows = list(_rows(timeline))
    bottom = TOP + ROW * len(rows)
    height = bottom + 56
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}' "
        f"role='img' {FONT} font-size='12'>",
        f"<title>{escape(timeline.title)}</title>",
        f"<rect width='{WIDTH}' height='{height}' fill='{PAPER}'/>",
        _text(24, 30, timeline.title, INK, size=15),
        *_axis(timeline.seconds, bottom + 4),
    ]
    for number, (label, span) in enumerate(rows):
        parts += _row(label, span, timeline.seconds, TOP + ROW * number)
    parts += [*_legend(bottom + 24), "</svg>"]
    return "\n".join(parts) + "\n"


def _row(label: str, span: Any, whole: float, y: int) -> Iterator[str]:
    told = _seconds(span.seconds)
    if label.startswith(" "):
        yield _text(36, y + 13, _fitting(span.label), DIM)
        colour = ERROR if span.failed else KINDS.get(span.kind, DIM)
        yield _bar(span, whole, y + 5, 9, colour, f"{span.label}: {told}")
    else:
        yield _text(24, y + 13, _fitting(label), INK)
        for state in span.states:
            colour = STATES.get(state.label.split()[0], DIM)
            yield _bar(state, whole, y + 2, 15, colour, f"{state.label}: {_seconds(state.seconds)}")
    yield _text(_x(span.ended, whole) + 6, y + 13, told, DIM, size=11)


def _axis(whole: float, bottom: int) -> Iterator[str]:
    step = _step(whole)
    tick = 0.0
    while tick <= whole:
        x = _x(tick, whole)
        yield f"<line x1='{x:.1f}' y1='{TOP - 8}' x2='{x:.1f}' y2='{bottom}' stroke='{RULE}'/>"
        shown = f"{tick:g} s" if whole >= 1 else f"{1000 * tick:g} ms"
        yield _text(x, TOP - 14, shown if tick else "0", DIM, size=11, anchor="middle")
        tick += step


def _step(whole: float) -> float:
    """A round number that divides `whole` into four to ten parts."""
    step = 1e-6
    while whole / step > 10:
        step *= 2.5 if f"{step:e}".startswith("2") else 2
    return step


def _legend(y: int) -> Iterator[str]:
    x = 24
    for state, colour in STATES.items():
        yield f"<rect x='{x}' y='{y}' width='11' height='11' fill='{colour}'/>"
        yield _text(x + 16, y + 10, state, DIM, size=11)
        x += 38 + 8 * len(state)


def _bar(span: Span, whole: float, y: int, height: int, colour: str, told: str) -> str:
    x = _x(span.began, whole)
    width = max(_x(span.ended, whole) - x, NARROWEST)
    return (
        f"<rect x='{x:.1f}' y='{y}' width='{width:.1f}' height='{height}' fill='{colour}'>"
        f"<title>{escape(told)}</title></rect>"
    )


def _x(seconds: float, whole: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (seconds / whole if whole else 0.0)


def _fitting(label: str) -> str:
    return label if len(label) <= LABEL else label[: LABEL - 1] + "…"


def escape(said: str) -> str:
    """`said` as XML may hold it; what no XML may hold is shown as a box."""
    return escape_marks(NEVER_IN_XML.sub("\N{REPLACEMENT CHARACTER}", said))


def _text(x: float, y: int, said: str, colour: str, *, size: int = 12, anchor: str = "start") -> str:
    return f"<text x='{x:.1f}' y='{y}' fill='{colour}' font-size='{size}' text-anchor='{anchor}'>{escape(said)}</text>"
