"""Running a cycle: from IDLE through the states that its context names, to COMPLETE or FAILED.

The current state is what stands in the context's `synthesis_state*` slot, so its method is found by delegation, and a
transition is one slot write. A cycle within a cycle walks the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transaction.interfaces import TransientError

from batos.errors import BatosError, ChangedMeanwhile, MissionError
from batos.faults import fault
from batos.mind.cycle import Cycle
from batos.mind.states import State, after
from batos.mind.thinking import answering_with
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject, put

ENTERING = {state: f"cycle.{state.value.lower()}" for state in State}  # the fault points


class CycleFailed(Exception):
    """The cycle went to FAILED. `reason` is the sentence for the caller, `trace` what had been done, `journal` the keys
    of what had been asked."""

    def __init__(
        self,
        reason: str,
        trace: tuple[dict[str, Any], ...] = (),
        journal: tuple[tuple[str, str, int], ...] = (),
        *,
        bug: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.trace = trace
        self.journal = journal
        self.bug = bug


def run(cycle: Cycle) -> None:
    """Run the states from IDLE to COMPLETE. Raises `Suspended`, `Pending`, a conflict, or `CycleFailed`."""
    with answering_with(cycle, cycle.perform):
        try:
            _walk(cycle)
        except (TransientError, ChangedMeanwhile):
            raise
        except Exception as error:
            cycle.check()  # a signal that was swallowed and followed by an error is still that signal
            bug = not isinstance(error, BatosError)
            raise CycleFailed(_said(error), tuple(cycle.trace), tuple(cycle.used), bug=bug) from error


def run_inner(cycle: Cycle, brief: Mapping[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Run the same six states over `brief` one level down; its answer and its trace.

    The inner cycle has a context of its own, and shares snapshot, journal, budget and commit with the cycle around it.
    When it fails, both do. Raises what `run` raises, but for an error as it was.
    """
    outer = cycle.brief, cycle.context, cycle.trace, cycle.answer, cycle.step, cycle.next_adapter
    cycle.brief, cycle.trace, cycle.answer, cycle.step, cycle.next_adapter = brief, [], None, None, None
    cycle.depth += 1
    try:
        _walk(cycle)
        return cycle.answer, cycle.trace
    except Exception:
        outer[2][-1].setdefault("inner", []).append({"step": brief["selector"], "trace": cycle.trace})
        raise
    finally:
        cycle.depth -= 1
        cycle.brief, cycle.context, cycle.trace, cycle.answer, cycle.step, cycle.next_adapter = outer


def _walk(cycle: Cycle) -> None:
    """From IDLE to COMPLETE, or to FAILED, whose prototype dooms the transaction, and the error goes on."""
    psm = cycle.world["psm"]
    state = State.IDLE
    cycle.context = UvmObject({"synthesis_state*": psm.IDLE, "parent*": cycle.world["traits"]})
    put(cycle.context, "mission_brief", dict(cycle.brief))
    try:
        while True:
            _enter(cycle, state)
            asked = len(cycle.used)
            try:
                successor = after(state, send(cycle.context, "_process_synthesis_"))
                cycle.check()
            finally:
                if len(cycle.used) > asked:
                    cycle.trace[-1]["asked"] = [asked, len(cycle.used)]
            if state is State.COMPLETE:
                return
            state = successor
            put(cycle.context, "synthesis_state*", getattr(psm, str(state)))
            if state is State.FAILED:
                raise MissionError(mission=cycle.mission, reason="a state decided that it failed.")
    except (TransientError, ChangedMeanwhile):
        raise
    except Exception as error:
        cycle.check()
        _enter(cycle, State.FAILED)
        cycle.note(reason=_said(error))
        put(cycle.context, "synthesis_state*", psm.FAILED)
        send(cycle.context, "_process_synthesis_")
        raise


def _enter(cycle: Cycle, state: State) -> None:
    fault(ENTERING[state])
    name = str(state)
    cycle.trace.append({"state": name})
    cycle.events.append(
        {"kind": "cycle", "mission": cycle.mission, "state": name, "depth": cycle.depth, "at": cycle.now()}
    )


def _said(error: Exception) -> str:
    if type(error) is MissionError:
        return str(error.facts["reason"])  # whoever tells it adds which mission it was
    return str(error) if isinstance(error, BatosError) else f"{type(error).__name__}: {error}"
