"""Makes the small image of this version that later versions must open: python tests/images/create.py

Run once for a release, and the two archives committed; they are never made again, because they stand for the images
that users of that version have.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from ZODB.blob import Blob

import batos

HERE = Path(__file__).parent
KEPT = ("objects", "missions.sqlite3")  # the rest is derived, or of a running process
EXAMPLES = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]
OWLS = "# Owls\n\nOwls sleep by day.\n\n## Food\n\nOwls eat mice and voles.\n"


def fill(image: batos.runtime.uvm.Uvm) -> None:
    """One of everything: slots of all kinds, a learned method, memory, an answer, a change that was undone."""
    greeter = image.create("greeter", {"name": "Ada", "names": ["Ada"], "born": {"Ada": 1815}, "members": {1, 2}})
    image.teach("greeter", "initials_", intent="the initials of a full name", examples=EXAMPLES)
    with image.transaction("draw") as world:
        world["greeter"].picture = Blob(b"a small picture")
        world["greeter"].friend = world["traits"]
    greeter.name = "Grace"
    image.undo(image.history("greeter")[0].id)
    image.ingest_text("owls.md", OWLS, {"kind": "document"})
    image.forget("owls.md")
    image.ingest_text("owls.md", OWLS, {"kind": "document"})
    image.ask("what do owls eat?")


def main() -> None:
    for scheme in ("sqlite", "file"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image"
            with batos.open(f"{scheme}:{path}") as image:
                fill(image)
            shutil.rmtree(path / "objects" / "blobs" / "tmp", ignore_errors=True)
            archive = HERE / f"{batos.__version__}-{scheme}.tar.gz"
            with tarfile.open(archive, "w:gz") as packed:
                for name in KEPT:
                    packed.add(path / name, name)


if __name__ == "__main__":
    main()
