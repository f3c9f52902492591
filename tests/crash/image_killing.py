"""Kills processes that write to an image, again and again, and looks at what they leave.

Run as a program it does so more than a thousand times on all storages together, and prints the figures:

    .venv/bin/python tests/crash/image_killing.py [KILLS [SEED]]
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from batos.image.image import Image
from batos.image.soundness import check_soundness
from crash import image_writer
from crash.image_writer import VOTED, Errand, find_faults, last_entry, line
from storages import SHARED, STORAGES, new_place

# Moments of a commit at which the writer kills itself, and whether that commit is kept.
MOMENTS = {"image.before_commit": False, VOTED: False, "image.after_commit": True}
KILLS_PER_IMAGE = 12
FIRST = {"sqlite": 0.25, "file": 0.03, "postgresql": 0.25}  # seconds within which the founder of an image dies
LATEST = 0.08  # seconds after the last acknowledgement that was waited for; several commits on a quick disk
PAUSE = 0.01  # seconds between the commits of writers that share an image, so that each has its turn
ACKS = (0, 0, 1, 2, 3, 5)  # waited for before the moment is drawn; 0 is from the birth of the process


@dataclass
class Tally:
    """`kept` counts commits that were durable though their writer died before it was told so, `founding` the kills
    before the first acknowledgement of an image."""

    kills: int = 0
    acked: int = 0
    kept: int = 0
    founding: int = 0
    slowest_opening: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.kills + other.kills,
            self.acked + other.acked,
            self.kept + other.kept,
            self.founding + other.founding,
            max(self.slowest_opening, other.slowest_opening),
            self.faults + other.faults,
        )


class Writer:
    """One process at a time that writes, out of a stock of them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.acked: list[int] = []
        self.ended: int | None = None
        self._pid = 0

    def begin(self, errand: Errand) -> None:
        self.acked, self.ended = [], None
        self._process.stdin.write(line(errand))
        self._process.stdin.flush()
        self._pid = int(self._heard("begun"))

    def hear(self) -> bool:
        """Wait for one more acknowledgement. False if the writer has ended instead."""
        word, _, number = self._process.stdout.readline().partition(" ")
        if word == "acked":
            self.acked.append(int(number))
        elif word == "ended":
            self.ended = int(number)
        else:
            raise RuntimeError(f"the stock of writers says {word!r}")
        return self.ended is None

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # it ended by itself, which `finish` tells
            os.kill(self._pid, signal.SIGKILL)

    def finish(self) -> None:
        """Hear all that it still had to say, and that it ended."""
        while self.ended is None:
            self.hear()

    def _heard(self, wanted: str) -> str:
        word, _, rest = self._process.stdout.readline().partition(" ")
        if word != wanted:
            raise RuntimeError(f"the stock of writers says {word!r}")
        return rest


@contextmanager
def new_writer() -> Iterator[Writer]:
    command = [sys.executable, image_writer.__file__]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        yield Writer(process)
        process.stdin.close()


def look(uri: str, acked: int, tally: Tally) -> int:
    """Open the image as its next user would, and note what is wrong; the number of its last entry."""
    begun = time.monotonic()
    try:
        with Image.open(uri) as image:
            tally.slowest_opening = max(tally.slowest_opening, time.monotonic() - begun)
            tally.faults += find_faults(image, acked)
            tally.faults += check_soundness(image).problems
            return last_entry(image)
    except Exception as error:
        tally.faults.append(f"it does not open or cannot be read: {type(error).__name__}: {error}")
        return acked


def kill_writers(writers: Sequence[Writer], uri: str, kills: int, rng: random.Random) -> Tally:
    """At random moments, kill writers of the image at `uri`, and look after each kill of all that wrote together."""
    tally, last = Tally(), 0
    while tally.kills < kills and not tally.faults:
        for writer in writers:
            writer.begin(Errand(uri, rng.getrandbits(32), pause=PAUSE if len(writers) > 1 else 0))
        first = not tally.kills
        for writer in writers:
            awaited = 0 if first else rng.choice(ACKS)
            while len(writer.acked) < awaited and writer.hear():
                pass
            time.sleep(rng.uniform(0, FIRST[uri.partition(":")[0]] if first else LATEST))
            writer.kill()
        acked = []
        for writer in writers:
            writer.finish()
            acked += writer.acked
            if writer.ended != -signal.SIGKILL:
                tally.faults.append(f"a writer ended by itself ({writer.ended})")
        acknowledged = max(acked, default=last)
        reached = look(uri, acknowledged, tally)
        if reached - acknowledged > len(writers):
            tally.faults.append(f"{reached - acknowledged} commits were kept that nobody was told of")
        tally += Tally(len(writers), len(acked), reached - acknowledged, 0 if last or acked else len(writers))
        last = reached
    return tally


def kill_at(writer: Writer, uri: str, moment: str, hit: int, rng: random.Random) -> Tally:
    """Let a writer kill itself the `hit`-th time that it comes to the moment, and see whether its last commit was kept
    or not, as it should be."""
    tally = Tally(kills=1)
    before = look(uri, 0, tally)
    writer.begin(Errand(uri, rng.getrandbits(32), f"{moment}:kill:{hit}"))
    writer.finish()
    acknowledged = max(writer.acked, default=before)
    reached = look(uri, acknowledged, tally)
    tally += Tally(acked=len(writer.acked), kept=reached - acknowledged)
    if writer.ended != -signal.SIGKILL:
        tally.faults.append(f"{moment} was not reached ({writer.ended})")
    if writer.acked and tally.kept != MOMENTS[moment]:
        tally.faults.append(f"killed at {moment}, it kept {tally.kept} commits that were not acknowledged")
    return tally


def kill_many(storage: str, kills: int, seed: int, places: Callable[[], Iterator[str]]) -> Tally:
    """Images one after the other, with one writer each and, where the storage is shared, two."""
    rng, tally = random.Random(f"{seed} {storage}"), Tally()
    with new_writer() as first, new_writer() as second:
        together = [[first], [first, second]] if storage in SHARED else [[first]]
        while tally.kills < kills and not tally.faults:
            with contextmanager(places)() as uri:
                writers = together[rng.randrange(len(together))]
                tally += kill_writers(writers, uri, min(KILLS_PER_IMAGE, kills), rng)
                for moment in MOMENTS:
                    tally += kill_at(first, uri, moment, rng.randint(1, 6), rng)
    return tally


def main(kills: int = 1200, seed: int = 20261123) -> int:
    """A table on standard output; 1 if anything was lost or torn."""
    from postgresql_server import missing, started

    say = sys.stdout.write
    total = Tally()
    titles = ("storage", "kills", "acknowledged", "kept besides", "at founding", "slowest opening", "faults")
    say(f"seed {seed}\n{' | '.join(titles)}\n")
    with ExitStack() as stack:
        for storage in STORAGES:
            reason = missing() if storage == "postgresql" else None
            if reason:
                say(f"{storage} | left out: {reason}\n")
                continue
            server = stack.enter_context(started()) if storage == "postgresql" else None

            def places(storage: str = storage, server: object = server) -> Iterator[str]:
                with TemporaryDirectory() as folder, new_place(storage, Path(folder), lambda: server) as uri:
                    yield uri

            tally = kill_many(storage, kills // len(STORAGES), seed, places)
            figures = (tally.kills, tally.acked, tally.kept, tally.founding, f"{tally.slowest_opening:.3f} s")
            say(f"{storage} | {' | '.join(map(str, figures))} | {len(tally.faults)}\n")
            total += tally
    for fault, times in Counter(total.faults).most_common(20):
        say(f"{times} x {fault}\n")
    say(f"{total.kills} kills, {total.acked} acknowledged commits, {len(total.faults)} faults\n")
    return bool(total.faults)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
