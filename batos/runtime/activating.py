"""How sandboxed methods are run for this image: in the sandbox, with the cycle's signals, and counted per version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from batos.clock import Clock
from batos.errors import SandboxError
from batos.methods.facet_rule import read_facet
from batos.methods.host import ObjectHost
from batos.methods.sandbox import Sandbox
from batos.mind import speaking, thinking
from batos.mind.cycle import Cycle
from batos.mind.rehearsing import Rehearsal
from batos.objects import lookup
from batos.objects.records import Method
from batos.objects.sending import Activator
from batos.objects.uvm_object import UvmObject, state
from batos.runtime.missions import MissionStore

# The world that batos made is not for sandboxed methods to write, not even for methods of its own objects.
PROTECTED = frozenset(speaking.WORLD)
STATE = "psm."  # how the primitives of the state prototypes are called; those objects have no names


def counted_activator(sandbox: Sandbox, store: MissionStore, clock: Clock) -> Activator:
    """The activator for an image. Calls, errors and time are counted; a suspension is no error, a trial no call."""

    def activate(method: Method, receiver: UvmObject, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        found = thinking.thinker_if_any()
        prompt = None if isinstance(found, Rehearsal) else _read(method, receiver, args, kwargs)
        running = found if isinstance(found, Cycle) else None
        checked, now = running.check if running else _unchecked, _now(running, clock)
        if isinstance(found, Rehearsal):
            host = ObjectHost(protected, checked=checked, now=now, saw=found.saw)
            return sandbox.activate(method, receiver, args, kwargs, host)
        host = ObjectHost(protected, checked=checked, now=now)
        started = clock.monotonic()
        failed: bool | None = None  # it did not come to an end: what it needs is seen to first, and then it is run anew
        try:
            if prompt is not None:
                answer = host.send(receiver, "infer_", args, {"system_prompt": prompt})
            else:
                answer = sandbox.activate(method, receiver, args, kwargs, host)
            failed = False
            return answer
        except SandboxError:
            failed = True
            raise
        finally:
            micros = int((clock.monotonic() - started) * 1_000_000)
            holder = _holder(method, receiver)
            if holder._p_oid is not None and failed is not None:
                call = (holder._p_oid.hex(), method.selector, method.version, not failed, micros)
                if running is None:
                    store.count_call(*call)
                else:  # an attempt may be run again: those of its last one count
                    running.calls.append(call)

    return activate


def _holder(method: Method, receiver: UvmObject) -> UvmObject:
    """The object that the method belongs to: its calls are counted together, whoever inherits it."""
    found = lookup.find(receiver, method.selector)
    return found.holder if found is not None and found.value is method else receiver


def _read(method: Method, receiver: UvmObject, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """The system prompt of a facet that only asks with it, so that nothing of its source needs to run; else None."""
    if not speaking.is_facet(method.selector) or kwargs or len(args) != 1 or type(args[0]) is not str:
        return None
    infer = lookup.find(receiver, "infer_")
    if infer is None or not isinstance(infer.value, Method) or infer.value.primitive != "pllm.infer_":
        return None
    return read_facet(method.source or "", method.selector)


def _unchecked() -> None:
    """Outside a cycle there is no signal that a method could have swallowed."""


def _now(running: Cycle | None, clock: Clock) -> Callable[[], datetime]:
    """In a cycle the time is a need, so that a replay reads the same clock."""

    def now() -> datetime:
        moment = running.ask("observe", "clock") if running else clock.now()
        return datetime.fromtimestamp(moment, UTC)

    return now


def protected(receiver: UvmObject) -> str | None:
    current = state(receiver)
    process = current.get("__methods__", {}).get("_process_synthesis_")
    is_state = isinstance(process, Method) and (process.primitive or "").startswith(STATE)
    if is_state or current.get("__label__") in PROTECTED:
        return "it is part of the world that only a person may change"
    return None
