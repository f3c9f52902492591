"""First use awakens an image: one idempotent transaction makes the named world.

What it makes are ordinary objects. A later awakening adds what is missing and touches nothing that is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from BTrees.OOBTree import OOBTree

from batos.image.image import Image
from batos.image.world import World
from batos.memory.catalog import lay_catalog
from batos.mind import psm as _psm
from batos.mind import world_primitives as _world_primitives
from batos.mind.speaking import personas
from batos.mind.states import State
from batos.objects import traits as _traits
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.runtime import adapters as _adapters

# Importing these modules registers the primitives that the world's methods name.
REGISTERS = (_psm, _traits, _world_primitives, _adapters)

# name -> (parents, {selector: primitive})
WORLD: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "traits": (
        (),
        {
            "clone": "traits.clone",
            "setSlot_value_": "traits.setSlot_value_",
            "doesNotUnderstand_": "traits.doesNotUnderstand_",
        },
    ),
    "pllm": (("traits",), {"infer_": "pllm.infer_"}),
    "genesis": (("pllm", "traits"), {"ingest_and_display_yourself": "genesis.ingest_and_display_yourself"}),
    "memory_manager": (
        ("traits",),
        {
            "activate_expert_": "memory_manager.activate_expert_",
            "tiers": "memory_manager.tiers",
            "plan_": "memory_manager.plan_",
        },
    ),
    "knowledge_catalog": (
        ("traits",),
        {
            "index_document_": "knowledge_catalog.index_document_",
            "unindex_document_": "knowledge_catalog.unindex_document_",
            "search_": "knowledge_catalog.search_",
        },
    ),
    "psm": (("traits",), {}),
    "orchestrator": (
        ("traits", "pllm"),
        {"start_cognitive_cycle_for_": "orchestrator.start_cognitive_cycle_for_"},
    ),
}
ALFRED_SELECTORS = {"analyze_and_resolve_cycle_failures": "alfred.analyze_and_resolve_cycle_failures"}


def awaken(image: Image) -> bool:
    """Make what the world lacks. Says whether anything was missing."""
    with image.reading() as world:
        if all(name in world for name in (*WORLD, *(persona.name for persona in personas()))):
            return False
    image.change("awaken", _awaken)
    return True


def _awaken(world: World) -> None:
    for name, (parents, methods) in WORLD.items():
        if name == "knowledge_catalog":
            lay_catalog(world)
        made = _object(world, name, parents)
        _install(made, methods)
    if not own_slots(world["pllm"]).get("lora_repository"):
        put(world["pllm"], "lora_repository", OOBTree())
        put(world["memory_manager"], "pllm", world["pllm"])
    _lay_states(world)
    for persona in personas():
        made = _object(world, persona.name, ("pllm", "traits"))
        _add(made, {"mandate": persona.mandate, "identity": persona.identity.strip(), "adapter": persona.name})
        _add(made, {facet.slot: Intent(facet.intent) for facet in persona.facet})
        _install(made, {"invoke_facet_": "persona.invoke_facet_"})
    _install(world["alfred"], ALFRED_SELECTORS)


def _lay_states(world: World) -> None:
    """The six state prototypes, as slots of `psm`. Each understands `_process_synthesis_`."""
    psm = world["psm"]
    for state in State:
        if state.value not in own_slots(psm):
            prototype = UvmObject([world["traits"]])
            _install(prototype, {"_process_synthesis_": f"psm.{state.value.lower()}"})
            put(psm, state.value, prototype)


def _object(world: World, name: str, parents: tuple[str, ...]) -> UvmObject:
    if name not in world:
        world.create(name, parents=[world[parent] for parent in parents])
    return world[name]


def _install(made: UvmObject, methods: Mapping[str, str]) -> None:
    _add(made, {selector: Method(selector, primitive=primitive) for selector, primitive in methods.items()})


def _add(made: UvmObject, slots: Mapping[str, Any]) -> None:
    present = own_slots(made)
    for name, value in slots.items():
        if name not in present:
            put(made, name, value)
