"""Contracts stay with the method: kept with what they rely on, and run again when something changes under them."""

from __future__ import annotations

import pytest

import batos
from batos.errors import MethodRefused
from batos.inference.port import Answer
from batos.mind import standing
from batos.runtime.mission import Mission
from batos.testing import ScriptedBackend, temporary_image

PRICE = "def price_(self, net):\n    return self.gross_(net) + self.fee\n"
GROSS = "def gross_(self, net):\n    return net * 2\n"
OTHER = "def gross_(self, net):\n    return net * 3\n"


def scripted(**sources):
    """A backend that answers with the source for the selector that it is asked for; a list is said in order."""

    def reply(request):
        said = sources[request.materials["selector"]]
        return said.pop(0) if isinstance(said, list) else said

    return ScriptedBackend(reply)


def examples_of(image, target, selector):
    return image.why(target, selector).contract["examples"]


def settle(image, kind="recheck"):
    """The answers of the missions of a kind, once they have ended, the newest first."""
    filed = [mission["mission"] for mission in image.missions() if mission["type"] == kind]
    return [Mission(image.image, image.store, identity).result(30) for identity in filed]


@pytest.fixture
def shop():
    """A child whose method relies on one that it inherits."""
    with temporary_image(model=scripted(price_=PRICE, gross_=OTHER)) as image:
        image.create("shop", slots={"fee": 1})
        image.create_method("shop", "gross_", GROSS, "a person", examples=[((1,), 2)])
        image.create("corner", parents=["shop"])
        image.teach("corner", "price_", examples=[((10,), 21)])
        yield image


def test_an_example_is_kept_with_what_the_slots_held():
    """The slot has changed since; the example still means what it meant."""
    source = "def greet_(self, word):\n    return word + self.name\n"
    with temporary_image(model=scripted(greet_=source)) as image:
        greeter = image.create("greeter", slots={"name": "Ada", "unread": 1})
        image.teach("greeter", "greet_", examples=[(("Hi ",), "Hi Ada")])
        greeter.name = "Grace"
        image.teach("greeter", "greet_", examples=[(("Ho ",), "Ho Grace")])
        kept = examples_of(image, "greeter", "greet_")
        assert [example["held"] for example in kept] == [{"name": "Ada"}, {"name": "Grace"}]


def test_what_the_slots_held_is_told_to_the_writer():
    backend = scripted(greet_="def greet_(self, word):\n    return word + self.name\n")
    with temporary_image(model=backend) as image:
        greeter = image.create("greeter", slots={"name": "Ada"})
        image.teach("greeter", "greet_", examples=[(("Hi ",), "Hi Ada")])
        greeter.name = "Grace"
        image.teach("greeter", "greet_", examples=[(("Ho ",), "Ho Grace")])
    first, _ = backend.requests[1].materials["contract"]["examples"]
    assert (first["slots"], "held" in first) == ({"name": "Ada"}, False)


def test_the_built_in_backend_computes_with_what_the_slots_held():
    with temporary_image() as image:
        greeter = image.create("greeter", slots={"name": "Ada"})
        intent = "the word before the name"
        image.teach("greeter", "greet_", intent=intent, examples=[(("Hi ",), "Hi Ada"), (("Oh ",), "Oh Ada")])
        greeter.name = "Grace"
        image.teach("greeter", "greet_", examples=[(("Ho ",), "Ho Grace")])
        assert greeter.greet_("So ") == "So Grace"


def test_the_first_accepted_call_becomes_an_example_that_is_no_proof():
    with temporary_image() as image:
        greeter = image.create("greeter", slots={"name": "Ada"})
        assert greeter.shout_name() == "ADA!"
        (example,) = examples_of(image, "greeter", "shout_name")
        assert (example["result"], example["given"], example["held"]) == ("ADA!", False, {"name": "Ada"})
        assert image.why("greeter", "shout_name").provenance["proven"] == 0


def test_a_call_that_a_person_accepts_with_a_proposal_is_a_given_example():
    source = "def shape_(self, text):\n    return text.upper()\n"
    with temporary_image(model=scripted(shape_=source)) as image:
        mission = image.create("teller").submit("shape_", "a")
        with pytest.raises(batos.MissionPending):
            mission.result(20)
        (proposal,) = image.proposals()
        assert proposal["provenance"]["call"]["result"] == "A"
        image.approve(proposal["id"])
        (example,) = examples_of(image, "teller", "shape_")
        assert (example["args"], example["result"], example["given"]) == (["a"], "A", True)


def test_a_call_whose_answer_is_chance_is_no_example():
    source = "def roll_(self, sides):\n    import random\n    return random.randint(1, sides)\n"
    with temporary_image(model=scripted(roll_=source)) as image:
        with pytest.raises(batos.MissionPending):
            image.create("die").submit("roll_", 6).result(20)
        (proposal,) = image.proposals()
        assert "call" not in proposal["provenance"]


def test_a_stated_example_takes_the_place_of_an_accepted_call():
    """What nobody stated cannot stand in the way of what somebody states."""
    with temporary_image() as image:
        greeter = image.create("greeter", slots={"name": "Ada"})
        assert greeter.shout_name() == "ADA!"
        image.teach("greeter", "shout_name", intent="the name in small letters", examples=[((), "ada")])
        assert greeter.shout_name() == "ada"


def test_examples_that_a_model_proposed_never_count_as_proof():
    claims = "Upper case.\n\n    >>> teller.shape_('a')\n    'A'\n    >>> teller.shape_('b')\n    'C'\n    "
    source = f'def shape_(self, text):\n    """{claims}"""\n    return text.upper()\n'
    with temporary_image(model=scripted(shape_=source)) as image:
        with pytest.raises(batos.MissionPending, match="no example that proves it"):
            image.create("teller").submit("shape_", "z").result(20)
        (proposal,) = image.proposals()
        claimed = proposal["provenance"]["claims"]
        assert [(claim["example"]["result"], claim["holds"]) for claim in claimed] == [("A", True), ("C", False)]
        kept = proposal["contract"]["examples"]
        assert [(example["args"], example["given"]) for example in kept] == [(["z"], False), (["a"], False)]


@pytest.mark.parametrize("example", [batos.Example(("a",)), batos.Example(("a",), result="A", given=False)])
def test_a_question_and_an_example_that_is_not_given_prove_nothing(example):
    source = "def shape_(self, text):\n    return text.upper()\n"
    with temporary_image(model=scripted(shape_=source)) as image:
        image.create("teller")
        with pytest.raises(batos.MissionPending, match="no example that proves it"):
            image.teach("teller", "shape_", examples=[example])


def test_a_learned_method_that_breaks_the_contract_of_a_child_is_proposed(shop):
    with pytest.raises(batos.MissionPending, match=r"breaks 'price_' of corner.*should give 21 but gave 31"):
        shop.teach("shop", "gross_", examples=[((1,), 3)])
    assert shop["shop"].gross_(2) == 4
    (proposal,) = shop.proposals()
    with pytest.raises(batos.BatosError, match="anyway"):
        shop.approve(proposal["id"])
    shop.approve(proposal["id"], anyway=True)
    assert shop["corner"].price_(10) == 31


def test_a_source_by_hand_that_breaks_the_contract_of_a_child_is_refused(shop):
    with pytest.raises(batos.BatosError, match=r"It breaks 'price_' of corner"):
        shop.create_method("corner", "gross_", OTHER, "a person")
    shop.create_method("corner", "gross_", OTHER, "a person", anyway=True)
    assert shop["corner"].price_(10) == 31


def test_a_source_by_hand_must_keep_the_contract_that_stands(shop):
    with pytest.raises(batos.BatosError, match=r"'gross_' was not installed.*should give 2 but gave 3"):
        shop.create_method("shop", "gross_", OTHER, "a person")
    assert shop.versions("shop", "gross_")[0]["version"] == 1


def test_a_change_of_the_parents_methods_runs_the_contracts_again(shop):
    with shop.transaction("by hand, past the gate") as world:
        world["shop"].gross_ = batos.objects.records.Method("gross_", OTHER)
    (answer,) = settle(shop)
    assert [(found["target"], found["selector"]) for found in answer["broken"]] == [("corner", "price_")]
    (broken,) = shop.broken_contracts()
    assert "should give 21 but gave 31" in broken["reason"]
    assert shop.state()["broken_contracts"] == [broken]


def test_a_change_of_the_parents_themselves_runs_the_contracts_again(shop):
    shop.create("market", slots={"fee": 5})
    shop.create_method("market", "gross_", OTHER, "a person")
    with shop.transaction("another parent") as world:
        setattr(world["corner"], "parent*", world["market"])
    assert [answer["run"] for answer in settle(shop)] == [1]
    assert [found["selector"] for found in shop.broken_contracts()] == ["price_"]

    with shop.transaction("the first parent again") as world:
        setattr(world["corner"], "parent*", world["shop"])
    settle(shop)
    assert shop.broken_contracts() == []


def test_an_undo_runs_the_contracts_again(shop):
    installed = next(change for change in shop.history("shop") if change.note.startswith("install"))
    shop.undo(installed.id)
    settle(shop)
    assert [found["selector"] for found in shop.broken_contracts()] == ["price_"]


def test_a_change_of_data_is_no_change_of_behaviour(shop):
    shop["shop"].fee = 100
    assert settle(shop) == []
    assert shop["corner"].price_(10) == 120


def test_a_change_that_no_contract_relies_on_files_nothing(shop):
    shop.create("loner")
    with shop.transaction("by hand") as world:
        world["loner"].half_ = batos.objects.records.Method("half_", "def half_(self, n):\n    return n / 2\n")
    assert settle(shop) == []


def test_learning_again_mends_a_broken_contract(shop):
    with shop.transaction("by hand, past the gate") as world:
        world["shop"].gross_ = batos.objects.records.Method("gross_", OTHER)
    settle(shop)
    shop.create_method("shop", "gross_", GROSS, "a person")
    shop.create_method("corner", "price_", PRICE, "a person")
    assert shop.broken_contracts() == []


def test_a_proposal_is_tried_again_before_it_is_installed():
    """What it relied on may have changed since it was made."""
    sources = {"total_": "def total_(self, n):\n    return n + self.rate\n"}
    with temporary_image(model=scripted(**sources)) as image:
        meter = image.create("meter", slots={"rate": 1})
        image.set_policy("propose")
        with pytest.raises(batos.MissionPending):
            image.teach("meter", "total_", examples=[batos.Example((1,), result=2, slots={"other": 0})])
        del meter.rate
        meter.rate = "none"
        (proposal,) = image.proposals()
        image.approve(proposal["id"])  # what the slot held when it was tried is kept with it
        assert meter.other_ is not None


def test_a_question_names_no_example_of_a_model():
    """An answer to a question is a given example: the person stated it."""
    asked = Answer(question={"args": ["b"], "kwargs": {}, "candidates": ["B", "b"]}, model="scripted")
    source = "def shape_(self, text):\n    return text.upper()\n"
    with temporary_image(model=scripted(shape_=[asked, source])) as image:
        image.create("teller")
        with pytest.raises(batos.MissionPending) as pending:
            image.teach("teller", "shape_", examples=[(("A",), "A")])
        image.teach("teller", "shape_", examples=[pending.value.question.answered("B")])
        assert [example["given"] for example in examples_of(image, "teller", "shape_")] == [True, True]


def test_a_method_that_reaches_the_changed_one_by_messages_is_asked_too():
    """The till sends to its clerk, the clerk to the rates; the rates change."""
    rates = "def rate_(self, net):\n    return net * 2\n"
    clerk = "def fee_(self, net):\n    return self.rates.rate_(net) + 1\n"
    till = "def bill_(self, net):\n    return self.clerks[0].fee_(net)\n"
    with temporary_image(model=scripted(bill_=till)) as image:
        held = image.create("rates")
        image.create_method("rates", "rate_", rates, "a person", examples=[((1,), 2)])
        desk = image.create("clerk", slots={"rates": held})
        image.create_method("clerk", "fee_", clerk, "a person")
        image.create("till", slots={"clerks": [desk]})
        image.teach("till", "bill_", examples=[((10,), 21)])
        image.create("stranger")
        image.create_method("stranger", "rate_", rates, "a person", examples=[((1,), 2)])

        with pytest.raises(MethodRefused, match="bill_"):
            image.create_method("rates", "rate_", rates.replace("2", "3"), "a person", examples=[((1,), 3)])
        installed = image.create_method(
            "rates", "rate_", rates.replace("2", "3"), "a person", examples=[((1,), 3)], anyway=True
        )
        assert [(item["target"], item["selector"]) for item in installed["broken"]] == [("till", "bill_")]


def test_a_method_that_cannot_come_to_the_changed_one_is_left_alone():
    with temporary_image(model=scripted()) as image:
        for name in ("here", "there"):
            image.create(name)
            image.create_method(name, "rate_", "def rate_(self, net):\n    return net * 2\n", "a person")
        asks = "def asks_(self, net):\n    return self.rate_(net)\n"
        image.create_method("there", "asks_", asks, "a person", examples=[((1,), 2)])
        with image.image.reading() as world:
            assert standing.affected(world, world["here"]) == []
            assert [selector for _, selector in standing.affected(world, world["there"])] == ["asks_"]
