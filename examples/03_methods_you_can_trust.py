"""The life of a learned method: written, repaired, proposed, explained, taken back, and brought from elsewhere.

Run it in an empty folder; it makes `shop.image` and `theirs.image` there. Nothing in it needs a language model: where
one would write code, a script says what a model might have said, wrong answers included.
"""

from contextlib import suppress
from pathlib import Path

import batos
from batos.testing import ScriptedBackend

# 1. Learned by the built-in backend, from a contract: an intent and examples. The examples stay with the method.

with batos.open("shop.image") as image:
    shop = image.create("shop", slots={"name": "Corner"})
    image.teach(
        "shop",
        "sign_",
        intent="the name of the shop, a dash, and a text",
        examples=[(("open",), "Corner-open"), (("sale",), "Corner-sale")],
    )
    print(shop.sign_("closed"))  # Corner-closed

# 2. Repaired. The first source breaks a rule of the guardian, the second an example. Each reason goes back to the
#    writer, once for each kind of failure, and the third source is installed.

UNSAFE = "def code_(self, title):\n    return self._titles[title]\n"
WRONG = "def code_(self, title):\n    return title[:3]\n"
RIGHT = "def code_(self, title):\n    return title[:3].upper()\n"
SHORTER = "def code_(self, title):\n    return title[:2].upper()\n"

model = ScriptedBackend({"method": [UNSAFE, WRONG, RIGHT, SHORTER]})
with batos.open("shop.image", model=model) as image:
    shop = image["shop"]
    image.teach("shop", "code_", intent="a code for a title", examples=[(("tea",), "TEA"), (("coffee",), "COF")])
    print(shop.code_("cocoa"))  # COC
    for refused in model.requests[2].materials["feedback"]:
        print("refused:", refused["reason"])

    # 3. Proposed. Under the policy `propose` a person decides about every method. A proposal shows the source, the
    #    difference, what the trial found, and who wrote it.
    image.set_policy("propose", "shop")
    try:
        image.teach("shop", "code_", examples=[(("tea",), "TE"), (("coffee",), "CO")])
    except batos.MissionPending as pending:
        print(pending)
    (proposal,) = image.proposals()
    print("replaces", repr(proposal["replaces"]), "by", repr(proposal["source"]))
    image.approve(proposal["id"])
    print(shop.code_("cocoa"))  # CO
    for version in image.versions("shop", "code_"):
        print("version", version["version"], "by", version["by"], "proven by", version["proven"])
    print(image.versions("shop", "code_")[0]["diff"])

    # 4. Why, and undo. The chain goes from the method to its mission, its prompts and the model that answered.
    print(image.why("shop", "code_"))
    image.undo(image.history("shop")[0].id)
    print(shop.code_("cocoa"))  # COC, the first version again
    image.set_policy(None, "shop")

# 5. Taken back by the steward. A version that fails significantly more often than the one before it is rolled back, and
#    the test is recorded with the method. The heartbeat of a daemon looks now and then; here it is asked to.

with batos.open("shop.image") as image:
    shop = image["shop"]
    for title in ("black tea", "green tea", "white tea", "oolong") * 5:
        shop.code_(title)
    fragile = "def code_(self, title):\n    return title[:3].upper() if ' ' not in title else title.split()[2]\n"
    image.create_method("shop", "code_", fragile, "a person in a hurry")
    for title in ("black tea", "green tea", "white tea", "oolong") * 3:
        with suppress(batos.BatosError):  # IndexError: such titles have no third word
            shop.code_(title)
    print(image.beat().reason)
    print(shop.code_("black tea"))  # BLA
    print(image.why("shop", "code_").provenance["regression"]["test"])

    # 6. Given away, as text that a person can read.
    image.care.export(Path("parcel"), ["shop"])

# 7. Taken in. Nothing in a parcel is believed: each source is audited, and run on each of its examples, before it is
#    installed. Here somebody has changed one on the way.

with batos.open("theirs.image") as image:
    parcel = Path("parcel/shop.toml")
    parcel.write_text(parcel.read_text().replace("title[:3].upper()", "title[:3].lower()"))
    report = image.care.import_(Path("parcel"), edited=True)
    print("installed:", *report.written)
    print("proven by their examples:", *report.proven)
    for refusal in report.refused:
        print("refused:", refusal.what, refusal.reason)
