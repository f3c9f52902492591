"""A first object: taught by examples, asked, corrected in a transaction, explained and undone.

Run it in an empty folder; it makes `demo.image` there.
"""

from pathlib import Path

import batos

NOTES = Path(__file__).parent / "notes"

with batos.open("demo.image") as image:
    greeter = image.create("greeter", slots={"name": "Ada Lovelace"})
    image.teach(
        "greeter",
        "initials_",
        intent="the initials of a full name",
        examples=[(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")],
    )
    print(greeter.initials_("grace hopper"))  # G.H.

    mission = greeter.submit("shout_name")
    print(mission.result(timeout=60))  # ADA LOVELACE!

    try:
        greeter.prove_goldbach_()  # not understood: a mission, and the built-in backend says why it cannot
    except batos.MissionFailed as failure:
        print(failure)

    with image.transaction("rename") as world:  # raw objects, one commit
        world["greeter"].name = "Grace Hopper"

    image.ingest(NOTES)
    for place, hit in enumerate(image.search("undo", limit=5), 1):
        print(f"{place}.  {hit.document_id}, passage {hit.chunk_index}")
    print(image.ask("how do I undo a learned method?").text)
