"""Fields one row high: a line of text, and the row in which it is with its label and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea
from textual.widgets.text_area import Edit, EditResult

from ...text import shown, shown_line

# What is typed and pasted, made safe to draw: a paste may hold whatever a web page put into it.


class SafeInput(Input):
    """A line of text in which what a terminal would obey is written out. Of a password only dots are drawn."""

    virtual_size: Reactive[Size] = Reactive(Size(0, 0))
    """As in any widget, but without a new layout of the whole screen for each key: the field keeps its place."""

    def validate_value(self, value: str) -> str:
        return value if self.password else shown_line(value)

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(self.validate_value(text), start, end)  # before, or the cursor would not be after it


class SafeTextArea(TextArea):
    """Several lines of such text."""

    def edit(self, edit: Edit) -> EditResult:
        edit.text = shown(edit.text)
        return super().edit(edit)


class TextField(SafeInput):
    """A line of text; Enter goes to the next one.

    What is typed or pasted right behind an Enter or a Tab belongs to the next field already, so the focus moves while
    the key is handed out, and not by a message that would arrive after it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Next field", show=False, priority=True),
        Binding("tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
    ]

    given = False
    """Whether it stands for something that is there already."""

    come_to_with: str | None = None
    """What stood in it when a paste moved the focus here: an Enter that comes then belongs to that paste."""

    @dataclass
    class Left(Message):
        """Enter was pressed; what was typed before it has been taken in."""

        last: bool

    def __init__(
        self,
        value: str = "",
        *,
        id: str | None = None,  # noqa: A002
        placeholder: str = "",
        password: bool = False,
    ) -> None:
        super().__init__(value, id=id, placeholder=placeholder, password=password, compact=True, select_on_focus=False)

    def on_paste(self, event: events.Paste) -> None:
        """The first line that says something."""
        event.prevent_default()
        event.stop()
        lines = [line.strip() for line in event.text.splitlines() if line.strip()]
        if lines:
            self.replace(lines[0], *self.selection)

    async def action_submit(self) -> None:
        behind_paste, self.come_to_with = self.come_to_with == self.value, None
        if behind_paste:
            return
        last = not self.advance()
        self.call_later(self._leave, last)  # after what was typed before the key

    def _leave(self, last: bool) -> None:
        self.post_message(self.Left(last))  # after the message of what was typed

    def on_blur(self) -> None:
        self.come_to_with = None

    def advance(self) -> bool:
        """The focus to the next field; False where this is the last."""
        following = self.following()
        if following:
            self.screen.set_focus(following[0])
        return bool(following)

    def following(self) -> list[TextField]:
        """The fields after this one."""
        holder = next((node for node in self.ancestors if isinstance(node, FieldGroup)), None)
        entries = holder.entries if holder is not None else [self]
        return entries[entries.index(self) + 1 :]


class FieldGroup(Vertical):
    """Rows that belong together: Enter goes from one to the next."""

    @property
    def entries(self) -> list[TextField]:
        """Where Enter leads, in order."""
        return [each for each in self.query(TextField) if each.display and not each.disabled]


class FieldRow(Vertical):
    """A label, what is asked, a short mark after it, and what is wrong with it below."""

    def __init__(self, name: str, label: str, widget: Widget, about: str = "") -> None:
        super().__init__(id=f"row-{name}", classes="field")
        self.field_name, self.label, self.about = name, label, about
        self._widget = widget

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(Content(shown_line(self.label)), classes="label")
            yield self._widget
            yield Static("", classes="mark")
        yield Static("", classes="problem")

    def help_text(self) -> str:
        return f"{self.label}\n{self.about}" if self.about else ""

    def mark(self, text: str, *, bad: bool = False) -> None:
        """Shows a short word after the field."""
        mark = self.query_one(".mark", Static)
        mark.update(Content(shown_line(text)))
        mark.set_class(bool(text), "marked")
        self.set_class(bad, "wrong")

    def problem(self, text: str) -> None:
        """Says below the field what is wrong with it; nothing where it is right."""
        problem = self.query_one(".problem", Static)
        problem.update(Content(shown(f"✘ {text}")) if text else "")
        problem.set_class(bool(text), "there")
        self.set_class(bool(text), "wrong")
