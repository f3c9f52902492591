"""What a model says is told while it says it, and a cancelled mission ends the saying."""

from threading import Event

import pytest

from batos.errors import MissionCancelled
from batos.inference.port import Answer
from batos.testing import temporary_image

LONGEST = 30.0


class Talker:
    """A backend that says `la ` until somebody ends it, at the latest after `LONGEST` seconds of saying nothing new."""

    name = "talker"

    def __init__(self, words=None):
        self.words = words
        self.ended_by = None
        self.ended = Event()
        self._pause = Event()

    def generate(self, request):
        raise AssertionError("a backend that streams is asked to stream")

    def stream(self, request, told):
        try:
            for _ in range(self.words or int(LONGEST / 0.01)):
                told("la ")
                self._pause.wait(0.01)
        except BaseException as error:
            self.ended_by = error
            raise
        finally:
            self.ended.set()
        return Answer(text="la " * (self.words or 0), model=self.name)

    def close(self):
        self._pause.set()


def test_the_text_is_told_as_events_between_started_and_ended():
    talker = Talker(words=40)
    with temporary_image(model=talker) as image:
        phases, text = [], []
        ended = Event()

        def hear(event):
            phases.append(event["phase"])
            text.append(event.get("text", ""))
            if event["phase"] == "ended" and event["need"] == "inference":
                ended.set()

        image.subscribe("need", hear)
        mission = image.submit_question("what is said?")
        assert ended.wait(LONGEST)
        mission.cancel()
    said = "".join(text)
    assert "la la la " in said
    assert set(said.split()) == {"la"}
    assert phases.index("text") > phases.index("started")


def test_cancelling_a_mission_ends_what_its_model_says():
    talker = Talker()
    with temporary_image(model=talker) as image:
        speaking = Event()
        image.subscribe("need", lambda event: event["phase"] == "text" and speaking.set())
        mission = image.submit_question("what is said?")
        assert speaking.wait(LONGEST)
        assert mission.cancel()
        assert talker.ended.wait(LONGEST)
        with pytest.raises(MissionCancelled):
            mission.result(LONGEST)
    assert isinstance(talker.ended_by, MissionCancelled)
