"""The options of a run, asked before it starts."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from ...errors import InvalidValue
from ...incoming.start import RunOptions, since_date
from ...text import shown_line
from ..widgets.choice import Toggle
from ..widgets.dialog_panel import DialogPanel
from ..widgets.fields import FieldRow
from ..widgets.frame import Dialog
from ..widgets.safe_input import SafeInput

_ABOUT = (
    "Limit: stop after this many items; the next run resumes there.\n"
    "Since: only what changed since a date in UTC, such as 2026-01-31 08:30:00."
)


class RunOptionsScreen(Dialog[RunOptions | None]):
    """^S runs with what is filled in, as Enter in a field of text; Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "run", "Run", id="options.run", priority=True),
        Binding("enter", "run_from_field", "Run", show=False, id="options.enter", priority=True),
        Binding("escape", "dismiss(None)", "Cancel", id="options.cancel", priority=True),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._incoming = name

    def compose(self) -> ComposeResult:
        with DialogPanel(classes="question", id="run-options") as box:
            box.border_title = shown_line(f"Run {self._incoming}", 60)
            yield FieldRow("full", "Full", Toggle(False, "start over and read everything", id="option-full"))
            yield FieldRow("limit", "Limit", SafeInput(compact=True, id="option-limit"))
            yield FieldRow("since", "Since", SafeInput(compact=True, id="option-since"))
            yield Static(Content(_ABOUT), classes="help-words")
            yield Static(
                Content("^S, Enter in a field: run · ↑↓: field · Enter on a box: tick · Esc: cancel"), classes="heading"
            )

    def on_mount(self) -> None:
        self.query_one(Toggle).focus()

    @on(Input.Changed)
    def _forget_problem(self) -> None:
        for row in self.query(FieldRow):
            row.problem("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter on a box ticks it, as in a form."""
        if action == "run_from_field":
            return not isinstance(self.focused, Toggle)
        return super().check_action(action, parameters)

    def action_run_from_field(self) -> None:
        self.action_run()

    def action_run(self) -> None:
        """Runs once the focused field has handled the keys before this one."""
        (self.focused or self).call_later(self._run)

    def _run(self) -> None:
        limit_row, since_row = self.query_one("#row-limit", FieldRow), self.query_one("#row-since", FieldRow)
        limit_text = self.query_one("#option-limit", SafeInput).value.strip().replace(",", "")
        since_text = self.query_one("#option-since", SafeInput).value.strip()
        limit, since = None, None
        limit_row.problem("")
        since_row.problem("")
        if limit_text:
            limit = int(limit_text) if re.fullmatch(r"[0-9]{1,18}", limit_text) else 0
            if not limit:
                limit_row.problem("Must be a whole number above 0, of at most 18 digits.")
                self.query_one("#option-limit").focus()
                return
        try:
            since = since_date(since_text) if since_text else None
        except InvalidValue as error:
            since_row.problem(str(error))
            self.query_one("#option-since").focus()
            return
        self.dismiss(RunOptions(full=self.query_one(Toggle).value, since=since, limit=limit))

    def help_text(self) -> str:
        return (
            "Options of a run\n"
            "Full reads everything again, from the start. A limit stops after that many items. Since reads only what "
            "has changed since a date, for a configuration with an incremental field. They apply to this run only; the "
            "same as --full, --limit and --since of the command `run`."
        )
