"""How the cycle of a mission is shown: its states with what was decided in each, cycles within it indented."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from batos.cli import show

Entry = dict[str, Any]
Asked = Sequence[Sequence[Any]]  # kind, request hash and occurrence, as the journal has them
MOST_PLACES = 5
DIGITS = 8  # of a request's hash
STEP = 2  # columns per level


def lines(trace: list[Entry], asked: Asked = (), indent: int = STEP) -> Iterator[tuple[int, str, str]]:
    """(indentation, text, style) of every line. `asked` is what the spans in the trace count."""
    for entry in trace:
        yield indent, entry["state"], "red" if entry["state"] == "FAILED" else ""
        for name, fact in entry.items():
            for told in FACTS.get(name, _other(name))(fact):
                yield indent + STEP, told, "dim"
        if span := entry.get("asked"):
            yield indent + STEP, _asked(span, asked), "dim"
        for inner in entry.get("inner", ()):
            yield indent + STEP, f"{inner['step']} thinks its part through:", ""
            yield from lines(inner["trace"], asked, indent + 2 * STEP)


def _other(name: str) -> Callable[[Any], Iterator[str]]:
    def told(fact: Any) -> Iterator[str]:
        yield f"{name.replace('_', ' ')}: {fact if isinstance(fact, str) else show.literal(fact, 200)}"

    return told


def _nothing(fact: Any) -> Iterator[str]:
    yield from ()


def _retrieved(places: list[list[Any]]) -> Iterator[str]:
    yield f"retrieved {show.counted(len(places), 'passage')}{_listed(places)}"


def _cited(places: list[list[Any]]) -> Iterator[str]:
    if places:
        yield f"cites {_listed(places).removeprefix(': ')}"


def _listed(places: list[list[Any]]) -> str:
    if not places:
        return ""
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    return ": " + ", ".join(f"{document} {index}" for document, index, *_ in places[:MOST_PLACES]) + more


def _asked(span: list[int], asked: Asked) -> str:
    """How often something was asked for, and under which ids the journal has it."""
    listed = ", ".join(f"{kind} {hash_[:DIGITS]}" for kind, hash_, _ in asked[span[0] : span[1]])
    return f"asked {show.counted(span[1] - span[0], 'time')}" + (f": {listed}" if listed else "")


def _plan(plan: Entry) -> Iterator[str]:
    if plan.get("archetype"):
        yield f"plan: {plan['archetype']}, {plan['lead']} leads"
    if plan.get("strategy"):
        yield f"strategy: {plan['strategy']}"
    for reason in (plan.get("notes") or {}).get("reasons", ()):
        yield f"because {reason}"
    for step in plan.get("relevant_pillars", ()):
        query = (plan.get("sub_queries") or {}).get(step)
        yield f"asks {step}" + (f": {query}" if query else "")


def _diversity(found: Entry) -> Iterator[str]:
    adds = ", ".join(f"{step} {share:.0%}" for step, share in found["adds"].items())
    yield f"diversity {found['diversity']:.2f}; of its own adds {adds}"


def _addresses(share: float) -> Iterator[str]:
    yield f"answer and passages hold {share:.0%} of the question's words"


FACTS: dict[str, Callable[[Any], Iterator[str]]] = {
    "state": _nothing,
    "inner": _nothing,
    "facets": _nothing,
    "retrieved": _retrieved,
    "cited": _cited,
    "asked": _nothing,
    "plan": _plan,
    "diversity": _diversity,
    "addresses": _addresses,
}
