"""What a person has ruled about objects: pins, and the policy for what is learned.

They stand in the notes of an object and of its slots, where no sandboxed method can write. A pinned object, or a pinned
slot, is not changed by what learns or by the steward, nor written by a sandboxed method; a person changes it, or takes
the pin away. A policy holds for the object and for those that delegate to it, the nearest first.
"""

from __future__ import annotations

from typing import Literal, cast

from batos.errors import SettingRefused, UnknownSlot
from batos.objects import lookup
from batos.objects.uvm_object import UvmObject, annotate, label, notes_of, own_slots, state

Policy = Literal["auto", "propose"]
POLICIES = ("auto", "propose")
ITSELF = ""  # the key of an object's notes about itself, which no slot can have
PINNED, POLICY = "pinned", "policy"


def pin(target: UvmObject, selector: str | None = None, on: bool = True) -> None:
    """Pin the object, or one of its own slots; or take that back. Raises `UnknownSlot` for a slot that it has not."""
    if selector is not None and selector not in own_slots(target):
        known = "Only an own slot of the object can be pinned."
        raise UnknownSlot(holder=label(target), name=selector, known=known)
    _note(target, ITSELF if selector is None else selector, PINNED, "yes" if on else None)


def pinned(target: UvmObject, selector: str | None = None) -> str | None:
    """What is pinned of these: the object's name, or `selector` of it; None if neither is."""
    notes = state(target).get("__notes__")
    if not notes:
        return None
    if PINNED in notes.get(ITSELF, ()):
        return label(target)
    if selector is not None and PINNED in notes.get(selector, ()):
        return f"{selector!r} of {label(target)}"
    return None


def set_policy(target: UvmObject, policy: str | None) -> None:
    """Rule what becomes of methods learned for the object and those below it; None: what holds above it."""
    _note(target, ITSELF, POLICY, None if policy is None else checked(policy))


def policy_of(target: UvmObject) -> Policy | None:
    """The policy of the nearest object that has one: itself, or one that it delegates to."""
    for holder in lookup.delegation(target):
        ruled = notes_of(holder, ITSELF).get(POLICY)
        if ruled is not None:
            return cast(Policy, ruled) if ruled in POLICIES else "propose"
    return None


def checked(policy: str) -> Policy:
    """Raises `SettingRefused` for what is no policy."""
    if policy not in POLICIES:
        raise SettingRefused(name="policy", value=policy, reason="it is `auto` or `propose`.")
    return cast(Policy, policy)


def rules_of(target: UvmObject) -> dict[str, str]:
    """The object's own rules, as `inspect` shows them."""
    return {name: text for name, text in notes_of(target, ITSELF).items() if name in (PINNED, POLICY)}


def _note(target: UvmObject, slot: str, name: str, text: str | None) -> None:
    notes = notes_of(target, slot)
    notes.pop(name, None)
    annotate(target, slot, {**notes, name: text} if text is not None else notes)
