"""What the rules of an image, of its objects, and of this process say about a change that something wants to make."""

from __future__ import annotations

from batos.errors import PinnedSlot
from batos.image.world import World
from batos.objects import rules
from batos.objects.rules import Policy
from batos.objects.uvm_object import UvmObject
from batos.settings import Settings

EVERYONES = "traits"  # what everything delegates to: its policy is the image's


def policy_for(world: World, target: UvmObject, settings: Settings) -> Policy:
    """`propose` where the process says so; else what the object says, or one that it delegates to, or the image."""
    if settings.policy == "propose":
        return "propose"
    return rules.policy_of(target) or image_policy(world) or "auto"


def image_policy(world: World) -> Policy | None:
    """The policy of the whole image, where it has one."""
    return rules.policy_of(world[EVERYONES])


def refuse_pinned(target: UvmObject, selector: str) -> None:
    """Raises `PinnedSlot` where a person has pinned the object or the slot."""
    what = rules.pinned(target, selector)
    if what is not None:
        raise PinnedSlot(what=what, selector=selector)
