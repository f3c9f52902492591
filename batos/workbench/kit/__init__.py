"""The widgets that a generated workbench is made of. A generated program imports from here and nowhere else.

Every class of the catalogue is exported here under the name that its document gives. Importing the kit imports Kivy
and so wants a window; the rest of batos never does.
"""

from __future__ import annotations

from importlib.util import find_spec

from batos.errors import MissingExtra

if find_spec("kivy") is None:
    raise MissingExtra(feature="The workbench", extra="ui")

from batos.workbench.kit.bridge_link import BridgeLink, LinkReply
from batos.workbench.kit.fields import ChoiceField, IntegerField, JsonField, LinesField, TextField
from batos.workbench.kit.hits import HitsList
from batos.workbench.kit.panel import Panel, StatusLine, SubmitButton
from batos.workbench.kit.rows import RowsTable
from batos.workbench.kit.text import TextView
from batos.workbench.kit.tree import StateTree
from batos.workbench.kit.window import Workbench

__all__ = [
    "BridgeLink",
    "ChoiceField",
    "HitsList",
    "IntegerField",
    "JsonField",
    "LinesField",
    "LinkReply",
    "Panel",
    "RowsTable",
    "StateTree",
    "StatusLine",
    "SubmitButton",
    "TextField",
    "TextView",
    "Workbench",
]
