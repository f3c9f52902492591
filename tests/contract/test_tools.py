"""A user's primitives: pure ones run in the cycle, those that act on the outside are needs that a person allows."""

from __future__ import annotations

import pytest

import batos
from batos.objects.records import Method
from batos.testing import ScriptedBackend, temporary_image

SENT: list[str] = []
NOTIFY = "def notify_(self, text):\n    return self.post_(text) + '!'\n"


@batos.primitive("test.tools.post", effect=True, sandbox=True)
def post(receiver, text):
    SENT.append(text)
    return f"posted {text}"


@batos.primitive("test.tools.double", sandbox=True)
def double(receiver, number):
    return 2 * number


@batos.primitive("test.tools.secret", effect=True)
def secret(receiver):
    SENT.append("secret")


@pytest.fixture
def office():
    SENT.clear()
    with temporary_image(model=ScriptedBackend({"method": NOTIFY})) as image:
        with image.transaction("wire") as world:
            desk = world.create("desk")
            desk.post_ = Method("post_", primitive="test.tools.post")
            desk.double_ = Method("double_", primitive="test.tools.double")
            desk.secret = Method("secret", primitive="test.tools.secret")
        yield image


def notify(image):
    image.create_method("desk", "notify_", NOTIFY, "a person")
    return image["desk"].submit("notify_", "hello")


def test_a_pure_primitive_runs_at_once(office):
    office.create_method("desk", "four_", "def four_(self):\n    return self.double_(2)\n", "a person")
    assert office["desk"].four_() == 4
    assert office.missions() == []


def test_who_sends_the_tool_itself_has_said_what_they_want(office):
    assert office["desk"].post_("hello") == "posted hello"


def test_a_sandboxed_method_waits_for_a_person_before_it_acts(office):
    mission = notify(office)
    with pytest.raises(batos.MissionPending, match=r"wants to use 'test.tools.post' of desk") as pending:
        mission.result(20)
    assert SENT == []
    (waiting,) = office.proposals()
    assert (waiting["id"], waiting["source"]) == (pending.value.proposal, "test.tools.post('hello')")
    assert waiting["provenance"]["asked_for"] == "notify_ of desk"
    office.approve(pending.value.proposal)
    assert mission.result(20) == "posted hello!"
    assert SENT == ["hello"]
    assert office.proposals() == []


def test_a_permission_is_for_one_message(office):
    office.create_method(
        "desk", "twice_", "def twice_(self, t):\n    return self.post_(t) + self.post_(t + t)\n", "a person"
    )
    mission = office["desk"].submit("twice_", "a")
    for _ in range(2):
        with pytest.raises(batos.MissionPending) as pending:
            mission.result(20)
        office.approve(pending.value.proposal)
        with office.store.settlement_of(mission.id) as settlement:
            settlement.wait(None, 0.2)
    assert mission.result(20) == "posted aposted aa"
    assert SENT == ["a", "aa"]


def test_allowed_always_it_is_not_asked_again(office):
    mission = notify(office)
    with pytest.raises(batos.MissionPending) as pending:
        mission.result(20)
    office.approve(pending.value.proposal, always=True)
    assert mission.result(20) == "posted hello!"
    assert office["desk"].notify_("again") == "posted again!"
    assert SENT == ["hello", "again"]


def test_refused_the_mission_fails_and_nothing_was_done(office):
    mission = notify(office)
    with pytest.raises(batos.MissionPending) as pending:
        mission.result(20)
    office.refuse(pending.value.proposal)
    with pytest.raises(batos.MissionFailed, match=r"A person refused the use of 'test\.tools\.post'"):
        mission.result(20)
    assert SENT == []


def test_a_tool_that_is_not_declared_for_the_sandbox_stays_out_of_reach(office):
    office.create_method("desk", "leak_", "def leak_(self):\n    return self.secret()\n", "a person")
    with pytest.raises(batos.BatosError, match="not declared callable from the sandbox"):
        office["desk"].leak_()
    assert SENT == []


def test_no_trial_acts_and_what_acts_is_proposed(office):
    """An example cannot prove what no trial may do."""
    with pytest.raises(batos.MissionPending, match=r"acts on the outside \(test.tools.post\)"):
        office.teach("desk", "notify_", examples=[(("hello",), "posted hello!")])
    assert SENT == []
    (proposal,) = office.proposals()
    assert (proposal["provenance"]["acts"], proposal["provenance"]["proven"]) == (["test.tools.post"], 0)


def test_what_a_tool_brought_is_text_from_outside():
    reply = "def file_(self, text=''):\n    return text\n"
    with temporary_image(model=ScriptedBackend({"method": reply})) as image:
        with image.transaction("wire") as world:
            desk = world.create("desk")
            desk.post_ = Method("post_", primitive="test.tools.post")
            desk.file_ = batos.Intent("file it", (batos.Example(("a",), result="a").to_json(),))
            desk.fetch_ = Method(
                "fetch_", "def fetch_(self):\n    text = self.post_('x')\n    return self.file_(text)\n"
            )
        image.trust("desk", "fetch_")
        with pytest.raises(batos.MissionPending, match="from outside"):
            image["desk"].submit("fetch_").result(20)


def test_installed_programs_offer_primitives_by_entry_point(tmp_path, monkeypatch):
    """A name that nobody has registered yet is looked for in what is installed."""
    (tmp_path / "greeting_tools.py").write_text(
        "import batos\n\n@batos.primitive('test.tools.installed')\ndef greet(receiver):\n    return 'hello'\n"
    )
    about = tmp_path / "greeting_tools-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting-tools\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[batos.primitives]\ngreeting = greeting_tools\n")
    monkeypatch.syspath_prepend(tmp_path)
    with temporary_image() as image:
        with image.transaction("wire") as world:
            world.create("desk").greet = Method("greet", primitive="test.tools.installed")
        assert image["desk"].greet() == "hello"
