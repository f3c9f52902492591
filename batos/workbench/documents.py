"""The widget catalogue as documents for memory.

One Markdown document per widget of the kit, named `widget/<name>`: prose, and one `toml` block that a generator reads
back. The files are data of the package, read without importing the kit and so without Kivy.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

KIND = "widget"
PREFIX = "widget/"


def widget_documents() -> Iterator[tuple[str, str, str]]:
    """(document id, Markdown, kind) of every widget, sorted by name."""
    catalogue = files("batos.workbench") / "kit" / "catalogue"
    for entry in sorted(catalogue.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".md"):
            yield PREFIX + entry.name.removesuffix(".md"), entry.read_text(encoding="utf-8"), KIND
