"""What lookups answered, kept until something that an answer depends on changes.

An object keeps its own answers in a volatile attribute, so they go when its state goes. What they depend on beside it are
the objects that the walk passed. Those are parents; the cache of the connection remembers which, and when one of them
changes, every answer of the connection is dropped. A change of an object that nobody delegated to costs nothing.

Why no answer can be stale: each was found by a walk over objects of one connection, and stands as long as their states do.
A state changes in four ways only. Its own thread writes a slot: `forget` is called before. The transaction or a savepoint
is taken back, or another connection's commit arrives: the database calls `_p_invalidate`, which calls `forget`; an answer
holds on to the objects it depends on, so that they are there to be called. Nevertheless the connection compares what
arrived by id too. An object that was never stored belongs to no connection, and nothing that depends on one is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import get_ident
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from batos.objects.uvm_object import UvmObject

LARGEST = 10_000  # answers of one connection; about five megabytes


class Found(NamedTuple):
    holder: UvmObject
    value: Any


class Answer:
    """What a lookup found, or None; and everything that it read on the way, for whoever notes reads."""

    __slots__ = ("found", "read")

    def __init__(self, found: Found | None, read: tuple[Any, ...]) -> None:
        self.found = found
        self.read = read


Answers = Mapping[str, Answer]
NO_ANSWERS: Answers = MappingProxyType({})
NOWHERE = Answer(None, ())


class AnswerCache:
    """The answers of the objects of one connection. `thread` is who may add to them: nobody between transactions."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self._count = 0
        self._kept: list[dict[str, Answer]] = []
        self._parents: set[bytes] = set()  # the ids of the objects that answers of others depend on

    def keep(self, receiver: UvmObject, name: str, answer: Answer, passed: Sequence[UvmObject]) -> None:
        """Keep the answer of `receiver`, found by asking `passed`, of which the receiver is the first."""
        jar = receiver._p_jar
        if self.thread != get_ident() or any(holder._p_jar is not jar for holder in passed):
            return
        if self._count >= LARGEST:
            self.clear()
        answers = receiver.__dict__.setdefault("_v_answers", {})
        if not answers:
            self._kept.append(answers)
        answers[name] = answer
        self._count += 1
        self._parents.update(holder._p_oid for holder in passed[1:])

    def changed(self, oid: bytes) -> None:
        if oid in self._parents:
            self.clear()

    def arrived(self, oids: Iterable[bytes] | None) -> None:
        """Other connections changed these objects; None: it is no longer known which."""
        if oids is None or not self._parents.isdisjoint(oids):
            self.clear()

    def clear(self) -> None:
        for answers in self._kept:
            answers.clear()
        self._count = 0
        self._kept = []
        self._parents = set()


def keep(receiver: UvmObject, name: str, answer: Answer, passed: Sequence[UvmObject]) -> None:
    cache: AnswerCache | None = getattr(receiver._p_jar, "answers", None)
    if cache is not None:
        cache.keep(receiver, name, answer, passed)


def forget(obj: UvmObject, name: str | None = None) -> None:
    """The own slot `name` of `obj` is about to change; None: any of them may be."""
    answers = obj.__dict__.get("_v_answers")
    if answers:
        if name is None or name.endswith("*"):
            answers.clear()
        else:
            answers.pop(name, None)
    cache: AnswerCache | None = getattr(obj._p_jar, "answers", None)
    if cache is not None:
        cache.changed(obj._p_oid)
