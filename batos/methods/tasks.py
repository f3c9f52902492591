"""Tasks for writers of methods: what a task is, and how files of tasks are read.

A task shows a writer some examples and keeps others back, on which the method is checked. `TOML` below is the form of a
file; files in the SyGuS format (`*.sl`) are read too. This module runs nothing.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from batos.errors import SettingRefused, TasksRefused
from batos.methods import sygus
from batos.methods.contract import Example

SUFFIXES = (".toml", ".sl")
LEAST_SYGUS = 4
"""A SyGuS file with fewer examples cannot be split into some to show and some to check."""

MOST_SHOWN = 8


class Stated(BaseModel):
    """An example as a file states it; what it leaves out is not looked at. Values are frozen JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    slots: dict[str, Any] | None = None
    result: Any = None
    raises: str | None = None
    slots_after: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        stated = self.model_dump(mode="json", exclude_unset=True)
        return {**stated, "args": list(self.args), "kwargs": self.kwargs, "given": True}

    def example(self) -> Example:
        return Example.from_json(self.as_json())


class Task(BaseModel):
    """`train` is shown to the writer, `check` is not. `reference`, if there is one, answers the writer's questions.

    `family` is the file that the task comes from, without its ending.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    selector: str
    intent: str
    slots: dict[str, Any] = {}
    train: tuple[Stated, ...]
    check: tuple[Stated, ...]
    reference: str = ""
    family: str = ""


def public_tasks() -> list[Task]:
    """The tasks that come with batos. Raises `TasksRefused` where they were left out."""
    beside = Path(str(files("batos"))) / "tasks"
    return read_tasks(beside if beside.is_dir() else Path(__file__).parents[2] / "benchmarks" / "methods")


def read_tasks(path: Path) -> list[Task]:
    """The tasks of a file, or of every file of a folder and the folders in it, by name.

    Raises `TasksRefused` for a path without tasks, and for a file that is none of the two forms. A SyGuS file that
    states no examples, or fewer than four, is left out.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    else:
        files = [path] if path.is_file() and path.suffix in SUFFIXES else []
    tasks = [task for file in files for task in (_of_sygus(file, path) if file.suffix == ".sl" else _of_toml(file))]
    if not tasks:
        reason = "it holds no tasks. Name a folder or a file with tasks: *.toml, or SyGuS files with examples, *.sl."
        raise TasksRefused(path=str(path), reason=reason)
    return tasks


def _of_toml(file: Path) -> list[Task]:
    try:
        listed = tomllib.loads(file.read_text(encoding="utf-8")).get("task", [])
        tasks = [Task.model_validate({"family": file.stem, **fields}) for fields in listed]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TasksRefused(path=str(file), reason=f"it is not TOML: {error}.") from None
    except (ValidationError, TypeError, AttributeError) as error:
        raise TasksRefused(path=str(file), reason=f"it has a task of another form: {_first(error)}.") from None
    for task in tasks:
        try:
            for stated in (*task.train, *task.check):
                stated.example()
        except (SettingRefused, ValueError, TypeError, KeyError) as error:
            reason = f"an example of {task.selector!r} cannot be read: {error}"
            raise TasksRefused(path=str(file), reason=reason) from None
    return tasks


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
    return f"{error}"


def _of_sygus(file: Path, under: Path) -> list[Task]:
    """The first half of the examples is shown, at most eight; the others are the check."""
    try:
        problem = sygus.read(file.read_text(encoding="utf-8"))
    except (sygus.NotSygus, UnicodeDecodeError) as error:
        raise TasksRefused(path=str(file), reason=f"it is no SyGuS file: {error}.") from None
    if problem is None or len(problem.examples) < LEAST_SYGUS:
        return []
    stated = [Stated(args=args, result=result) for args, result in problem.examples]
    shown = min(MOST_SHOWN, len(stated) // 2)
    constants = " ".join(f"'{constant}'" for constant in problem.constants)
    return [
        Task(
            selector=problem.selector,
            intent=f"using {constants}" if constants else "",
            train=tuple(stated[:shown]),
            check=tuple(stated[shown:]),
            family=file.parent.name if under.is_dir() else file.stem,
        )
    ]
