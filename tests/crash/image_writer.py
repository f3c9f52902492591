"""The process that is killed: it commits to one image without end, and says each commit that it was given.

Each commit is a numbered entry with a text, the digest of the text and of the entry before it, sometimes a blob, and
the same number in a few cells: what is torn or lost shows. Run as a program, it is a stock of such processes: for every
line on standard input, the JSON of an `Errand`, it forks one. A fork is there at once, where a new interpreter takes
longer than most errands live.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from itertools import count
from typing import Any

from BTrees.OOBTree import OOBTree
from ZODB.blob import Blob

from batos.errors import ChangedMeanwhile
from batos.faults import VARIABLE
from batos.image.image import Image
from batos.image.world import World
from batos.objects.uvm_object import UvmObject
from batos.objects.values import blob_bytes

CELLS = 12
CELLS_PER_ENTRY = 3
SIZES = (10, 400, 5_000, 60_000)
VOTED = "voted"  # a moment to be killed at: every part of a commit is stored, none is finished


@dataclass(frozen=True)
class Errand:
    """`fault` is a moment to die at: `NAME:kill:HITS`, as the variable has it, or `voted:kill:HITS`; `pause` is in
    seconds and comes after each commit, on average half as long."""

    uri: str
    seed: int
    fault: str = ""
    pause: float = 0.0


# Writing


def write_on(image: Image, errand: Errand, dies_voted_at: int = 0) -> None:
    """Commit entry after entry; each is said when its commit has returned."""
    rng = random.Random(errand.seed)
    image.change("prepare", prepare)
    for times in count(1):
        with suppress(ChangedMeanwhile):  # another writer was faster every time
            tell("acked", image.change("enter", partial(enter, rng=rng, dies=times == dies_voted_at)))
        time.sleep(rng.uniform(0, errand.pause))


def write_entries(image: Image, number: int, seed: int = 1) -> None:
    rng = random.Random(seed)
    image.change("prepare", prepare)
    for _ in range(number):
        image.change("enter", partial(enter, rng=rng))


def prepare(world: World) -> None:
    if "ledger" not in world:
        world.create("ledger", {"entries": OOBTree(), "last": 0})
        for number in range(CELLS):
            world.create(f"cell{number}", {"number": 0})


def enter(world: World, rng: random.Random, dies: bool = False) -> int:
    ledger = world["ledger"]
    number = ledger.last + 1
    text = rng.randbytes(rng.choice(SIZES) // 2).hex()
    cells = rng.sample(range(CELLS), CELLS_PER_ENTRY)
    before = ledger.entries[ledger.last].digest if ledger.last else ""
    entry = UvmObject([], number=number, text=text, cells=tuple(cells), digest=digest(before, text))
    if number % 4 == 0:
        entry.attached = Blob(text.encode())
    ledger.entries[number] = entry
    ledger.last = number
    for cell in cells:
        world[f"cell{cell}"].number = number
    if dies:
        world.transaction.get().join(_DiesVoted())
    return number


def digest(before: str, text: str) -> str:
    return sha256(f"{before}{text}".encode()).hexdigest()


class _DiesVoted:
    """A part of the transaction that comes last, and ends the process when all have voted and none has finished."""

    def sortKey(self) -> str:
        return "~~~"

    def tpc_vote(self, transaction: Any) -> None:
        os.kill(os.getpid(), 9)

    def tpc_begin(self, transaction: Any) -> None:
        """Nothing is to be done."""

    abort = commit = tpc_finish = tpc_abort = tpc_begin


# Looking


def find_faults(image: Image, acked: int) -> list[str]:
    """What is wrong with an image whose entries up to `acked` were acknowledged, as sentences."""
    with image.reading() as world:
        if "ledger" not in world:
            return [f"{acked} entries were acknowledged, and there is no ledger"] if acked else []
        ledger = world["ledger"]
        faults = [f"entries {ledger.last + 1} to {acked} were acknowledged and are lost"] if ledger.last < acked else []
        if list(ledger.entries) != list(range(1, ledger.last + 1)):
            faults.append(f"the last entry is {ledger.last}, but there are {list(ledger.entries)}")
        before, cells = "", dict.fromkeys(range(CELLS), 0)
        for entry in ledger.entries.values():
            cells.update(dict.fromkeys(entry.cells, entry.number))
            if digest(before, entry.text) != entry.digest:
                faults.append(f"entry {entry.number} is torn")
            if entry.number % 4 == 0 and blob_bytes(entry.attached) != entry.text.encode():
                faults.append(f"the blob of entry {entry.number} is torn")
            before = entry.digest
        for number, value in cells.items():
            if world[f"cell{number}"].number != value:
                faults.append(f"cell {number} holds {world[f'cell{number}'].number} in place of {value}")
        return faults


def last_entry(image: Image) -> int:
    with image.reading() as world:
        return world["ledger"].last if "ledger" in world else 0


# The program


def tell(*words: object) -> None:
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def main() -> None:
    for line in sys.stdin:
        errand = Errand(**json.loads(line))
        child = os.fork()
        if not child:
            run(errand)
        tell("begun", child)
        _, status = os.waitpid(child, 0)
        tell("ended", os.waitstatus_to_exitcode(status))


def run(errand: Errand) -> None:
    try:
        name, _, hits = errand.fault.partition(":kill:")
        os.environ[VARIABLE] = "" if name == VOTED else errand.fault
        with Image.open(errand.uri) as image:
            write_on(image, errand, int(hits) if name == VOTED else 0)
    except BaseException:
        traceback.print_exc()
    finally:  # whatever happened, this process is not the stock
        os._exit(70)


def line(errand: Errand) -> str:
    return json.dumps(asdict(errand)) + "\n"


if __name__ == "__main__":
    main()
