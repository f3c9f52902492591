"""The fields that a person fills in, one class for each type that a message's document may name.

A field knows its name in the message, its label, whether it is required, and how to read what was entered as a value
of its type. What cannot be read is refused here with a sentence, before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from kivy.properties import BooleanProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label
from kivy.uix.textinput import TextInput

from batos.workbench.kit import theme
from batos.workbench.kit.markup import plain
from batos.workbench.kit.surfaces import Words

LEFT_OUT = None
"""What an optional field without an entry reads as; such a field is not sent at all."""

ANY = "any"


class FieldRefused(Exception):
    """What was entered is no value of the field's type. The text is for the person who entered it."""


class Field(BoxLayout):
    """A label above a place to enter something. `wide` fields share the room that the narrow ones leave; one that is
    `alone` has a row of its own."""

    wide = True
    alone = False

    def __init__(self, *, name: str, label: str, required: bool = False) -> None:
        super().__init__()
        self.name, self.label, self.required = name, label, required
        self.submitted: Callable[[], None] = lambda: None
        remark = "" if required else f"  [color={theme.MUTED_CODE}]optional[/color]"
        self.add_widget(Words(text=plain(label) + remark, markup=True, font_size=theme.SMALL, color=theme.SOFT))

    def read(self) -> Any:
        """The value for the message; LEFT_OUT where an optional field is empty. Raises FieldRefused."""
        return LEFT_OUT


class Typed(TextInput):
    """What is typed into."""


class FieldInput(Typed):
    """One line."""


class LinesInput(Typed):
    """Several lines."""


class EntryField(Field):
    """A field whose value is typed."""

    hint = ""
    input: type[Typed] = FieldInput

    def __init__(self, *, name: str, label: str, required: bool = False) -> None:
        super().__init__(name=name, label=label, required=required)
        self.entry = self.input(hint_text=self.hint)
        self.entry.text_validate_unfocus = False
        self.entry.bind(on_text_validate=lambda _: self.submitted())
        self.add_widget(self.entry)

    def read(self) -> Any:
        text = self.entry.text.strip()
        if text:
            return self.parse(text)
        if self.required:
            raise FieldRefused(f"{self.label}: please enter something.")
        return LEFT_OUT

    def parse(self, text: str) -> Any:
        """What was typed, without blanks at its ends, as a value of the field's type. Raises FieldRefused."""
        return text


class TextField(EntryField):
    """Words."""


class LinesField(EntryField):
    """A text of several lines, in a row of its own."""

    alone = True
    input = LinesInput


class IntegerField(EntryField):
    """A whole number."""

    wide = False

    def __init__(self, *, name: str, label: str, required: bool = False) -> None:
        super().__init__(name=name, label=label, required=required)
        self.size_hint_x, self.width = None, 150

    def parse(self, text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise FieldRefused(f"{self.label}: {text!r:.40} is not a whole number.") from None


class JsonField(EntryField):
    """A value as JSON: a list, a map, a number, a text in quotes."""

    hint = "JSON"

    def parse(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise FieldRefused(f"{self.label}: this is no JSON: {error}.") from None


class Choice(ButtonBehavior, Label):
    """One of the values that a ChoiceField offers."""

    chosen = BooleanProperty(False)


class ChoiceField(Field):
    """One of a few given values, all of them in sight."""

    def __init__(self, *, name: str, label: str, choices: Sequence[str], required: bool = False) -> None:
        super().__init__(name=name, label=label, required=required)
        self.value: str | None = choices[0] if required and choices else LEFT_OUT
        row = BoxLayout(spacing=6, size_hint_y=None, height=theme.CONTROL_HEIGHT, padding=(0, 4))
        self._offered = {value: Choice(text=value or ANY) for value in (*(() if required else (LEFT_OUT,)), *choices)}
        for value, choice in self._offered.items():
            choice.bind(on_release=lambda _, value=value: self.choose(value))
            row.add_widget(choice)
        row.add_widget(BoxLayout())
        self.add_widget(row)
        self.choose(self.value)

    def choose(self, value: str | None) -> None:
        self.value = value
        for offered, choice in self._offered.items():
            choice.chosen = offered == value

    def read(self) -> str | None:
        return self.value
