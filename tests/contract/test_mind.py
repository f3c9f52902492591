"""The composite mind: plans with personas as steps, structured output that is repaired once, the quality gate."""

from __future__ import annotations

from contextlib import suppress

import pytest

import batos
from batos.cli import thought
from batos.mind.thinking import current
from batos.objects.primitives import primitive
from batos.objects.records import Intent, Method
from batos.objects.sending import resend
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.testing import temporary_image
from contract.mind_tools import CITED, UNKNOWN, WOVEN, Model, entry, furnish, plan, trace

STATES = ["IDLE", "DECOMPOSING", "DELEGATING", "SYNTHESIZING", "COMPLETE"]
QUESTION = "Where do bats sleep?"


def ask(model, question=QUESTION, **opening):
    with temporary_image(model=model, **opening) as image:
        return furnish(image).ask(question, timeout=30)


def refused(image, reason):
    """Ask, and be told that the cycle failed; the failed mission's id."""
    mission = image.submit_question(QUESTION)
    with pytest.raises(batos.MissionFailed, match=reason):
        mission.result(30)
    return mission.id


# The trace


def test_the_trace_holds_what_was_retrieved_decided_and_asked():
    with temporary_image(model=Model(plan=plan("literal_facet_", "sage_facet_"))) as image:
        mission = furnish(image).ask(QUESTION, timeout=30).mission
        decomposing = entry(image, mission, "DECOMPOSING")
        assert [place[:2] for place in decomposing["retrieved"]] == [["bats", 0]]
        assert decomposing["plan"]["archetype"] == "factual"
        assert entry(image, mission, "DELEGATING")["facets"] == ["literal_facet_", "sage_facet_"]
        synthesizing = entry(image, mission, "SYNTHESIZING")
        assert synthesizing["cited"] == [["bats", 0]]
        assert synthesizing["addresses"] == 1.0
        asked = {found["state"]: found.get("asked") for found in trace(image, mission)}
        assert asked == {
            "IDLE": None, "DECOMPOSING": [0, 2], "DELEGATING": [2, 4], "SYNTHESIZING": [4, 5], "COMPLETE": None
        }  # fmt: skip


def test_a_failed_mission_names_what_it_had_asked():
    with temporary_image(model=Model(plan=[plan("oracle_facet_")] * 2)) as image:
        with pytest.raises(batos.MissionFailed) as failed:
            furnish(image).ask("Where do bats sleep?", timeout=20)
        mission = failed.value.facts["mission"]
        asked, journal = image.mission(mission)["journal"], image.store.journal(mission)
    assert [journal[hash_, occurrence].request.get("purpose") for _, hash_, occurrence in asked] == [
        None, "plan", "plan"
    ]  # fmt: skip


def test_the_trace_names_what_was_asked_by_its_ids_in_the_journal():
    with temporary_image(model=Model()) as image:
        mission = furnish(image).ask("Where do bats sleep?", timeout=20).mission
        shown, journal = image.mission(mission), image.store.journal(mission)
        asked = {step["state"]: shown["journal"][slice(*step.get("asked", (0, 0)))] for step in shown["trace"]}
        purposes = {
            state: [journal[hash_, occurrence].request.get("purpose") for _, hash_, occurrence in keys]
            for state, keys in asked.items()
        }
        told = [line for _, line, _ in thought.lines(shown["trace"], shown["journal"])]
    assert purposes["DECOMPOSING"] == [None, "plan"]
    assert (purposes["DELEGATING"], purposes["SYNTHESIZING"]) == (["facet"], ["weave"])
    for _, hash_, _ in shown["journal"]:
        assert any(f" {hash_[:8]}" in line for line in told)


def test_the_log_of_attempts_holds_when_each_state_was_entered():
    with temporary_image(model=Model()) as image:
        mission = furnish(image).ask(QUESTION, timeout=30).mission
        attempts = image.mission(mission)["attempts"]
    assert [attempt["result"] for attempt in attempts] == ["suspended"] * 4 + ["committed"]
    assert [[state for state, _, _ in attempt["states"]] for attempt in attempts] == [
        STATES[:2], STATES[:2], STATES[:3], STATES[:4], STATES
    ]  # fmt: skip
    for attempt in attempts:
        times = [seconds for _, _, seconds in attempt["states"]]
        assert times == sorted(times)
        assert 0 <= times[-1] <= attempt["ended"] - attempt["started"]


def test_what_each_facet_adds_is_told_per_cycle_and_over_the_latest():
    said = {"literal_facet_": "Bats sleep in caves [1].", "sage_facet_": "In caves bats sleep [1].", "tech_facet_": ""}
    model = Model(
        plan=plan(*said), facet=lambda request: said[request.materials["facet"]] or "They hunt moths at night."
    )
    with temporary_image(model=model) as image:
        mission = furnish(image).ask(QUESTION, timeout=30).mission
        found = entry(image, mission, "DELEGATING")["diversity"]
        assert found["adds"] == {"literal_facet_": 0.0, "sage_facet_": 0.0, "tech_facet_": 1.0}
        assert 0.4 < found["diversity"] < 0.7
        assert [(each.facet, each.asked, each.idle) for each in image.contributions()] == [
            ("literal_facet_", 1, 1), ("sage_facet_", 1, 1), ("tech_facet_", 1, 0)
        ]  # fmt: skip


# A persona as a step


def thinking_twice():
    """A plan with a facet and a persona; within the persona's own cycle, a plan over its facets."""
    return Model(
        plan=lambda request: (
            plan("tech_facet_")
            if request.materials["query"] == "What of the dark?"
            else plan("literal_facet_", "babs", sub_queries={"babs": "What of the dark?"})
        ),
        weave=quoting_the_first,
    )


def quoting_the_first(request):
    chunk = request.materials["chunks"][0]
    cited = {"document_id": chunk["document_id"], "chunk_index": chunk["chunk_index"]}
    return {"answer": chunk["text"], "citations": [cited], "known": True}


def test_a_persona_thinks_its_part_through_in_a_cycle_of_its_own():
    with temporary_image(model=thinking_twice()) as image:
        image.ingest_text("dark", "In the dark bats see with their ears.")
        mission = furnish(image).ask(QUESTION, timeout=30).mission
        delegating = entry(image, mission, "DELEGATING")
        (inner,) = delegating["inner"]
        assert inner["step"] == "babs"
        assert [found["state"] for found in inner["trace"]] == STATES
        assert inner["trace"][1]["plan"]["query"] == "What of the dark?"
        assert inner["trace"][1]["retrieved"][0][0] == "dark"
        assert [found["state"] for found in trace(image, mission)] == STATES
        with image.image.reading() as world:
            receipts = [found for found in world.receipts if found == mission]
        assert len(receipts) == 1, "one commit for both cycles"


def test_an_inner_cycle_is_offered_the_facets_of_its_persona_and_nobody_elses():
    model = thinking_twice()
    with temporary_image(model=model) as image:
        image.ingest_text("dark", "In the dark bats see with their ears.")
        furnish(image).ask(QUESTION, timeout=30)
    outer, inner = ({step["slot"] for step in request.materials["facets"]} for request in model.asked("plan"))
    assert {"robin", "brick", "babs", "alfred"} < outer
    assert inner == {"tech_facet_", "iceman_facet_", "hitchhiker_facet_"}
    schema = model.asked("plan")[1].output_schema
    assert set(schema["properties"]["relevant_pillars"]["items"]["enum"]) == inner


def test_what_an_inner_cycle_cites_may_be_cited_by_the_answer():
    """The passages of the inner search are retrieved too, though the outer search did not find them."""
    dark = {"document_id": "dark", "chunk_index": 0}
    model = thinking_twice()
    model.says["weave"] = lambda request: (
        {"answer": "They see with their ears.", "citations": [dark], "known": True}
        if request.materials["query"] == "What of the dark?"
        else {"answer": "Bats sleep in caves, and see with ears.", "citations": [CITED, dark], "known": True}
    )
    with temporary_image(model=model) as image:
        image.ingest_text("dark", "Whoever flies in the dark has ears.")
        answer = furnish(image).ask(QUESTION, timeout=30)
    assert answer.citations == (("bats", 0), ("dark", 0))


def test_when_an_inner_cycle_fails_the_whole_fails_and_the_record_shows_where():
    model = thinking_twice()
    model.says["weave"] = lambda request: "nonsense" if request.materials["query"] == "What of the dark?" else WOVEN
    with temporary_image(model=model) as image:
        mission = refused(furnish(image), "asked twice, and")
        delegating, failed = trace(image, mission)[-2:]
        assert failed["state"] == "FAILED"
        assert [found["state"] for found in delegating["inner"][0]["trace"]] == [*STATES[:4], "FAILED"]


def test_a_question_in_two_parts_is_thought_through_by_two_minds_of_the_builtin_backend():
    with temporary_image() as image:
        image.ingest_text("bats", "# Bats\n\nBats sleep in deep caves. They hunt moths at night.")
        image.ingest_text("owls", "# Owls\n\nAn owl hunts small mice by their sound.")
        answer = image.ask("Where do bats sleep in caves, and what do owls hunt by sound?", timeout=60)
        inner = entry(image, answer.mission, "DELEGATING")["inner"]
        assert [found["step"] for found in inner] == ["brick"]
        assert {document for document, _ in answer.citations} == {"bats", "owls"}


def test_each_part_of_a_question_in_three_is_answered_or_said_to_be_unknown():
    with temporary_image() as image:
        image.ingest_text("bats", "# Bats\n\nBats sleep in deep caves. They hunt moths at night.")
        image.ingest_text("owls", "# Owls\n\nAn owl hunts small mice by their sound.")
        image.ingest_text("bees", "# Bees\n\nA bee stores honey in combs of wax.")
        three = "Where do bats sleep in caves, and what do owls hunt by sound, and where do bees store honey?"
        answer = image.ask(three, timeout=60)
        inner = entry(image, answer.mission, "DELEGATING")["inner"]
        asked = {found["step"]: found["trace"][1]["plan"] for found in inner}
        assert {step: found["query"] for step, found in asked.items()} == {
            "brick": "what do owls hunt by sound",
            "robin": "where do bees store honey?",
        }
        assert all(len(found["relevant_pillars"]) == 3 for found in asked.values())  # all that the persona has
        assert {document for document, _ in answer.citations} == {"bats", "owls", "bees"}

        unknown = image.ask(three.replace("bees store honey", "whales keep their gold"), timeout=60)
        assert {document for document, _ in unknown.citations} == {"bats", "owls"}
        assert "whales" in unknown.text


# Structured output


@pytest.mark.parametrize("purpose", ["plan", "weave"])
@pytest.mark.parametrize("said", ["I would rather chat.", "{", '{"known": 1}', "[]", "null", "NaN"])
def test_an_answer_that_does_not_fit_is_repaired_once_with_the_error(purpose, said):
    model = Model()
    model.says[purpose] = [said, model.says[purpose]]
    assert ask(model).text == WOVEN["answer"]
    first, second = model.asked(purpose)
    assert second.messages[: len(first.messages)] == first.messages
    shown, asked = second.messages[len(first.messages) :]
    assert (shown.role, shown.content) == ("assistant", said)
    assert "could not be used" in asked.content


def test_a_step_that_does_not_exist_is_repaired_with_its_name():
    model = Model(plan=[plan("oracle_facet_"), plan("literal_facet_")])
    assert ask(model).known
    assert "relevant_pillars[0] must be one of" in model.asked("plan")[1].messages[-1].content


def test_what_does_not_fit_twice_fails_the_cycle_and_is_not_asked_a_third_time():
    model = Model(plan="never a plan")
    with temporary_image(model=model) as image:
        refused(furnish(image), "asked twice, and")
    assert len(model.asked("plan")) == 2


def test_an_answer_that_nobody_can_use_is_charged_too():
    from batos.errors import BackendNonsense

    wrong = BackendNonsense(
        backend="scripted", reason="it is no JSON.", said="hm", usage={"prompt_tokens": 7, "completion_tokens": 5}
    )
    with temporary_image(model=Model(plan=[wrong, plan("literal_facet_")])) as image:
        mission = furnish(image).ask(QUESTION, timeout=30).mission
        entries = image.store.journal(mission).values()
        assert sum(found.prompt_tokens + found.completion_tokens for found in entries) == 12


def test_schemas_admit_only_what_there_is():
    model = Model()
    ask(model)
    schema = model.asked("weave")[0].output_schema
    assert schema["$defs"]["Citation"]["properties"]["document_id"] == {"enum": ["bats"]}
    steps = model.asked("plan")[0].output_schema["properties"]["sub_queries"]
    assert steps["additionalProperties"] is False
    assert "literal_facet_" in steps["properties"]


# The quality gate

INVENTED = {**WOVEN, "citations": [{"document_id": "bats", "chunk_index": 7}]}
UNCITED = {**WOVEN, "citations": []}
BESIDE = {"answer": "Moths like lamps.", "citations": [CITED], "known": True}


@pytest.mark.parametrize(
    "woven, problem", [(INVENTED, "bats, part 7, which was not retrieved"), (UNCITED, "cites nothing")]
)
def test_citations_that_do_not_hold_are_asked_for_once_more_and_then_fail_the_cycle(woven, problem):
    model = Model(weave=[woven, WOVEN])
    assert ask(model).citations == (("bats", 0),)
    assert problem in model.asked("weave")[1].messages[-1].content
    with temporary_image(model=Model(weave=woven)) as image:
        refused(furnish(image), problem)


def test_not_to_know_is_a_legal_outcome_and_needs_no_citation():
    answer = ask(Model(weave=UNKNOWN))
    assert (answer.known, answer.citations) == (False, ())


def lying(verdicts, **says):
    """A model whose answers are beside the point, and which judges them as it is told."""
    return Model(weave=BESIDE, verdict=verdicts, **says)


YES = {"addresses": True, "supported": True, "reason": "It does."}
NO = {"addresses": False, "supported": True, "reason": "It speaks of moths."}
UNSUPPORTED = {"addresses": True, "supported": False, "reason": "No passage says so."}
ELSEWHERE = "How does one photograph a nebula through an old refractor?"


def test_an_answer_in_the_words_of_its_question_needs_no_verdict():
    model = Model()
    ask(model)
    assert model.asked("verdict") == []


def test_an_answer_in_other_words_is_judged_by_the_base_model():
    model = lying(YES)
    assert ask(model, ELSEWHERE + " Bats").text == BESIDE["answer"]
    (asked,) = model.asked("verdict")
    assert (asked.adapter, asked.materials["answer"]) == (None, BESIDE["answer"])


@pytest.mark.parametrize("verdict, problem", [(NO, "does not address the question"), (UNSUPPORTED, "not supported")])
def test_an_answer_that_is_judged_wanting_is_woven_once_more_and_then_fails_the_cycle(verdict, problem):
    model = lying([verdict, YES])
    assert ask(model, ELSEWHERE + " Bats").known
    assert problem in model.asked("weave")[1].messages[-1].content
    with temporary_image(model=lying(verdict)) as image:
        mission = furnish(image).submit_question(ELSEWHERE + " Bats")
        with pytest.raises(batos.MissionFailed, match=f"quality gate: it .*{problem}"):
            mission.result(30)


def test_an_answer_that_rests_on_a_document_forgotten_meanwhile_does_not_pass():
    def forgetting(request):
        image.forget("bats")
        return WOVEN

    with temporary_image(model=Model(weave=[forgetting, WOVEN])) as image:
        refused(furnish(image), "bats, part 0, which was forgotten meanwhile")


def test_nothing_of_a_cycle_that_failed_at_the_gate_remains_but_its_record():
    """Not even what a facet wrote before the answer was refused."""
    with temporary_image(model=Model(weave=UNCITED)) as image:
        furnish(image)
        source = (
            "def literal_facet_(self, query):\n"
            "    self.remembered = query\n"
            "    self._p_changed = True\n"
            "    return self.infer_(query, system_prompt='Be plain.')\n"
        )
        with image.transaction("a facet that writes") as world:
            world["brick"].literal_facet_ = Method("literal_facet_", source, intent="Be plain.")
        image.trust("brick", "literal_facet_")
        before = image.history("brick")
        mission = refused(image, "cites nothing")
        assert image.history("brick") == before
        with image.image.reading() as world:
            assert world.receipts[mission].outcome == "failed"
            assert "remembered" not in world["brick"].__dict__
        assert trace(image, mission)[-1]["state"] == "FAILED"


# The machine in a live image


def narrow_decomposing(world, source):
    """Put a clone of DECOMPOSING in its place, with a method of its own."""
    clone = UvmObject([world["psm"].DECOMPOSING])
    put(clone, "_process_synthesis_", Method("_process_synthesis_", source))
    put(world["psm"], "DECOMPOSING", clone)


SANDBOXED_STATE = """
def _process_synthesis_(self):
    self._tmp_synthesis_data = {
        "plan": {
            "query": "Where do bats sleep?", "strategy": "ask nobody", "relevant_pillars": [], "sub_queries": {},
            "lead": "babs", "archetype": "factual",
        },
        "chunks": [],
    }
    self._p_changed = True
    return "DELEGATING"
""".lstrip()


def test_a_state_can_be_changed_in_a_live_image_and_the_change_undone():
    """Clone DECOMPOSING, give the clone a method of its own, run, undo, run."""
    with temporary_image(model=Model(weave=lambda request: WOVEN if request.materials["chunks"] else UNKNOWN)) as image:
        furnish(image)
        assert image.ask(QUESTION, timeout=30).known
        with image.transaction("think narrowly") as world:
            narrow_decomposing(world, SANDBOXED_STATE)
        narrow = image.ask(QUESTION, timeout=30)
        assert not narrow.known, "the changed state searched for nothing"
        assert "retrieved" not in entry(image, narrow.mission, "DECOMPOSING")
        change = next(found for found in image.history("psm") if found.note == "think narrowly")
        image.undo(change.id)
        again = image.ask(QUESTION, timeout=30)
        assert again.known
        assert "retrieved" in entry(image, again.mission, "DECOMPOSING")


@primitive("test.resending_state")
def resending_state(context):
    """Does what the state it was cloned from does, and remarks on it."""
    cycle = current()
    cycle.note(remark="by the book")
    return resend(getattr(cycle.world["psm"], cycle.trace[-1]["state"]), context, "_process_synthesis_")


def remarked(image, mission):
    return [entry["state"] for entry in trace(image, mission) if "remark" in entry]


@pytest.mark.parametrize("state", [*STATES, "FAILED"])
def test_each_state_can_be_replaced_by_a_clone_that_goes_by_it_and_put_back(state):
    """Clone a state, give the clone a method that a person wrote and approved, run, undo, run."""
    woven = UNKNOWN if state != "FAILED" else {**WOVEN, "citations": []}
    with temporary_image(model=Model(weave=woven)) as image:
        furnish(image)
        with image.transaction("remark") as world:
            clone = UvmObject([getattr(world["psm"], state)])
            put(clone, "_process_synthesis_", Method("_process_synthesis_", primitive="test.resending_state"))
            put(world["psm"], state, clone)
        assert remarked(image, ended(image)) == [state]
        image.undo(next(found for found in image.history("psm") if found.note == "remark").id)
        assert remarked(image, ended(image)) == []


def ended(image):
    """The mission of a question that was answered, or failed."""
    mission = image.submit_question(QUESTION)
    with suppress(batos.MissionFailed):
        mission.result(30)
    return mission.id


@pytest.mark.parametrize("returned", ["'COMPLETE'", "'NIRVANA'", "None", "7", "['DELEGATING']"])
def test_a_state_moves_only_as_the_table_allows(returned):
    with temporary_image(model=Model()) as image:
        furnish(image)
        with image.transaction("move wrongly") as world:
            narrow_decomposing(world, f"def _process_synthesis_(self):\n    return {returned}\n")
        refused(image, "DECOMPOSING named")


# Personas in a live image


def test_identity_adapter_and_personas_are_what_the_image_holds():
    model = Model()
    with temporary_image(model=model) as image:
        furnish(image)
        image["babs"].identity = "You are BABS, and you answer in haiku."
        image["babs"].adapter = "haiku"
        image["brick"].identity = "You are BRICK the Third."
        image["brick"].adapter = None
        image.ask(QUESTION, timeout=30)
    (woven,) = model.asked("weave")
    assert "in haiku" in woven.messages[0].content
    assert woven.adapter == "haiku"
    (facet,) = model.asked("facet")
    assert "BRICK the Third" in facet.messages[0].content
    assert facet.adapter is None


def test_an_edited_intent_retires_the_facets_method():
    """The next message learns it anew, from the new intent."""
    with temporary_image() as image:
        image.ingest_text("bats", "Bats sleep in caves. Bats hunt at night.")
        mission = image.ask("What are bats?", timeout=60).mission
        assert "tech_facet_" in entry(image, mission, "DELEGATING")["facets"]
        with image.transaction("edit the intent") as world:
            world["babs"].tech_facet_ = Intent("Name the numbers, and only the numbers, that bear on the question.")
        image.ask("What are bats in the night?", timeout=60)
        assert "only the numbers" in image.why("babs", "tech_facet_").source


def test_teaching_a_facet_another_intent_keeps_the_new_one():
    with temporary_image() as image:
        for intent in ("Say what is round about the matter.", "Say what is square about the matter."):
            image.teach("robin", "shape_facet_", intent=intent)
        with image.image.reading() as world:
            assert own_slots(world["robin"])["shape_facet_"].intent == "Say what is square about the matter."
        assert "square" in image.why("robin", "shape_facet_").source


def test_a_persona_of_ones_own_is_planned_with():
    """It is an object with facets, named in the orchestrator's list."""
    model = Model(plan=plan("critic_facet_"))
    with temporary_image(model=model) as image:
        furnish(image)
        with image.transaction("a critic") as world:
            source = "def critic_facet_(self, query):\n    return self.infer_(query, system_prompt='Doubt.')\n"
            critic = world.create("critic", {"mandate": "Doubt.", "identity": "You doubt."}, [world["pllm"]])
            put(critic, "critic_facet_", Method("critic_facet_", source, intent="Doubt all of it."))
            put(world["orchestrator"], "personas", ["robin", "brick", "babs", "critic"])
        assert image.ask(QUESTION, timeout=30).known
    (facet,) = model.asked("facet")
    assert "You doubt." in facet.messages[0].content
    assert "alfred" not in {step["slot"] for step in model.asked("plan")[0].materials["facets"]}
