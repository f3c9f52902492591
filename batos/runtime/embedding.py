"""Memory kept level in the background: a daemon writes the summaries of documents that changed, and gives passages
that wait for the model their vectors, a batch at a time.

It begins when the First Conversation is over, which so depends on no model, and ends with the daemon.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from batos.errors import BatosError
from batos.image.image import Image
from batos.memory.search import Searcher
from batos.memory.summarizing import summarize

BATCH = 32  # passages between two looks whether to end
PAUSE = 5.0  # seconds between two looks whether any wait

log = logging.getLogger(__name__)


@contextmanager
def embedding(image: Image, searcher: Searcher) -> Iterator[None]:
    """Within the block, what comes into memory is summarised and, where there is a model, embedded."""
    ended = Event()
    thread = Thread(target=_keep_level, args=(image, searcher, ended), name="batos-embedding", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _keep_level(image: Image, searcher: Searcher, ended: Event) -> None:
    while not ended.is_set():
        try:
            if summarize(image, searcher.sections) or searcher.embed_some(BATCH):
                continue
        except BatosError as error:
            log.warning("Search goes by words until the model answers. %s", error)
        ended.wait(PAUSE)
