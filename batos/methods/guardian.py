"""The guardian: the static audit of generated source by the covenant of the founding document.

A source passes if it is one plain `def selector(self, …)` that reaches state only through `self.slot`, keeps the
Persistence Covenant on every path, imports from a short list, and names nothing private. The tables are in
`guardian.toml`.

It covers: what the text says. It does not cover: what the method does with the rights it has, loops without end,
memory, names put together at run time. Those are the sandbox's and its host's. Passing the audit is no reason to run a
source outside the sandbox.
"""

from __future__ import annotations

from dataclasses import dataclass

from batos.errors import GuardianRefused
from batos.methods.aliases import Aliases
from batos.methods.changes import Changes
from batos.methods.covenant import unmarked_writes
from batos.methods.facet_rule import facet_findings
from batos.methods.rules import audit_tree
from batos.methods.source_text import text_findings, tree_findings
from batos.methods.tables import Finding, Rules, rules
from batos.methods.tree import Tree, grow


@dataclass(frozen=True)
class Audit:
    """What the guardian found in one source. It passes if there are no findings.

    `reads`, `writes` and `sends` name the slots of `self` read and written and the selectors sent to `self`, sorted.
    `dynamic` says that some name is put together at run time, so that the three lists may not be complete.
    """

    selector: str
    findings: tuple[Finding, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    marks: bool = False
    dynamic: bool = False

    @property
    def passed(self) -> bool:
        return not self.findings

    @property
    def reason(self) -> str:
        """The findings as sentences for a person or a model; empty if the source passed."""
        return " ".join(str(finding) for finding in self.findings)

    def to_json(self) -> dict[str, object]:
        return {
            "selector": self.selector,
            "passed": self.passed,
            "findings": [{"line": found.line, "rule": found.rule, "reason": found.reason} for found in self.findings],
            "reads": list(self.reads),
            "writes": list(self.writes),
            "sends": list(self.sends),
            "dynamic": self.dynamic,
        }


def audit(source: str, selector: str, *, facet: bool = False) -> Audit:
    """Audit a method's source. Never raises, whatever the text. `facet` adds the rule that `infer_` is sent once."""
    return _examined(source, selector, facet)[0]


def check(source: str, selector: str, *, facet: bool = False) -> Audit:
    """The audit of a source that passes. Raises `GuardianRefused` with every finding, line and reason."""
    return _passed(audit(source, selector, facet=facet))


def checked(source: str, selector: str) -> tuple[Audit, Tree]:
    """The audit of a source that passes, with its tree. Raises `GuardianRefused`."""
    result, tree = _examined(source, selector, False)
    _passed(result)
    assert tree is not None
    return result, tree


def _passed(result: Audit) -> Audit:
    if not result.passed:
        raise GuardianRefused(selector=result.selector, reason=result.reason, findings=result.to_json()["findings"])
    return result


def _examined(source: str, selector: str, facet: bool) -> tuple[Audit, Tree | None]:
    table = rules()
    findings = text_findings(source, table)
    if findings:
        return Audit(selector, tuple(findings)), None
    try:
        tree = grow(source, table.depth)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        return Audit(selector, (Finding(line, "parse", f"this is not valid Python: {_short(error)}."),)), None
    findings = tree_findings(tree, selector, table)
    if findings:
        return Audit(selector, tuple(findings)), None
    return _audited(tree, selector, facet, table), tree


def _audited(tree: Tree, selector: str, facet: bool, table: Rules) -> Audit:
    changes = Changes(tree, Aliases(tree, table.mutators, table.functions))
    seen = audit_tree(tree, changes, table)
    findings = list(seen.findings)
    for line in unmarked_writes(tree.function, changes):
        reason = (
            "a path that wrote state here ends without `self._p_changed = True` after it (the Persistence Covenant)."
        )
        if line in changes.in_place:
            reason += " `name += value` may change a slot's container in place; `name = name + value` does not."
        findings.append(Finding(line, "covenant", reason))
    if facet:
        findings.extend(facet_findings(tree.function))
    return Audit(
        selector,
        tuple(sorted(set(findings))),
        tuple(sorted(seen.reads)),
        tuple(sorted(seen.writes)),
        tuple(sorted(seen.sends)),
        seen.marks,
        seen.dynamic,
    )


def _short(error: BaseException) -> str:
    return str(getattr(error, "msg", None) or error or type(error).__name__).splitlines()[0][:120]
