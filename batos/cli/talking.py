"""Commands that talk to objects: create, teach, send, ask."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import memory, reading, show
from batos.cli.options import (
    IMAGE,
    ExampleOption,
    ImageOption,
    IntentOption,
    JsonOption,
    ModelOption,
    TimeoutOption,
    opened,
)
from batos.errors import BatosError, MessageRaised

if TYPE_CHECKING:
    from batos.errors import MissionPending
    from batos.methods.contract import Example
    from batos.runtime.questions import Answer
    from batos.runtime.uvm import Uvm

SlotOption = Annotated[
    list[str] | None, typer.Option("--slot", metavar="NAME=VALUE", help="A slot of a new object. Repeatable.")
]


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the new object.")],
    slot: SlotOption = None,
    parent: Annotated[
        list[str] | None, typer.Option("--parent", metavar="NAME", help="An object it delegates to. Repeatable.")
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Make an object.

    \b
    Example:
      batos create greeter --slot 'name="Ada Lovelace"'
    """
    slots = reading.named(slot)
    with opened(image, create=True) as uvm:
        uvm.create(name, slots, parent or ["traits"])
        shown = uvm.inspect(name)
    show.deliver(as_json, shown, lambda: show.say(f"{name} is made, with {show.counted(len(slots), 'slot')}."))


def teach(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The object. One of a new name is made.")],
    selector: Annotated[str, typer.Argument(metavar="SELECTOR", help="The message it is to understand.")],
    intent: IntentOption = None,
    example: ExampleOption = None,
    slot: SlotOption = None,
    timeout: TimeoutOption = None,
    model: ModelOption = "builtin",
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Have an object learn a message from examples.

    An example is ARGUMENTS => RESULT, both as JSON; with `raises ValueError` as the result, the message must fail so.
    A map states more: args, kwargs, slots (before), slots_after, result or raises.

    \b
    Example:
      batos teach greeter initials_ --intent "the initials of a full name" \\
          --example '["ada lovelace"] => "A.L."' --example '["alan turing"] => "A.T."'
    """
    stated, slots = reading.examples(example), reading.named(slot)
    if not stated and not intent:
        raise typer.BadParameter("Say what is to be learned: with --intent, with --example, or with both.")
    with opened(image, model=model, create=True, work=None) as uvm:
        _made_if_new(uvm, target, slots)
        _announce(uvm, model)
        uvm.teach(target, selector, intent=intent, examples=stated, timeout=timeout)
        learned = uvm.why(target, selector)
    document = {"target": target, "selector": selector, "source": learned.source, "mission": learned.mission}

    def shown() -> None:
        show.say(f"{target} understands {selector} now, by {learned.what}:")
        show.console().print(show.code(learned.source or ""))

    show.deliver(as_json, document, shown)


def _made_if_new(uvm: Uvm, target: str, slots: dict[str, Any]) -> None:
    """Make the object if there is none of its name, unless the name looks like a slip of the pen."""
    import difflib

    if target in uvm:
        if slots:
            raise typer.BadParameter(f"{target} exists; --slot is for a new object. Use `batos send {target} …`.")
        return
    if difflib.get_close_matches(target, uvm.names(), n=1) or not target.isidentifier():
        uvm[target]  # raises the sentence that names what is close
    uvm.create(target, slots)
    show.note(f"There was no {target}, so it was made.")


def send(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The object's name or id.")],
    selector: Annotated[str, typer.Argument(metavar="SELECTOR", help="The message.")],
    args: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="Arguments: JSON, else text. Put -- before -5.")
    ] = None,
    named: Annotated[
        list[str] | None, typer.Option("--named", metavar="NAME=VALUE", help="A named argument. Repeatable.")
    ] = None,
    example: ExampleOption = None,
    intent: IntentOption = None,
    learn: Annotated[bool, typer.Option("--learn", help="Learn it even if it looks like a slip of the pen.")] = False,
    timeout: TimeoutOption = None,
    model: ModelOption = "builtin",
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Send a message and print the answer.

    What is not understood is learned first.

    \b
    Example:
      batos send greeter initials_ "grace hopper"
    """
    arguments, keywords = [reading.value(text) for text in args or []], reading.named(named)
    stated = reading.examples(example)
    with opened(image, model=model, work=None) as uvm, _learned(uvm) as learned:
        _announce(uvm, model)
        if stated or intent or learn or timeout is not None:
            mission = uvm.submit(target, selector, arguments, keywords, learn=learn, intent=intent, examples=stated)
            answer = mission.result(timeout)
        else:
            with _errors_of(selector):
                answer = uvm.send(target, selector, *arguments, **keywords)
        plain = _plain(answer)
    for name in learned:
        show.note(f"Learned first: {name}. `batos why {target} {name}` shows how.")
    show.deliver(as_json, {"answer": plain}, lambda: show.say(_worded(plain)))


@contextmanager
def _errors_of(selector: str) -> Iterator[None]:
    """What a trusted method or a primitive raises in the block is told in a sentence, as for a sandboxed method."""
    from batos.objects.sending import raised_by_a_message

    try:
        yield
    except BatosError:
        raise
    except Exception as error:
        if not raised_by_a_message(error):
            raise
        raise MessageRaised(selector=selector, kind=type(error).__name__, message=str(error)) from error


@contextmanager
def _learned(uvm: Uvm) -> Iterator[list[str]]:
    """The selectors that are learned here in the block."""
    selectors: list[str] = []

    def told(event: dict[str, Any]) -> None:
        if event["type"] == "learn" and event["state"] == "done":
            selectors.append(event["selector"])

    ended = uvm.subscribe("mission", told)
    try:
        yield selectors
    finally:
        ended()


def _announce(uvm: Uvm, model: str) -> None:
    if not uvm.works and model != "builtin":
        show.note("A daemon works this image, and answers with its own model.")


def _plain(value: Any) -> Any:
    """An answer as JSON: handles by their names, bytes by their number."""
    from batos.image.handles import Handle

    if isinstance(value, Handle):
        return f"<{value!r}>"
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _worded(plain: Any) -> str:
    import json

    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def ask(
    question: Annotated[str | None, typer.Argument(metavar="QUESTION", help="A question in plain words.")] = None,
    thread: Annotated[
        str | None,
        typer.Option(
            "--thread", metavar="NAME", help="The conversation that it continues; without a question: show it."
        ),
    ] = None,
    timeout: TimeoutOption = None,
    model: ModelOption = "builtin",
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Ask a question; the answer cites memory.

    \b
    Example:
      batos ask "how do I undo a learned method?"
      batos ask --thread undo "and when does it refuse?"
    """
    if question is None and thread is None:
        raise typer.BadParameter("Ask a question, or name a --thread to read.")
    if question is not None and not question.strip():
        raise typer.BadParameter("Ask a question.")
    with opened(image, model=model, work=None) as uvm:
        if question is None:
            turns = uvm.thread(thread or "")
            show.deliver(as_json, {"thread": thread, "turns": turns}, lambda: _show_turns(thread or "", turns))
            return
        _announce(uvm, model)
        answer = _answered(uvm, question, thread, timeout)
        if not answer.known:
            memory.note_if_nothing_was_read(uvm.searcher)
    document = {
        "answer": answer.text,
        "known": answer.known,
        "citations": [{"document_id": document_id, "chunk_index": index} for document_id, index in answer.citations],
        "mission": answer.mission,
        "thread": thread,
    }
    show.deliver(as_json, document, lambda: _show_answer(answer))


def _answered(uvm: Uvm, question: str, thread: str | None, timeout: float | None) -> Answer:
    """Ask, and tell on standard error how far it is."""
    from uuid import uuid4

    from batos.cli.asking import Asking, followed, told_of
    from batos.cli.stages_shown import stages_shown
    from batos.clock import SystemClock
    from batos.runtime.questions import Answer

    stages = Asking(SystemClock(), mission=uuid4().hex)
    with stages_shown(stages, show.error_console(), transient=True), told_of(uvm, stages) as is_told:
        mission = uvm.submit_question(question, thread, mission_id=stages.mission)
        try:
            found = mission.result(timeout) if is_told else followed(uvm, mission, stages, timeout)
        finally:
            stages.close()
    return Answer.of(mission.id, found)


def _show_answer(answer: Answer) -> None:
    show.say(answer.text)
    if answer.citations:
        show.console().print()
        show.table((f"[{number}]", *cited) for number, cited in enumerate(answer.citations, 1))


def _show_turns(thread: str, turns: list[dict[str, Any]]) -> None:
    if not turns:
        show.say(f"There is no conversation {thread} yet.")
    for turn in turns:
        show.say(f"{show.moment(turn['asked_at'])}  {turn['question']}", "bold")
        show.paragraph(turn["answer"], 2)
        show.console().print()


def how_to_go_on(pending: MissionPending, target: str = "OBJECT", selector: str = "SELECTOR") -> str:
    """What to type for a mission that waits for a person, when `selector` was sent or taught to `target`."""
    if pending.proposal:
        return f"Look at it and decide with `batos approve {pending.proposal}`."
    question = pending.question
    if question is None:
        return ""
    if f"{selector}(" not in str(pending):  # the question is about a method that was met on the way
        target, selector = "OBJECT", "SELECTOR"
    return f"Answer with:  batos teach {target} {selector} --example {shlex.quote(_as_typed(question))}"


def _as_typed(question: Example) -> str:
    """A question as an example that only lacks its result."""
    import json

    from batos.objects.values import plain

    def written(value: Any) -> str:
        return json.dumps(plain(value), ensure_ascii=False, default=str)

    if not question.kwargs and not question.slots:
        return f"{written(list(question.args))} => RESULT"
    stated = {"args": list(question.args), "kwargs": dict(question.kwargs), "slots": dict(question.slots or {})}
    return f'{written({name: value for name, value in stated.items() if value})[:-1]}, "result": RESULT}}'
