"""`batos bench-model` as a person calls it."""

import json
from pathlib import Path

import pytest

TASKS = """
[[task]]
selector = "last_"
intent = "the last item"
train = [{ args = [[1, 2]], result = 2 }, { args = [[4, 6, 5]], result = 5 }]
check = [{ args = [[7, 9]], result = 9 }]

[[task]]
selector = "prove_"
intent = "whether it can be proven"
train = [{ args = ["a"], result = true }, { args = ["b"], result = false }]
check = [{ args = ["c"], result = true }]
"""


@pytest.fixture
def bench(batos, tmp_path):
    """Calls `batos bench-model` in a folder with two tasks."""
    (tmp_path / "tasks.toml").write_text(TASKS, encoding="utf-8")
    return lambda *arguments: batos("bench-model", *arguments)


def test_the_table_says_how_many_were_right_and_why_others_were_not(bench):
    code, out, err = bench("builtin", "--tasks", "tasks.toml")

    assert code == 0
    assert "builtin: 50.0% right of 2 tasks" in out
    assert "prove_  refused" in out
    assert "2 of 2 tasks" in err
    assert list(Path.cwd().iterdir()) == [Path.cwd() / "tasks.toml"], "nothing is left behind"


def test_for_programs_it_is_one_document(bench):
    code, out, _ = bench("builtin", "--tasks", ".", "--limit", "1", "--json")

    assert code == 0
    found = json.loads(out)
    assert (found["model"], found["tasks"], found["right"], found["wrong"]) == ("builtin", 1, 1.0, 0.0)
    assert found["families"]["tasks"]["rounds"] == 1.0
    assert found["results"][0]["source"].startswith("def last_(self, items):")


def test_bad_input_is_one_sentence(bench):
    code, out, err = bench("builtin", "--tasks", "nowhere")
    assert (code, out) == (1, "")
    assert err.startswith("No tasks were read from nowhere:")

    code, _, err = bench("llama", "--tasks", "tasks.toml")
    assert code == 1
    assert "llama" in err

    code, _, err = bench("openai:http://127.0.0.1:9/v1#none", "--tasks", "tasks.toml")
    assert code == 1
    assert err.count("\n") <= 2
    assert "127.0.0.1:9" in err
