"""What is put right when the work of an image is taken up.

Missions of workers whose process is gone from this machine go back to the queue at once, without waiting for the end of
their leases. Between the two databases, the image is the truth: missions that its receipts list as children are filed
if a crash came before that was done, and a mission that is marked done but has no receipt, as after restoring an older
image, goes back to the queue.
"""

from __future__ import annotations

from batos.image.receipts import Receipt
from batos.runtime.briefs import Mission
from batos.runtime.performers import Workplace
from batos.runtime.processes import is_gone
from batos.runtime.worker import file_child

SWEPT = "swept"
LEARN = "learn"
RECEIPT = (Receipt.__module__, Receipt.__name__)


def recover(place: Workplace) -> None:
    """Free what dead workers hold, sweep the newer receipts, and look for missions that the image does not know."""
    for worker in place.store.workers():
        if is_gone(worker):
            place.store.end_leases(worker)
    swept = bytes.fromhex(place.store.meta(SWEPT, "00" * 8))
    newest = swept
    for logged in place.image.transactions_since(swept):
        newest = logged.tid
        for record in logged.records:
            if record.kind == RECEIPT:
                state = record.load().state
                for child in state["children"]:
                    file_child(place, child, state["mission"])
    if newest != swept:
        place.store.set_meta(SWEPT, newest.hex())
    done = place.store.list("done", limit=1000)  # before the snapshot: another process may be just ending one
    with place.image.reading() as world:
        lost = [found for found in done if found.id not in world.receipts]
    _reopen(place, lost)


def _reopen(place: Workplace, lost: list[Mission]) -> None:
    """Do again what the image does not know. Whoever used a method that was learned then waits until it is learned."""
    identities = {mission.id for mission in lost}
    for mission in sorted(lost, key=lambda mission: mission.brief.type != LEARN):
        learned = {
            entry.answer["mission"]
            for entry in place.store.journal(mission.id).values()
            if entry.kind == LEARN and isinstance(entry.answer, dict) and "mission" in entry.answer
        }
        place.store.reopen(mission.id, sorted(learned & identities))
