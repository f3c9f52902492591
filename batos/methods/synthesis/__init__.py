"""Methods without weights: naming conventions, facets, and bottom-up synthesis from examples.

`write_method` is the built-in backend's skill for requests with purpose "method". It is deterministic: the same
request gives the same source, in any process.
"""

from batos.methods.synthesis.writer import write_method

__all__ = ["write_method"]
