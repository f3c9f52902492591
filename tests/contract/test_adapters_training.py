"""An adapter learns from its persona's accepted missions, and answers only if it passes the gate."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_model
from batos.errors import MissingExtra, TrainingRefused
from batos.inference.peft.lessons import Lesson, split_by_time
from batos.inference.port import Message
from batos.mind.speaking import personas
from batos.runtime import trainings
from batos.runtime.heartbeat import Heartbeat
from batos.runtime.lessons import lessons_of, regression_texts
from batos.testing import ScriptedBackend, temporary_image
from contract.adapter_tools import ROOM, backend_of, holding, request

pytestmark = pytest.mark.timeout(240)  # importing torch, for the first of them, on a machine that does other things too
needs_torch = pytest.mark.skipif(bool(tiny_model.MISSING), reason=tiny_model.REASON)

INTENT = next(facet.intent for persona in personas() for facet in persona.facet if facet.slot == "sage_facet_")
SOURCE = f"def sage_facet_(self, query):\n    return self.infer_(query, system_prompt={INTENT!r})\n"
COURSE = {"rank": 4, "epochs": 6, "rate": 4e-3}


def lesson(mission, at):
    return Lesson((Message(role="user", content="?"),), "!", at, mission)


@given(st.lists(st.tuples(st.sampled_from("abcdefghijkl"), st.floats(0, 1e6)), min_size=20, max_size=60))
def test_lessons_are_split_by_time_and_no_mission_is_on_both_sides(told):
    lessons = [lesson(mission, at) for mission, at in told]
    if len({mission for mission, _ in told}) < 5:
        with pytest.raises(TrainingRefused, match="too few"):
            split_by_time(lessons, 0.2)
        return
    earlier, later = split_by_time(lessons, 0.2)

    assert len(earlier) + len(later) == len(lessons)
    assert earlier
    assert later
    assert not {lesson.mission for lesson in earlier} & {lesson.mission for lesson in later}
    ended = lambda side: {name: max(x.at for x in side if x.mission == name) for name in {x.mission for x in side}}
    assert max(ended(earlier).values()) <= min(ended(later).values())


def sentences():
    text = tiny_model.CORPUS.read_text(encoding="utf-8")
    return [part.replace("\n", " ") for part in text.split("\n\n") if len(part) > 60 and part[0].isupper()][:8]


def live(uvm):
    """Eight missions in which ROBIN was asked, and answered with sentences of a document."""
    uvm.create_method("robin", "sage_facet_", SOURCE, "a test")
    for number in range(8):
        uvm.send("robin", "sage_facet_", f"What is true, for the {number}th time?")


@pytest.fixture
def lived(clock):
    answers = sentences()
    with temporary_image(model=ScriptedBackend(answers)) as uvm:
        live(uvm)
        yield uvm


def test_lessons_are_the_personas_own_accepted_answers_in_the_journal(lived):
    lessons, left_out = lessons_of(lived.store, "robin")

    assert sorted(found.answer for found in lessons) == sorted(sentences())
    assert all(found.messages[0].role == "system" for found in lessons)
    assert lessons_of(lived.store, "brick") == ([], 0)
    assert left_out == 0


def test_what_drew_on_text_from_outside_is_left_out_unless_asked_for():
    with temporary_image(model=ScriptedBackend(sentences())) as uvm:
        uvm.create_method("robin", "sage_facet_", SOURCE, "a test")
        uvm.submit("robin", "sage_facet_", ("Say so.",), tainted=True).result(30)

        assert lessons_of(uvm.store, "robin") == ([], 1)
        assert len(lessons_of(uvm.store, "robin", outside=True)[0]) == 1


def test_texts_for_the_regression_are_always_the_same():
    assert regression_texts() == regression_texts()
    assert len(regression_texts()) >= 12


@needs_torch
def test_an_adapter_that_is_better_answers_and_can_be_undone(lived, tiny):
    made = lived.adapters.train("robin", tiny.model, **COURSE)
    figures = made.figures

    assert (made.state, made.current) == ("accepted", True)
    assert figures["held_out_after"] < figures["held_out_before"]
    assert figures["regression_after"] <= figures["regression_before"] * 1.02
    assert (figures["lessons"], figures["judged"]) == (6, 2)
    assert made.origin["kind"] == "training"
    again = lived.adapters.train("robin", tiny.model, **COURSE)
    assert again.origin["from"] == made.sha256
    assert again.figures["held_out_before"] == pytest.approx(figures["held_out_after"], rel=1e-4)
    back = lived.adapters.activate("robin", made.sha256)
    assert back.current
    assert [found.current for found in lived.adapters.versions("robin")].count(True) == 1


@needs_torch
def test_the_heartbeat_proposes_a_training_once_and_starts_none(tiny, monkeypatch):
    monkeypatch.setattr(trainings, "ENOUGH", 9)
    with holding(tiny, ["robin"], f"{ROOM},longest=40") as uvm:
        heart = Heartbeat(uvm.place, uvm.settings, uvm.events)
        live(uvm)
        assert heart.beat().reason == "nothing failed"
        uvm.send("robin", "sage_facet_", "What else?")
        assert "robin has given 9 accepted answers" in heart.beat().reason
        assert heart.beat().reason == "nothing failed"
        assert list(uvm.state()["heartbeat"]["trainings"]) == ["robin"]
        assert len(uvm.adapters.versions("robin")) == 1

        uvm.adapters.train("robin", tiny.model, rank=4, epochs=1)
        heart.beat()
        assert uvm.state()["heartbeat"]["trainings"] == {}


@needs_torch
def test_an_adapter_that_is_no_better_is_kept_as_rejected_and_the_old_one_answers(lived, tiny):
    old = lived.adapters.train("robin", tiny.model, **COURSE)
    made = lived.adapters.train("robin", tiny.model, epochs=1, rate=1.0)  # far too fast: it forgets what it knew

    assert (made.state, made.current) == ("rejected", False)
    assert "no better" in made.figures["reason"] or "worse" in made.figures["reason"]
    assert [found.called for found in lived.adapters.versions("robin") if found.current] == [old.called]


@needs_torch
@pytest.mark.parametrize(
    "before, after, accepted, says",
    [
        ((2.0, 3.0), (1.9, 3.0), True, "better on held-out"),
        ((2.0, 3.0), (1.9, 3.06), True, "better on held-out"),
        ((2.0, 3.0), (1.9, 3.07), False, "worse on unchanging texts"),
        ((2.0, 3.0), (2.0, 1.0), False, "no better on held-out"),
        ((2.0, 3.0), (2.1, 3.0), False, "no better on held-out"),
        ((2.0, 3.0), (float("nan"), 3.0), False, "no numbers"),
        ((2.0, 3.0), (1.0, float("inf")), False, "no numbers"),
    ],
)
def test_the_gate_wants_both_better_lessons_and_what_is_known_kept(before, after, accepted, says):
    from batos.inference.peft.training import gate

    verdict, reason = gate(before, after, 0.02)
    assert verdict is accepted
    assert says in reason


@needs_torch
def test_a_trained_adapter_is_used_like_any_other(lived, tiny):
    made = lived.adapters.train("robin", tiny.model, **COURSE)
    folder = lived.adapters.export("robin", lived.image.path / "out")
    with temporary_image(model=f"peft:{tiny.model}#{ROOM}") as other:
        other.adapters.add("robin", folder)
        answer = backend_of(other).generate(request("robin"))
        assert answer.adapter.startswith("robin@")
        assert answer.text != backend_of(other).generate(request(None)).text
    assert made.dtypes == ("F32",)


@needs_torch
def test_training_twice_with_one_seed_gives_the_same_adapter(lived, tiny):
    def trained():
        made = lived.adapters.train("robin", tiny.model, **COURSE)
        lived.adapters.remove("robin")
        return made.sha256

    assert trained() == trained()


@needs_torch
def test_too_few_missions_are_refused_with_their_number(tiny):
    with temporary_image() as uvm, pytest.raises(TrainingRefused, match="0 accepted missions are too few"):
        uvm.adapters.train("robin", tiny.model)


def test_where_torch_is_missing_training_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with temporary_image() as uvm, pytest.raises(MissingExtra, match=r"batos\[peft\]"):
        uvm.adapters.train("robin", "nowhere")
