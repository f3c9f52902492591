"""A table for a reply whose results are flat maps: one row each, one column for each name that they have."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from kivy.properties import BooleanProperty, ListProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.recycleview.views import RecycleDataViewBehavior

from batos.workbench.kit import theme
from batos.workbench.kit.bridge_link import LinkReply
from batos.workbench.kit.surfaces import MOST_ROWS, Cell, RowsView, Sheet

MOST_COLUMNS = 6
EARLIEST, LATEST = 1e9, 4e9  # a number with a fraction between them is read as seconds since the Unix epoch
LONGEST = 48  # characters that a column makes room for
LONG_ID = re.compile(r"[0-9a-f]{32}")
TELLING = 12  # signs of a long id that are enough to tell it from others, and to name it to `batos missions show`
STATE = "state"  # the column whose words have colours of their own


class RowLine(RecycleDataViewBehavior, BoxLayout):
    """One row. `shares` is the part of the width that each cell gets, `tints` its colour."""

    cells = ListProperty()
    tints = ListProperty()
    shares = ListProperty()
    even = BooleanProperty(False)

    def on_cells(self, *_: object) -> None:
        self._place()

    def on_tints(self, *_: object) -> None:
        self._place()

    def on_shares(self, *_: object) -> None:
        self._place()

    def _place(self) -> None:
        if not len(self.cells) == len(self.shares) == len(self.tints):
            return
        while len(self.children) > len(self.cells):
            self.remove_widget(self.children[0])
        while len(self.children) < len(self.cells):
            self.add_widget(Cell())
        placed = zip(reversed(self.children), self.cells, self.shares, self.tints, strict=True)
        for cell, text, share, tint in placed:
            cell.text, cell.size_hint_x, cell.color = text, share, tint


class RowsTable(Sheet):
    """The rows of a reply under their column names."""

    def __init__(self) -> None:
        super().__init__(orientation="vertical", padding=(0, 8), spacing=2)
        self._head = RowLine(size_hint_y=None, height=theme.ROW_HEIGHT)
        self._rows = RowsView()
        self._rows.viewclass = RowLine
        self.add_widget(self._head)
        self.add_widget(self._rows)

    def fill(self, reply: LinkReply, asked: dict[str, Any]) -> str:
        rows = [row for row in reply.results if isinstance(row, dict)][:MOST_ROWS]
        names = list(dict.fromkeys(name for row in rows for name in row))[:MOST_COLUMNS]
        table = [[shortened(written(row.get(name))) for name in names] for row in rows]
        widths = [max(len(name), *(len(line[place]) for line in table)) for place, name in enumerate(names)]
        shares = [max(6, min(LONGEST, width)) for width in widths]
        self._head.tints = [theme.MUTED] * len(names)
        self._head.shares, self._head.cells = shares, [name.replace("_", " ") for name in names]
        for cell in self._head.children:
            cell.font_size = theme.SMALL
        self._rows.data = [
            {"shares": shares, "cells": line, "tints": tints(names, line), "even": place % 2 == 0}
            for place, line in enumerate(table)
        ]
        return f"{len(reply.results)} row{'' if len(reply.results) == 1 else 's'}" if rows else "nothing to list"


def tints(names: list[str], line: list[str]) -> list[theme.Colour]:
    """The colour of each cell: what a state says is told by its colour too."""
    states = theme.STATES
    return [
        states.get(text, theme.SOFT) if name == STATE else theme.SOFT for name, text in zip(names, line, strict=True)
    ]


def shortened(text: str) -> str:
    """A long id by its beginning; any other text as it is."""
    return text[:TELLING] if LONG_ID.fullmatch(text) else text


def written(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)[:200]
    if value is None:
        return "–"
    if isinstance(value, float) and EARLIEST < value < LATEST:
        return datetime.fromtimestamp(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return " ".join(str(value).split())[:200]
