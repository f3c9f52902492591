"""The plain pieces that every other widget is put together from: words, cards, lists. Their look is in `kit.kv`."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label
from kivy.uix.recycleboxlayout import RecycleBoxLayout
from kivy.uix.recycleview import RecycleView
from kivy.uix.scrollview import ScrollView

__all__ = [
    "Card",
    "Cell",
    "Name",
    "Pill",
    "RecycleBoxLayout",
    "RowsView",
    "Scroll",
    "Sheet",
    "Words",
    "load_look",
]

MOST_ROWS = 200
"""What a list shows at most: a frame that draws more blocks the loop."""


class Words(Label):
    """Text that wraps and is as tall as it needs to be."""


class Cell(Label):
    """One line of text that is cut where its room ends."""


class Name(Label):
    """What something is called, as wide as it needs to be."""


class Pill(Label):
    """A short remark on a rounded ground."""


class Card(BoxLayout):
    """A rounded surface, as tall as its content."""


class Sheet(BoxLayout):
    """A rounded surface that takes the room that is left."""


class Scroll(ScrollView):
    """Content of any height."""


class RowsView(RecycleView):
    """Many rows of one height, of which only the visible ones are widgets."""


def load_look() -> None:
    """Apply `kit.kv`; loading it again changes nothing."""
    path = str(Path(__file__).with_name("kit.kv"))
    if path not in Builder.files:
        Builder.load_file(path)
