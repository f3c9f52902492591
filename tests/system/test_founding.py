"""The founding document's mechanisms, and what its sketch got wrong, through the public surface (docs/founding.md)."""

import sys
import threading

import pytest

from batos.errors import (
    IllegalTransition,
    MissionFailed,
    NotUnderstood,
    SlotRefused,
    TransactionMisuse,
)
from batos.mind import psm as psm_states
from batos.mind.states import TRANSITIONS, State, after
from batos.mind.thinking import current
from batos.objects.primitives import primitive
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.runtime.awakening import WORLD, awaken

PATIENCE = 30.0
SCRATCH = []  # what the state below saw, by mission


@primitive("test.observed_complete")
def observed_complete(context):
    before = set(current().scratch)
    successor = psm_states.complete(context)
    SCRATCH.append((before, "_tmp_synthesis_data" in own_slots(context)))
    return successor


@primitive("test.lost_state")
def lost_state(context):
    return "ELSEWHERE"


def replace_state(image, state, name):
    """Change a state prototype in the live image, as anybody may."""
    with image.transaction(f"another {state}") as world:
        put(getattr(world["psm"], state), "_process_synthesis_", Method("_process_synthesis_", primitive=name))


def greeter_shouts(receiver):
    return receiver.name.upper()


@pytest.fixture
def greeter(image):
    return image.create("greeter", slots={"name": "Ada Lovelace"})


# Awakening


def test_awakening_makes_the_named_world(image):
    personas = {"robin", "brick", "babs", "alfred"}

    assert set(image.names()) == set(WORLD) | personas
    with image.transaction("look") as world:
        assert [slot for slot in own_slots(world["psm"]) if not slot.endswith("*")] == [state.value for state in State]
        assert own_slots(world["pllm"])["lora_repository"] is not None
        assert all(
            isinstance(own_slots(world["robin"])[facet], Intent) for facet in ("sage_facet_", "simple_heart_facet_")
        )


def test_awakening_again_changes_nothing(image):
    before = image.image.db.lastTransaction()

    assert not awaken(image.image)
    assert image.image.db.lastTransaction() == before


# Objects and transactions


def test_what_the_object_lacks_is_found_in_its_parents_in_slot_order(image):
    with image.transaction("delegate") as world:
        first, second = UvmObject(colour="red"), UvmObject(colour="blue", size=3)
        child = UvmObject({"parent*": first, "other*": second})

        assert (child.colour, child.size) == ("red", 3)
        child.colour = "green"
        assert (child.colour, first.colour) == ("green", "red")
        assert "parent*" in own_slots(child)
        world.add(child)


def test_a_function_is_refused_as_a_slots_value_and_the_way_out_is_named(greeter):
    with pytest.raises(SlotRefused, match="primitive"):
        greeter.shout = greeter_shouts


def test_an_object_has_an_id_as_soon_as_it_is_asked_for(image):
    with image.transaction("new") as world:
        new = UvmObject()
        assert new._p_oid is None
        assert world.add(new) == new._p_oid


def test_writing_a_slot_marks_the_object_by_itself(image, greeter):
    with image.transaction("rename") as world:
        world["greeter"].name = "Grace Hopper"
        assert world["greeter"]._p_changed
    assert greeter.name == "Grace Hopper"


def test_aborting_one_transaction_drops_nothing_of_another(image, greeter):
    other = image.create("other", slots={"name": "before"})
    written, aborted = threading.Event(), threading.Event()

    def write_slowly():
        with image.transaction("kept") as world:
            world["other"].name = "after"
            written.set()
            aborted.wait(PATIENCE)

    def write_and_fail():
        with image.transaction("dropped") as world:
            world["greeter"].name = "gone"
            raise ZeroDivisionError

    thread = threading.Thread(target=write_slowly)
    thread.start()
    written.wait(PATIENCE)
    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    aborted.set()
    thread.join()

    assert (other.name, greeter.name) == ("after", "Ada Lovelace")


def test_raw_objects_belong_to_the_thread_that_opened_the_transaction(image, greeter):
    refused = []

    def use(world):
        try:
            world["greeter"]
        except TransactionMisuse as misuse:
            refused.append(misuse)

    with image.transaction("share") as world:
        thread = threading.Thread(target=use, args=(world,))
        thread.start()
        thread.join()
    assert len(refused) == 1


# What is not understood


def test_a_message_that_is_not_understood_is_answered_after_it_was_learned(image, greeter):
    assert greeter.shout_name().startswith("ADA LOVELACE")

    types = {mission["type"] for mission in image.missions()}
    assert types == {"unhandled_message", "learn"}


def test_the_object_layer_raises_and_starts_nothing(image, greeter):
    with image.transaction("send") as world, pytest.raises(NotUnderstood):
        world["greeter"].shout_name()
    assert image.missions() == []


# The state machine


def test_the_table_names_every_state_and_refuses_what_it_lacks():
    assert set(TRANSITIONS) == set(State)
    assert all(State.FAILED in row for state, row in TRANSITIONS.items() if state is not State.FAILED)
    with pytest.raises(IllegalTransition, match="ELSEWHERE"):
        after(State.IDLE, "ELSEWHERE")


def test_a_cycle_finds_its_states_in_the_live_image(image, greeter):
    replace_state(image, "DELEGATING", "test.lost_state")

    with pytest.raises(MissionFailed, match="ELSEWHERE"):
        greeter.shout_name()


def test_the_scratch_slot_holds_the_founding_fields_and_is_gone_at_the_end(image):
    image.ingest_text("notes", "A mission is one durable request.")
    replace_state(image, "COMPLETE", "test.observed_complete")
    SCRATCH.clear()
    image.ask("What is a mission?", timeout=PATIENCE)

    founding = {"original_query", "start_time", "plan", "partial_responses", "final_response"}
    assert all(founding <= fields and not left for fields, left in SCRATCH)
    assert SCRATCH


def test_what_is_woven_is_what_the_plans_facets_answered(image):
    image.ingest_text("notes", "The index of the catalog is a derived file. It follows the transaction log.")
    answer = image.ask("How does the index follow the log?", timeout=PATIENCE)

    trace = {step["state"]: step for step in image.mission(answer.mission)["trace"]}
    plan = trace["DECOMPOSING"]["plan"]
    assert trace["DELEGATING"]["facets"] == plan["relevant_pillars"]
    assert set(plan["sub_queries"]) == set(plan["relevant_pillars"])
    assert answer.citations == (("notes", 0),)


def test_an_answer_cites_its_chunks_and_says_when_it_knows_nothing(image):
    image.ingest_text("notes", "A receipt is the one record of a mission.")

    known = image.ask("What is a receipt?", timeout=PATIENCE)
    unknown = image.ask("Who painted the ceiling of the chapel?", timeout=PATIENCE)
    assert (known.known, known.citations) == (True, (("notes", 0),))
    assert (unknown.known, unknown.citations) == (False, ())


# Adapters


def test_activating_an_adapter_without_a_model_in_the_process_says_how_to_have_one(image):
    with pytest.raises(MissionFailed, match=r"peft:FOLDER|batos\[peft\]"):
        image.send("memory_manager", "activate_expert_", "robin")


def test_activating_an_adapter_where_torch_is_missing_names_the_extra(image, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissionFailed, match=r"batos\[peft\]"):
        image.send("memory_manager", "activate_expert_", "robin")


def test_only_cold_adapters_are_in_the_image(image):
    assert image.send("memory_manager", "tiers") == {"cold": [], "warm": [], "hot": []}
    with image.transaction("look") as world:
        assert "warm_cache" not in own_slots(world["memory_manager"])
