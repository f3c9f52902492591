"""The stages of the First Conversation follow from what is performed, not from how often its cycle was run again."""

import pytest

from batos.cli.stages import Stages

MISSION = "m"


@pytest.fixture
def stages(clock):
    return Stages(clock, mission=MISSION, documents=2)


@pytest.fixture
def performed(stages, clock):
    """Performs a need for so many seconds."""

    def performed(need, name, answer, purpose=None, seconds=1.0, mission=MISSION):
        about = {"kind": "need", "mission": mission, "need": need, "name": name, "purpose": purpose}
        stages.take({**about, "phase": "started"})
        clock.move(seconds)
        stages.take({**about, "phase": "ended", "seconds": seconds, "answer": answer})

    return performed


def told(stages):
    return [(stage.title, stage.detail) for stage in stages.stages]


def moved(stages, identity, state, type_="learn", selector="sage_facet_"):
    stages.take({"kind": "mission", "id": identity, "state": state, "type": type_, "selector": selector})


def test_the_whole_conversation_is_told_in_order(stages, performed, clock):
    performed("tool", "ingest_own_documents", {"value": {"added": 2, "changed": 0}}, seconds=3.0)
    performed("observe", "search", {"value": []})
    performed("inference", "generate", {"value": {"data": {"archetype": "factual", "lead": "babs"}}}, "plan")
    moved(stages, "child", "queued")
    moved(stages, "child", "running")
    performed("inference", "generate", {"value": {"text": "def …"}}, "method", mission="child")
    moved(stages, "child", "done")
    performed("inference", "generate", {"value": {"text": "…"}}, "facet")
    performed("inference", "generate", {"value": {"text": "a\nb\n", "model": "builtin"}}, "workbench")
    verdict = {"accepted": True, "report": {"panels": ["Ask"], "count": 5}}
    performed("program", "workbench", {"value": verdict}, seconds=4.0)
    clock.move(0.5)
    moved(stages, MISSION, "done", "display", "ingest_and_display_yourself")

    assert told(stages) == [
        ("Reading its own documents", "2 added"),
        ("Planning", "factual, babs leads"),
        ("Asking its facets", "1 answered, 1 learned first: sage"),
        ("Writing the workbench", "2 lines by builtin"),
        ("Checking the workbench", "audited, 1 panel run off screen, 5 hits found through it"),
        ("Keeping it", "source and picture, in one commit"),
    ]
    assert [stage.ended - stage.began for stage in stages.stages] == [3.0, 2.0, 2.0, 1.0, 4.0, 0.5]


def test_documents_are_counted_while_they_are_read(stages):
    need = {"kind": "need", "mission": MISSION, "need": "tool", "name": "ingest_own_documents", "purpose": None}
    stages.take({**need, "phase": "started"})
    stages.take({"kind": "change", "note": "ingest batos/image"})

    assert told(stages) == [("Reading its own documents", "1 of 2")]


def test_a_refused_program_is_told_and_the_next_one_is_another_stage(stages, performed):
    performed("program", "workbench", {"value": {"accepted": False, "reason": "it is blank.", "report": {}}})
    performed("inference", "generate", {"value": {"text": "a\n", "model": "builtin"}}, "workbench")

    assert told(stages) == [
        ("Checking the workbench", "refused: it is blank."),
        ("Writing the workbench", "1 line by builtin"),
    ]


def test_what_other_missions_do_is_not_told(stages, performed):
    performed("inference", "generate", {"value": {"text": "…"}}, "facet", mission="another")
    moved(stages, "another", "running", "learn", "initials_")
    moved(stages, "another", "done", "ask", "ask")

    assert told(stages) == []


def test_an_event_that_comes_late_does_not_end_what_went_on_meanwhile(stages, performed):
    performed("program", "workbench", {"value": {"accepted": True, "report": {"panels": [], "count": 0}}})
    later = stages.begin("Saving its picture")
    moved(stages, MISSION, "done", "display", "ingest_and_display_yourself")

    assert later.ended is None
