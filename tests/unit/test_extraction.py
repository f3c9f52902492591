"""Extraction: one function out of what models really answer, and never a guess between two."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.errors import ExtractionFailed
from batos.methods.extraction import extract

BARE = "def initials_(self, name):\n    return '.'.join(word[0].upper() for word in name.split()) + '.'\n"

WRAPPED = {
    "bare": BARE,
    "fence": f"```python\n{BARE}```",
    "fence without a language": f"```\n{BARE}```",
    "tilde fence": f"~~~py\n{BARE}~~~",
    "four backticks": f"````python\n{BARE}````",
    "fence that never closes": f"Here it is:\n\n```python\n{BARE}",
    "prose before and after": f"Sure! Here is the method you asked for:\n\n```python\n{BARE}```\n\nIt splits the name.",
    "prose without a fence": f"Sure! Here is the method:\n\n{BARE}\nIt splits the name and joins the letters.\n",
    "prose right after": f"{BARE}This returns the initials.",
    "think block": f"<think>\nMaybe:\n```python\ndef initials_(self):\n    return 1\n```\nNo.\n</think>\n{BARE}",
    "think tail": f"I would write def initials_(self): pass\n</think>\n```python\n{BARE}```",
    "reasoning block": f"<Reasoning>def initials_(self): return 0</Reasoning>\n{BARE}",
    "carriage returns": BARE.replace("\n", "\r\n"),
    "indented": "".join(f"    {line}\n" for line in BARE.splitlines()),
    "list item": "1. The method:\n\n   ```python\n"
    + "".join(f"   {line}\n" for line in BARE.splitlines())
    + "   ```\n",
    "class": "```python\nclass Greeter:\n    def other(self):\n        return 1\n\n"
    + "".join(f"    {line}\n" for line in BARE.splitlines())
    + "```",
    "doctest": "".join((">>> " if line.startswith("def") else "... ") + line + "\n" for line in BARE.splitlines())
    + ">>> initials_(None, 'a b')\n'A.B.'\n",
    "curly quotes": f"```python\n{BARE}```".replace("'.'", "“.”"),
    "non-breaking spaces": f"```python\n{BARE}```".replace("    return", "\u00a0\u00a0\u00a0 return"),
    "tabs": BARE.replace("    ", "\t"),
    "twice the same": f"Draft:\n```python\n{BARE}```\nFinal:\n```python\n# final\n{BARE}```",
    "usage beside it": f"```python\n{BARE}\nprint(initials_(None, 'ada lovelace'))\n```",
    "shell fence beside it": f"```bash\npip install nothing\n```\n```python\n{BARE}```",
    "quoted mail": "".join(f"{line}\n" for line in ["> I think so too.", "", *BARE.splitlines()]),
}


@pytest.mark.parametrize("answer", WRAPPED.values(), ids=WRAPPED.keys())
def test_the_wrapping_comes_off(answer: str) -> None:
    assert ast.dump(ast.parse(extract(answer, "initials_"))) == ast.dump(ast.parse(BARE))


def test_the_text_of_the_function_is_kept_as_written() -> None:
    source = "def f(self):\n    # a comment stays\n    return   1\n"
    assert extract(f"```python\n{source}```", "f") == source


def test_a_docstring_that_reaches_the_margin_does_not_end_the_function() -> None:
    source = 'def f(self):\n    """One.\n\nTwo at the margin.\n"""\n    return 1\n'
    assert extract(f"Here you go.\n\n{source}\nDone, I hope.", "f") == source


def test_what_the_function_uses_moves_into_it() -> None:
    answer = (
        "import math\nimport os\nLIMIT = 3\nTEXT = '''a\nb'''\n\n"
        "def helper(x):\n    return math.floor(x) + LIMIT\n\n"
        "def f(self, x):\n    '''Doc.'''\n    return helper(x), TEXT\n"
    )
    source = extract(answer, "f")
    namespace: dict[str, object] = {}
    exec(source, namespace)
    assert namespace["f"](None, 1.5) == (4, "a\nb")  # type: ignore[operator]
    assert "import os" not in source
    assert ast.get_docstring(ast.parse(source).body[0]) == "Doc."  # type: ignore[arg-type]
    assert len(ast.parse(source).body) == 1


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("", "it holds no function"),
        ("I am sorry, I cannot help with that.", "it holds no function"),
        ("```json\n{}\n```", "it holds no function"),
        ("def other_(self):\n    return 1\n", "it defines other_ instead"),
        ("def f(self):\n    return (1,\n", "cut off or is not valid"),
        ("def f(self):\nreturn 1\n", "cut off or is not valid"),
        ("def f(self):\n    return 1\n\ndef f(self):\n    return 2\n", "2 different functions"),
        ("```\ndef f(self):\n    return 1\n```\nor\n```\ndef f(self):\n    return 2\n```", "2 different functions"),
        (
            "class A:\n    def f(self):\n        return 1\nclass B:\n    def f(self):\n        return 2\n",
            "2 different functions",
        ),
        ("<think>def f(self): return 1", "it holds no function"),
        ("x" * 200_001, "200000 are read at most"),
        ("def f(self):\n    return " + "-" * 100_000 + "1\n", "cut off or is not valid"),
    ],
)
def test_it_fails_with_a_sentence_instead_of_guessing(answer: str, sentence: str) -> None:
    with pytest.raises(ExtractionFailed, match=sentence):
        extract(answer, "f")


@given(st.text(alphabet="def f(self):\n \t`~>.\"'“<think/>return1class", max_size=200))
def test_no_answer_crashes_it(answer: str) -> None:
    try:
        source = extract(answer, "f")
    except ExtractionFailed:
        return
    assert isinstance(ast.parse(source).body[0], ast.FunctionDef | ast.AsyncFunctionDef)
