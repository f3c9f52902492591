"""The command that shows and sets what may be spent: budget."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from batos.cli import show
from batos.cli.options import IMAGE, ImageOption, JsonOption, opened


def budget(
    scope: Annotated[str | None, typer.Argument(metavar="SCOPE", help="mission, day or heartbeat; none: list.")] = None,
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="A mission's id, a day (2025-11-28; today), a beat's number.")
    ] = None,
    limit: Annotated[float | None, typer.Option("--limit", metavar="NUMBER", help="What it may spend.")] = None,
    unit: Annotated[str, typer.Option("--unit", metavar="UNIT", help="tokens or money.")] = "tokens",
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Show what may be spent and what was, or set another limit; missions that wait for it go on.

    \b
    Example:
      batos budget day --limit 5000000
    """
    from batos.runtime import budgets
    from batos.runtime.counters import day_of

    if scope is not None and scope not in budgets.SCOPES:
        raise typer.BadParameter(f"SCOPE is one of {', '.join(budgets.SCOPES)}.")
    if unit not in ("tokens", "money"):
        raise typer.BadParameter("UNIT is tokens or money.")
    if limit is not None and (scope is None or not 0 <= limit < float("inf")):
        raise typer.BadParameter("A limit is a number from 0 on, for a SCOPE.")
    if scope in ("mission", "heartbeat") and key is None:
        raise typer.BadParameter(f"{scope} needs a KEY: whose budget it is.")
    with opened(image) as uvm:
        now = uvm.clock.now()
        resumed = 0
        if scope is None:
            found = list(budgets.listed(uvm.store, now))
        else:
            whose = key or day_of(now)
            if limit is not None:
                resumed = budgets.set_budget(uvm.store, scope, whose, limit, unit)  # type: ignore[arg-type]
            found = [uvm.store.budget(scope, whose, kind) for kind in ("tokens", "money")]
    rows = [
        (f"{one.scope} {one.key}", one.unit, _number(one.spent), "none" if one.limit is None else _number(one.limit))
        for one in found
    ]
    told = {"budgets": [{**asdict(one), "left": one.left} for one in found], "resumed": resumed}
    show.deliver(as_json, told, lambda: show.table(rows, ("budget", "unit", "spent", "limit")))
    if resumed and not as_json:
        show.say(f"{show.counted(resumed, 'mission')} went on.")


def _number(amount: float) -> str:
    return f"{amount:,.2f}".rstrip("0").rstrip(".")
