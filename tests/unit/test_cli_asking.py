"""What is told of a question while it is answered: from events, or from the journal when a daemon works the image."""

from __future__ import annotations

from batos.cli.asking import Asking, followed
from batos.runtime.uvm import Uvm
from batos.testing import MovableClock, temporary_image


def told(stages):
    return [(stage.title, stage.detail) for stage in stages.stages]


def event(need, purpose=None, phase="ended", step=None, **value):
    return {
        "kind": "need", "need": need, "name": "search" if need == "observe" else "generate", "purpose": purpose,
        "phase": phase, "step": step, "mission": "m", "answer": {"value": value},
    }  # fmt: skip


PLAN = {"archetype": "factual", "lead": "babs", "relevant_pillars": ["tech_facet_", "brick"]}


def test_each_state_is_a_stage_with_what_came_of_it():
    stages = Asking(MovableClock(), mission="m")
    stages.take(event("observe", phase="started"))
    stages.take({**event("observe"), "answer": {"value": [1, 2, 3]}})
    stages.take(event("inference", "plan", data=PLAN))
    stages.take(event("inference", "facet", step="tech_facet_"))
    stages.take(event("inference", "plan", data=PLAN))  # of the cycle within
    stages.take(event("inference", "facet", step="literal_facet_"))
    stages.take(event("inference", "weave", model="small"))
    stages.take(event("inference", "verdict", model="small"))
    assert told(stages) == [
        ("DECOMPOSING: searching memory", "3 passages"),
        ("DECOMPOSING: planning", "factual, babs leads, asks tech, brick"),
        ("DELEGATING", "tech, literal"),
        ("SYNTHESIZING: weaving", "small"),
        ("SYNTHESIZING: judging", "small"),
    ]


def said(text):
    return {**event("inference", "weave", phase="text"), "text": text}


def in_state(state, depth=0):
    return {"kind": "cycle", "mission": "m", "state": state, "depth": depth, "at": 0.0}


def test_of_an_answer_that_is_being_woven_the_text_is_the_draft():
    stages = Asking(MovableClock(), mission="m")
    drafts = []
    for piece in ('{"ans', 'wer": "Caf\\u00', 'e9s \\"open\\', '" early\\n', 'or not", "cita', 'tions": []}'):
        stages.take(said(piece))
        drafts.append(stages.draft)
    assert drafts == ["", "Caf", 'Cafés "open', 'Cafés "open" early\n', *2 * ['Cafés "open" early\nor not']]
    stages.take(event("inference", "weave", phase="started"))
    assert stages.draft == ""


def test_what_a_cycle_within_weaves_is_no_draft_and_no_stage_of_its_own():
    stages = Asking(MovableClock(), mission="m")
    stages.take(in_state("DELEGATING"))
    stages.take(in_state("SYNTHESIZING", depth=1))
    stages.take(event("inference", "weave", phase="started"))
    stages.take(said('{"answer": "of a part"'))
    assert (told(stages), stages.draft) == ([("DELEGATING", "")], "")
    stages.take(in_state("SYNTHESIZING"))
    stages.take(event("inference", "weave", phase="started"))
    stages.take(said('{"answer": "of the whole"'))
    assert (stages.stages[-1].title, stages.draft) == ("SYNTHESIZING: weaving", "of the whole")


def test_facets_that_are_learned_first_are_named():
    stages = Asking(MovableClock(), mission="m")
    for state in ("running", "done"):
        stages.take({"kind": "mission", "id": "l", "type": "learn", "selector": "tech_facet_", "state": state})
    assert told(stages) == [("DELEGATING", "learned first: tech")]


def test_answers_of_any_shape_are_told_somehow():
    stages = Asking(MovableClock(), mission="m")
    for purpose in ("plan", "facet", "weave", "verdict", "somebody's own"):
        for answer in (None, {}, {"error": {"type": "x", "facts": {}}}, {"value": None}, {"value": {"data": 7}}):
            stages.take({**event("inference", purpose), "answer": answer})
    stages.take({"kind": "change", "note": "ingest x", "id": "1", "names": []})
    stages.take({"kind": "mission", "id": "m", "type": "ask", "selector": "ask", "state": "done"})
    stages.close()


def test_events_of_other_missions_are_passed_over():
    stages = Asking(MovableClock(), mission="other")
    stages.take(event("inference", "plan", data=PLAN))
    assert told(stages) == []


def test_where_another_process_works_the_journal_is_followed(tmp_path):
    with temporary_image() as image:
        image.ingest_text("bats", "Bats sleep in caves.")
        with Uvm(f"sqlite:{image.image.path}", create=False, work=False) as beside:
            stages = Asking(beside.clock)
            mission = beside.submit_question("Where do bats sleep?", mission_id="m")
            stages.mission = mission.id
            answer = followed(beside, mission, stages, 60)
            assert answer["known"]
