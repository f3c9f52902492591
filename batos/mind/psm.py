"""The methods of the six state prototypes. Each does its state's work and *returns* the name of the next state.

They are primitives, so the prototypes can be cloned and changed in a live image: a cycle finds `_process_synthesis_` by
delegation through its `synthesis_state*` slot, whatever stands there. The cycle checks what they return.
"""

from __future__ import annotations

from batos.mind.states import State
from batos.mind.strategies import strategy_of
from batos.mind.thinking import current
from batos.objects.primitives import primitive
from batos.objects.uvm_object import UvmObject, put, remove


@primitive("psm.idle")
def idle(context: UvmObject) -> State:
    """Store the brief and open the scratch slot."""
    cycle = current()
    put(context, "_tmp_synthesis_data", {})
    cycle.scratch["original_query"] = dict(cycle.brief)
    cycle.scratch["start_time"] = cycle.submitted_at
    return State.DECOMPOSING


@primitive("psm.decomposing")
def decomposing(context: UvmObject) -> State:
    cycle = current()
    strategy_of(cycle).decompose(cycle)
    cycle.note(plan=cycle.scratch["plan"])
    return State.DELEGATING


@primitive("psm.delegating")
def delegating(context: UvmObject) -> State:
    cycle = current()
    cycle.scratch["partial_responses"] = {}
    strategy_of(cycle).delegate(cycle)
    return State.SYNTHESIZING


@primitive("psm.synthesizing")
def synthesizing(context: UvmObject) -> State:
    cycle = current()
    strategy_of(cycle).synthesize(cycle)
    return State.COMPLETE


@primitive("psm.complete")
def complete(context: UvmObject) -> State:
    """Apply the effects and take the scratch slot away; the runtime then writes the receipt and commits."""
    cycle = current()
    strategy_of(cycle).complete(cycle)
    remove(context, "_tmp_synthesis_data")
    return State.IDLE


@primitive("psm.failed")
def failed(context: UvmObject) -> None:
    """Doom the transaction, so that nothing of the cycle can be kept by mistake."""
    current().world.doom()
