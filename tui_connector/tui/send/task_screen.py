"""One task: its entity, what the store had and responded, and a form that corrects the entity."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from contextlib import suppress
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ...errors import InvalidValue
from ...guide.sending.tasks import SourceLine, TaskAction, entity_of, entity_text, former_values
from ...machine import Machine
from ...outgoing.tasks import Task, TaskState
from ...templates import Json
from ...text import count, shown, shown_line
from .._textual import BaseScreen
from ..external_editor import edit_field
from ..log.dock import WIDE
from ..widgets import highlight
from ..widgets.dialog_panel import DialogPanel
from ..widgets.frame import TONES, Dialog, KeyFooter, ScreenHeader
from ..widgets.prose import Prose
from ..widgets.text_areas import JsonField

_LONGEST = 100_000
"""Characters of an entity or a response that are shown."""

SIGNS: dict[TaskState, tuple[str, str]] = {
    "new": ("•", "accent"),
    "sending": ("→", "accent"),
    "waiting": ("…", "accent"),
    "finished": ("✔", "success"),
    "failed": ("✘", "error"),
    "skipped": ("-", "muted"),
    "unchanged": ("=", "muted"),
    "unknown": ("?", "warning"),
}
"""The sign of a state, and its tone."""


def _json(data: Json, longest: int = _LONGEST) -> Content:
    text = json.dumps(data, ensure_ascii=False, indent=2)
    if len(text) <= longest:
        return highlight.json_(text)
    return highlight.json_(f"{text[:longest]}\n… and {len(text) - longest:,} more characters, not shown")


def _title(text: str) -> Content:
    return Content.assemble((f"\n{text}", "bold $accent"))


class TaskScreen(BaseScreen[TaskAction | None]):
    """Shows a task. It returns what the user wants to do with it, of what can be done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "dismiss('edit')", "Edit", id="task.edit", tooltip="Edit the entity and send it again"),
        Binding("r", "dismiss('retry')", "Resend", id="task.retry", tooltip="Send the task again"),
        Binding("s", "dismiss('skip')", "Skip", id="task.skip", tooltip="Give up the task"),
        Binding("o", "dismiss('source')", "Open source", id="task.source", tooltip="Its line in your editor"),
        Binding("l", "dismiss('log')", "Log", id="task.log", tooltip="Its requests and responses in the log"),
        Binding("q,escape", "dismiss(None)", "Back", id="task.back"),
    ]

    def __init__(self, title: str, task: Task, actions: Set[TaskAction], line: SourceLine | None = None) -> None:
        """`line`: what the source has, where its entity could not be read."""
        super().__init__()
        self._title_text, self._entity_task, self._task_actions, self._line = title, task, actions, line

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        with Container(id="task-body"):
            with VerticalScroll(id="task-entity", classes="panel") as entity:
                line = self._line
                entity.border_title = "Entity"
                if line is not None:
                    entity.border_title = Content(
                        shown_line(f"Line {line.number} of {line.file.name}, as it is now", 60)
                    )
                yield Static(entity_content(self._entity_task) if line is None else Content(shown(line.text)))
            with VerticalScroll(id="task-result", classes="panel") as result:
                result.border_title = "Result"
                yield Static(
                    Prose(Content("\n").join([*state_lines(self._entity_task), *response_lines(self._entity_task)]))
                )
        yield KeyFooter()

    def on_compose(self) -> None:
        self.set_class(self.app.size.width >= WIDE[0], "wide")

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE[0], "wide")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the task is offered."""
        return action != "dismiss" or parameters[0] is None or parameters[0] in self._task_actions

    def on_mount(self) -> None:
        task = self._entity_task
        self.query_one(ScreenHeader).show(self._title_text, f"line {task.line} {task.identifier}")
        self.query_one("#task-entity").focus()

    def help_text(self) -> str:
        return (
            "A task\n"
            "The entity as it was sent, why the task is in its state, the values that the store had before, and what "
            "it responded. e edits the entity and sends it again; left unchanged, nothing is sent. r sends it again "
            "as it is, s gives it up, l shows its requests in the log. Of a line of the source that cannot be read, "
            "the line is shown as it is now, and o opens the source in your editor there."
        )


def entity_content(task: Task, longest: int = _LONGEST) -> Content:
    """The entity of the task, or why there is none."""
    if task.entity is None:
        kept = (
            "The entity could not be read from the source."
            if task.code == "source-line"
            else "The entity was not kept: the field “Keep after the run” of the outgoing says which are."
        )
        return Content.assemble((kept, TONES["muted"]))
    return _json(task.entity, longest)


def state_lines(task: Task) -> Iterator[Content]:
    """The state of the task, and why it is in it."""
    sign, tone = SIGNS[task.state]
    attempts = f" · {count(task.attempts, 'attempt')}" if task.attempts else ""
    step = f" · step {shown_line(task.step, 40)}" if task.step else ""
    yield Content.assemble(
        (f"{sign} {task.state}", TONES[tone]), (f"{attempts}{step} · {task.updated}", TONES["muted"])
    )
    if task.reason:
        yield Content(shown(task.reason))
    if task.code:
        yield Content.assemble((f"code {shown_line(task.code, 80)}", TONES["muted"]))
    if task.exchange is not None:
        yield Content.assemble((f"Its last request was #{task.exchange}; l shows it.", TONES["muted"]))


def response_lines(task: Task) -> Iterator[Content]:
    """What the store responded, and what it had before."""
    responses = task.responses if isinstance(task.responses, dict) else {}
    for name, response in responses.items():
        yield _title(f"Response of {shown_line(name, 40)}" if name else "Response")
        yield _response(response)
    if task.former is not None:
        yield _title("Former values in the store")
        former = former_values(task)
        yield Content("None: the store did not have it.") if former is None else _json(former)


def _response(response: Json) -> Content:
    """A response as the ledger has it: its status and its body, which is JSON in a text as long as it is whole."""
    if isinstance(response, dict) and isinstance(response.get("body"), str):
        with suppress(ValueError, RecursionError):
            response = {**response, "body": json.loads(str(response["body"]))}
    return _json(response)


class EntityScreen(Dialog[Json]):
    """The entity in a form; ^O opens it in the user's editor. Returns the corrected one, None if it is unchanged."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f8", "done", "Continue to sending", id="entity.done", priority=True),
        Binding("escape", "dismiss(None)", "Cancel", id="entity.cancel", priority=True),
    ]

    def __init__(self, machine: Machine, task: Task) -> None:
        """Raises `InvalidValue` if the entity cannot be edited here."""
        super().__init__()
        self._machine, self._entity_task = machine, task
        self._text = entity_text(task.entity)

    def compose(self) -> ComposeResult:
        with DialogPanel(id="entity-form", classes="question") as form:
            form.border_title = Content(shown_line(f"Edit {self._entity_task.identifier or 'the entity'}", 60))
            form.border_subtitle = "^S: continue to sending · ^O: $EDITOR · Esc: cancel"
            yield JsonField(self._text, id="entity-json")
            yield Static("", id="entity-problem")

    def on_mount(self) -> None:
        self.query_one(JsonField).focus()

    @on(JsonField.EditorRequested)
    def _open_editor(self, event: JsonField.EditorRequested) -> None:
        event.stop()
        edit_field(self, self._machine, event.json_field, self._say)

    @on(JsonField.Changed)
    def _check(self, event: JsonField.Changed) -> None:
        """What is wrong with the text as it is now."""
        event.stop()
        try:
            entity_of(event.text_area.text)
        except InvalidValue as error:
            self._say(str(error))
        else:
            self._say("")

    def _say(self, problem: str) -> None:
        self.query_one("#entity-problem", Static).update(Prose(Content.assemble((shown(problem), TONES["error"]))))

    def action_done(self) -> None:
        """Returns the entity once the field has handled the keys before this one."""
        (self.focused or self).call_later(self._done)

    def _done(self) -> None:
        try:
            entity = entity_of(self.query_one(JsonField).text)
        except InvalidValue as error:
            self._say(str(error))
            return
        if entity == self._entity_task.entity or entity is None:
            self.notify("Unchanged: nothing is sent.", markup=False)
            self.dismiss(None)
        else:
            self.dismiss(entity)

    def help_text(self) -> str:
        return (
            "Edit an entity\n"
            "The entity of the task as JSON. ^S keeps it, compares it with the store, and asks whether to send it now; "
            "left unchanged, nothing is sent. The source is not changed. ^O opens it in your editor ($VISUAL, $EDITOR)."
        )
