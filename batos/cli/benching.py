"""The command that measures how well a model writes methods."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batos.cli import show
from batos.cli.options import JsonOption, settled

if TYPE_CHECKING:
    from batos.methods.tasks import Task
    from batos.runtime.bench import Progress, Result

REASONS = 8
"""So many tasks that were not right are named without --all."""


def bench_model(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Who writes: builtin, openai:URL#NAME.")],
    tasks: Annotated[
        Path | None,
        typer.Option("--tasks", metavar="PATH", help="A file or folder of tasks: *.toml, or SyGuS files, *.sl."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Only N of them, spread over all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Name every task that was not right.")] = False,
    image: Annotated[
        str | None, typer.Option("--image", metavar="PATH", help="A new image to keep what was learned in.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how well a model writes methods, by small tasks.

    What it writes goes through the gate that all methods go through, and is then run on examples it never saw.

    \b
    Example:
      batos bench-model builtin --limit 40
      batos bench-model openai:http://127.0.0.1:8000/v1#qwen --tasks my-tasks/ --json
    """
    from batos.methods.tasks import public_tasks, read_tasks
    from batos.runtime.bench import bench_model as measured
    from batos.runtime.bench import document

    listed = _some(read_tasks(tasks) if tasks is not None else public_tasks(), limit)
    model = settled(model)
    with _shown_progress() as progress:
        results = measured(model, listed, keep=image, progress=progress)
    show.deliver(as_json, document(model, results), lambda: _show(model, results, everything))


def _some(tasks: list[Task], limit: int | None) -> list[Task]:
    """`limit` of the tasks, evenly spread, so that every family has its share."""
    if limit is None or limit >= len(tasks):
        return tasks
    return [tasks[place * len(tasks) // limit] for place in range(limit)]


@contextmanager
def _shown_progress() -> Iterator[Progress]:
    """A bar on standard error, where that is a terminal; elsewhere a line for every tenth of the tasks."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    console = show.error_console()
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def progress(result: Result, done: int, total: int) -> None:
            told = f"{result.selector} {result.outcome}"
            bar.update(task, completed=done, total=total, description=show.one_line(show.clean(told), 50))
            if not console.is_terminal and (done == total or done * 10 // total > (done - 1) * 10 // total):
                show.note(f"{done} of {total} tasks")

        yield progress


def _show(model: str, results: list[Result], everything: bool) -> None:
    import statistics

    from batos.runtime.bench import Summary, by_family, summary

    def row(name: str, found: Summary) -> tuple[object, ...]:
        shares = (f"{share:.1%}" for share in (found.right, found.wrong, found.refused))
        per_task = (f"{found.questions:.2f}", f"{found.rounds:.2f}", f"{found.tokens:.0f}", f"{found.seconds:.2f} s")
        return (name, found.tasks, *shares, *per_task)

    header = ("tasks", "", "right", "wrong", "refused", "questions", "rounds", "tokens", "time")
    rows = [row(family, found) for family, found in by_family(results).items()]
    show.table([*rows, row("all", summary(results))] if len(rows) > 1 else rows, header)

    median = statistics.median(each.seconds for each in results)
    show.say(
        f"{model}: {summary(results).right:.1%} right of {show.counted(len(results), 'task')}, "
        f"{median:.2f} s for the median task. Questions, rounds, tokens and time are per task.",
        "dim",
    )
    _show_missed([each for each in results if each.outcome != "right"], everything)


def _show_missed(missed: list[Result], everything: bool) -> None:
    shown = missed if everything else missed[:REASONS]
    if shown:
        show.heading("Not right")
        show.table([(each.selector, each.outcome, show.one_line(each.reason, 200)) for each in shown])
    if len(shown) < len(missed):
        show.note(f"{len(missed) - len(shown)} more; --all names them.")
