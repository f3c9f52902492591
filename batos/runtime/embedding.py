"""Embedding in the background: a daemon gives passages that wait for the model their vectors, a batch at a time.

It begins when the First Conversation is over, which so depends on no model, and ends with the daemon.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from batos.errors import BatosError
from batos.memory.search import Searcher

BATCH = 32  # passages between two looks whether to end
PAUSE = 5.0  # seconds between two looks whether any wait

log = logging.getLogger(__name__)


@contextmanager
def embedding(searcher: Searcher) -> Iterator[None]:
    """Within the block, passages of `searcher` are embedded as they come; without a model nothing happens."""
    if searcher.vectors is None:
        yield
        return
    ended = Event()
    thread = Thread(target=_embed, args=(searcher, ended), name="batos-embedding", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _embed(searcher: Searcher, ended: Event) -> None:
    while not ended.is_set():
        try:
            if searcher.embed_some(BATCH):
                continue
        except BatosError as error:
            log.warning("Search goes by words until the model answers. %s", error)
        ended.wait(PAUSE)
