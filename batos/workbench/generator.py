"""The built-in backend's skill for writing a workbench: from described messages and widgets to Python source.

It decides, for every message whose document asks for a panel, which widgets of the catalogue can take its fields and
show its result, and writes a program that puts them together. What memory does not describe, the program does not
have. Everything it writes into the source from a document goes in as a literal or has the shape of a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

from batos.bridge.documents import MessageForm
from batos.bridge.forms import FormField
from batos.errors import BackendRefused
from batos.inference.port import Answer, Request
from batos.workbench.audit import kit_names
from batos.workbench.materials import Materials, MessageFound, Passage, WidgetEntry, WidgetFound, read_materials

BACKEND = "builtin"
NAMES = {"search_memory": "Memory Inspector"}
"""Panels that have a name of their own; others are named by the title of their message."""

BUSY = {"hits": "searching…", "text": "thinking…", "rows": "listing…", "state": "reading…"}
ORDER = tuple(BUSY)
"""The order of panels in the rail, by what they show; within one by their titles."""

MOST_PANELS = 24
LINE = 110


class CannotShow(Exception):
    """No widget of the catalogue fits a message; the text says which is lacking."""


@dataclass(frozen=True)
class FieldPlan:
    field: FormField
    widget: WidgetFound


@dataclass(frozen=True)
class PanelPlan:
    """One panel: the message it sends, and the widgets it is made of."""

    message: MessageFound
    fields: tuple[FieldPlan, ...]
    result: WidgetFound

    @property
    def form(self) -> MessageForm:
        return self.message.form

    @property
    def title(self) -> str:
        return NAMES.get(self.form.kind, self.form.title)

    @property
    def class_name(self) -> str:
        name = NAMES.get(self.form.kind, self.form.kind).lower()
        return "".join(part.capitalize() for part in re.findall(r"[a-z0-9]+", name))

    @property
    def widgets(self) -> tuple[WidgetFound, ...]:
        return (*(plan.widget for plan in self.fields), self.result)

    @property
    def passages(self) -> tuple[Passage, ...]:
        of_widgets = (passage for widget in self.widgets for passage in widget.passages)
        return tuple(dict.fromkeys((*self.message.passages, *of_widgets)))


@dataclass(frozen=True)
class WorkbenchPlan:
    """The whole program. `left_out` are sentences about messages that ask for a panel and get none."""

    panels: tuple[PanelPlan, ...]
    panel: WidgetFound
    window: WidgetFound
    action: WidgetFound
    status: WidgetFound
    left_out: tuple[str, ...]

    @property
    def frame(self) -> tuple[WidgetFound, ...]:
        return self.panel, self.window, self.action, self.status

    @property
    def used(self) -> list[Passage]:
        """Every passage that the program was made from, once."""
        from_frame = [passage for widget in self.frame for passage in widget.passages]
        return list(dict.fromkeys([passage for panel in self.panels for passage in panel.passages] + from_frame))


def write_workbench(request: Request) -> Answer:
    """The program as `text`; `data` has `used` ([document id, chunk number] pairs) and `panels` (their titles).

    `request.materials["chunks"]` holds what memory returned. Raises BackendRefused where that describes no message
    with a panel, or lacks a widget that every panel needs.
    """
    chunks = request.materials.get("chunks")
    materials = read_materials(chunk for chunk in _list(chunks) if isinstance(chunk, dict))
    plan = plan_workbench(materials)
    return Answer(
        text=write_program(plan),
        data={
            "used": [[passage.document_id, passage.chunk_index] for passage in plan.used],
            "panels": [panel.title for panel in plan.panels],
        },
        notes={"left_out": [*plan.left_out, *materials.unread]},
        model=BACKEND,
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# Planning


def plan_workbench(materials: Materials) -> WorkbenchPlan:
    """Which panels there are and what each is made of. Raises BackendRefused."""
    wanted = [message for message in materials.messages if message.form.panel]
    widgets = [widget for widget in materials.widgets if widget.entry.class_name in kit_names()]
    if not wanted:
        raise _refused("memory holds no document of a message that asks for a panel")
    if not widgets:
        raise _refused("memory holds no document of a widget")
    panels, left_out = [], []
    for message in wanted:
        try:
            panels.append(_plan_panel(message, widgets))
        except CannotShow as error:
            left_out.append(f"message/{message.form.kind}: {error}")
    if not panels:
        raise _refused("the widgets that memory describes can show none of its messages: " + "; ".join(left_out))
    panels.sort(key=lambda panel: (ORDER.index(panel.form.result), panel.form.title))
    return WorkbenchPlan(
        panels=tuple(panels[:MOST_PANELS]),
        panel=_only("panel", widgets),
        window=_only("window", widgets),
        action=_only("action", widgets),
        status=_only("status", widgets),
        left_out=tuple(left_out),
    )


def _plan_panel(message: MessageFound, widgets: Sequence[WidgetFound]) -> PanelPlan:
    form = message.form
    results = [widget for widget in widgets if widget.entry.role == "result" and widget.entry.shows == form.result]
    if not results:
        raise CannotShow(f"no widget shows {form.result}.")
    fields = []
    for field in form.field:
        takers = [widget for widget in widgets if widget.entry.role == "field" and field.type in widget.entry.accepts]
        if takers:
            fields.append(FieldPlan(field, takers[0]))
        elif field.required:
            raise CannotShow(f"no widget accepts {field.type}, which its field {field.name!r} is.")
    return PanelPlan(message, tuple(fields), results[0])


def _only(role: str, widgets: Sequence[WidgetFound]) -> WidgetFound:
    for widget in widgets:
        if widget.entry.role == role:
            return widget
    raise _refused(f"memory holds no document of a widget with the role {role!r}")


def _refused(what: str) -> BackendRefused:
    reason = f"A workbench cannot be written: {what}. Ingest the system's own documents again with `batos run`."
    return BackendRefused(backend=BACKEND, reason=reason)


# Writing


def write_program(plan: WorkbenchPlan) -> str:
    """The source of a plan; the same plan always gives the same source."""
    names = class_names(plan.panels)
    widgets = [*plan.frame, *(widget for panel in plan.panels for widget in panel.widgets)]
    messages = {panel.form.kind for panel in plan.panels}
    kinds = {widget.entry.name for widget in widgets}
    return _template("program").substitute(
        message_count=_counted(len(messages), "message"),
        widget_count=_counted(len(kinds), "widget"),
        imports="\n".join(f"    {name}," for name in sorted({widget.entry.class_name for widget in widgets})),
        panels="".join(_write_panel(panel, name, plan) for panel, name in zip(plan.panels, names, strict=True)),
        window=plan.window.entry.class_name,
        window_name=_window_name(plan.window.entry),
        window_says="The window with all of its panels.",
        panel_names=", ".join(names) + ("," if len(names) == 1 else ""),
    )


def class_names(panels: Iterable[PanelPlan]) -> list[str]:
    """A class name for every panel, with a number where two would have the same one."""
    taken: dict[str, int] = {}
    names = []
    for panel in panels:
        name = panel.class_name + "Panel" if panel.class_name in kit_names() else panel.class_name
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name}{taken[name]}")
    return names


def _window_name(window: WidgetEntry) -> str:
    return f"Generated{window.class_name}"


def _write_panel(panel: PanelPlan, name: str, plan: WorkbenchPlan) -> str:
    form = panel.form
    source = _template("panel").substitute(
        passages=_written(panel.message.passages),
        name=name,
        panel=plan.panel.entry.class_name,
        title=_literal(panel.title),
        purpose=_literal(form.purpose),
        fields="\n".join(_write_field(field) for field in panel.fields),
        action=plan.action.entry.class_name,
        submit=_literal(form.submit),
        status=plan.status.entry.class_name,
        busy=_literal(BUSY[form.result]),
        result=panel.result.entry.class_name,
        kind=_literal(form.kind),
    )
    return source.replace("None:\n\n", "None:\n")  # where there are no fields


def _write_field(plan: FieldPlan) -> str:
    field = plan.field
    arguments: Mapping[str, object] = {
        "name": field.name,
        "label": field.label,
        **({"choices": list(field.choices)} if field.type == "choice" else {}),
        **({"required": True} if field.required else {}),
    }
    written = [f"{name}={_literal(value)}" for name, value in arguments.items()]
    line = f"        self.ask_for({plan.widget.entry.class_name}({', '.join(written)}))"
    if len(line) <= LINE:
        return line
    lines = "".join(f"            {argument},\n" for argument in written)
    return f"        self.ask_for({plan.widget.entry.class_name}(\n{lines}        ))"


def _literal(value: object) -> str:
    """A Python literal, with double quotes where that needs no escapes."""
    if isinstance(value, list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, str) and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return ascii(value)


def _written(passages: Sequence[Passage]) -> str:
    """The passages of one document in words."""
    numbers = [str(passage.chunk_index) for passage in passages]
    return f"{passages[0].document_id}, {'chunk' if len(numbers) == 1 else 'chunks'} {', '.join(numbers)}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _template(name: str) -> Template:
    return Template((files("batos.workbench") / "templates" / f"{name}.py.txt").read_text(encoding="utf-8"))
