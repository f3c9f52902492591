"""Whether the optional packages are there, and the sentence where they are not."""

from __future__ import annotations

from importlib.util import find_spec

from batos.errors import MissingExtra

NEEDED = ("torch", "transformers", "peft", "safetensors", "llguidance")


def missing_extra(feature: str) -> MissingExtra | None:
    """The error for `feature` on a machine that lacks a package of the extra; None where all are there."""
    if all(find_spec(module) is not None for module in NEEDED):
        return None
    return MissingExtra(feature=feature, extra="peft")


def require_extra(feature: str) -> None:
    """Raises `MissingExtra` where a package of the extra is missing."""
    if (missing := missing_extra(feature)) is not None:
        raise missing
