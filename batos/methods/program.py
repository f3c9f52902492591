"""Sources made ready for the sandbox, and where in the sandbox's text each of their lines lies."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from batos.methods import guardian, prelude
from batos.methods.rewrite import METHOD, Rewritten, rewrite


@dataclass(frozen=True)
class Program:
    """A method that passed the guardian, rewritten. `declares` says that it states to write state."""

    selector: str
    rewritten: Rewritten
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    declares: bool
    opening: str


@lru_cache(maxsize=1024)
def prepare(source: str, selector: str) -> Program:
    """Audit and rewrite, once per source. Images come from elsewhere, so a stored source is audited like a new one.

    Raises `GuardianRefused`.
    """
    audit = guardian.check(source, selector)
    rewritten = rewrite(source)
    needs = prelude.needed(prelude.names_in(ast.parse(rewritten.source)) | set(prelude.closing_needs()))
    return Program(selector, rewritten, needs, audit.reads, rewritten.declares, prelude.text_of(needs))


class Session:
    """The text fed to one session. Its lines are numbered on, so that a traceback's line names one method's line."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._loaded = set(program.needs)
        self._starts: list[tuple[int, Program]] = []
        self.text = program.opening + program.rewritten.source + prelude.CLOSING
        self._starts.append((program.opening.count("\n") + 1, program))
        self._next = self.text.count("\n") + 2

    def add(self, program: Program) -> str:
        """The text that defines a further method, with the prelude functions that the session does not have yet."""
        opening = f"global {METHOD}\n" + self._missing(program.needs)
        text = "\n" * (self._next - 1) + opening + program.rewritten.source
        self._starts.append((self._next + opening.count("\n"), program))
        self._next = text.count("\n") + 2
        return text

    def also(self, name: str) -> str:
        """The text that defines a prelude function that turned out to be needed."""
        return self._missing(prelude.needed([name]))

    def _missing(self, names: tuple[str, ...]) -> str:
        missing = [name for name in names if name not in self._loaded]
        self._loaded.update(missing)
        return f"global {', '.join(missing)}\n" + prelude.text_of(missing) if missing else ""

    def place(self, frames: list[Any]) -> tuple[str, int | None]:
        """The selector and the original line of the innermost frame that lies in a method."""
        for frame in reversed(frames):
            for start, program in self._starts:
                index = frame.line - start
                if 0 <= index < len(program.rewritten.lines) and program.rewritten.lines[index]:
                    return program.selector, program.rewritten.lines[index]
        return self.program.selector, None
