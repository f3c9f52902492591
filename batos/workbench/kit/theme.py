"""What the workbench looks like: one dark ground, one accent, two typefaces, a few sizes.

The rules that apply these values to the widgets are in `kit.kv`. Colours are (red, green, blue, alpha) from 0 to 1,
sizes are pixels.
"""

from __future__ import annotations

Colour = tuple[float, float, float, float]


def colour(code: str, alpha: float = 1.0) -> Colour:
    """The colour of a six-digit hexadecimal code."""
    red, green, blue = (int(code[place : place + 2], 16) / 255 for place in (0, 2, 4))
    return red, green, blue, alpha


ACCENT_CODE = "F2B544"
MUTED_CODE = "7F899D"

GROUND = colour("0F1219")
RAIL = colour("0A0C11")
CARD = colour("171B25")
FIELD = colour("0C0F15")
LIFTED = colour("202635")
LINE = colour("2B3242")
TEXT = colour("E8EBF2")
SOFT = colour("B4BBCB")
MUTED = colour(MUTED_CODE)
ACCENT = colour(ACCENT_CODE)
ACCENT_VEIL = colour(ACCENT_CODE, 0.10)
ON_ACCENT = colour("1B1405")
ALARM = colour("FF7D6E")
WELL = colour("8FCB9B")
NOTHING: Colour = (0, 0, 0, 0)

STATES = {"done": WELL, "failed": ALARM, "dead": ALARM, "running": ACCENT, "waiting": ACCENT}
"""The colours of states of missions."""

WORDS = "Roboto"  # bundled with Kivy, as is the monospaced one
FIGURES = "data/fonts/RobotoMono-Regular.ttf"

DISPLAY = 30
HEADING = 18
BODY = 15
SMALL = 13

RADIUS = 8
GAP = 12
MARGIN = 28
RAIL_WIDTH = 236
CONTROL_HEIGHT = 42
LINES_HEIGHT = 180
ROW_HEIGHT = 34
