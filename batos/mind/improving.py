"""ALFRED's audit of failures: for each method whose newest version fails, propose to put the earlier one back.

The heartbeat files these missions. Nothing is changed here: what it wants to change, it proposes.
"""

from __future__ import annotations

from typing import Any

from batos.image.receipts import Proposal
from batos.mind.cycle import Cycle
from batos.mind.planning import consult, make_plan
from batos.objects import lookup
from batos.objects.records import Method
from batos.objects.uvm_object import label
from batos.objects.values import plain

PURPOSE = "Which failures of the system repeat, and what is the simplest change that ends them?"


def decompose(cycle: Cycle) -> None:
    """Look the failures up in memory and plan who is to be asked about them."""
    chunks = cycle.ask("observe", "search", query=PURPOSE, limit=8)
    cycle.scratch["chunks"] = chunks
    cycle.scratch["plan"] = make_plan(cycle, PURPOSE, chunks)
    cycle.note(failures=cycle.brief["args"])


def delegate(cycle: Cycle) -> None:
    consult(cycle, plain(cycle.scratch["plan"]), plain(cycle.scratch["chunks"]))


def synthesize(cycle: Cycle) -> None:
    """Decide for each failing method: an earlier version to restore, or only a finding to report."""
    failures = plain(cycle.thawed(cycle.brief["args"])[0])
    findings = [{**failure, "restorable": _earlier(cycle, failure) is not None} for failure in failures]
    cycle.scratch["final_response"] = {"findings": findings}


def _earlier(cycle: Cycle, failure: dict[str, Any]) -> Method | None:
    if "version" not in failure:  # a cycle that failed, not a method: there is nothing to go back to
        return None
    found = lookup.find(cycle.world.object(failure["oid"]), failure["selector"])
    if found is None or not isinstance(found.value, Method) or found.value.version != failure["version"]:
        return None
    return found.value.previous


def complete(cycle: Cycle) -> None:
    """File the proposals. The restored method is a new version with the earlier one's source and provenance."""
    proposed = []
    for number, finding in enumerate(plain(cycle.scratch["final_response"])["findings"]):
        earlier = _earlier(cycle, finding)
        if earlier is None:
            continue
        target = cycle.world.object(finding["oid"])
        failing = lookup.find(target, finding["selector"])
        assert failing is not None  # `_earlier` has just found it
        restored = Method(
            earlier.selector,
            earlier.source,
            trust=earlier.trust,
            contract=earlier.contract,
            intent=earlier.intent,
            previous=failing.value,
            provenance={**earlier.provenance, "restored_by": cycle.mission, "restores": earlier.version},
        )
        reason = (
            f"{finding['selector']!r} of {label(target)} failed {finding['errors']} of {finding['calls']} times since "
            f"version {finding['version']}: restore version {earlier.version}."
        )
        identity = f"{cycle.mission[:10]}{number:02d}"
        cycle.world.root["proposals"][identity] = Proposal(
            identity, target, restored, mission=cycle.mission, reason=reason, made_at=cycle.submitted_at
        )
        proposed.append({"proposal": identity, "reason": reason})
    cycle.answer = {"proposals": proposed, "findings": len(plain(cycle.scratch["final_response"])["findings"])}
