"""Every error that batos raises on purpose: a sentence and the facts it is about.

    BatosError
    ├── NotUnderstood            (also AttributeError)   a message that no object understands
    ├── SlotRefused              (also TypeError)        a value or name that a slot cannot hold
    ├── UnknownObject            (also KeyError)         a name or oid that the image does not hold
    │   ├── UnknownSlot
    │   ├── UnknownDocument
    │   ├── UnknownProposal
    │   └── UnknownAdapter
    ├── NameRefused              (also ValueError)       a name that is taken, or that nothing can have
    ├── TransactionMisuse                                raw objects used outside their transaction
    ├── NeedsMission                                     a message that thinks, sent where no mission runs
    ├── ChangedMeanwhile                                 a transaction lost a race
    ├── ImageUnavailable                                 the image cannot be opened; CLI exit code 3
    │   ├── ImageMissing
    │   ├── ImageForeign
    │   ├── ImageCorrupt
    │   ├── ImageBusy
    │   └── ImageUnwritable
    ├── RecordRefused                                    a stored record names a class we do not load
    │   └── RecordUnreadable                             a stored record is damaged
    ├── UndoRefused                                      something depends on the change
    ├── UnknownChange
    │   ├── UnknownMoment                                no id, no note, and no time of the image
    │   └── PackedAway                                   it lies before the horizon of the last pack
    ├── ForkRefused                                      a place where no fork of an image can be made
    ├── BackupRefused                                    a backup that is incomplete or was changed
    ├── ImportRefused                                    a folder that holds no export
    ├── ErasureRefused                                   what cannot be erased, or not now
    ├── PinnedSlot                                       what a person has pinned, and learning must leave alone
    ├── MethodRefused                                    a source that does not pass the gate
    │   ├── ExtractionFailed
    │   ├── GuardianRefused
    │   ├── TypeCheckFailed
    │   └── TrialFailed                                  it breaks its own contract, or that of another method
    ├── MessageRaised                                    what runs in process failed, told to a person
    ├── SandboxError                                     a sandboxed activation that did not finish
    │   ├── SandboxDenied
    │   ├── SandboxLimit
    │   └── SandboxRaised
    ├── MissionError
    │   ├── MissionFailed
    │   ├── MissionPending
    │   ├── MissionCancelled
    │   ├── MissionTimeout       (also TimeoutError)
    │   ├── UnknownMission       (also KeyError)
    │   ├── WaitCircle
    │   ├── LeaseLost                                    a worker writes for a mission that is no longer its own
    │   └── MisspeltSelector
    ├── IllegalTransition                                a state named a successor that the table lacks
    ├── BackendError
    │   ├── BackendRefused                               it can answer, but honestly cannot do this
    │   ├── BackendUnavailable                           down, slow, unreachable
    │   ├── BackendNonsense                              answered, but not what was asked for
    │   └── UnknownBackend
    ├── BudgetExhausted
    ├── AdapterRefused                                   weights that cannot be used, or not with this base model
    ├── TrainingRefused                                  a persona that has too little to learn from
    ├── OverBudget                                       a model that does not fit into the memory it may have
    ├── MemoryRefused                                    a document that cannot be ingested
    ├── FilterRefused            (also ValueError)       a search's condition that means nothing
    ├── OwnDocument                                      a document of the system that a client would change
    ├── EmbedderRefused                                  a model of meaning that cannot be opened
    ├── EmbedderFailed                                   a model of meaning that gave no vectors
    ├── BridgeError
    │   ├── BridgeUnreachable
    │   └── BridgeRefused
    ├── WorkbenchRefused                                 a generated program that failed acceptance
    ├── WorkbenchNotRun                                  this machine lacks what it takes to run one
    ├── MissingExtra                                     an optional dependency is not installed
    ├── TasksRefused                                     a path or file that holds no tasks
    └── SettingRefused

The text is a class attribute, not a docstring, because `python -OO` removes docstrings. Constructors never log.
"""

from __future__ import annotations

from typing import Any


class BatosError(Exception):
    """Base of the tree. `facts` are the named values that `says` was filled with."""

    says = "batos failed: {reason}"

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.says.format(**facts))
        self.facts = facts

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts)

    def __str__(self) -> str:  # KeyError would print the repr of its argument
        return str(self.args[0])


def _rebuild(kind: type[BatosError], facts: dict[str, Any]) -> BatosError:
    return kind(**facts)


# Objects


class NotUnderstood(BatosError, AttributeError):
    """Facts: receiver (its label), selector, oid (hex, or None for an object not yet stored)."""

    says = "{receiver} does not understand {selector!r}, nor does any parent."
    message: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})


class SlotRefused(BatosError, TypeError):
    says = "Slot {slot!r} cannot hold {what}. {instead}"


class UnknownObject(BatosError, KeyError):
    says = "The image holds no object called {name!r}. {known}"


class UnknownSlot(UnknownObject):
    says = "{holder} has no slot {name!r}. {known}"


class UnknownDocument(UnknownObject):
    says = "Memory holds no document called {name!r}. {known}"


class UnknownAdapter(UnknownObject):
    says = "The image holds no adapter {name!r}. {known}"


class UnknownProposal(UnknownObject):
    says = "No open proposal begins with {name!r}. {known}"


class NameRefused(BatosError, ValueError):
    says = "Nothing new can be called {name!r}: {reason}"


# Image


class TransactionMisuse(BatosError):
    says = "{reason}"


class NeedsMission(BatosError):
    says = "This message needs a mission. Send it through a handle, or with `batos send`."


class ChangedMeanwhile(BatosError):
    says = "Something that {note!r} relied on was changed meanwhile, so nothing of it was kept. Run it again."


class ImageUnavailable(BatosError):
    says = "The image at {path} cannot be opened: {reason}"


class ImageMissing(ImageUnavailable):
    says = (
        "There is no image at {path}. Make one with `batos run --image {path}`, or with `create`, `teach` or `ingest`."
    )


class ImageForeign(ImageUnavailable):
    says = "{path} holds no batos image: {reason} Give the path of an image, or of a folder that does not exist yet."


class ImageCorrupt(ImageUnavailable):
    says = "The image at {path} is damaged: {reason} Restore a backup; nothing was changed."


class ImageBusy(ImageUnavailable):
    says = "The image at {path} is in use: {reason}"


class ImageUnwritable(ImageUnavailable):
    says = "The image at {path} cannot be written: {reason} Nothing of this change was kept."


class RecordRefused(BatosError):
    says = (
        "The image names {module}.{name}, which is not a class that images may hold; it was not loaded. "
        "If the image is yours, run `batos doctor`."
    )


class RecordUnreadable(RecordRefused):
    says = (
        "A record of the image cannot be read ({reason}). Restore a backup; `batos doctor` says what else is damaged."
    )


class UndoRefused(BatosError):
    says = "Change {change} cannot be undone: {reason}"


class UnknownChange(BatosError, KeyError):
    says = "The image has no change {change!r}. `batos history NAME` lists changes."


class UnknownMoment(UnknownChange):
    says = (
        "{change!r} is the id of no change, the note of none, and no time at which the image was there. "
        "`batos history NAME` lists changes."
    )


class PackedAway(UnknownChange):
    """Facts: change, horizon (both change ids)."""

    says = "Change {change} lies before {horizon}, up to which the image was packed. Only an earlier backup has it."


class ForkRefused(BatosError):
    says = "Nothing was forked to {path}: {reason}"


class BackupRefused(BatosError):
    says = "Nothing was copied. {path}: {reason}"


class ImportRefused(BatosError):
    says = "Nothing was imported from {path}: {reason}"


class ErasureRefused(BatosError):
    says = "Nothing was erased: {reason}"


# Methods


class PinnedSlot(BatosError):
    """Facts: what (an object, or a slot of it, in words), selector."""

    says = "{what} is pinned and stays as it is. `batos unpin` takes the pin away."


class MethodRefused(BatosError):
    says = "The source for {selector!r} was refused: {reason}"


class ExtractionFailed(MethodRefused):
    says = "No method {selector!r} could be read from the answer: {reason}"


class GuardianRefused(MethodRefused):
    says = "The guardian refused {selector!r}: {reason}"


class TypeCheckFailed(MethodRefused):
    says = "The type check refused {selector!r}: {reason}"


class TrialFailed(MethodRefused):
    says = "{selector!r} was not installed: {reason}"


class MessageRaised(BatosError):
    """A trusted method or a primitive raised. Facts: selector, kind (exception type name), message."""

    says = "{selector!r} raised {kind}: {message}"


class SandboxError(BatosError):
    says = "The sandbox stopped {selector!r}: {reason}"


class SandboxDenied(SandboxError):
    says = "{selector!r} has no right to {reason}."


class SandboxLimit(SandboxError):
    says = "{selector!r} was stopped: {reason}"


class SandboxRaised(SandboxError):
    """The method itself raised. Facts: selector, kind (exception type name), message, line (int or None)."""

    says = "{selector!r} raised {kind}: {message}"


# Missions and thinking


class MissionError(BatosError):
    says = "Mission {mission}: {reason}"


class MissionFailed(MissionError):
    says = "{reason} (mission {mission})"


class MissionPending(MissionError):
    """The mission waits for a person. Facts: mission, reason, proposal (id or None), question (Example or None)."""

    says = "{reason} (mission {mission})"

    @property
    def proposal(self) -> str | None:
        return self.facts.get("proposal")

    @property
    def question(self) -> Any:
        return self.facts.get("question")


class MissionCancelled(MissionError):
    says = "Mission {mission} was cancelled."


class MissionTimeout(MissionError, TimeoutError):
    says = (
        "Mission {mission} was not finished after {seconds} s; it goes on. "
        "Ask again with `batos missions show {mission}`."
    )


class UnknownMission(MissionError, KeyError):
    says = "The image knows no mission {mission!r}. `batos missions` lists the newest."


class WaitCircle(MissionError):
    says = "Learning {selector!r} would wait for itself: {circle}. Teach one of them with examples first."


class LeaseLost(MissionError):
    says = "Mission {mission} is no longer this worker's: its lease ran out, or it was cancelled. Nothing was written."


class MisspeltSelector(MissionError):
    says = (
        "{receiver} does not understand {selector!r}. Did you mean {suggestion!r}? "
        "To learn it all the same, use `teach`, or send it with `learn=True` (`--learn`)."
    )


class IllegalTransition(BatosError):
    says = "A cycle in {state} named {successor!r} as its next state; allowed are {allowed}."


# Inference


class BackendError(BatosError):
    says = "The {backend} backend failed: {reason}"


class BackendRefused(BackendError):
    says = "{reason}"


class BackendUnavailable(BackendError):
    says = "The {backend} backend cannot be reached: {reason}"


class BackendNonsense(BackendError):
    """Facts, where they are known: `said`, the beginning of the text, and `usage`, its tokens as a journal entry has
    them."""

    says = "The {backend} backend answered something that cannot be used: {reason}"


class UnknownBackend(BackendError):
    says = "There is no backend {backend!r}. Known are {known}; give `builtin`, `openai:URL#MODEL` or `peft:FOLDER`."


class BudgetExhausted(BatosError):
    says = (
        "The {scope} budget is used up: {spent} of {limit} {unit}. "
        "Raise it with `batos budget {scope} {key} --limit NUMBER --unit {unit}`, or for all with `batos.Settings`."
    )


class AdapterRefused(BatosError):
    says = "The adapter {name!r} cannot be used: {reason}"


class TrainingRefused(BatosError):
    says = "No adapter for {name!r} can be trained: {reason}"


class OverBudget(BatosError):
    says = "The model does not fit into {budget}: {reason}"


# Memory, bridge, workbench, the rest


class MemoryRefused(BatosError):
    says = "{source} was not ingested: {reason}"


class FilterRefused(BatosError, ValueError):
    says = "A search cannot be filtered by {name}={value!r}: {reason}"


class OwnDocument(BatosError):
    says = (
        "{name} came with batos, and no client may replace or forget it. "
        "`batos ingest` and `batos forget` may, on the machine of the image."
    )


class EmbedderRefused(BatosError):
    says = "The embedding model {spec!r} cannot be used: {reason}"


class EmbedderFailed(BatosError):
    says = "The embedding model {model!r} gave no vectors: {reason}"


class BridgeError(BatosError):
    says = "The bridge failed: {reason}"


class BridgeUnreachable(BridgeError):
    says = "No daemon answers for {path}: {reason} Start one with `batos run --image {path}`."


class BridgeRefused(BridgeError):
    """The daemon answered with an error. Facts: code, reason, retry."""

    says = "{reason} ({code})"


class WorkbenchRefused(BatosError):
    says = "The generated workbench was refused: {reason}"


class WorkbenchNotRun(BatosError):
    says = "The generated workbench cannot be run here: {reason}"


class MissingExtra(BatosError):
    says = "{feature} needs the extra [{extra}]. Install it with `pip install 'batos[{extra}]'`."


class TasksRefused(BatosError):
    says = "No tasks were read from {path}: {reason}"


class SettingRefused(BatosError):
    says = "Setting {name} cannot be {value!r}: {reason}"
