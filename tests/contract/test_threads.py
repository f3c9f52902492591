"""Conversations: turns are kept in the image by the commit that answers, and a question may lean on the one before."""

from __future__ import annotations

import pytest

import batos
from batos.mind.threads import KEPT, continued
from batos.testing import temporary_image
from contract.mind_tools import UNKNOWN, WOVEN, Model, furnish

TOPIC = "Where do bats sleep?"


def turn(question, answer="An answer.", topic=None):
    return {"question": question, "answer": answer, "topic": topic or question}


@pytest.mark.parametrize(
    "question", ["And when do they hunt?", "Why?", "What about owls?", "Is it dark there?", "but how so?", "How?"]
)
def test_a_question_that_leans_on_the_one_before_is_asked_with_its_topic(question):
    found = continued(question, [turn(TOPIC)])
    assert found.query == f"{question} (after: {TOPIC})"
    assert found.topic == TOPIC
    assert f"Asked: {TOPIC}" in found.told


@pytest.mark.parametrize("question", ["What is a facet?", "How do I undo a learned method?", "Name the four personas."])
def test_a_question_that_stands_alone_begins_a_topic_of_its_own(question):
    found = continued(question, [turn(TOPIC)])
    assert (found.query, found.topic) == (question, question)
    assert "An answer." in found.told, "a model reads the conversation all the same"


def test_a_topic_lasts_over_several_turns():
    second = continued("And when do they hunt?", [turn(TOPIC)])
    third = continued("Why?", [turn(TOPIC), turn("And when do they hunt?", topic=second.topic)])
    assert third.query == f"Why? (after: {TOPIC})"


def test_a_thread_goes_on_with_its_history_in_the_image():
    model = Model()
    with temporary_image(model=model) as image:
        furnish(image)
        first = image.ask(TOPIC, timeout=30, thread="caves")
        image.ask("And why do they sleep there?", timeout=30, thread="caves")
        turns = image.thread("caves")
        assert [kept["question"] for kept in turns] == [TOPIC, "And why do they sleep there?"]
        assert turns[0]["answer"] == first.text
        assert (turns[0]["mission"], turns[0]["known"]) == (first.mission, True)
        assert len(image.history("caves")) == 2
    second = model.asked("plan")[1]
    assert second.materials["query"].endswith(f"(after: {TOPIC})")
    assert f"Answered: {WOVEN['answer']}" in second.messages[1].content
    assert f"Answered: {WOVEN['answer']}" in model.asked("weave")[1].messages[1].content


def test_a_turn_can_be_undone_like_any_other_change():
    with temporary_image(model=Model()) as image:
        furnish(image).ask(TOPIC, timeout=30, thread="caves")
        image.ask("And when?", timeout=30, thread="caves")
        image.undo(image.history("caves")[0].id)
        assert [kept["question"] for kept in image.thread("caves")] == [TOPIC]


def test_a_failed_question_leaves_no_turn():
    with temporary_image(model=Model(weave="nonsense")) as image:
        with pytest.raises(batos.MissionFailed):
            furnish(image).ask(TOPIC, timeout=30, thread="caves")
        assert image.thread("caves") == []
        assert "caves" not in image


def test_not_to_know_is_a_turn_too():
    with temporary_image(model=Model(weave=UNKNOWN)) as image:
        furnish(image).ask(TOPIC, timeout=30, thread="caves")
        assert [kept["known"] for kept in image.thread("caves")] == [False]


def test_only_the_last_turns_are_kept_in_the_slot():
    with temporary_image(model=Model()) as image:
        furnish(image)
        with image.transaction("a long conversation") as world:
            world.create("caves", {"turns": [turn(f"Question {number}?") for number in range(KEPT)]})
        image.ask(TOPIC, timeout=30, thread="caves")
        turns = image.thread("caves")
        assert len(turns) == KEPT
        assert (turns[0]["question"], turns[-1]["question"]) == ("Question 1?", TOPIC)


@pytest.mark.parametrize("name", ["robin", "not a name", "_hidden", "star*", "1st"])
def test_a_name_that_is_none_or_something_elses_is_refused_before_anything_is_asked(name):
    model = Model()
    with temporary_image(model=model) as image, pytest.raises(batos.BatosError, match="can be called"):
        image.ask(TOPIC, thread=name)
    assert model.requests == []


def test_two_questions_of_one_thread_at_once_are_both_kept():
    with temporary_image(model=Model()) as image:
        furnish(image)
        missions = [image.submit_question(f"Where do bats sleep, {number}?", "caves") for number in range(4)]
        for mission in missions:
            mission.result(30)
        assert sorted(kept["mission"] for kept in image.thread("caves")) == sorted(found.id for found in missions)


def test_the_builtin_backend_follows_a_conversation():
    with temporary_image() as image:
        image.ingest_text("owls", "# Owls\n\nAn owl hunts mice. An owl sleeps in a hollow tree during the day.")
        image.ingest_text("bats", "# Bats\n\nA bat hunts moths. A bat sleeps in a cave during the day.")
        assert "moths" in image.ask("What does a bat hunt?", timeout=60, thread="night").text
        answer = image.ask("And where does it sleep?", timeout=60, thread="night")
        assert "cave" in answer.text
        assert "tree" not in answer.text
