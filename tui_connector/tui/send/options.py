"""The options of a plan, asked before it is made."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from ...text import shown_line
from ..widgets.choice import Toggle
from ..widgets.dialog_panel import DialogPanel
from ..widgets.fields import FieldRow
from ..widgets.frame import Dialog
from ..widgets.safe_input import SafeInput
from .job import SendOptions

_ABOUT = "Limit: plan and send only the first entities of the source, such as 1 to try it."


class SendOptionsScreen(Dialog[SendOptions | None]):
    """^S makes a plan with what is filled in, as Enter in a field of text; Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "plan", "Plan", id="send-options.plan", priority=True),
        Binding("enter", "plan_from_field", "Plan", show=False, id="send-options.enter", priority=True),
        Binding("escape", "dismiss(None)", "Cancel", id="send-options.cancel", priority=True),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._outgoing = name

    def compose(self) -> ComposeResult:
        with DialogPanel(classes="question", id="run-options") as box:
            box.border_title = shown_line(f"Plan {self._outgoing}", 60)
            yield FieldRow("all", "Send all", Toggle(False, "also send unchanged entities", id="option-all"))
            yield FieldRow("limit", "Limit", SafeInput(compact=True, id="option-limit"))
            yield Static(Content(_ABOUT), classes="help-words")
            yield Static(
                Content("^S, Enter in a field: plan · ↑↓: field · Enter on a box: tick · Esc: cancel"),
                classes="heading",
            )

    def on_mount(self) -> None:
        self.query_one(Toggle).focus()

    @on(Input.Changed)
    def _forget_problem(self) -> None:
        self.query_one("#row-limit", FieldRow).problem("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter on a box ticks it, as in a form."""
        if action == "plan_from_field":
            return not isinstance(self.focused, Toggle)
        return super().check_action(action, parameters)

    def action_plan_from_field(self) -> None:
        self.action_plan()

    def action_plan(self) -> None:
        """Plans once the focused field has handled the keys before this one."""
        (self.focused or self).call_later(self._plan)

    def _plan(self) -> None:
        row, field = self.query_one("#row-limit", FieldRow), self.query_one("#option-limit", SafeInput)
        text, limit = field.value.strip().replace(",", ""), None
        row.problem("")
        if text:
            limit = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0
            if not limit:
                row.problem("Must be a whole number above 0, of at most 18 digits.")
                field.focus()
                return
        self.dismiss(SendOptions(limit, self.query_one(Toggle).value))

    def help_text(self) -> str:
        return (
            "Options of a plan\n"
            'Entities that would change nothing are not sent unless you choose "send all" (as send = "all" in the '
            "profile does). A limit plans and sends only the first entities of the source. They "
            "apply to this plan only."
        )
