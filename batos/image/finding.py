"""Finding a change: by its id, by the time it was current, by its note; and the newest one."""

from __future__ import annotations

from datetime import datetime, timedelta

from batos.errors import ImageBusy, UnknownChange, UnknownMoment
from batos.image.attribution import Attribution
from batos.image.changes import ChangeIndex, Written
from batos.image.derived import NOWHERE
from batos.image.following import catch_up
from batos.image.horizon import horizon, tid_at
from batos.image.image import Image
from batos.image.turns import together

# A change id, a note, `now`, a time as ISO text or `datetime` (local, unless it says otherwise), or seconds since the
# epoch.
When = str | float | datetime
NOW = "now"
LATEST = b"\x7f" + 7 * b"\xff"  # no transaction has a later id
ROUNDING = 1e-6  # seconds; a transaction's time does not fit a float to the last digit


def level(image: Image) -> ChangeIndex:
    """The index of changes, level with the newest commit."""
    index = image.changes
    _heed_pack(image, index)
    catch_up(image, index, lambda: Attribution(image, index))
    return index


def _heed_pack(image: Image, index: ChangeIndex) -> None:
    """Begin again after a pack, which took away part of what was read.

    While one is at work the index keeps its former mark, so that it begins again once more when that is done.
    """
    now = horizon(image) or NOWHERE
    if index.horizon == now:
        return
    try:
        with together(image.path), index.writing():
            if index.horizon != now:
                index.clear()
                index.begin(now)
    except ImageBusy:
        pass


def forget_changes(image: Image) -> None:
    """Have the index of changes made again when it is next used. For who took changes away."""
    index = image.changes

    def forget() -> None:
        with index.writing():
            index.clear()

    index.mending(forget)


def find_change(image: Image, change: str) -> Written:
    """The change with this id. Raises `UnknownChange`."""
    tid = _tid_of(change)
    written = image.changes.mending(lambda: level(image).transaction(tid)) if tid is not None else None
    if written is None:
        raise UnknownChange(change=change)
    return written


def find_moment(image: Image, when: When) -> Written:
    """The change that was the newest at a time, or is it `now`; or the one with an id; or the newest one with a note.

    A time in text counts to its end: a date to the end of the day, a time without fraction to the end of its second.
    Raises `UnknownChange` for an id that no change has, `UnknownMoment` for anything else that says no moment.
    """
    if isinstance(when, str) and _tid_of(when) is not None:
        return find_change(image, when)
    until = _end_of(when)

    def find() -> Written | None:
        index = level(image)
        return index.noted(str(when)) if until is None else index.last_until(until)

    written = image.changes.mending(find)
    if written is None:
        raise UnknownMoment(change=str(when))
    return written


def _end_of(when: When) -> bytes | None:
    """The newest id that a transaction at this time could have; None if it is no time."""
    if when == NOW:
        return LATEST
    try:
        if isinstance(when, str):
            when = _time_in(when)
        time = when.timestamp() if isinstance(when, datetime) else when
    except ValueError:
        return None
    try:
        return tid_at(time + ROUNDING)
    except (ValueError, OverflowError, OSError):  # no time that a transaction could have
        raise UnknownMoment(change=str(when)) from None


def _time_in(text: str) -> datetime | float:
    """The end of a time in ISO form, or a number of seconds. Raises `ValueError` for what is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return float(text)
    if ":" not in text:
        return moment + timedelta(days=1)
    return moment if "." in text else moment + timedelta(seconds=60 if text.count(":") == 1 else 1)


def _tid_of(change: str) -> bytes | None:
    """The transaction id that a change id writes; None if it is none."""
    try:
        tid = bytes.fromhex(change)
    except (ValueError, TypeError):
        return None
    return tid if len(tid) == 8 and 0 < int.from_bytes(tid, "big") < 1 << 63 else None
