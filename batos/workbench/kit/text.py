"""An answer in words, with the passages it cites where the reply names them."""

from __future__ import annotations

from typing import Any

from kivy.uix.boxlayout import BoxLayout

from batos.workbench.kit import theme
from batos.workbench.kit.bridge_link import LinkReply
from batos.workbench.kit.markup import prose
from batos.workbench.kit.rows import shortened
from batos.workbench.kit.surfaces import Card, Scroll, Words

MOST_CITED = 12


class TextView(Scroll):
    """The `details` of a reply as text."""

    def __init__(self) -> None:
        super().__init__()
        self._column = BoxLayout(orientation="vertical", spacing=theme.GAP, size_hint_y=None, padding=(0, 0, 10, 0))
        self._column.bind(minimum_height=self._column.setter("height"))
        self.add_widget(self._column)

    def fill(self, reply: LinkReply, asked: dict[str, Any]) -> str:
        mission = reply.results[0] if reply.results and isinstance(reply.results[0], dict) else {}
        card = Card()
        card.add_widget(Words(text=prose(reply.details or "Nothing to say yet."), markup=True, line_height=1.25))
        cited = citations(mission.get("outcome"))
        if cited:
            card.add_widget(Words(text="\n".join(cited), color=theme.MUTED, font_size=theme.SMALL, line_height=1.3))
        self._column.clear_widgets()
        self._column.add_widget(card)
        self.scroll_y = 1
        state = mission.get("state")
        return f"mission {shortened(str(mission.get('mission')))} is {state}" if state else "answered"


def citations(outcome: Any) -> list[str]:
    """A line for each passage that an outcome cites, without repeats; none where it cites nothing."""
    cited = outcome.get("citations") if isinstance(outcome, dict) else None
    if not isinstance(cited, list):
        return []
    places = [citation for citation in cited if isinstance(citation, dict) and "document_id" in citation]
    lines = [f"{place['document_id']}  ·  chunk {place.get('chunk_index')}" for place in places]
    return list(dict.fromkeys(lines))[:MOST_CITED]
