"""Learning a method: not understood → mission → source → gate → installed or proposed → the caller is answered."""

from __future__ import annotations

import pytest

import batos
from batos.settings import Settings
from batos.testing import ScriptedBackend, temporary_image

INITIALS = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]
RIGHT = "def initials_(self, text):\n    return ''.join(word[0].upper() + '.' for word in text.split())\n"
WRONG = "def initials_(self, text):\n    return text.upper()\n"
REFUSED = "def initials_(self, text):\n    return self._secret\n"


def writing(*sources):
    """A backend that answers requests for a method with these sources, one after the other."""
    return ScriptedBackend({"method": list(sources)})


def states(image, selector):
    provenance = image.why("greeter", selector).provenance
    return [entry["state"] for entry in image.mission(provenance["mission"])["trace"]]


def test_the_readme_story():
    with temporary_image() as image:
        greeter = image.create("greeter", slots={"name": "Ada Lovelace"})
        image.teach("greeter", "initials_", intent="the initials of a full name", examples=INITIALS)
        assert greeter.initials_("grace hopper") == "G.H."
        assert greeter.submit("shout_name").result(20) == "ADA LOVELACE!"
        with pytest.raises(batos.MissionFailed, match=r"prove_goldbach_.*openai:URL#MODEL"):
            greeter.prove_goldbach_()
        assert "prove_goldbach_" not in [slot["name"] for slot in image.inspect("greeter")["slots"]]


def test_the_trace_of_a_learned_method_shows_five_states():
    with temporary_image(model=writing(RIGHT)) as image:
        image.create("greeter")
        image.teach("greeter", "initials_", examples=INITIALS)
        assert states(image, "initials_") == ["IDLE", "DECOMPOSING", "DELEGATING", "SYNTHESIZING", "COMPLETE"]


def test_a_refused_source_is_repaired_with_the_reason():
    backend = writing("I would rather not.", REFUSED, RIGHT)
    with temporary_image(model=backend) as image:
        greeter = image.create("greeter")
        image.teach("greeter", "initials_", examples=INITIALS)
        assert greeter.initials_("grace hopper") == "G.H."
    feedback = [[entry["reason"] for entry in request.materials["feedback"]] for request in backend.requests]
    assert [len(reasons) for reasons in feedback] == [0, 1, 2]
    assert "holds no function" in feedback[2][0]
    assert "_secret" in feedback[2][1]


def test_a_source_that_fails_an_example_is_never_installed():
    with temporary_image(model=writing(WRONG, WRONG, WRONG)) as image:
        image.create("greeter")
        with pytest.raises(batos.MissionFailed, match=r"should give 'A.L.' but gave 'ADA LOVELACE'"):
            image.teach("greeter", "initials_", examples=INITIALS)
        assert image.history("greeter")[0].note == "create greeter"


def test_without_proof_a_method_of_a_model_is_proposed_and_waits():
    with temporary_image(model=writing(RIGHT)) as image:
        greeter = image.create("greeter")
        mission = greeter.submit("initials_", "grace hopper")
        with pytest.raises(batos.MissionPending) as pending:
            mission.result(20)
        assert mission.state == "waiting"
        (proposal,) = image.proposals()
        assert pending.value.proposal == proposal["id"]
        assert proposal["source"] == RIGHT

        image.approve(proposal["id"])
        assert mission.result(20) == "G.H."
        assert greeter.initials_("alan turing") == "A.T."
        assert image.proposals() == []


def test_a_refused_proposal_ends_the_mission_that_waited():
    with temporary_image(model=writing(RIGHT)) as image:
        mission = image.create("greeter").submit("initials_", "grace hopper")
        with pytest.raises(batos.MissionPending) as pending:
            mission.result(20)
        image.refuse(pending.value.proposal)
        with pytest.raises(batos.MissionFailed, match="was refused"):
            mission.result(20)
        with pytest.raises(batos.BatosError, match="refused before"):
            image.approve(pending.value.proposal)


def test_under_propose_even_a_proven_method_waits_for_a_person():
    with temporary_image(model=writing(RIGHT), settings=Settings(policy="propose")) as image:
        image.create("greeter")
        with pytest.raises(batos.MissionPending):
            image.teach("greeter", "initials_", examples=INITIALS)
        with pytest.raises(batos.NotUnderstood), image.transaction("look") as world:
            world["greeter"].initials_("x")


def test_a_message_from_outside_is_only_ever_proposed():
    with temporary_image() as image:
        image.create("greeter", slots={"name": "Ada"})
        mission = image.submit("greeter", "shout_name", tainted=True)
        with pytest.raises(batos.MissionPending, match="from outside"):
            mission.result(20)


def test_a_question_is_answered_by_teaching_one_example_more():
    def ask_first(request):
        if len(request.materials["contract"]["examples"]) == 1:
            question = {"args": ["b"], "kwargs": {}, "candidates": ["B", "b"]}
            return batos_answer(question)
        return "def shape_(self, text):\n    return text.upper()\n"

    def batos_answer(question):
        from batos.inference.port import Answer

        return Answer(question=question, model="scripted")

    with temporary_image(model=ScriptedBackend(ask_first)) as image:
        teller = image.create("teller")
        with pytest.raises(batos.MissionPending, match=r"What should shape_\('b'\) be: 'B' or 'b'") as pending:
            image.teach("teller", "shape_", examples=[(("A",), "A")])
        answered = pending.value.question.answered("B")
        image.teach("teller", "shape_", examples=[answered])
        assert teller.shape_("c") == "C"
        assert len(image.why("teller", "shape_").contract["examples"]) == 2


def test_a_method_that_needs_another_one_learns_that_first():
    sources = {
        "greet_all_": "def greet_all_(self, names):\n    return [self.greet_one_(name) for name in names]\n",
        "greet_one_": "def greet_one_(self, name):\n    return 'Hello ' + name\n",
    }
    backend = ScriptedBackend(lambda request: sources[request.materials["selector"]])
    examples = [batos.Example((["ada"],), result=["Hello ada"])]
    with temporary_image(model=backend) as image:
        image.create("greeter")
        with pytest.raises(batos.MissionPending, match="greet_one_"):
            image.teach("greeter", "greet_all_", examples=examples)
        (proposal,) = image.proposals()
        image.approve(proposal["id"])
        learning = [mission for mission in image.missions() if mission["selector"] == "greet_all_"]
        from batos.runtime.mission import Mission

        Mission(image.image, image.store, learning[0]["mission"]).result(20)
        assert image["greeter"].greet_all_(["bob"]) == ["Hello bob"]


def test_undo_takes_a_learned_method_back_and_keeps_its_receipt():
    with temporary_image(model=writing(RIGHT)) as image:
        image.create("greeter")
        image.teach("greeter", "initials_", examples=INITIALS)
        change = image.history("greeter")[0]
        assert (change.note, change.slots) == ("learn initials_", ("initials_",))
        image.undo(change.id)
        assert "initials_" not in [slot["name"] for slot in image.inspect("greeter")["slots"]]
        with image.image.reading() as world:
            assert change.mission in world.receipts


def test_teaching_again_makes_a_new_version_that_keeps_the_earlier_examples():
    with temporary_image(model=writing(RIGHT, RIGHT.replace("text", "name"))) as image:
        image.create("greeter")
        image.teach("greeter", "initials_", examples=INITIALS)
        image.teach("greeter", "initials_", examples=[(("grace hopper",), "G.H.")])
        why = image.why("greeter", "initials_")
        assert why.versions == (2, 1)
        assert [example["result"] for example in why.contract["examples"]] == ["A.L.", "A.T.", "G.H."]


def test_why_walks_down_to_the_prompts():
    with temporary_image(model=writing(RIGHT)) as image:
        image.create("greeter")
        image.teach("greeter", "initials_", intent="the initials", examples=INITIALS)
        why = image.why("greeter", "initials_")
        assert why.source == RIGHT
        assert why.mission["type"] == "learn"
        kinds = [(asked["kind"], asked["purpose"] or asked["name"]) for asked in why.asked]
        assert kinds == [("observe", "similar"), ("inference", "method"), ("observe", "trial")]
        prompt = why.asked[1]["prompt"]
        assert "the initials" in prompt[1]["content"]
        assert why.asked[1]["model"] == "scripted"


def test_a_source_by_hand_goes_through_the_same_gate():
    with temporary_image() as image:
        greeter = image.create("greeter", slots={"name": "Ada"})
        report = image.create_method("greeter", "twice", "def twice(self):\n    return self.name * 2\n", "a person")
        assert report["version"] == 1
        assert not report["proven"]
        assert greeter.twice() == "AdaAda"
        with pytest.raises(batos.BatosError, match="guardian refused"):
            image.create_method("greeter", "leak", "def leak(self):\n    return self._slots\n", "a person")


def test_a_facet_is_learned_on_first_use_by_the_same_path():
    with temporary_image() as image:
        image.ingest_text("bats", "Bats sleep in caves. They hang upside down.")
        image.send("babs", "tech_facet_", "Where do bats sleep?")
        why = image.why("babs", "tech_facet_")
        assert "self.infer_(" in why.source
        assert why.contract["intent"] in why.source.replace("' '", "") or "intent" in why.contract
        assert states_of(image, why) == ["IDLE", "DECOMPOSING", "DELEGATING", "SYNTHESIZING", "COMPLETE"]


def states_of(image, why):
    return [entry["state"] for entry in image.mission(why.mission["id"])["trace"]]


def test_a_facet_that_a_model_does_not_write_is_written_by_the_built_in_backend():
    silent = "def tech_facet_(self, query):\n    return self.infer_(query, system_prompt='Be brief.')\n"
    model = ScriptedBackend({"method": ["I would rather not.", silent, silent], "facet": "In caves."})
    with temporary_image(model=model) as image:
        assert image.send("babs", "tech_facet_", "Where do bats sleep?") == "In caves."
        why = image.why("babs", "tech_facet_")
        (tried,) = [entry for entry in image.mission(why.mission["id"])["trace"] if entry["state"] == "SYNTHESIZING"]
    assert why.provenance["model"] == "builtin"
    assert [entry["kind"] for entry in tried["refused"]] == ["extraction", "facet", "facet"]
    assert "holds the intent" in tried["refused"][2]["reason"]


def test_a_spent_budget_stops_before_the_call():
    backend = writing(RIGHT)
    with temporary_image(model=backend, settings=Settings(day_tokens=0)) as image:
        image.create("greeter")
        with pytest.raises(batos.MissionFailed, match="budget is used up"):
            image.teach("greeter", "initials_", examples=INITIALS)
    assert backend.requests == []


@pytest.mark.parametrize("selector", ["not a name", "", "1st", "_hidden"])
def test_a_selector_that_is_none_is_refused(selector):
    with temporary_image() as image:
        image.create("greeter")
        with pytest.raises(batos.BatosError, match="cannot be a selector"):
            image.teach("greeter", selector, examples=INITIALS)


def test_a_mission_that_waits_for_an_answer_goes_on_when_it_is_taught():
    def ask_first(request):
        from batos.inference.port import Answer

        if len(request.materials["contract"]["examples"]) < 2:
            return Answer(question={"args": ["b"], "kwargs": {}, "candidates": ["B", "b"]}, model="scripted")
        return "def shape_(self, text):\n    return text.upper()\n"

    with temporary_image(model=ScriptedBackend(ask_first)) as image:
        teller = image.create("teller")
        mission = image.submit("teller", "shape_", ("c",), examples=[(("A",), "A")])
        with pytest.raises(batos.MissionPending) as pending:
            mission.result(20)
        image.teach(teller, "shape_", examples=[pending.value.question.answered("B")])
        assert mission.result(20) == "C"


def test_a_decision_that_nobody_takes_ends_the_mission():
    with temporary_image(model=writing(RIGHT), settings=Settings(pending_seconds=0.0)) as image:
        mission = image.create("greeter").submit("initials_", "grace hopper")
        with image.store.settlement_of(mission.id) as settlement:
            while not image.store.get(mission.id).ended:
                settlement.wait(None, 0.1)
        with pytest.raises(batos.MissionFailed, match="Nobody decided in time"):
            mission.result(20)


def test_a_source_installed_by_hand_ends_the_waiting():
    with temporary_image(model=writing(RIGHT)) as image:
        mission = image.create("greeter").submit("initials_", "grace hopper")
        with pytest.raises(batos.MissionPending):
            mission.result(20)
        image.create_method("greeter", "initials_", "def initials_(self, text):\n    return 'by hand'\n", "a person")
        assert mission.result(20) == "by hand"
