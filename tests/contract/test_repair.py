"""Repair: each kind of failure goes back to the writer once, with its reason; rounds and spending are bounded."""

from __future__ import annotations

import pytest

import batos
from batos.inference.port import Answer
from batos.settings import Settings
from batos.testing import ScriptedBackend, temporary_image

INITIALS = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]
RIGHT = "def initials_(self, text):\n    return ''.join(word[0].upper() + '.' for word in text.split())\n"
NONE = "I would rather not."
UNSAFE = "def initials_(self, text):\n    return self._secret\n"
UNMARKED = "def initials_(self, text):\n    self.last = text\n    return text\n"
ILL_TYPED = "def initials_(self, text):\n    return 'a' + 1\n"
WRONG = "def initials_(self, text):\n    return text.upper()\n"
HALF = "def initials_(self, text):\n    return 'A.L.'\n"
RAISES = "def initials_(self, text):\n    return text.split()[7]\n"
ENDLESS = "def initials_(self, text):\n    while True:\n        pass\n"


def taught(*sources, settings=None):
    """What came of teaching with a backend that answers so: the requests, and the error or None."""
    backend = ScriptedBackend({"method": list(sources)})
    with temporary_image(model=backend, settings=settings) as image:
        image.create("greeter")
        try:
            image.teach("greeter", "initials_", examples=INITIALS)
            assert image["greeter"].initials_("grace hopper") == "G.H."
        except batos.MissionFailed as failed:
            return backend.requests, failed
    return backend.requests, None


def test_two_failures_of_different_kinds_are_repaired():
    requests, failed = taught(UNSAFE, WRONG, RIGHT)
    assert failed is None
    assert len(requests) == 3


@pytest.mark.parametrize(
    ("source", "kind", "reason"),
    [
        (NONE, "extraction", "holds no function"),
        (UNSAFE, "guardian: underscore", "_secret"),
        (UNMARKED, "guardian: covenant", "_p_changed"),
        (ILL_TYPED, "types", "unsupported-operator"),
        (WRONG, "wrong at example 1", "should give 'A.L.' but gave 'ADA LOVELACE'"),
        (HALF, "wrong at example 2", "should give 'A.T.' but gave 'A.L.'"),
        (RAISES, "raised at example 1", "IndexError"),
        (ENDLESS, "limit at example 1", "stopped"),
    ],
)
def test_every_kind_of_failure_goes_back_with_its_reason(source, kind, reason):
    requests, failed = taught(source, RIGHT, settings=Settings(sandbox_seconds=0.3))
    assert failed is None
    (told,) = requests[1].materials["feedback"]
    assert (told["kind"], reason in told["reason"]) == (kind, True)
    prompt = requests[1].messages[-1].content
    assert reason in prompt[prompt.index("Earlier attempts") :]


def test_a_kind_of_failure_is_repaired_once():
    requests, failed = taught(WRONG, WRONG.replace("upper", "lower"), RIGHT)
    assert len(requests) == 2
    assert "after 2 tries" in str(failed)


def test_passing_one_example_more_is_progress():
    requests, failed = taught(WRONG, HALF, RIGHT)
    assert failed is None
    assert len(requests) == 3


def test_the_rounds_are_bounded():
    requests, failed = taught(NONE, UNSAFE, ILL_TYPED, WRONG, settings=Settings(repair_rounds=3))
    assert len(requests) == 3
    assert "'a' + 1" in str(failed) or "unsupported-operator" in str(failed)


def test_what_is_spent_on_one_mission_is_bounded():
    spent = [Answer(text=source, model="scripted", prompt_tokens=60) for source in (NONE, UNSAFE, RIGHT)]
    requests, failed = taught(*spent, settings=Settings(mission_tokens=100))
    assert len(requests) == 2
    assert "mission budget is used up" in str(failed)


def test_the_refused_sources_stay_in_the_record_of_the_mission():
    backend = ScriptedBackend({"method": [WRONG, WRONG]})
    with temporary_image(model=backend) as image:
        image.create("greeter")
        with pytest.raises(batos.MissionFailed) as failed:
            image.teach("greeter", "initials_", examples=INITIALS)
        trace = image.mission(failed.value.facts["mission"])["trace"]
    refused = next(entry["refused"] for entry in trace if "refused" in entry)
    assert [entry["source"] for entry in refused] == [WRONG, WRONG]


def test_the_prompt_carries_what_a_writer_needs():
    """The covenant, the object with what it inherits, the contract, similar methods, and what the sandbox lacks."""
    backend = ScriptedBackend({"method": [RIGHT, "def monogram_(self, text):\n    return text[0]\n"]})
    with temporary_image(model=backend) as image:
        image.create("person", slots={"title": "Dr."})
        image.create("ada", slots={"name": "Ada"}, parents=["person"])
        image.teach("ada", "initials_", intent="the letters of a name", examples=INITIALS)
        image.teach("ada", "monogram_", intent="the first letter of a name", examples=[(("ada",), "a")])
    system, user = (message.content for message in backend.requests[1].messages)
    for told in ("def monogram_(self, ...)", "_p_changed", "json, math", "yield", "str.translate", "Helpers"):
        assert told in system
    for told in ('"title": "Dr."', '"name": "Ada"', "the first letter of a name", '"result": "a"', RIGHT):
        assert told in user
    assert " time," not in system


def test_a_long_slot_does_not_fill_the_prompt():
    backend = ScriptedBackend({"method": [RIGHT]})
    with temporary_image(model=backend) as image:
        image.create("greeter", slots={"log": [f"line {number}" for number in range(5000)]})
        image.teach("greeter", "initials_", examples=INITIALS)
    assert "line 4999" not in backend.requests[0].messages[-1].content
    assert backend.requests[0].materials["object"]["slots"]["log"] == {"$kind": "list, 5000 long"}
