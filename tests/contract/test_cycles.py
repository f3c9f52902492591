"""Suspend and replay: what a cycle needs is asked once, whatever happens around it, and nothing of a failed one stays.

The rows of `replay.md` §2-4 that a test can show. Methods that ask are trusted here, because they stand for code that a
person approved; what sandboxed methods do with a suspension is tested beside them.
"""

from __future__ import annotations

import threading

import pytest

import batos
from batos.objects.primitives import primitive
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import put
from batos.runtime.briefs import Brief
from batos.runtime.worker import RACES
from batos.settings import Settings
from batos.testing import ScriptedBackend, temporary_image

ASKING = "def think_(self, question):\n    return self.infer_(question)\n"


@pytest.fixture
def scripted():
    return ScriptedBackend(lambda request: f"answer to {request.materials.get('query')}")


@pytest.fixture
def opened(scripted):
    with temporary_image(model=scripted) as image:
        yield image


def thinker(image, source=ASKING, name="thinker", trust="trusted", **slots):
    """An object that has `infer_` from pllm and the method `source`."""
    handle = image.create(name, slots=slots, parents=["pllm", "traits"])
    install(image, name, source, trust)
    return handle


def install(image, name, source, trust="trusted"):
    selector = source.split("(")[0].removeprefix("def ")
    with image.transaction(f"install {selector}") as world:
        setattr(world[name], selector, Method(selector, source))
    if trust == "trusted":
        image.trust(name, selector)


def questions(scripted):
    return [request.materials["query"] for request in scripted.requests if request.purpose == "facet"]


def receipt(image, mission):
    with image.image.reading() as world:
        found = world.receipts[mission]
        return found.outcome, [entry["state"] for entry in found.trace], found.reason


# Asking


def test_an_inference_suspends_the_cycle_and_the_replay_finds_the_answer(opened, scripted):
    asked = thinker(opened)
    mission = asked.submit("think_", "why")

    assert mission.result(20) == "answer to why"
    assert questions(scripted) == ["why"]
    results = [attempt["result"] for attempt in opened.mission(mission.id)["attempts"]]
    assert results == ["suspended", "committed"]
    assert receipt(opened, mission.id)[1] == ["IDLE", "DECOMPOSING", "DELEGATING", "SYNTHESIZING", "COMPLETE"]


def test_the_same_question_asked_twice_is_two_needs(opened, scripted):
    source = "def think_(self, q):\n    return [self.infer_(q), self.infer_(q)]\n"
    assert thinker(opened, source).think_("again") == ["answer to again"] * 2
    assert questions(scripted) == ["again", "again"]


def test_asks_are_bounded(scripted):
    source = "def think_(self, n):\n    return [self.infer_(str(i)) for i in range(n)]\n"
    with temporary_image(model=scripted, settings=Settings(max_asks=3)) as image:
        asking = thinker(image, source)
        with pytest.raises(batos.MissionFailed, match="more than 3 times"):
            asking.think_(5)


def test_a_conflict_replays_for_free():
    """Another transaction changes what the cycle has read while the model thinks: a replay, and no second call."""
    source = (
        "def think_(self, q):\n"
        "    before = self.count\n"
        "    answer = self.infer_(q)\n"
        "    self.count = before + 1\n"
        "    self._p_changed = True\n"
        "    return answer\n"
    )

    def answer(request):
        asked.count = 10
        return "an answer"

    backend = ScriptedBackend(answer)
    with temporary_image(model=backend) as image:
        asked = thinker(image, source, count=0)
        assert asked.think_("q") == "an answer"
        assert asked.count == 11
    assert questions(backend) == ["q"]


def test_a_mission_that_loses_more_races_than_one_turn_allows_comes_back_and_ends(opened, scripted):
    """Another thread changes what it reads in each of its attempts, more often than a worker tries in a row."""
    lost = []

    @primitive("test.overtaken")
    def overtaken(receiver):
        if len(lost) <= RACES:
            lost.append(receiver.count)
            other = threading.Thread(target=setattr, args=(opened["thinker"], "count", receiver.count + 10))
            other.start()
            other.join()

    source = (
        "def think_(self, q):\n"
        "    answer = self.infer_(q)\n"
        "    self.overtaken()\n"
        "    self.count += 1\n"
        "    return answer\n"
    )
    asked = thinker(opened, source, count=0)
    with opened.transaction("install") as world:
        world["thinker"].overtaken = Method("overtaken", primitive="test.overtaken")
    mission = asked.submit("think_", "q")
    assert mission.result(30) == "answer to q"
    assert asked.count == 10 * len(lost) + 1
    assert lost == [10 * number for number in range(RACES + 1)]
    results = [attempt["result"] for attempt in opened.mission(mission.id)["attempts"]]
    assert results == ["suspended", *["conflict"] * (RACES + 1), "committed"]
    assert questions(scripted) == ["q"]


def test_two_missions_that_write_the_same_slot_both_count(opened):
    """Each reads, thinks and writes: whoever loses the race runs again with its answer."""
    source = (
        "def think_(self, q):\n"
        "    answer = self.infer_(q)\n"
        "    self.friend.count = self.friend.count + 1\n"
        "    return answer\n"
    )
    shared = opened.create("shared", slots={"count": 0})
    missions = []
    for number in range(6):
        asker = thinker(opened, source, name=f"asker{number}")
        asker.friend = shared
        missions.append(asker.submit("think_", str(number)))
    for mission in missions:
        mission.result(30)
    assert shared.count == 6


def test_what_was_searched_stays_what_it_was_while_others_write(opened, scripted):
    """A prompt that holds search hits is asked once, although memory grows between attempts."""
    opened.ingest_text("first", "Bats hang upside down.")
    source = (
        "def think_(self, q):\n"
        "    hits = self.catalog.search_(q)\n"
        "    first = self.infer_(str([hit['text'] for hit in hits]))\n"
        "    return self.infer_(first + str(len(hits)))\n"
    )
    asked = thinker(opened, source)
    with opened.transaction("wire") as world:
        world["thinker"].catalog = world["knowledge_catalog"]
    number = iter(range(1000))
    opened.subscribe("cycle", lambda event: opened.ingest_text(f"more-{next(number)}", "More about bats."))

    asked.think_("bats")
    assert len(questions(scripted)) == 2


def test_the_clock_reads_the_same_on_every_replay(opened):
    source = (
        "def think_(self, q):\n"
        "    import datetime\n"
        "    first = datetime.datetime.now()\n"
        "    self.infer_(q)\n"
        "    return first == datetime.datetime.now() or first.isoformat()\n"
    )
    thinker(opened, source, trust="sandboxed")
    mission = opened.submit("thinker", "think_", ("q",))
    mission.result(20)
    entries = opened.store.journal(mission.id).values()
    assert sorted(entry.request["name"] for entry in entries) == ["clock", "clock", "generate"]


# Signals cannot be swallowed


SWALLOWING = """
def think_(self, q):
    try:
        answer = self.infer_(q)
    except:
        self.note = "swallowed"
        self._p_changed = True
        return "wrong"
    return answer
""".lstrip()


@pytest.mark.parametrize("trust", ["trusted", "sandboxed"])
def test_code_that_swallows_the_suspension_changes_nothing(opened, trust):
    asked = thinker(opened, SWALLOWING, trust=trust)
    assert asked.think_("q") == "answer to q"
    with opened.image.reading() as world:
        assert "note" not in world["thinker"].__dict__


# Rounds


def test_the_needs_of_a_plan_are_performed_in_one_round():
    """Both facets are asked at the same time: each inference waits for the other to begin."""
    together = threading.Barrier(2, timeout=15)

    def answer(request):
        if request.purpose == "facet":
            together.wait()
            return "Both [1]."
        if request.purpose == "plan":
            return {
                "archetype": "technical",
                "strategy": "compare",
                "lead": "brick",
                "relevant_pillars": ["literal_facet_", "sage_facet_"],
                "sub_queries": {},
            }
        return {"answer": "Both were asked.", "citations": [{"document_id": "bats", "chunk_index": 0}], "known": True}

    backend = ScriptedBackend(answer)
    with temporary_image(model=backend) as image:
        image.ingest_text("bats", "Bats sleep in caves.")
        for persona, facet in (("brick", "literal_facet_"), ("robin", "sage_facet_")):
            source = f"def {facet}(self, query):\n    return self.infer_(query, system_prompt='Be plain.')\n"
            install(image, persona, source)
        answered = image.ask("Where do bats sleep?")
    assert answered.text == "Both were asked."
    assert answered.citations == (("bats", 0),)


def test_a_facet_that_writes_does_not_change_what_another_one_asks(opened, scripted):
    """Three calls for three facets, although each writes what the next one puts into its request."""
    source = (
        "def think_(self, q):\n"
        "    answer = self.infer_(q + str(self.count))\n"
        "    self.count = self.count + 1\n"
        "    self._p_changed = True\n"
        "    return answer\n"
    )
    thinker(opened, source, count=0)
    from batos.mind.thinking import current
    from batos.objects.sending import send

    @primitive("test.gather_three")
    def gather_three(receiver):
        return current().gather([lambda n=n: send(receiver, "think_", f"q{n}-") for n in range(3)])

    with opened.transaction("install") as world:
        world["thinker"].gathering = Method("gathering", primitive="test.gather_three")
    mission = opened.submit("thinker", "gathering")
    assert mission.result(20) == ["answer to q0-0", "answer to q1-0", "answer to q2-0"]
    assert sorted(questions(scripted)) == ["q0-0", "q1-0", "q2-0"]
    assert opened["thinker"].count == 3


# Failing


def test_a_failed_cycle_leaves_its_record_and_nothing_else(opened, scripted):
    source = (
        "def think_(self, q):\n"
        "    self.note = 'half done'\n"
        "    self._p_changed = True\n"
        "    self.infer_(q)\n"
        "    raise ValueError('no further')\n"
    )
    thinker(opened, source)
    mission = opened.submit("thinker", "think_", ("q",))
    with pytest.raises(batos.MissionFailed, match="no further"):
        mission.result(20)
    outcome, states, reason = receipt(opened, mission.id)
    assert (outcome, states[-1]) == ("failed", "FAILED")
    assert "no further" in reason
    with opened.image.reading() as world:
        assert "note" not in world["thinker"].__dict__
    assert [entry.answer["value"]["text"] for entry in opened.store.journal(mission.id).values()] == ["answer to q"]


def test_a_state_that_names_a_wrong_successor_fails_the_cycle(opened):
    @primitive("test.skip_ahead")
    def skip_ahead(context):
        return "COMPLETE"

    with opened.transaction("change the machine") as world:
        put(world["psm"].DECOMPOSING, "_process_synthesis_", Method("_process_synthesis_", primitive="test.skip_ahead"))
    mission = thinker(opened).submit("think_", "q")
    with pytest.raises(batos.MissionFailed, match="DECOMPOSING named 'COMPLETE'"):
        mission.result(20)


def test_an_error_that_a_need_was_answered_with_is_met_again_on_a_replay(opened, scripted):
    refusing = ScriptedBackend([])
    with temporary_image(model=refusing) as image, pytest.raises(batos.MissionFailed, match="no reply left"):
        thinker(image).think_("q")


# Waiting


def test_learning_on_the_own_object_does_not_wait_for_itself(opened):
    """A mission on A needs a method of A to be learned: suspended missions hold no exclusivity."""
    with temporary_image() as image:
        asked = thinker(image, "def double_shout(self):\n    return self.shout_name() * 2\n", name="greeter")
        asked.name = "Ada"
        assert asked.double_shout() == "ADA!ADA!"


def test_two_who_miss_the_same_method_wait_for_one_learning():
    with temporary_image() as image:
        greeter = image.create("greeter", slots={"name": "Ada"})
        missions = [greeter.submit("shout_name") for _ in range(4)]
        assert [mission.result(20) for mission in missions] == ["ADA!"] * 4
        assert len([mission for mission in image.missions() if mission["type"] == "learn"]) == 1


def test_methods_that_each_need_the_other_learned_are_refused_with_a_sentence():
    sources = {
        "ping_it": "def ping_it(self):\n    return self.other.pong_it()\n",
        "pong_it": "def pong_it(self):\n    return self.other.ping_it()\n",
    }
    backend = ScriptedBackend(lambda request: sources[request.materials["selector"]])
    with temporary_image(model=backend) as image:
        left, right = image.create("left"), image.create("right")
        left.other, right.other = right, left
        with pytest.raises(batos.MissionFailed, match="would wait for itself"):
            image.submit("left", "ping_it", learn=True, intent="ping the other").result(30)


def test_a_slip_of_the_pen_is_not_learned():
    with temporary_image() as image:
        greeter = image.create("greeter", slots={"name": "Ada"})
        assert greeter.shout_name() == "ADA!"
        with pytest.raises(batos.MissionFailed, match="Did you mean 'shout_name'"):
            greeter.shuot_name()


def test_an_intent_is_not_understood_until_it_is_learned(opened):
    with opened.transaction("wish") as world:
        world["thinker"] if "thinker" in world else world.create("wisher", {"dream_": Intent("Say what you dream of.")})
        with pytest.raises(batos.NotUnderstood):
            world["wisher"].dream_()


def test_what_was_learned_on_the_way_stays_when_the_asking_mission_fails():
    """A learned method is an effect of its own mission."""
    with temporary_image() as image:
        source = "def try_it(self):\n    return self.shout_name() + self.missing_number\n"
        thinker(image, source, name="greeter", trust="sandboxed")
        image["greeter"].name = "Ada"
        image["greeter"].missing_number = 1
        with pytest.raises(batos.MissionFailed, match="TypeError"):
            image.submit("greeter", "try_it").result(20)
        assert image["greeter"].shout_name() == "ADA!"


# Authority


@pytest.mark.parametrize(
    "body",
    [
        "self.setSlot_value_('parent*', self.other)",
        "self.other.setSlot_value_('name', 'taken over')",
        "self.knowledge_catalog.index_document_('x', 'planted')",
        "self.orchestrator.start_cognitive_cycle_for_({'selector': 'clone'}, self)",
        "self.psm.IDLE.clone().setSlot_value_('name', 1)",
    ],
)
def test_a_sandboxed_method_is_nobodys_deputy(opened, body):
    """It reaches system objects by delegation, and none of their primitives that were not declared for it."""
    thinker(opened, f"def abuse(self):\n    return {body}\n", trust="sandboxed")
    with opened.transaction("give it everything to reach") as world:
        other = world.create("other", {"name": "itself"})
        world["thinker"].other = other
        for name in ("knowledge_catalog", "orchestrator", "psm"):
            setattr(world["thinker"], name, world[name])
    with pytest.raises(batos.BatosError, match="has no right to call the primitive"):
        opened["thinker"].abuse()
    assert opened["other"].name == "itself"
    assert opened.search("planted") == []


# Effects


def test_reading_through_a_message_leaves_no_change(opened):
    thinker(opened, "def name_it(self):\n    return self.name\n", name="named")
    opened["named"].name = "Ada"
    before = opened.history("named")
    assert opened["named"].name_it() == "Ada"
    assert opened.history("named") == before


def test_a_tool_is_performed_as_a_need_and_its_answer_kept(opened):
    calls = []

    @batos.primitive("test.post", effect=True)
    def post(receiver, text):
        calls.append((repr(receiver), text))
        return f"posted {text}"

    with opened.transaction("install") as world:
        world.create("desk", {"post_": Method("post_", primitive="test.post")}, [world["pllm"]])
    install(opened, "desk", "def report_(self, q):\n    return self.post_(q) + self.infer_(q)\n")
    assert opened["desk"].report_("news") == "posted newsanswer to news"
    assert calls == [("desk", "news")]


def test_a_tool_may_answer_with_objects(opened):
    @batos.primitive("test.visit", effect=True)
    def visit(receiver):
        return {"host": receiver, "guests": [receiver.friend], "count": 1}

    with opened.transaction("install") as world:
        friend = world.create("friend")
        world.create("desk", {"visit": Method("visit", primitive="test.visit"), "friend": friend}, [world["pllm"]])
    found = opened["desk"].visit()
    assert found == {"host": opened["desk"], "guests": [opened["friend"]], "count": 1}


def test_a_mission_started_within_a_cycle_is_filed_once_it_has_committed(opened):
    source = (
        "def delegate_it(self):\n"
        "    brief = {'selector': 'clone'}\n"
        "    return self.orchestrator.start_cognitive_cycle_for_(brief, self)\n"
    )
    thinker(opened, source)
    with opened.transaction("wire") as world:
        world["thinker"].orchestrator = world["orchestrator"]
    child = opened["thinker"].delegate_it()
    assert opened.store.get(child).brief.selector == "clone"


# One truth


def test_a_mission_marked_done_that_the_image_does_not_know_runs_again(tmp_path, scripted):
    """As after restoring an older image beside today's mission database: its journal answers it for free."""
    with batos.open(tmp_path / "a.image", model=scripted) as image:
        thinker(image)
        mission = image.submit("thinker", "think_", ("q",))
        mission.result(20)
        with image.transaction("lose the receipt") as world:
            del world.root["receipts"][mission.id]
    with batos.open(tmp_path / "a.image", model=scripted) as image:
        from batos.runtime.mission import Mission

        assert Mission(image.image, image.store, mission.id).result(20) == "answer to q"
        with image.image.reading() as world:
            assert mission.id in world.receipts
    assert questions(scripted) == ["q"]


def test_a_second_delivery_of_a_committed_mission_does_nothing(opened):
    counting = "def bump(self):\n    self.n = self.n + 1\n    self._p_changed = True\n    return self.n\n"
    thinker(opened, counting, n=0)
    mission = opened.submit("thinker", "bump")
    mission.result(20)
    opened.store.reopen(mission.id)
    assert mission.result(20) == 1
    assert opened["thinker"].n == 1


def test_an_unknown_mission_type_fails_with_a_sentence(opened):
    target = opened["traits"]._oid.hex()
    identity = opened.store.submit(Brief("daydream", target, "x"))
    from batos.runtime.mission import Mission

    with pytest.raises(batos.MissionFailed, match="no mission type 'daydream'"):
        Mission(opened.image, opened.store, identity).result(20)
