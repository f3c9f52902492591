"""A figure, and how a list of them is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number. `what` says in words what it is, `reach` the goal as it is written in the issue, `beside`
    the absolute numbers behind a ratio."""

    key: str
    value: float
    what: str
    reach: str = ""
    beside: str = ""

    @property
    def shown(self) -> str:
        return f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which such a share of them lies: 0.5 for the upper median."""
    return sorted(values)[int(len(values) * share)]


def table(figures: Sequence[Figure]) -> str:
    """The figures in aligned columns, numbers to the right."""
    head = ("key", "figure", "reach", "what", "beside")
    rows = [head, *((f.key, f.shown, f.reach, f.what, f.beside) for f in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    key, figure, *texts = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join([key, figure.rstrip().rjust(widths[1]), *texts]).rstrip()
