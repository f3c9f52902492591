"""DBOS's cycle on SQLite: a workflow with a durable step per state that a mission visits.

Run as `python -m benchmarks.peers.dbos_cycle MANNER FOLDER`. `direct` calls the workflow, `queued` puts it through a
DBOS queue first, which is what the enqueuing of a mission is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbos import DBOS, SetWorkflowID

from benchmarks.peers.driven import ANSWER, FACETS, QUESTION, drive

POLL = 0.005


@DBOS.step()
def idle(question: str) -> dict[str, Any]:
    return {"question": question}


@DBOS.step()
def decomposing(state: dict[str, Any]) -> str:
    return ANSWER


@DBOS.step()
def delegating(plan: str) -> list[str]:
    return [ANSWER for _ in FACETS]


@DBOS.step()
def synthesizing(parts: list[str]) -> str:
    return " ".join(part[:40] for part in parts)


@DBOS.step()
def complete(final: str) -> str:
    return final


@DBOS.workflow()
def mission(question: str) -> str:
    return complete(synthesizing(delegating(decomposing(idle(question)))))


def directly(number: int) -> None:
    with SetWorkflowID(f"mission {number}"):
        assert mission(f"{number} {QUESTION}")


def queued(number: int) -> None:
    with SetWorkflowID(f"mission {number}"):
        handle: Any = DBOS.enqueue_workflow("missions", mission, f"{number} {QUESTION}")
    assert handle.get_result(polling_interval_sec=POLL)


CYCLES: dict[str, Callable[[int], None]] = {"direct": directly, "queued": queued}


def main() -> None:
    manner, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder / 'dbos.sqlite'}"
    settings: Any = {"name": "peer", "system_database_url": url, "log_level": "ERROR", "enable_otlp": False}
    DBOS(config=settings)
    DBOS.launch()
    if manner == "queued":
        DBOS.register_queue("missions", polling_interval_sec=POLL)
    drive(CYCLES[manner], DBOS.destroy)


if __name__ == "__main__":
    main()
