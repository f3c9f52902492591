"""Stages as a person sees them: in place on a terminal, a line each as it ends elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batos.cli import show
from batos.cli.stages import Stage, Stages

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

REFRESHES_PER_SECOND = 10
DRAFT = "Draft, not checked yet:"
MARGIN = 3  # lines: that of DRAFT, the cursor's, and one to spare


@contextmanager
def stages_shown(stages: Stages, console: Console, *, transient: bool = False) -> Iterator[None]:
    """Print stages as they go on. `transient` ones are taken off a terminal when they are through."""
    if not console.is_terminal:

        def told(stage: Stage) -> None:
            if (stage.ended is None) is stage.open_ended:
                console.print(_lines([stage], stages))

        stages.shown = told
        yield
        return
    from rich.live import Live

    live = Live(
        get_renderable=lambda: _with_draft(stages, console),
        console=console,
        refresh_per_second=REFRESHES_PER_SECOND,
        transient=transient,
    )
    with live:
        stages.closing = live.stop
        yield


def _lines(listed: list[Stage], stages: Stages) -> Text:
    from rich.text import Text

    return Text("\n").join(_line(stage, stages) for stage in list(listed))


def _with_draft(stages: Stages, console: Console) -> RenderableType:
    """The stages and, below them, the end of the text in the making, as far as the terminal has room for it."""
    from rich.console import Group

    lines = _lines(stages.stages, stages)
    if not stages.draft:
        return lines
    draft = show.styled(stages.draft, "dim").wrap(console, console.width)
    room = max(1, console.height - len(stages.stages) - MARGIN)
    return Group(lines, show.styled(DRAFT, "dim italic"), *draft[-room:])


def _line(stage: Stage, stages: Stages) -> Text:
    from rich.text import Text

    going = stage.ended is None
    style = "red" if stage.failed else "bold" if going else ""
    line = Text.assemble(
        (f"{stage.title:<30}", style),
        (f"{seconds(stage, stages):6.2f} s   ", "dim"),
        show.styled(show.one_line(stage.detail, 200), "red" if stage.failed else ""),
    )
    line.truncate(show.console().width, overflow="ellipsis")
    return line


def seconds(stage: Stage, stages: Stages) -> float:
    """How long a stage took, or has taken so far."""
    ended = stages.clock.monotonic() if stage.ended is None else stage.ended
    return round(ended - stage.began, 3)
