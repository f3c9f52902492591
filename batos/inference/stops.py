"""Texts before which an answer ends, while the answer still comes in pieces."""

from __future__ import annotations

from collections.abc import Sequence


def ended(text: str, stops: Sequence[str]) -> str:
    """`text` up to the first of the stops in it."""
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]


class Ending:
    """Pieces of an answer go in, what is certain to belong to it comes out: the beginning of a stop is held back.

    `stopped` says that a stop was met; what comes after it is no part of the answer. `handed` counts the letters that
    came out.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stopped = False
        self.handed = 0
        self._stops = tuple(stops)
        self._text = ""

    def add(self, piece: str) -> str:
        """What may be told with this piece, often less or more than it."""
        if self.stopped:
            return ""
        whole = self._text + piece
        self._text = ended(whole, self._stops)
        self.stopped = len(self._text) < len(whole)
        return self._told(len(self._text) if self.stopped else len(self._text) - self._held_back())

    def rest(self) -> str:
        """What was held back, when the answer is over."""
        return self._told(len(self._text))

    def _told(self, until: int) -> str:
        told = self._text[self.handed : until]
        self.handed = max(until, self.handed)
        return told

    def _held_back(self) -> int:
        """How many letters at the end may be the beginning of a stop."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(self._text)), 0, -1):
            if any(stop.startswith(self._text[-length:]) for stop in self._stops):
                return length
        return 0
