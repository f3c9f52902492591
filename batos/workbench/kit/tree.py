"""A nested map as a tree whose branches open and close."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kivy.properties import NumericProperty, ObjectProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.recycleview.views import RecycleDataViewBehavior

from batos.workbench.kit.bridge_link import LinkReply
from batos.workbench.kit.rows import written
from batos.workbench.kit.surfaces import RowsView, Sheet

MOST_ENTRIES = 500  # of one branch
OPEN_UP_TO = 12  # entries that a branch may have to be open from the start

Path = tuple[str, ...]


class StateLine(RecycleDataViewBehavior, ButtonBehavior, BoxLayout):
    """One name with its value. `mark` is empty for a leaf."""

    depth = NumericProperty(0)
    mark = StringProperty()
    name = StringProperty()
    value = StringProperty()
    path = ObjectProperty(())
    tree = ObjectProperty(None, allownone=True)

    def on_release(self) -> None:
        if self.mark and self.tree is not None:
            self.tree.toggle(self.path)


class StateTree(Sheet):
    """The first of a reply's results, a nested map."""

    def __init__(self) -> None:
        super().__init__(orientation="vertical", padding=(0, 10))
        self._state: Any = {}
        self._open: set[Path] = set()
        self._rows = RowsView()
        self._rows.viewclass = StateLine
        self.add_widget(self._rows)

    def fill(self, reply: LinkReply, asked: dict[str, Any]) -> str:
        self._state = reply.results[0] if reply.results else {}
        self._open = {(name,) for name, value in _entries(self._state) if 0 < len(list(_entries(value))) <= OPEN_UP_TO}
        self._draw()
        return _counted(len(list(_entries(self._state))))

    def toggle(self, path: Path) -> None:
        """Open a branch that is closed, close one that is open."""
        self._open ^= {path}
        self._draw()

    def _draw(self) -> None:
        self._rows.data = [{**line, "tree": self} for line in self._lines(self._state, ())]

    def _lines(self, value: Any, above: Path) -> Iterator[dict[str, Any]]:
        for name, entry in list(_entries(value))[:MOST_ENTRIES]:
            path = (*above, name)
            count = len(list(_entries(entry)))
            is_open = path in self._open
            mark = ("–" if is_open else "+") if count else ""
            value = _counted(count) if count else written(None if isinstance(entry, dict | list) else entry)
            yield {"depth": len(above), "mark": mark, "name": name, "value": value, "path": path}
            if is_open:
                yield from self._lines(entry, path)


def _counted(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}"


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(name), entry) for name, entry in value.items())
    elif isinstance(value, list):
        yield from ((str(place), entry) for place, entry in enumerate(value))
