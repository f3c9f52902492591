"""The backend without weights: deterministic, no network. It routes by rules and answers by extracting and citing.

`plan`, `facet`, `weave` and `verdict` are its own skills, as the entry points name them.
"""

from batos.inference.builtin.facets import facet
from batos.inference.builtin.routing import plan
from batos.inference.builtin.weaving import verdict, weave

__all__ = ["facet", "plan", "verdict", "weave"]
