"""What each facet has added to the latest answers, so that the steward sees those that add nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from batos.image.image import Image
from batos.runtime.missions import MissionStore

LATEST = 200  # missions that are looked at
FEWEST_ASKED = 20  # cycles before a facet is said to add nothing
LEAST_IDLE = 0.9  # and the share of them to which it added nothing


@dataclass(frozen=True)
class Contribution:
    """`asked` is in how many cycles, `idle` in how many of them it added nothing. `adds` is the mean share of its
    words that no other facet of the cycle said, from 0 to 1."""

    facet: str
    asked: int
    idle: int
    adds: float

    @property
    def adds_nothing(self) -> bool:
        """Whether it was asked often, and hardly ever said what no other facet said."""
        return self.asked >= FEWEST_ASKED and self.idle >= LEAST_IDLE * self.asked

    @property
    def sentence(self) -> str:
        return (
            f"{self.facet} added nothing to {self.idle} of the latest {self.asked} answers that it was asked for; "
            "another intent (`batos intent`) or another model may change that."
        )


def contributions(image: Image, store: MissionStore, latest: int = LATEST) -> list[Contribution]:
    """Of the facets asked by the `latest` missions that ended well, those that add least first."""
    missions = [mission.id for mission in store.list("done", latest)]
    with image.reading() as world:
        receipts = [world.receipts[mission] for mission in missions if mission in world.receipts]
        found: dict[str, list[float]] = {}
        for receipt in receipts:
            for adds in _adds(receipt.trace):
                for facet, share in adds.items():
                    found.setdefault(facet, []).append(share)
    listed = [
        Contribution(facet, len(shares), sum(not share for share in shares), round(sum(shares) / len(shares), 3))
        for facet, shares in found.items()
    ]
    return sorted(listed, key=lambda each: (each.adds, each.facet))


def _adds(trace: Sequence[dict[str, Any]]) -> Iterator[dict[str, float]]:
    """Of a cycle and of those within it."""
    for entry in trace:
        if "diversity" in entry:
            yield entry["diversity"]["adds"]
        for inner in entry.get("inner", ()):
            yield from _adds(inner["trace"])
