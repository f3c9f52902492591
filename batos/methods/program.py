"""Sources made ready for the sandbox, and where in the sandbox's text each of their lines lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol

from batos.methods import guardian, prelude
from batos.methods.closed import SENT, SLOT, Closed, closed, light
from batos.methods.rewrite import Rewritten, rewritten
from batos.methods.rewriter import METHOD
from batos.methods.scalars import Condition
from batos.methods.tree import Tree, grow

CACHED = 1024

# What stands in a session of closed methods for parts of the prelude that are about objects.
NO_OBJECTS = "_Proto = ()\n"
COPIES = "from copy import deepcopy as _copied\n"


@dataclass(frozen=True, eq=False)
class Program:
    """A method that passed the guardian, rewritten. `declares` says that it states to write state."""

    selector: str
    rewritten: Rewritten
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    declares: bool
    opening: str


@dataclass(frozen=True, eq=False)
class Ready:
    """A method that passed the guardian. `closed` is the form without a prelude, if it has one; `program` the other,
    which is made when it is first needed."""

    selector: str
    source: str
    reads: tuple[str, ...]
    declares: bool
    closed: Closed | None

    @cached_property
    def light(self) -> tuple[Closed, Condition] | None:
        """The closed form for calls that hand it scalars where it matters, if it has one."""
        return light(grow(self.source))

    @cached_property
    def program(self) -> Program:
        return programmed(grow(self.source), self.selector, self.reads)


@lru_cache(maxsize=CACHED)
def prepare(source: str, selector: str) -> Ready:
    """Audit a method, once per source. Images come from elsewhere, so a stored source is audited like a new one.

    Raises `GuardianRefused`.
    """
    audit, tree = guardian.checked(source, selector)
    ready = Ready(selector, source, audit.reads, audit.marks, closed(tree))
    if ready.closed is None:
        ready.__dict__["program"] = programmed(tree, selector, audit.reads)  # while the tree is at hand
    return ready


def programmed(tree: Tree, selector: str, reads: tuple[str, ...] = ()) -> Program:
    """A method as the sandbox runs it with the prelude. The guardian is not asked."""
    form = rewritten(tree)
    needs = prelude.needed(form.uses | prelude.ALWAYS)
    return Program(selector, form, needs, reads, form.declares, prelude.text_of(needs))


class Source(Protocol):
    """A method record, as far as the sandbox is concerned."""

    @property
    def selector(self) -> str: ...
    @property
    def source(self) -> str | None: ...
    @property
    def trust(self) -> str: ...


def confined(method: Source) -> Ready | None:
    """The method, if it is one for the sandbox. Raises `GuardianRefused`."""
    return prepare(method.source, method.selector) if method.trust == "sandboxed" and method.source else None


@dataclass(frozen=True)
class Placed:
    """Where in the text of a session a method begins: its first line there, and the line that each line came from."""

    start: int
    selector: str
    lines: tuple[int, ...]


def place(placed: Sequence[Placed], frames: Iterable[Any]) -> tuple[str, int | None]:
    """The selector and the original line of the innermost frame that lies in a method."""
    for frame in reversed([*frames]):
        for method in placed:
            index = frame.line - method.start
            if 0 <= index < len(method.lines) and method.lines[index]:
                return method.selector, method.lines[index]
    return placed[0].selector, None


class Session:
    """The text fed to one session. Its lines are numbered on, so that a traceback's line names one method's line."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.loaded = prelude.Loaded(program.needs)
        self.placed = [Placed(program.opening.count("\n") + 1, program.selector, program.rewritten.lines)]
        self.text = program.opening + program.rewritten.source + prelude.CLOSING
        self._next = self.text.count("\n") + 2
        self._numbers: dict[Program, int] = {}

    def add(self, program: Program) -> tuple[int, str]:
        """The number of a further method in this session, and if it is new the text that defines it, with the prelude
        functions that the session does not have yet."""
        if program in self._numbers:
            return self._numbers[program], ""
        number = self._numbers[program] = len(self._numbers)
        opening = f"global {METHOD}\n" + self.loaded.more(program.needs)
        text = "\n" * (self._next - 1) + opening + program.rewritten.source
        self.placed.append(Placed(self._next + opening.count("\n"), program.selector, program.rewritten.lines))
        self._next = text.count("\n") + 2
        return number, text

    def said(self, message: str, selector: str) -> str:
        """A message of the interpreter's with the method's own name: a call with the wrong arguments names it."""
        return message.replace(f"{METHOD}()", f"{selector}()")


@dataclass(frozen=True, eq=False)
class Linked:
    """Closed methods that one call may run, as one text. The first is the one that is called.

    `slots` are those that they name, `variables` what stands for each, `watched` those whose values are asked for
    afterwards, by the text `state`. `out` is the function at the border, where one is needed, and `needs` what the text
    has of the prelude.
    """

    selector: str
    opening: str
    placed: tuple[Placed, ...]
    slots: tuple[str, ...]
    variables: tuple[str, ...]
    reads: frozenset[str]
    stores: frozenset[str]
    mutates: bool
    out: str
    needs: tuple[str, ...]
    watched: tuple[str, ...]
    state: str
    _texts: dict[tuple[int, bool], str] = field(default_factory=dict)

    def text_for(self, positional: int, named: bool) -> str:
        """The methods, and a call with arguments that the host gives under names of its own. The names of arguments
        are the caller's, so they are never written into a text."""
        text = self._texts.get((positional, named))
        if text is None:
            given = ["None", *(f"_{number}" for number in range(positional)), *(["**_k"] if named else [])]
            call = f"{SENT}{self.selector}({', '.join(given)})"
            answer = f"{self.out}({call})" if self.out else call
            text = self._texts[positional, named] = f"{self.opening}({answer}, {self.state})\n"
        return text

    def said(self, message: str, selector: str) -> str:
        return message.replace(f"{SENT}{selector}()", f"{selector}()")


@lru_cache(maxsize=CACHED)
def link(forms: tuple[Closed, ...]) -> Linked:
    """Put closed methods together; the first is the one to be called."""
    reads, stores = (
        frozenset().union(*(form.reads for form in forms)),
        frozenset().union(*(form.stores for form in forms)),
    )
    mutates, unsure = any(form.mutates for form in forms), any(form.unsure for form in forms)
    names = frozenset().union(*(form.names for form in forms)) | ({"_out"} if unsure else frozenset())
    opening = (NO_OBJECTS if unsure else "") + (COPIES if "_copied" in names else "")
    needs = prelude.needed(frozenset(names - {"_copied"}))
    opening += prelude.text_of(needs)
    placed = []
    for form in forms:
        placed.append(Placed(opening.count("\n") + 1, form.selector, form.lines))
        opening += form.text
    watched = tuple(sorted(stores | reads if mutates else stores))
    out = prelude.hidden("_out") if unsure else ""
    values = ", ".join(f"{out}({SLOT}{name})" if out else f"{SLOT}{name}" for name in watched)
    slots = tuple(sorted(reads | stores))
    variables = tuple(f"{SLOT}{name}" for name in slots)
    return Linked(
        forms[0].selector, opening, tuple(placed), slots, variables, reads, stores, mutates, out, needs, watched,
        f"[{values}]",
    )  # fmt: skip
