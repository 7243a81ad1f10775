"""Fields for text, several lines and JSON, and the row of a field with label, mark and problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea
from textual.widgets.input import Selection
from textual.widgets.text_area import Edit, EditResult

from ...text import dotted, printable, printable_line, shown, shown_line, shown_middle
from .._textual import BESIDE_FIELD
from .bounded_list import BoundedList
from .highlight import json_spans
from .prose import Prose


class _SecretsAsDots(Highlighter):
    """Draws the secrets of this session as dots; the value stays as it was typed."""

    def highlight(self, text: Text) -> None:
        if (dots := dotted(text.plain)) != text.plain:
            text.plain = dots


class SafeInput(Input):
    """An input that makes control characters of a paste visible. A password stays unchanged, as only dots are drawn.

    A value is not selected when its field gets the focus: a stray letter would replace it. The cursor is at its end,
    and ^U deletes it, wherever the cursor is. A suggestion is selected: what is typed replaces it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+u", "delete_left_all", "Delete the value", id="field.delete", show=False),
        Binding("ctrl+z", "restore", "Restore the deleted value", id="field.restore", show=False),
    ]

    is_suggestion = False
    _deleted = ""
    """What ^U deleted; never a secret."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, select_on_focus=False, **options)
        self.highlighter = _SecretsAsDots()

    def on_focus(self, event: events.Focus) -> None:
        if not event.from_app_focus:
            end = len(self.value)
            self.selection = Selection(0 if self.is_suggestion else end, end)

    def watch_value(self, value: str) -> None:
        self.cursor_position = len(value)  # keys set it to their own place after that

    def action_delete_left_all(self) -> None:
        """Deletes the whole value."""
        if self.value and not self.password:
            self._deleted = self.value
        self.replace("", 0, len(self.value))

    def action_restore(self) -> None:
        """Restores what ^U deleted, in place of what was typed since."""
        deleted, self._deleted = self._deleted, ""
        self.replace(deleted, 0, len(self.value))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._deleted) if action == "restore" else super().check_action(action, parameters)

    def render_line(self, y: int) -> Strip:
        """A value that is too long for its field is cut in its middle, where it is not edited: its end tells more."""
        width = self.scrollable_content_region.width
        if y or self.has_focus or self.password or cell_len(self.value) <= width or not width:
            return super().render_line(y)
        line = shown_middle(dotted(self.value), width)
        return Strip([Segment(line, self.rich_style)]).adjust_cell_length(width, self.rich_style)

    virtual_size: Reactive[Size] = Reactive(Size(0, 0))
    """As in any widget, but without a new layout of the whole screen for each key: the field keeps its place."""

    def update_node_styles(self, animate: bool = True) -> None:
        if self.is_attached:  # a new one is styled when it is mounted; Textual would do it again for its first class
            super().update_node_styles(animate)

    def validate_value(self, value: str) -> str:
        return value if self.password else printable_line(value)

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(self.validate_value(text), start, end)  # sanitised here too, so that the cursor is after it


class SafeTextArea(TextArea):
    """A text area that makes control characters visible, and draws the secrets of this session as dots.

    ^U deletes the whole text, as in a field of one line, and ^Z restores it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+u", "delete_all", "Delete the value", id="field.delete", show=False),
        Binding("ctrl+z", "undo", "Undo", id="field.restore", show=False),
    ]

    def action_delete_all(self) -> None:
        if not self.read_only:
            self.history.checkpoint()
            self.clear()

    def edit(self, edit: Edit) -> EditResult:
        edit.text = printable(edit.text)
        return super().edit(edit)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # F6 and F7 are keys of the screens: with the whole text selected, the next letter would replace it
        return action not in ("select_all", "select_line") and super().check_action(action, parameters)

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        if (dots := dotted(line.plain)) != line.plain:
            line.plain = dots
        return line


T = TypeVar("T")


class SeveralLines(SafeTextArea):
    """A field of several lines in a form; Tab leaves it, and so do ↑ on its first line and ↓ on its last one."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(text, id=id, compact=True, tab_behavior="focus")

    def action_cursor_up(self, select: bool = False) -> None:
        if not select and self.cursor_at_first_line:
            move_focus(self.screen, -1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        if not select and self.cursor_at_last_line:
            move_focus(self.screen, 1)
        else:
            super().action_cursor_down(select)


def move_focus(screen: Screen[T], step: int) -> None:
    """Focuses the next widget, or the previous one where `step` is -1; unlike Tab, it stops at the ends."""
    chain, focused = screen.focus_chain, screen.focused
    index = chain.index(focused) + step if focused in chain else -1
    if 0 <= index < len(chain):
        screen.set_focus(chain[index])


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
        """Inserts the first line that is not empty."""
        event.prevent_default()
        event.stop()
        lines = [line.strip() for line in event.text.splitlines() if line.strip()]
        if lines:
            self.replace(lines[0], *self.selection)

    def _ends_paste(self) -> bool:
        """Whether Enter or Tab belongs to the paste that has moved the focus to this field, which is still empty."""
        ends_paste, self.value_when_focused = self.value_when_focused == self.value, None
        return ends_paste and self.is_empty

    def action_tab(self) -> None:
        if not self._ends_paste():
            self.screen.focus_next()

    async def action_submit(self) -> None:
        if self._ends_paste():
            self.notify("This field is empty. Enter again leaves it empty.", timeout=4)
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
        """The fields after this one."""
        group = next((node for node in self.ancestors if isinstance(node, FieldGroup)), None)
        text_fields = group.text_fields if group is not None else [self]
        return text_fields[text_fields.index(self) + 1 :]


class FieldWithList(TextField):
    """A field with a list beside it: → at the end of the text goes there."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("right", "cursor_right", "List", show=False, id="field.list")]

    def action_cursor_right(self, select: bool = False) -> None:
        beside = self.parent.query_children(f".{BESIDE_FIELD}") if self.parent is not None else ()
        if beside and not select and self.cursor_at_end:
            self.screen.set_focus(beside.first(Widget))
        else:
            super().action_cursor_right(select)


_ROWS = frozenset({"field", "pair", "buttons"})
"""The classes of what arrows go through as one: its first widget gets the focus."""


def field_rows(container: Widget) -> dict[Widget, Widget]:
    """The rows of what Tab visits, in its order, each with its first widget that can have the focus.

    A row is a field, a row of a table, a row of buttons, or whatever else is in none of them, such as a list.
    """
    found: dict[Widget, Widget] = {}
    for widget in container.screen.focus_chain:
        if container in widget.ancestors:
            found.setdefault(_row_of(widget), widget)
    return found


def _row_of(widget: Widget) -> Widget:
    around = (each for each in widget.ancestors_with_self if isinstance(each, Widget))
    return next((each for each in around if not _ROWS.isdisjoint(each.classes)), widget)


def _may_leave(focused: Widget, key: str) -> bool:
    """Whether ↓ or ↑ leaves this widget: one of several lines only from its last or first one."""
    if isinstance(focused, TextArea):
        row = focused.cursor_location[0]
        return row == (focused.document.line_count - 1 if key == "down" else 0)
    if isinstance(focused, BoundedList):
        return focused.at_end(1 if key == "down" else -1)
    return True


NOT_BY_ARROWS = "not-by-arrows"
"""The class of a row that ↓ and ↑ pass by: what is typed next would change a text in it that is only looked at."""


def move_to_row(container: Widget, key: str) -> bool:
    """↓ and ↑ go to the next and previous row; False where there is none, or where the key belongs to the widget."""
    focused, first = container.screen.focused, field_rows(container)
    row = _row_of(focused) if focused is not None else None
    if focused is None or row not in first or not _may_leave(focused, key):
        return False
    rows = [each for each in first if each is row or not each.has_class(NOT_BY_ARROWS)]
    index = rows.index(row) + (1 if key == "down" else -1)
    target = first[rows[index]] if 0 <= index < len(rows) else None
    if target is not None:
        container.screen.set_focus(target)
    return target is not None


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
        mark.update(Content(shown_line(text)))
        mark.set_class(bool(text), "marked")
        mark.set_class(bad, "bad")


class FieldRow(Vertical):
    """A label and the field. A short mark after it, and the problem below, are mounted when there is one."""

    def __init__(self, name: str, label: str, widget: Widget, about: str = "") -> None:
        super().__init__(id=f"row-{name}", classes="field")
        self.field_name, self.label, self.about = name, label, about
        self._line = Horizontal(Static(Content(shown_line(label)), classes="label"), widget)
        self._problem_text: Static | None = None
        self._has_bad_mark = self._has_problem = False

    def compose(self) -> ComposeResult:
        yield self._line

    def help_text(self) -> str:
        return f"{self.label}\n{self.about}" if self.about else ""

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
            self._problem_text.update(Prose(Content(shown(f"✘ {text}"))) if text else "")
            self._problem_text.set_class(bool(text), "there")
        self._has_problem = bool(text)
        self._draw_wrong()

    def _draw_wrong(self) -> None:
        self.set_class(self._has_bad_mark or self._has_problem, "wrong")


class JsonField(SeveralLines):
    """Several lines of JSON. Enter starts a new line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open_editor", "Open in $EDITOR", id="json.editor", priority=True)
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"paint--key", "paint--string", "paint--number"}

    @dataclass
    class EditorRequested(Message):
        """Open the text in the user's editor."""

        json_field: JsonField

        @property
        def control(self) -> JsonField:
            return self.json_field

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end, kind in json_spans(line.plain):
            line.stylize(self.get_component_rich_style(f"paint--{kind}", partial=True), start, end)
        return line

    def action_open_editor(self) -> None:
        self.post_message(self.EditorRequested(self))
