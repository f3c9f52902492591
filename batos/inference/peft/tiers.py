"""Who is warm and who is hot: two small tables that never hold more than they may. They know sizes, not tensors.

Warm is a cache by bytes; what was used longest ago goes first. Hot is a fixed number of slots; a slot that an answer is
being written with is pinned, and among the others the one that was used longest ago is given away.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class WarmCache(Generic[Value]):
    """Values by key, `limit` bytes of them at most. Every method may be called from any thread.

    A value larger than the limit is handed out and not kept. Two threads that miss the same key load it once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._bytes = 0
        self._loading: dict[str, Event] = {}
        self._lock = Lock()

    def get(self, key: str, load: Callable[[], tuple[Value, int]]) -> Value:
        """The value under `key`, loaded by `load` (which answers it with its bytes) if it is not kept."""
        while True:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key][0]
                other = self._loading.get(key)
                if other is None:
                    mine = self._loading[key] = Event()
                    break
            other.wait()
        try:
            value, size = load()
            with self._lock:
                self._keep(key, value, size)
            return value
        finally:
            with self._lock:
                del self._loading[key]
            mine.set()

    def _keep(self, key: str, value: Value, size: int) -> None:
        if size > self.limit:
            return
        while self._bytes + size > self.limit:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed
        self._kept[key] = (value, size)
        self._bytes += size

    def drop(self, key: str) -> None:
        with self._lock:
            _, size = self._kept.pop(key, (None, 0))
            self._bytes -= size

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    @property
    def bytes(self) -> int:
        return self._bytes

    def keys(self) -> list[str]:
        """What is kept, the one used longest ago first."""
        with self._lock:
            return list(self._kept)


class HotSlots:
    """Which slot holds which adapter. Used under the lock of the model, by one thread at a time.

    A slot that is being filled holds nothing until that has succeeded, so whatever interrupts it leaves an empty slot
    behind and never half an adapter.
    """

    def __init__(self, count: int) -> None:
        self._holds: list[str | None] = [None] * count
        self._used = [0] * count
        self._clock = 0

    def __len__(self) -> int:
        return len(self._holds)

    @property
    def held(self) -> list[str | None]:
        return list(self._holds)

    def find(self, key: str) -> int | None:
        """The slot that holds `key`, which counts as a use."""
        if key not in self._holds:
            return None
        slot = self._holds.index(key)
        self._touch(slot)
        return slot

    @contextmanager
    def filling(self, key: str, pinned: Collection[str] = ()) -> Iterator[int]:
        """Give a slot to `key`, which holds it once the block has ended well. At least one slot must not be pinned."""
        free = [slot for slot, held in enumerate(self._holds) if held is None or held not in pinned]
        slot = min(free, key=lambda slot: (self._holds[slot] is not None, self._used[slot]))
        self._holds[slot] = None
        yield slot
        self._holds[slot] = key
        self._touch(slot)

    def forget(self, key: str) -> None:
        """Empty the slot that holds `key`, if one does."""
        self._holds = [None if held == key else held for held in self._holds]

    def _touch(self, slot: int) -> None:
        self._clock += 1
        self._used[slot] = self._clock
