"""LangGraph's cycle: `SqliteSaver`, `durability="sync"`, one thread id per mission, in one of three graphs.

Run as `python -m benchmarks.peers.langgraph_cycle GRAPH FOLDER`. `five` has a node per state that a mission visits,
`six` also has a node for each facet, side by side, in place of DELEGATING; `minimal` is what a LangGraph user would
write: plan, the facets side by side, weave.
"""

from __future__ import annotations

import operator
import sqlite3
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.peers.driven import ANSWER, FACETS, QUESTION, drive

STATES = ("IDLE", "DECOMPOSING", "DELEGATING", "SYNTHESIZING", "COMPLETE")


class State(TypedDict, total=False):
    question: str
    plan: str
    parts: Annotated[list[str], operator.add]
    final: str


def idle(state: State) -> State:
    return {"question": state["question"]}


def plan(state: State) -> State:
    return {"plan": ANSWER}


def all_facets(state: State) -> State:
    return {"parts": [ANSWER for _ in FACETS]}


def facet(state: State) -> State:
    return {"parts": [ANSWER]}


def weave(state: State) -> State:
    return {"final": " ".join(part[:40] for part in state["parts"])}


def woven_by_a_model(state: State) -> State:
    return {"final": ANSWER}


def complete(state: State) -> State:
    return {"final": state["final"]}


def five() -> Any:
    graph: Any = StateGraph(State)
    for name, work in zip(STATES, (idle, plan, all_facets, weave, complete), strict=True):
        graph.add_node(name, work)
    _in_line(graph, STATES)
    return graph


def six() -> Any:
    graph: Any = StateGraph(State)
    for name, work in (("IDLE", idle), ("DECOMPOSING", plan), ("SYNTHESIZING", weave), ("COMPLETE", complete)):
        graph.add_node(name, work)
    _beside_each_other(graph, FACETS, "DECOMPOSING", "SYNTHESIZING")
    _in_line(graph, ("IDLE", "DECOMPOSING"), ends=False)
    graph.add_edge("SYNTHESIZING", "COMPLETE")
    graph.add_edge("COMPLETE", END)
    return graph


def minimal() -> Any:
    graph: Any = StateGraph(State)
    graph.add_node("plan_it", plan)
    graph.add_node("weave", woven_by_a_model)
    _beside_each_other(graph, FACETS[:2], "plan_it", "weave")
    graph.add_edge(START, "plan_it")
    graph.add_edge("weave", END)
    return graph


def _in_line(graph: Any, names: tuple[str, ...], ends: bool = True) -> None:
    graph.add_edge(START, names[0])
    for left, right in pairwise(names):
        graph.add_edge(left, right)
    if ends:
        graph.add_edge(names[-1], END)


def _beside_each_other(graph: Any, names: tuple[str, ...], before: str, after: str) -> None:
    for name in names:
        graph.add_node(name, facet)
        graph.add_edge(before, name)
    graph.add_edge(list(names), after)


GRAPHS: dict[str, Callable[[], Any]] = {"five": five, "six": six, "minimal": minimal}


def main() -> None:
    shape, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / "checkpoints.sqlite3", check_same_thread=False)
    graph = GRAPHS[shape]().compile(checkpointer=SqliteSaver(connection))

    def cycle(number: int) -> None:
        settings = {"configurable": {"thread_id": f"mission {number}"}}
        ended = graph.invoke({"question": f"{number} {QUESTION}", "parts": []}, settings, durability="sync")
        assert ended["final"]

    drive(cycle, connection.close)


if __name__ == "__main__":
    main()
