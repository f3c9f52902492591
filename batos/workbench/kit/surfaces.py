"""The plain pieces that every other widget is put together from: words, cards, scrolling lists. Their look is in `kit.kv`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kivy.lang import Builder
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label
from kivy.uix.recycleboxlayout import RecycleBoxLayout
from kivy.uix.recycleview import RecycleView
from kivy.uix.scrollview import ScrollView

from batos.workbench.kit.theme import ACCENT_CODE

__all__ = [
    "Card",
    "Cell",
    "Pill",
    "RecycleBoxLayout",
    "RowsView",
    "Scroll",
    "Sheet",
    "Words",
    "load_look",
    "marked",
    "plain",
]

MOST_ROWS = 200
"""What a list shows at most: a frame that draws more blocks the loop."""


class Words(Label):
    """Text that wraps and is as tall as it needs to be."""


class Cell(Label):
    """One line of text that is cut where its room ends."""


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


def plain(text: str) -> str:
    """`text` so that a label with markup shows it as it is."""
    return text.replace("&", "&amp;").replace("[", "&bl;").replace("]", "&br;")


def marked(text: str, words: Iterable[str]) -> str:
    """`text` for a label with markup, in which the places of `words`, whatever their case, are lifted out."""
    lowered, spans = text.lower(), []
    for word in {word.lower() for word in words if word}:
        start = lowered.find(word)
        while start >= 0:
            spans.append((start, start + len(word)))
            start = lowered.find(word, start + len(word))
    shown, done = [], 0
    for start, end in sorted(spans):
        if start < done:
            continue
        shown += [plain(text[done:start]), f"[color={ACCENT_CODE}]{plain(text[start:end])}[/color]"]
        done = end
    return "".join((*shown, plain(text[done:])))
