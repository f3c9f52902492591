"""Files of tasks: our own form, and problems of SyGuS that are given by examples."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.errors import TasksRefused
from batos.methods import sygus
from batos.methods.tasks import public_tasks, read_tasks

TASK = """
[[task]]
selector = "initials_"
intent = "the initials of a full name"
slots = { name = "Ada" }
train = [{ args = ["ada lovelace"], result = "A.L." }]
check = [{ args = ["grace hopper"], result = "G.H." }]
"""

FIRST_NAME = """
; version 1, as in the track of 2019
(set-logic SLIA)
(synth-fun f ((name String)) String
  ((Start String (ntString))
   (ntString String (name " " "a longer constant" (str.++ ntString ntString)))))
(declare-var name String)
(constraint (= (f "Nancy FreeHafer") "Nancy"))
(constraint (= (f "Andrew Cencici") "Andrew"))
(constraint (= "Jan" (f "Jan Kotas")))
(constraint (= (f "Nancy FreeHafer") "Nancy"))
(constraint (= (f "Mariya \\"M\\" Sergienko") "Mariya"))
(check-synth)
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_is_read_with_the_folders_in_it(tmp_path: Path) -> None:
    written(tmp_path, "text.toml", TASK)
    written(tmp_path, "sygus/first-name.sl", FIRST_NAME)
    written(tmp_path, "notes.md", "no tasks")

    tasks = read_tasks(tmp_path)

    assert [(task.family, task.selector) for task in tasks] == [("sygus", "f_"), ("text", "initials_")]
    assert tasks[1].train[0].as_json() == {"args": ["ada lovelace"], "kwargs": {}, "result": "A.L.", "given": True}


def test_of_a_sygus_file_half_of_the_examples_is_shown(tmp_path: Path) -> None:
    (task,) = read_tasks(written(tmp_path, "first-name.sl", FIRST_NAME))

    assert [example.args for example in task.train] == [("Nancy FreeHafer",), ("Andrew Cencici",)]
    assert [example.result for example in task.check] == ["Jan", "Mariya"]
    assert task.check[1].args == ('Mariya "M" Sergienko',)
    assert task.intent == "using ' '"
    assert task.family == "first-name"


def test_values_of_sygus_are_texts_numbers_and_flags() -> None:
    text = """(synth-fun |odd| ((a Int) (b Bool)) Int) (constraint (= (|odd| (- 3) true) 5))
    (constraint (= (|odd| 4 false) (- 5)))"""
    problem = sygus.read(text)
    assert problem is not None
    assert problem.examples == (((-3, True), 5), ((4, False), -5))
    assert problem.selector == "odd_"


def test_a_doubled_quote_is_a_quote() -> None:
    problem = sygus.read('(synth-fun f ((a String)) String) (constraint (= (f "say ""hi""") ""))')
    assert problem is not None
    assert problem.examples == ((('say "hi"',), ""),)


@pytest.mark.parametrize(
    "text",
    [
        "(synth-fun max ((a Int) (b Int)) Int) (declare-var a Int) (constraint (>= (max a 1) a))",
        "(synth-fun f ((a (_ BitVec 64))) (_ BitVec 64)) (constraint (= (f #x01) #x02))",
        "(synth-fun f ((a Int)) Int) (constraint (= (f x) 1))",
    ],
)
def test_problems_that_are_not_given_by_examples_are_left_out(text: str, tmp_path: Path) -> None:
    assert sygus.read(text) is None
    written(tmp_path, "formula.sl", text)
    written(tmp_path, "text.toml", TASK)
    assert len(read_tasks(tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.toml", "[[task", "not TOML"),
        ("a.toml", TASK.replace("intent", "aim"), "another form: intent"),
        ("a.toml", "task = 3", "another form"),
        (
            "a.toml",
            TASK.replace('result = "A.L."', 'raises = "NoSuchError"'),
            "'initials_' cannot be read.*NoSuchError",
        ),
        ("a.toml", "", "holds no tasks"),
        ("a.sl", "(check-synth", "not closed"),
        ("a.sl", "(check-synth))", "not opened"),
        ("a.sl", '(constraint "', "from character 12 on"),
        ("a.sl", "(check-synth)", "no single `synth-fun`"),
        ("a.txt", TASK, "holds no tasks"),
    ],
)
def test_what_is_no_file_of_tasks_is_refused_in_a_sentence(name: str, text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(TasksRefused, match=reason):
        read_tasks(written(tmp_path, name, text))


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TasksRefused, match="No tasks were read"):
        read_tasks(tmp_path / "nowhere")


@given(st.text(alphabet='();"\\ fa1=-', max_size=40))
def test_no_text_breaks_the_reader_of_sygus(text: str) -> None:
    with contextlib.suppress(sygus.NotSygus):
        sygus.read(text)


def test_the_public_tasks_are_there() -> None:
    try:
        tasks = public_tasks()
    except TasksRefused:
        pytest.skip("the public tasks are not part of this installation")
    families = {task.family for task in tasks}
    assert families == {"text", "numbers", "lists", "records", "reading", "writing"}


SYGUS = Path(__file__).parents[1] / "sygus"


def test_a_folder_of_sygus_files_of_both_versions() -> None:
    """Six files; one is stated by a formula and one has two examples."""
    tasks = read_tasks(SYGUS)

    assert len(list(SYGUS.glob("*.sl"))) == 6
    shown = {task.selector: (len(task.train), len(task.check), task.intent) for task in tasks}
    assert shown == {
        "area_code_": (2, 3, "using '(' ')' ' '"),
        "label_": (2, 2, "using ': '"),
        "letters_": (2, 3, ""),
        "surname_": (3, 3, "using ' '"),
    }
    letters = next(task for task in tasks if task.selector == "letters_")
    assert letters.check[0].args == ('say "ash"',)
    assert {task.family for task in tasks} == {"sygus"}
