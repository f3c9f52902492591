"""A run of the window without a person: it types a search, presses the button, looks, and writes down what it saw.

It acts through touches and key strokes at the places where the widgets are, so that what passes here can also be
used by hand. The script is a JSON file (`query`, `pixels`, `report`, `seconds`); the pixels are written as they are,
four bytes each from the top left, because the launcher judges them itself and trusts no file format from in here.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kivy.base import EventLoop
from kivy.core.window import Window
from kivy.input.motionevent import MotionEvent
from kivy.uix.widget import Widget

from batos.workbench.kit.fields import TextField
from batos.workbench.kit.hits import HitsList
from batos.workbench.kit.panel import Panel

if TYPE_CHECKING:
    from batos.workbench.kit.window import Workbench

IMPOSSIBLE = {"no_such_field": True}
"""Values that no message has a field for, so that the daemon must refuse them."""

STEP = 0.02  # seconds between two looks
SETTLE = 0.25  # seconds for a layout to come to rest


class RehearsalFailed(Exception):
    """Something that a person would have seen or done was not possible."""


class Tap(MotionEvent):
    """A press and release at one place of the window, in pixels from the bottom left."""

    def __init__(self, x: float, y: float) -> None:
        place = {"x": x / (Window.width - 1.0), "y": y / (Window.height - 1.0)}
        super().__init__("rehearsal", 1, place, is_touch=True, type_id="touch")
        self.profile = ["pos"]

    def depack(self, args: dict[str, float]) -> None:
        self.sx, self.sy = args["x"], args["y"]
        super().depack(args)


class Rehearsal:
    """One rehearsal of `workbench` by the script at `path`."""

    def __init__(self, workbench: Workbench, path: str) -> None:
        self._workbench = workbench
        self._script: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        self._report: dict[str, Any] = {"panels": [], "failure": None}

    async def run(self) -> int:
        """The exit status: 0 when everything could be done."""
        try:
            async with asyncio.timeout(float(self._script["seconds"])):
                await self._rehearse()
        except (RehearsalFailed, TimeoutError) as error:
            self._report["failure"] = str(error) or "the rehearsal took too long."
        Path(self._script["report"]).write_text(json.dumps(self._report), encoding="utf-8")
        self._workbench.stop()
        return 1 if self._report["failure"] else 0

    async def _rehearse(self) -> None:
        await self._until(lambda: bool(self._workbench.shown), "the window was not built.")
        self._report["panels"] = [panel.title for panel in self._workbench.shown]
        await self._until(lambda: self._workbench.link.instance is not None, "the window did not reach the daemon.")
        panel = self._search_panel()
        self._workbench.choose(panel)
        await asyncio.sleep(SETTLE)
        await self._type(panel, str(self._script["query"]))
        await self._press_button(panel)
        await self._settled(panel)
        if panel.status.state == "error":
            raise RehearsalFailed(f"the search ended with: {panel.status.text}")
        self._report |= self._hits(panel)
        await asyncio.sleep(SETTLE)
        self._picture()
        await self._ask_the_impossible(panel)
        self._report["states"] = [state for state, _ in panel.status.seen]

    def _search_panel(self) -> Any:
        for panel in self._workbench.shown:
            if isinstance(panel.result, HitsList) and panel.fields and panel.button and panel.status:
                return panel
        raise RehearsalFailed("no panel has a field, a button, a status line and a list of hits.")

    async def _type(self, panel: Panel, text: str) -> None:
        field = next((field for field in panel.fields if isinstance(field, TextField)), None)
        if field is None:
            raise RehearsalFailed("the search panel has no field for text.")
        await self._tap(field.entry)
        if not field.entry.focus:
            raise RehearsalFailed("the search field does not take the focus when it is pressed.")
        for character in text:
            Window.dispatch("on_textinput", character)
        if field.entry.text != text:
            raise RehearsalFailed(f"typed {text!r} but the field holds {field.entry.text!r}.")

    async def _press_button(self, panel: Any) -> None:
        before = len(panel.status.seen)
        await self._tap(panel.button)
        await self._until(lambda: len(panel.status.seen) > before, "pressing the button did nothing.")

    async def _settled(self, panel: Any) -> None:
        await self._until(lambda: panel.status.state in ("done", "error"), "the search did not end.")

    def _hits(self, panel: Any) -> dict[str, Any]:
        hits = [
            {"document": card.document, "chunk": card.chunk_index, "score": card.score, "text": card.text}
            for card in panel.result.cards
        ]
        busy = next((text for state, text in panel.status.seen if state == "busy"), "")
        return {"hits": hits, "count": len(hits), "busy": busy, "status": panel.status.text}

    async def _ask_the_impossible(self, panel: Any) -> None:
        before = len(panel.status.seen)
        panel.values = lambda: IMPOSSIBLE
        panel.submit()
        await self._until(lambda: len(panel.status.seen) > before + 1, "an impossible request was never answered.")
        self._report["error"] = panel.status.text if panel.status.state == "error" else ""

    def _picture(self) -> None:
        image = self._workbench.root.export_as_image()
        width, height = (int(side) for side in image.texture.size)
        pixels = image.texture.pixels
        rows = [pixels[4 * width * row : 4 * width * (row + 1)] for row in range(height)]
        Path(self._script["pixels"]).write_bytes(b"".join(reversed(rows) if not image.texture.flip_vertical else rows))
        self._report["size"] = [width, height]

    async def _tap(self, widget: Widget) -> None:
        tap = Tap(*widget.to_window(*widget.center))
        EventLoop.post_dispatch_input("begin", tap)
        await asyncio.sleep(STEP)
        EventLoop.post_dispatch_input("end", tap)
        await asyncio.sleep(STEP)

    async def _until(self, holds: Callable[[], bool], otherwise: str) -> None:
        limit = time.monotonic() + float(self._script["patience"])
        while not holds():
            if time.monotonic() > limit:
                raise RehearsalFailed(otherwise)
            await asyncio.sleep(STEP)
