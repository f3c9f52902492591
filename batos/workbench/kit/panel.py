"""A panel: the form for one message, a line that says how things stand, and the widget that shows the answer.

A generated panel says in `compose` what it is made of and in `perform` what it sends. Everything that is the same for
all panels is here: laying out the form, reading the fields, the states idle, busy, done and error.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol, TypeVar

from kivy.properties import ListProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label
from kivy.uix.widget import Widget

from batos.errors import BatosError, BridgeRefused
from batos.workbench.kit import theme
from batos.workbench.kit.bridge_link import BridgeLink, LinkReply
from batos.workbench.kit.fields import LEFT_OUT, Field, FieldRefused
from batos.workbench.kit.surfaces import Card

FIELDS_IN_A_ROW = 3

OUTDATED = 0.35  # how much is left of an answer that belongs to an earlier request

AnyField = TypeVar("AnyField", bound=Field)


class ResultWidget(Protocol):
    """What shows an answer."""

    opacity: float

    def fill(self, reply: LinkReply, asked: dict[str, Any]) -> str:
        """Show the reply to what was `asked`; returns a few words for the status line."""
        ...


AnyResult = TypeVar("AnyResult", bound=ResultWidget)


class SubmitButton(ButtonBehavior, Label):
    """The button that sends a form."""


class StatusLine(BoxLayout):
    """How the panel's last request stands: one of STATES and a sentence. `seen` is every (state, text) it had."""

    STATES = ("idle", "busy", "done", "error")
    TINTS = {"idle": theme.NOTHING, "busy": theme.SOFT, "done": theme.ACCENT, "error": theme.ALARM}

    text = StringProperty("")
    state = StringProperty("idle")
    tint = ListProperty(theme.NOTHING)

    def __init__(self, *, busy: str) -> None:
        super().__init__()
        self.busy = busy
        self.seen: list[tuple[str, str]] = [("idle", "")]

    def tell(self, state: str, text: str) -> None:
        self.seen.append((state, text))
        self.state, self.text, self.tint = state, text, self.TINTS[state]


class PanelHeading(BoxLayout):
    title = StringProperty()
    purpose = StringProperty()


class Panel(BoxLayout):
    """The base of every generated panel. `title` and `purpose` are shown above the form."""

    title = ""
    purpose = ""

    def __init__(self, link: BridgeLink) -> None:
        super().__init__()
        self.link = link
        self.fields: list[Field] = []
        self.button: SubmitButton | None = None
        self.status: StatusLine | None = None
        self.result: ResultWidget | None = None
        self._running: asyncio.Task[None] | None = None
        self._row: BoxLayout | None = None
        self._in_row = 0
        self._form = Card()
        self.add_widget(PanelHeading(title=self.title, purpose=self.purpose))
        self.compose()

    def compose(self) -> None:
        """Make the panel with `ask_for`, `offer`, `tell` and `show`."""

    async def perform(self) -> str:
        """Send the message, show the reply, and return a few words about it."""
        return ""

    def ask_for(self, field: AnyField) -> AnyField:
        """Add a field to the form."""
        full = self._in_row % FIELDS_IN_A_ROW == 0 or field.alone
        if self._row is None or full:
            self._row, self._in_row = self._new_row(), 0
        self.fields.append(field)
        self._row.add_widget(field)
        self._in_row += FIELDS_IN_A_ROW if field.alone else 1
        field.submitted = self.submit
        return field

    def offer(self, button: SubmitButton) -> SubmitButton:
        """Add the button that sends the form: at the end of its last row, or alone where there are no fields."""
        button.bind(on_release=lambda _: self.submit())
        if self._row is None:
            self.add_widget(button)
        else:
            if not any(field.wide for field in self.fields):
                self._row.add_widget(Widget(size_hint_y=None, height=1))
            self._row.add_widget(button)
        self.button = button
        return button

    def tell(self, status: StatusLine) -> StatusLine:
        """Add the line that says how the request stands."""
        self.status = status
        self.add_widget(status)
        return status

    def show(self, result: AnyResult) -> AnyResult:
        """Add the widget that shows the answer; it takes the room that is left."""
        self.result = result
        self.add_widget(result)
        return result

    def values(self) -> dict[str, Any]:
        """What the fields hold, without those that are left out. Raises FieldRefused."""
        entered = {field.name: field.read() for field in self.fields}
        return {name: value for name, value in entered.items() if value is not LEFT_OUT}

    def opened(self) -> None:
        """The panel has come into sight: it asks at once where nothing has to be filled in first."""
        if not any(field.required for field in self.fields):
            self.submit()

    def submit(self) -> None:
        """Send the form, unless an earlier request is still open."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._submit())

    def close(self) -> None:
        if self._running is not None:
            self._running.cancel()

    async def _submit(self) -> None:
        started = time.perf_counter()
        try:
            self._tell("busy", self.status.busy if self.status else "")
            said = await self.perform()
            self._tell("done", f"{said}   ·   {1000 * (time.perf_counter() - started):.0f} ms")
        except BridgeRefused as refusal:
            self._tell("error", str(refusal.facts["reason"]))  # its code is for programs
        except (BatosError, FieldRefused) as error:
            self._tell("error", str(error))
        except Exception as error:  # a fault of the generated panel is shown, not lost with its task
            self._tell("error", f"This panel failed: {type(error).__name__}: {error}")

    def _tell(self, state: str, text: str) -> None:
        if self.status is not None:
            self.status.tell(state, text)
        if self.result is not None and state in ("done", "error"):
            self.result.opacity = 1.0 if state == "done" else OUTDATED

    def _new_row(self) -> BoxLayout:
        row = BoxLayout(spacing=theme.GAP, size_hint_y=None)
        row.bind(minimum_height=row.setter("height"))
        if self._form.parent is None:
            self.add_widget(self._form)
        self._form.add_widget(row)
        return row
