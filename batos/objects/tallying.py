"""Counting the calls of trusted methods: in memory, in the book of whoever has them run.

They take less time than the call of a function that would count them, so nothing is looked up but the book. Who opened
it decides what becomes of it: an attempt that is run again throws its book away, and a trial has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any, NamedTuple

from transaction.interfaces import TransientError

from batos.errors import NeedsMission, NotUnderstood
from batos.objects.records import Method
from batos.objects.uvm_object import UvmObject

UNFINISHED = (NotUnderstood, NeedsMission, TransientError)
"""Raised where something is seen to first, and the message is sent again: no call came to its end."""


class Counted(NamedTuple):
    """A method and the object that holds it: its calls are counted together, whoever inherits it."""

    holder: UvmObject
    method: Method


Book = dict[int, tuple[Counted, list[int]]]
"""By the id of a `Counted`: itself, and calls, errors and nanoseconds since the book was opened."""

_book: ContextVar[Book | None] = ContextVar("batos_book", default=None)


@contextmanager
def tallying(book: Book | None) -> Iterator[None]:
    """Within the block, calls of trusted methods are written into `book`; None: nowhere."""
    token = _book.set(book)
    try:
        yield
    finally:
        _book.reset(token)


def counted(function: Callable[..., Any], holder: UvmObject, method: Method) -> Callable[..., Any]:
    """`function`, with each of its calls written into the book that is open."""
    what = Counted(holder, method)
    key = id(what)

    def run(receiver: UvmObject, /, *args: Any, **kwargs: Any) -> Any:
        book = _book.get()
        if book is None:
            return function(receiver, *args, **kwargs)
        started = perf_counter_ns()
        try:
            answer = function(receiver, *args, **kwargs)
        except Exception as error:
            if not isinstance(error, UNFINISHED):
                _, count = book.setdefault(key, (what, [0, 0, 0]))
                count[0] += 1
                count[1] += 1
                count[2] += perf_counter_ns() - started
            raise
        entry = book.get(key)
        if entry is None:
            entry = book[key] = (what, [0, 0, 0])
        count = entry[1]
        count[0] += 1
        count[2] += perf_counter_ns() - started
        return answer

    return run


def told(book: Book) -> Iterator[tuple[str, str, int, int, int, int]]:
    """What stands in a book: object id, selector, version, calls, errors, microseconds. New objects are left out."""
    for (holder, method), (calls, errors, nanoseconds) in book.values():
        if holder._p_oid is not None:
            yield holder._p_oid.hex(), method.selector, method.version, calls, errors, nanoseconds // 1000
