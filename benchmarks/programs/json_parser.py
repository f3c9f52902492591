"""JSON: a parser that goes through a text letter by letter and makes an object of every value it meets.

After the description of the are-we-fast-yet program, itself after Ralf Sternberg's minimal-json.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.programs.prototypes import Plain


class Value(Plain):
    def weight(self) -> int:
        """How many values this one consists of."""
        return 1


class Literal(Value):
    value = None

    def plain_value(self) -> Any:
        return self.value


class Number(Value):
    digits = ""

    def plain_value(self) -> Any:
        return float(self.digits) if "." in self.digits or "e" in self.digits.lower() else int(self.digits)


class Text(Value):
    text = ""

    def plain_value(self) -> str:
        return self.text


class Array(Value):
    values = ()

    def weight(self) -> int:
        return 1 + sum(value.weight() for value in self.values)

    def plain_value(self) -> Any:
        return [value.plain_value() for value in self.values]


class Object(Array):
    names = ()

    def plain_value(self) -> Any:
        return {name: value.plain_value() for name, value in zip(self.names, self.values, strict=True)}


class Program(Plain):
    """The parser: a text, the place of the current letter, and the letter."""

    text = ""
    place = 0
    letter = ""

    def run(self, size: int) -> list[Any]:
        read = self.parse(self.document(size))
        return [read.weight(), read.plain_value()]

    def document(self, size: int) -> str:
        """A text with `size` entries that has everything a document can have."""
        entry = (
            '{"name": "entry \\"N\\"\\n", "at": [N, -1.5e2, 0.25], "is": true, "was": false, "more": null, "none": {}}'
        )
        return '{"entries": [' + ", ".join(entry.replace("N", str(number)) for number in range(size)) + "] }"

    def parse(self, text: str) -> Any:
        self.text = text
        self.place = -1
        self.read_on()
        self.skip_blanks()
        found = self.read_value()
        self.skip_blanks()
        if self.letter:
            self.refuse("the end")
        return found

    def read_on(self) -> None:
        self.place = self.place + 1
        self.letter = self.text[self.place] if self.place < len(self.text) else ""

    def skip_blanks(self) -> None:
        while self.letter and self.letter in " \t\n\r":
            self.read_on()

    def read_if(self, letter: str) -> bool:
        if self.letter != letter:
            return False
        self.read_on()
        return True

    def require(self, letter: str) -> None:
        if not self.read_if(letter):
            self.refuse(letter)

    def refuse(self, wanted: str) -> None:
        raise ValueError(f"{wanted} expected at {self.place}")

    def read_value(self) -> Any:
        letter = self.letter
        if letter == "{":
            return self.read_object()
        if letter == "[":
            return self.read_array()
        if letter == '"':
            return self.fresh("Text", text=self.read_text())
        if letter == "t":
            return self.read_word("true", True)
        if letter == "f":
            return self.read_word("false", False)
        if letter == "n":
            return self.read_word("null", None)
        return self.read_number()

    def read_word(self, word: str, value: Any) -> Any:
        for letter in word:
            self.require(letter)
        return self.fresh("Literal", value=value)

    def read_array(self) -> Any:
        self.read_on()
        self.skip_blanks()
        values = []
        if not self.read_if("]"):
            values.append(self.read_element())
            while self.read_if(","):
                self.skip_blanks()
                values.append(self.read_element())
            self.require("]")
        return self.fresh("Array", values=tuple(values))

    def read_element(self) -> Any:
        value = self.read_value()
        self.skip_blanks()
        return value

    def read_object(self) -> Any:
        self.read_on()
        self.skip_blanks()
        names = []
        values = []
        if not self.read_if("}"):
            more = True
            while more:
                self.skip_blanks()
                names.append(self.read_text())
                self.skip_blanks()
                self.require(":")
                self.skip_blanks()
                values.append(self.read_element())
                more = self.read_if(",")
            self.require("}")
        return self.fresh("Object", names=tuple(names), values=tuple(values))

    def read_text(self) -> str:
        self.require('"')
        letters = []
        while self.letter != '"':
            if not self.letter:
                self.refuse('"')
            letters.append(self.read_escape() if self.letter == "\\" else self.letter)
            self.read_on()
        self.read_on()
        return "".join(letters)

    def read_escape(self) -> str:
        self.read_on()
        meant = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
        return meant.get(self.letter, self.letter)

    def read_number(self) -> Any:
        start = self.place
        while self.letter and self.letter in "+-.0123456789eE":
            self.read_on()
        if start == self.place:
            self.refuse("a value")
        return self.fresh("Number", digits=self.text[start : self.place])


def reference(size: int) -> Any:
    """What the standard library reads from the same text."""
    return json.loads(Program().document(size))
