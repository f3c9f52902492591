"""What lookups answered, kept until something that an answer depends on changes.

An object keeps its own answers in a volatile attribute, so they go when its state goes. What they depend on beside it
are the objects that the walk passed. Those are parents; the cache of the connection remembers which, and when one of
them changes, every answer of the connection is dropped. A change of an object that nobody asked as a parent costs no
more than that object's own answers under the changed name, or all of its own if it changes its parents.

Why no answer can be stale: it was found by a walk over objects of one connection, and holds as long as their states do.
A state changes in three ways only. Its thread writes a slot: every writer calls `forget` first. Its connection drops
the loaded state, because another's commit arrived, or because its own changes are taken back: it calls `_p_invalidate`,
which calls `forget`; an answer holds on to what it depends on, so that it is there to be called. (What arrived is
compared by id as well, which would do alone.) Third, a new object that was given to the connection is taken back: from
then on nobody would say that it changes, so that the connection drops all answers when it takes anything back. A new
object that was not given to it yet is nobody's; it keeps no answer, and none that depends on one is kept.

Not covered: a state that is written past `batos.objects.uvm_object`, and raw objects used in a second thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import get_ident
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from batos.objects.records import Intent, Method

if TYPE_CHECKING:
    from batos.objects.uvm_object import UvmObject

LARGEST = 10_000  # answers of one connection; about five megabytes


class Running:
    """The compiled function of a trusted method, for whom it was vouched, and whether it reads nothing by itself."""

    __slots__ = ("function", "only_sends", "voucher")

    def __init__(self, voucher: Any, function: Callable[..., Any], only_sends: bool) -> None:
        self.voucher = voucher
        self.function = function
        self.only_sends = only_sends


class Found:
    """The slot that answers: whose it is, and what it holds. `running` is for who runs it, and kept with the answer."""

    __slots__ = ("holder", "is_data", "running", "value")

    def __init__(self, holder: UvmObject, value: Any) -> None:
        self.holder = holder
        self.value = value
        self.is_data = not isinstance(value, Method | Intent)
        self.running: Running | None = None


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


def forget(obj: UvmObject, *names: str) -> None:
    """These own slots of `obj` are about to change; none named: any of them may be."""
    answers = obj.__dict__.get("_v_answers")
    if answers:
        if not names:
            answers.clear()
        for name in names:
            if name[-1:] == "*":
                answers.clear()
            else:
                answers.pop(name, None)
    cache: AnswerCache | None = getattr(obj._p_jar, "answers", None)
    if cache is not None:
        cache.changed(obj._p_oid)
