"""One activation of one method in one fresh session of the sandbox, with the prelude between it and its objects.

Whose slots may be written: all methods of one session share its globals, so nothing that the code claims about whose
turn it is can be trusted. Therefore a session has one receiver for its whole life, and it is the only object it may
write. A method that the receiver sends to itself runs in the session. So does a method of another object that does not
declare that it writes (its source never says `self._p_changed = True`): it runs without any right to that object's
slots. A method of another object that does declare it is activated in a session of its own, where that object is the
receiver; what the two pass to each other is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic_monty import ExcType, MontyError, MontySession

from batos.errors import SandboxLimit, SandboxRaised
from batos.methods import prelude
from batos.methods.crossing import Crossing, unchanged
from batos.methods.driving import Allowance, Driver, Inside
from batos.methods.hosting import Host, Reading
from batos.methods.program import Program, Session, confined
from batos.objects.values import plain

MOST_SENT_ALONG = 10
SMALL = 64


class Activation(Driver):
    """Created per call, used once."""

    def __init__(
        self,
        program: Program,
        receiver: Any,
        host: Host,
        crossing: Crossing,
        allowance: Allowance,
    ) -> None:
        super().__init__(program.selector, host, crossing, allowance)
        self.receiver = receiver
        self.session = Session(program)
        self.crossing.wrap(receiver)
        # What the sandbox was shown: (token, slot) -> the plain value and whether the slot is the object's own.
        self.shown: dict[tuple[int, str], tuple[Any, bool]] = {}
        # What the prelude may call, and with how many arguments.
        self.handlers = {
            prelude.hidden("_host_get"): (2, self._get),
            prelude.hidden("_host_has"): (2, self._has),
            prelude.hidden("_host_set"): (2, self._set),
            prelude.hidden("_host_delete"): (2, self._delete),
            prelude.hidden("_host_find"): (3, self._find),
            prelude.hidden("_host_send"): (5, self._send),
            prelude.hidden("_host_keep"): (1, self._keep),
            prelude.hidden("_host_text"): (1, self.session.loaded.fetched),
        }

    def run(self, session: MontySession, printed: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Drive the method to its end; the answer, with all its writes handed to the host."""
        crossing = self.crossing
        inputs = {
            "_Proto": crossing.kind,
            "_me": crossing.wrap(self.receiver),
            "_a": tuple(self._into(value, "(argument)") for value in args),
            "_k": {name: self._into(value, "(argument)") for name, value in kwargs.items()},
            "_state": self._sent_along(0, self.session.program.reads),
        }
        answer, changes = self.driven(session.feed_start(self.session.text, inputs=inputs, print_callback=printed))
        self._keep(changes)
        return crossing.out(answer)

    def keep_after(self, session: MontySession) -> None:
        """Take over the writes made before the method raised: who catches the exception finds them, as in Python."""
        try:
            self._keep(self.driven(session.feed_start(prelude.CHANGES)))
        except MontyError:
            return  # a value among them cannot leave the sandbox, or no time is left; the first exception stands

    def _sent_along(self, token: int, names: Sequence[str]) -> list[tuple[str, Any]]:
        """Small slots that a method names, so that reading them needs no host call."""
        state: list[tuple[str, Any]] = []
        for name, reading in zip(names, self.host.read_all(self.crossing.target(token), names), strict=True):
            if len(state) == MOST_SENT_ALONG:
                break
            if reading is None or reading.is_method or (token, name) in self.shown:
                continue
            if self.host.weight(reading.value, SMALL) > SMALL:
                continue
            value = plain(reading.value)
            if self.crossing.is_small(value, SMALL):
                self.shown[token, name] = (value, reading.own)
                state.append((name, self.crossing.into(value, name)))
        return state

    # What the prelude calls

    def _read(self, token: Any, name: Any) -> tuple[Any, Reading | None]:
        target = self.crossing.target(token)
        if type(name) is not str:
            raise Inside("TypeError", "attribute name must be string")
        return target, self.host.read(target, name)

    def _get(self, token: Any, name: Any) -> tuple[str, Any]:
        _, reading = self._read(token, name)
        if reading is None:
            raise Inside("AttributeError", f"the object has no slot {name!r}")
        if reading.is_method:
            return ("method", None)
        value = self._plain(reading.value, name)
        self.shown[token, name] = (value, reading.own)
        return ("data", self.crossing.into(value, name))

    def _plain(self, value: Any, slot: str) -> Any:
        """A copy in ordinary containers. What is too large is not copied first."""
        most = self.crossing.most_items
        if self.host.weight(value, most) > most:
            raise SandboxLimit(selector=self.selector, reason=f"slot {slot!r} holds more than {most} values.")
        return plain(value)

    def _into(self, value: Any, slot: str) -> Any:
        return self.crossing.into(self._plain(value, slot), slot)

    def _has(self, token: Any, name: Any) -> bool:
        return self._read(token, name)[1] is not None

    def _set(self, token: Any, name: Any) -> None:
        raise self.denied(f"write slot {name!r} of another object; send it a message instead")

    def _delete(self, token: Any, name: Any) -> None:
        target, reading = self._read(token, name)
        if target is not self.receiver:
            raise self.denied(f"delete slot {name!r} of another object")
        if reading is None or not reading.own:
            raise Inside("AttributeError", f"the object has no own slot {name!r}")
        self.host.remove(target, name)
        self.shown.pop((0, name), None)

    def _find(self, token: Any, selector: Any, bare: Any) -> tuple[Any, ...]:
        target, reading = self._read(token, selector)
        if reading is not None and not reading.is_method and bare is True:
            return ("data",)
        ready = confined(reading.value) if reading is not None and reading.is_method else None
        if ready is None or (target is not self.receiver and ready.declares):
            return ("away",)
        return ("source", *self.session.add(ready.program), self._sent_along(token, ready.program.reads))

    def _send(self, token: Any, selector: Any, args: Any, kwargs: Any, changes: Any) -> tuple[Any, list[Any]]:
        target = self.crossing.target(token)
        named_by_text = type(kwargs) is dict and all(type(name) is str for name in kwargs)
        if type(selector) is not str or type(args) is not tuple or not named_by_text:
            raise self.denied("send a message that is none")
        self._keep(changes)
        given = tuple(self.crossing.out(value) for value in args)
        named = {name: self.crossing.out(value) for name, value in kwargs.items()}
        answer = self._answer(target, selector, given, named)
        self.allowance.make(self.selector, self.host.weight(answer, self.allowance.made))
        return self._into(answer, f"(answer of {selector})"), self._news()

    def _answer(self, target: Any, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self.host.send(target, selector, args, kwargs)
        except SandboxRaised as raised:
            raise Inside(_known(str(raised.facts["kind"])), str(raised.facts["message"])) from raised
        except Exception as error:
            if type(error).__module__ != "builtins" or isinstance(error, RecursionError | MemoryError):
                raise
            message = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else str(error)
            raise Inside(_known(*(base.__name__ for base in type(error).__mro__)), message) from error

    def _news(self) -> list[tuple[int, str, bool, Any]]:
        """What was shown and has changed since: (token, slot, still there, value)."""
        news: list[tuple[int, str, bool, Any]] = []
        for (token, name), (before, _) in list(self.shown.items()):
            reading = self.host.read(self.crossing.target(token), name)
            if reading is None or reading.is_method:
                del self.shown[token, name]
                news.append((token, name, False, None))
                continue
            value = self._plain(reading.value, name)
            if not unchanged(before, value) or reading.own != self.shown[token, name][1]:
                self.shown[token, name] = (value, reading.own)
                news.append((token, name, True, self.crossing.into(value, name)))
        return news

    def _keep(self, changes: Any) -> None:
        """Take over what the sandbox says has changed: assigned slots, and containers as they are now."""
        if type(changes) is not list or not all(_is_change(change) for change in changes):
            raise self.denied("report changes in a form of its own")
        written: dict[str, Any] = {}
        for token, name, assigned, value in changes:
            target = self.crossing.target(token)
            now = self.crossing.out(value)
            before, own = self.shown.get((token, name), (_NOTHING, True))
            if unchanged(before, now) and (own or assigned is not True):
                continue
            if target is not self.receiver:
                raise self.denied(f"change slot {name!r} of another object; send it a message instead")
            if not own and assigned is not True:
                raise self.denied(
                    f"change what it inherits as {name!r}; assign a changed copy to `self.{name}` instead"
                )
            written[name] = now
        if written:
            self.host.write(self.receiver, written)
            self.shown.update({(0, name): (plain(now), True) for name, now in written.items()})


_NOTHING = object()
_INSIDE = frozenset(get_args(ExcType))


def _is_change(change: Any) -> bool:
    """Whether it is (token, slot, assigned, value), told before anything looks into it."""
    return type(change) is tuple and len(change) == 4 and type(change[0]) is int and type(change[1]) is str


def _known(*names: str) -> str:
    """The first of these exception names that the sandbox has."""
    return next((name for name in names if name in _INSIDE), "Exception")
