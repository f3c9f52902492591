"""The tutorial: objects and parents, learning, why, undo, memory, a model that errs and is corrected, and approval.

Run it in an empty folder; it makes `tutorial.image` and `model.image` there. Nothing in it needs a language model:
where one would write code, a script says what a model might have said, wrong answers included.
"""

from pathlib import Path

import batos
from batos.testing import ScriptedBackend

NOTES = Path(__file__).parent / "notes"

# 1. Objects. An object has slots, and what it does not have it finds in its parents.

with batos.open("tutorial.image") as image:
    image.create("account", slots={"currency": "EUR", "balance": 0})
    savings = image.create("savings", slots={"balance": 100}, parents=["account"])
    print(savings.balance, savings.currency)  # 100 EUR: the second one is found in the parent

    # 2. Learning. The built-in backend searches for a program that explains the examples.
    #    Where two programs do and differ elsewhere, it asks; the answer is one example more.
    examples = [((7, 3), 4), ((12, 10), 2)]
    try:
        image.teach("account", "apart_", intent="how far two amounts are apart", examples=examples)
    except batos.MissionPending as pending:
        print(pending)  # What should apart_(-12, -10) be: -2 or -22?
        image.teach("account", "apart_", examples=[*examples, pending.question.answered(2)])
    print(savings.apart_(3, 8))  # 5: what the parent learned, the child understands

    # 3. Why. Every method knows its examples, its mission and who wrote it.
    print(image.why("account", "apart_"))

    # 4. Undo. It is a change like any other, and history keeps both.
    learned = image.history("account")[0]
    image.undo(learned.id)
    print([change.note for change in image.history("account")])

    # 5. Memory. Every answer cites the passages that it was made from.
    image.ingest(NOTES)
    answer = image.ask("how do I undo a learned method?")
    print(answer.text, answer.citations)
    print(image.timeline(answer.mission))  # what the cycle did when; `.svg()` draws it as a picture

# 6. A model. The first two sources are refused: one by the guardian, one by the examples. The reasons go back to the
#    model, and the third source is installed. A script stands here for a model such as openai:URL#MODEL.

UNSAFE = "def shelf_(self, title):\n    return self._shelves[title[0]]\n"
WRONG = "def shelf_(self, title):\n    return title[0]\n"
RIGHT = "def shelf_(self, title):\n    return title.strip()[0].upper()\n"
UNPROVEN = "def label_(self, title):\n    return f'{self.name}: {title}'\n"

model = ScriptedBackend({"method": [UNSAFE, WRONG, RIGHT, UNPROVEN]})
with batos.open("model.image", model=model) as image:
    library = image.create("library", slots={"name": "City"})
    image.teach("library", "shelf_", examples=[((" dune",), "D"), (("emma",), "E")])
    print(library.shelf_("middlemarch"))  # M
    asked = model.requests[2].messages[-1].content
    print(asked[asked.index("Earlier attempts") :])  # the end of the third prompt: what was refused, and why

    # 7. Propose and approve. Without examples nothing proves what a model wrote, so a person decides.
    mission = library.submit("label_", "dune")
    try:
        mission.result(timeout=60)
    except batos.MissionPending as pending:
        print(pending)
    (proposal,) = image.proposals()
    print(proposal["source"])
    image.approve(proposal["id"])
    print(mission.result(timeout=60))  # City: dune. Who waited is answered now
