"""LangGraph's disk after a number of steps: `SqliteSaver`, once with a plain reducer, once with its `DeltaChannel`.

Run as `python -m benchmarks.peers.langgraph_growth STEPS FOLDER`. One thread; each step appends one text to its list.
"""

from __future__ import annotations

import json
import operator
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.channels import DeltaChannel
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.peers.steps import BYTES, size_of, texts


def _added(values: list[str], writes: Any) -> list[str]:
    return [*values, *(text for write in writes for text in write)]


class Plain(TypedDict):
    values: Annotated[list[str], operator.add]


class Delta(TypedDict):
    values: Annotated[list[str], DeltaChannel(_added)]


def growth(state: type, steps: int, folder: Path) -> float:
    """Bytes on disk divided by bytes of payload, the database closed."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "checkpoints.sqlite3", check_same_thread=False)) as connection:
        saver = SqliteSaver(connection)
        graph: Any = StateGraph(state)
        graph.add_node("step", lambda _: {"values": [next(remaining)]})
        graph.add_conditional_edges("step", lambda seen: "step" if len(seen["values"]) < steps else END)
        graph.add_edge(START, "step")
        remaining = iter(texts(steps))
        settings = {"configurable": {"thread_id": "one"}, "recursion_limit": steps + 10}
        ended = graph.compile(checkpointer=saver).invoke({"values": []}, settings, durability="sync")
        assert len(ended["values"]) == steps
    return size_of(folder) / (steps * BYTES)


def main() -> None:
    steps, folder = int(sys.argv[1]), Path(sys.argv[2])
    print(
        json.dumps({name: growth(state, steps, folder / name) for name, state in (("plain", Plain), ("delta", Delta))})
    )


if __name__ == "__main__":
    main()
