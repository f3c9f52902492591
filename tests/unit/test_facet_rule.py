"""A facet that only asks is read instead of run; anything else about it, and it is run."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.methods.facet_rule import read_facet

PLAIN = "def f_facet_(self, query):\n    return self.infer_(query, system_prompt='Be plain.')\n"


@pytest.mark.parametrize(
    "source",
    [
        PLAIN,
        "def f_facet_(self, q):\n    p = 'Be plain.'\n    return self.infer_(q, system_prompt=p)\n",
        "def f_facet_(self, q):\n    p = ('Be '\n     'plain.')\n    return self.infer_(q, system_prompt=p)\n",
        "def f_facet_(self, q: str) -> str:\n    'Says so.'\n    return self.infer_(q, system_prompt='Be plain.')\n",
    ],
)
def test_a_facet_that_only_asks_is_read(source):
    assert read_facet(source, "f_facet_") == "Be plain."


@pytest.mark.parametrize(
    "source",
    [
        PLAIN.replace("f_facet_", "g_facet_"),
        PLAIN.replace("self.infer_", "self.other.infer_"),
        PLAIN.replace("infer_", "forget_"),
        PLAIN.replace("(query,", "(query + '!',"),
        PLAIN.replace("'Be plain.'", "self.prompt"),
        PLAIN.replace("'Be plain.'", "7"),
        PLAIN.replace("'Be plain.'", "f'Be {query}.'"),
        PLAIN.replace("'Be plain.'", "missing"),
        PLAIN.replace("query)", "query='x')"),
        PLAIN.replace("query):", "query, *rest):"),
        PLAIN.replace("query):", "*query):"),
        PLAIN.replace("query):", "query, **more):"),
        PLAIN.replace("(self", "(me"),
        "@staticmethod\n" + PLAIN,
        "import os\n" + PLAIN,
        PLAIN + "f_facet_(None, 1)\n",
        PLAIN.replace("return", "self.seen = query\n    return"),
        PLAIN.replace("return", "query = 'x'\n    return"),
        "def f_facet_(self, q):\n    self = 'x'\n    return self.infer_(q, system_prompt=self)\n",
        "def f_facet_(self, q):\n    q = 'x'\n    return self.infer_(q, system_prompt=q)\n",
        "async " + PLAIN,
        PLAIN.replace("return ", "return await "),
        "",
        "def f_facet_(self, query): return (",
        "(" * 5000,
    ],
)
def test_anything_else_is_run(source):
    assert read_facet(source, "f_facet_") is None


@given(st.text(max_size=200))
def test_what_is_read_is_what_python_would_say(prompt):
    source = f"def f_facet_(self, query):\n    said = {prompt!r}\n    return self.infer_(query, system_prompt=said)\n"
    assert read_facet(source, "f_facet_") == ast.literal_eval(repr(prompt))
