"""The window: a rail with one entry for each panel, the panel that is in sight, and the loop that runs both.

Drawing and the bridge share one asyncio loop. Where to reach the daemon, and whether the window is being rehearsed
instead of used, is told by the environment, which the launcher sets; the generated program reads neither.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial

from kivy.app import App
from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from batos.workbench.kit.bridge_link import BridgeLink
from batos.workbench.kit.panel import Panel
from batos.workbench.kit.rehearsal import Rehearsal
from batos.workbench.kit.surfaces import load_look

ENDPOINT = "BATOS_BRIDGE_ENDPOINT"
REHEARSAL = "BATOS_WORKBENCH_REHEARSAL"


class RailEntry(ButtonBehavior, BoxLayout):
    title = StringProperty()
    chosen = BooleanProperty(False)


class Mark(Widget):
    """The sign of the system."""


class Rail(BoxLayout):
    """The names of the panels, and at the bottom whether a daemon answers."""

    heading = StringProperty()
    subheading = StringProperty()
    connection = StringProperty("connecting…")
    connected = BooleanProperty(False)

    def offer(self, title: str, chosen: Callable[[], None]) -> RailEntry:
        entry = RailEntry(title=title)
        entry.bind(on_release=lambda _: chosen())
        self.ids.entries.add_widget(entry)
        return entry


class Frame(BoxLayout):
    """The whole window: the rail and the panel beside it."""


class Workbench(App):
    """The base of a generated workbench, which says what it is called and which panels it has."""

    heading = "BAT OS"
    subheading = "workbench"
    panels: Sequence[type[Panel]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.title = f"{self.heading} {self.subheading}"
        self.rail: Rail | None = None
        self.shown: list[Panel] = []
        self.link = BridgeLink(os.environ.get(ENDPOINT, ""), self._told)

    def build(self) -> Frame:
        load_look()
        self.rail = Rail(heading=self.heading, subheading=self.subheading)
        self.shown = [panel(self.link) for panel in self.panels]
        self._frame = Frame()
        self._frame.add_widget(self.rail)
        self._entries = [self.rail.offer(panel.title, partial(self.choose, panel)) for panel in self.shown]
        return self._frame

    def on_start(self) -> None:
        self.link.open()
        if self.shown:
            self.choose(self.shown[0])

    def choose(self, panel: Panel) -> None:
        """Bring a panel into sight."""
        for entry, shown in zip(self._entries, self.shown, strict=True):
            entry.chosen = shown is panel
            if shown.parent is not None and shown is not panel:
                self._frame.remove_widget(shown)
        if panel.parent is None:
            self._frame.add_widget(panel)
            panel.opened()

    def _told(self, connected: bool, words: str) -> None:
        if self.rail is not None:
            self.rail.connected, self.rail.connection = connected, words

    @classmethod
    def main(cls) -> None:
        """Run until the window is closed; the exit status is 0 unless a rehearsal failed."""
        raise SystemExit(asyncio.run(cls()._live()))

    async def _live(self) -> int:
        script = os.environ.get(REHEARSAL)
        rehearsal = asyncio.create_task(Rehearsal(self, script).run()) if script else None
        try:
            await self.async_run("asyncio")
        finally:
            for panel in self.shown:
                panel.close()
            await self.link.close()
        return await rehearsal if rehearsal is not None else 0
