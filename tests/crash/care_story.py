"""What is interrupted: run as `python care_story.py ACTION IMAGE OTHER`, with a fault armed by the environment.

ACTION is pack, backup (into OTHER), restore (of OTHER, to IMAGE) or erase (the text OTHER).
"""

from __future__ import annotations

import sys
from pathlib import Path


def pack(image: str, other: str) -> None:
    from batos.image.image import Image
    from batos.image.packing import pack as packed

    with Image.open(image) as opened:
        packed(opened, 0)


def backup(image: str, other: str) -> None:
    from batos.image.backup import back_up
    from batos.image.storages import address

    back_up(address(image), Path(other), 0.0)


def restore(image: str, other: str) -> None:
    from batos.image.backup import restore as restored

    restored(Path(other), Path(image))


def erase(image: str, other: str) -> None:
    from batos.runtime.uvm import Uvm

    with Uvm(image, work=False) as uvm:
        uvm.care.erase(text=other)


if __name__ == "__main__":
    {"pack": pack, "backup": backup, "restore": restore, "erase": erase}[sys.argv[1]](*sys.argv[2:])
