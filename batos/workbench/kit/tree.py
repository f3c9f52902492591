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
LISTED = 70  # characters that a list of plain values may have to be shown in one line
NAME = "name"  # what an entry of a list is called by, if it has one

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
        self._open = {(key,) for key, _, value in _entries(self._state) if 0 < len(list(_entries(value))) <= OPEN_UP_TO}
        self._draw()
        return _counted(len(list(_entries(self._state))))

    def toggle(self, path: Path) -> None:
        """Open a branch that is closed, close one that is open."""
        self._open ^= {path}
        self._draw()

    def _draw(self) -> None:
        self._rows.data = [{**line, "tree": self} for line in self._lines(self._state, ())]

    def _lines(self, value: Any, above: Path) -> Iterator[dict[str, Any]]:
        for key, name, entry in list(_entries(value))[:MOST_ENTRIES]:
            path = (*above, key)
            count = len(list(_entries(entry)))
            is_open = path in self._open
            mark = ("–" if is_open else "+") if count else ""
            value = _summary(entry) if count else _leaf(entry)
            yield {"depth": len(above), "mark": mark, "name": name, "value": value, "path": path}
            if is_open:
                yield from self._lines(entry, path)


def _counted(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}"


def _entries(value: Any) -> Iterator[tuple[str, str, Any]]:
    """Key, name and value of each entry; none for a leaf. Entries of a list go by their names, if they have some."""
    if isinstance(value, dict):
        yield from ((str(name), str(name), entry) for name, entry in value.items())
    elif isinstance(value, list) and _in_one_line(value) is None:
        yield from ((str(place), _name(entry, place), entry) for place, entry in enumerate(value))


def _name(entry: Any, place: int) -> str:
    return str(entry[NAME]) if isinstance(entry, dict) and isinstance(entry.get(NAME), str) else str(place)


def _summary(entry: Any) -> str:
    """What is seen of a branch that is closed: of something with a name its plain values, of others their number."""
    if isinstance(entry, dict) and NAME in entry:
        said = [written(value) for key, value in entry.items() if key != NAME and not isinstance(value, dict | list)]
        return "  ·  ".join(said)[:LISTED] or _counted(len(entry))
    return _counted(len(list(_entries(entry))))


def _leaf(value: Any) -> str:
    if isinstance(value, list):
        return _in_one_line(value) or written(None)
    return written(None if isinstance(value, dict) else value)


def _in_one_line(values: list[Any]) -> str | None:
    """A short list of plain values; None for any other list."""
    if any(isinstance(value, dict | list) for value in values):
        return None
    line = ", ".join(written(value) for value in values)
    return line if len(line) <= LISTED else None
