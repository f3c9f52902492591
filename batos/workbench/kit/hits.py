"""Passages that a search found, best first: where each one stands, how well it fits, and what it says."""

from __future__ import annotations

import re
from typing import Any

from kivy.properties import NumericProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout

from batos.workbench.kit import theme
from batos.workbench.kit.bridge_link import LinkReply
from batos.workbench.kit.markup import heading, passage
from batos.workbench.kit.surfaces import MOST_ROWS, Card, Scroll
from batos.workbench.kit.theme import ACCENT_CODE

LEAST_SHOWN = 0.001  # a word that most passages hold weighs next to nothing
EXCERPT = 300  # characters of a passage that is not opened
TELLING = 4  # letters of a word that is worth lifting out


class HitCard(ButtonBehavior, Card):
    """One passage. A press opens it whole, with the summaries above it; another one closes it again."""

    document = StringProperty()
    place = StringProperty()
    figure = StringProperty()
    heading = StringProperty()
    passage = StringProperty()
    strength = NumericProperty(0.0)  # the score as a part of the best one

    def __init__(self, hit: dict[str, Any], best: float, words: list[str]) -> None:
        chunk = hit["chunk"]
        self.chunk_index, self.score = int(chunk["chunk_index"]), float(hit["score"])
        self.text = str(chunk["text"])
        self._words, self._open = words, False
        self._above = [str(text) for text in chunk.get("metadata", {}).get("summaries", ())]
        super().__init__(
            document=str(chunk["document_id"]),
            place=f"chunk {self.chunk_index}",
            figure=f"{self.score:.3f}" if self.score >= LEAST_SHOWN else f"<{LEAST_SHOWN}",
            strength=max(0.0, min(1.0, self.score / best)) if best > 0 else 1.0,
            heading=heading(self.text),
            passage=self._shown(),
        )

    def on_release(self) -> None:
        self._open = not self._open
        self.passage = self._shown()

    def _shown(self) -> str:
        if not self._open:
            return passage(self.text, self._words, EXCERPT)
        levels = (
            f"[color={ACCENT_CODE}]summary, level {level}[/color]  {passage(text, self._words, None)}"
            for level, text in enumerate(self._above, 1)
        )
        return "\n\n".join((passage(self.text, self._words, None), *levels))


class HitsList(Scroll):
    """The passages of a reply whose results are `{chunk: {document_id, chunk_index, text}, score}`."""

    def __init__(self) -> None:
        super().__init__()
        self._column = BoxLayout(orientation="vertical", spacing=theme.GAP, size_hint_y=None, padding=(0, 0, 10, 0))
        self._column.bind(minimum_height=self._column.setter("height"))
        self.add_widget(self._column)
        self.cards: list[HitCard] = []

    def fill(self, reply: LinkReply, asked: dict[str, Any]) -> str:
        hits = reply.results[:MOST_ROWS]
        words = [word for value in asked.values() if isinstance(value, str) for word in re.findall(r"\w+", value)]
        telling = [word for word in words if len(word) >= TELLING]
        best = max((float(hit["score"]) for hit in hits), default=0.0)
        self.cards = [HitCard(hit, best, telling) for hit in hits]
        self._column.clear_widgets()
        for card in self.cards:
            self._column.add_widget(card)
        self.scroll_y = 1
        if not hits:
            return "nothing found; other words may find it, or a document that is still to be ingested"
        return f"{len(reply.results)} passage{'' if len(reply.results) == 1 else 's'}"
