"""Hearing, over its bridge, what a daemon does for a question: the same events as where the question is worked here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

from batos.bridge.client import BridgeClient
from batos.bridge.dialogue import Told
from batos.cli.stages import Event
from batos.errors import BridgeError

QUIET_SECONDS = 0.1  # of silence, after which a listener looks whether it is still wanted
KINDS = {"need_moved": "need", "cycle_moved": "cycle", "mission_moved": "mission"}


@contextmanager
def listening(image_path: Path, take: Callable[[Event], None]) -> Iterator[bool]:
    """Within the block, `take` is called with what the daemon tells, in a thread of its own. False if none can be
    reached."""
    reached: Future[bool] = Future()
    ended = Flag()
    thread = Thread(target=_listen, args=(image_path, take, reached, ended), name="batos-listening", daemon=True)
    thread.start()
    try:
        yield reached.result()
    finally:
        ended.set()
        thread.join()


def _listen(image_path: Path, take: Callable[[Event], None], reached: Future[bool], ended: Flag) -> None:
    try:
        with BridgeClient.connect(image_path, name="batos ask") as client:
            client.subscribe("need_moved", "cycle_moved", "mission_moved")
            reached.set_result(True)
            while not ended.is_set():
                for told in client.events(QUIET_SECONDS):
                    if told.kind in KINDS:
                        take(as_event(told))
                    if ended.is_set():
                        break
    except BridgeError:
        if not reached.done():
            reached.set_result(False)
    except BaseException as error:
        if reached.done():
            raise
        reached.set_exception(error)


def as_event(told: Told) -> Event:
    """What the bridge tells, as the runtime had told it."""
    fields: dict[str, Any] = told.body.model_dump()
    if told.kind == "mission_moved":
        fields["id"] = fields.pop("mission")
    return {"kind": KINDS[told.kind], **fields}
