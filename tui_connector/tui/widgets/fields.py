"""Fields of one line, and the row of a field with label, mark and problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from ...text import PublicText, public, shown, shown_line
from .._textual import BESIDE_FIELD, reply
from .prose import Prose, show_text
from .safe_input import SafeInput


class TextField(SafeInput):
    """A line of text; Enter goes to the next field.

    What is typed or pasted right after Enter or Tab belongs to the next field, so the focus moves while the key is
    dispatched, not by a message that would arrive later.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Next field", show=False, priority=True),
        Binding("tab", "tab", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
    ]

    has_value = False
    """Whether a value was given already, which the field does not show."""

    @property
    def is_empty(self) -> bool:
        """Whether a value is still to be entered."""
        return not self.has_value and not self.value

    @property
    def is_passed_by_enter(self) -> bool:
        """Whether Enter in a field before it goes past this one, as what is typed next belongs to another."""
        return False

    value_when_focused: str | None = None
    """The text when a paste moved the focus here; an Enter or Tab without a change belongs to that paste."""

    @dataclass
    class EnterPressed(Message):
        """Enter was pressed, and the input before it has been handled."""

        last: bool

    def __init__(
        self,
        value: str = "",
        *,
        id: str | None = None,  # noqa: A002
        placeholder: str = "",
        password: bool = False,
    ) -> None:
        super().__init__(value, id=id, placeholder=placeholder, password=password, compact=True)

    def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_paste(event.text)

    def _ends_paste(self) -> bool:
        """Whether Enter or Tab belongs to the paste that has moved the focus to this field, which is still empty."""
        ends_paste, self.value_when_focused = self.value_when_focused == self.value, None
        return ends_paste and self.is_empty

    def action_tab(self) -> None:
        if not self._ends_paste():
            self.screen.focus_next()

    async def action_submit(self) -> None:
        if self._ends_paste():
            reply(self.app, "This field is empty. Enter again leaves it empty.")
            return
        last = not self.advance()
        self.call_later(self._post_enter, last)  # after the keys before it

    def _post_enter(self, last: bool) -> None:
        self.post_message(self.EnterPressed(last))  # after the message about the change

    def on_blur(self) -> None:
        self.value_when_focused = None

    def advance(self) -> bool:
        """Focuses the next field; False where this is the last one."""
        next_fields = self.next_fields()
        if next_fields:
            self.screen.set_focus(next_fields[0])
        return bool(next_fields)

    def next_fields(self) -> list[TextField]:
        """The fields after this one to which Enter leads."""
        group = next((node for node in self.ancestors if isinstance(node, FieldGroup)), None)
        text_fields = group.text_fields if group is not None else [self]
        return [each for each in text_fields[text_fields.index(self) + 1 :] if not each.is_passed_by_enter]


class FieldWithList(TextField):
    """A field with a list beside it: → at the end of the text goes there."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("right", "cursor_right", "List", show=False, id="field.list")]

    def action_cursor_right(self, select: bool = False) -> None:
        beside = self.parent.query_children(f".{BESIDE_FIELD}") if self.parent is not None else ()
        if beside and not select and self.cursor_at_end:
            self.screen.set_focus(beside.first(Widget))
        else:
            super().action_cursor_right(select)


class FieldGroup(Vertical):
    """Fields that Enter goes through in order."""

    @property
    def text_fields(self) -> list[TextField]:
        """The enabled text fields, in order."""
        return [each for each in self.query(TextField) if each.display and not each.disabled]


def show_mark(line: Horizontal, text: str, *, bad: bool = False) -> None:
    """Shows a short mark at the end of a line of fields; it is mounted when there is one."""
    mark = next((each for each in line.children if isinstance(each, Static) and each.has_class("mark")), None)
    if mark is None and text:
        mark = Static("", classes="mark")
        line.mount(mark)
    if mark is not None:
        show_text(mark, Content(shown_line(text)))
        mark.set_class(bool(text), "marked")
        mark.set_class(bad, "bad")
        mark.set_class(not bad and "✔" in text, "good")


class FieldRow(Vertical):
    """A label and the field. A short mark after it, and the problem below, are mounted when there is one."""

    def __init__(self, name: str, label: str, widget: Widget, about: str = "") -> None:
        super().__init__(id=f"row-{name}", classes="field")
        self.field_name, self.label, self.about = name, label, about
        self._line = Horizontal(Static(Content(shown_line(label)), classes="label"), widget)
        self._problem_text: Static | None = None
        self._note_text: Static | None = None
        self._has_bad_mark = self._has_problem = False

    def compose(self) -> ComposeResult:
        yield self._line

    @property
    def part_name(self) -> str:
        """What messages call it."""
        return f"the field {shown_line(self.label)}"

    def help_text(self) -> str:
        return public(self.label, PublicText("\n"), self.about) if self.about else ""

    def mark(self, text: str, *, bad: bool = False) -> None:
        """Shows a short mark after the field."""
        show_mark(self._line, text, bad=bad)
        self._has_bad_mark = bad
        self._draw_wrong()

    @property
    def is_wrong(self) -> bool:
        """Whether a problem or a bad mark is shown."""
        return self.has_class("wrong")

    def problem(self, text: str) -> None:
        """Shows a problem below the field; an empty text removes it."""
        if self._problem_text is None and text:
            self._problem_text = Static("", classes="problem")
            self.mount(self._problem_text)
        if self._problem_text is not None:
            show_text(self._problem_text, Prose(Content(shown(f"✘ {text}" if text else ""))))
            self._problem_text.set_class(bool(text), "there")
        self._has_problem = bool(text)
        self._draw_wrong()

    def note(self, text: str) -> None:
        """Shows what else is to be known of the value, below the field; an empty text removes it."""
        if self._note_text is None and text:
            self._note_text = Static("", classes="note")
            self.mount(self._note_text)
        if self._note_text is not None:
            show_text(self._note_text, Prose(Content(shown(text))))
            self._note_text.set_class(bool(text), "there")

    def _draw_wrong(self) -> None:
        self.set_class(self._has_bad_mark or self._has_problem, "wrong")
