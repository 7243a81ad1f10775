"""The input of every field of one line."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widgets import Input
from textual.widgets.input import Selection

from ...text import dotted, printable_line, shown_middle

NOTHING_TO_UNDO = "Nothing to undo in this field."
"""What ^Z says where nothing was changed."""


class _SecretsAsDots(Highlighter):
    """Draws the secrets of this session as dots; the value stays as it was typed."""

    def highlight(self, text: Text) -> None:
        if (dots := dotted(text.plain)) != text.plain:
            text.plain = dots


class SafeInput(Input):
    """An input that makes control characters of a paste visible.

    A password stays unchanged, as only dots are drawn, and is not copied.

    A value is not selected when its field gets the focus: a stray letter would replace it. The cursor is at its end,
    and ^U deletes it, wherever the cursor is. A suggestion is selected: what is typed replaces it.

    ^Z restores the value from before ^U, or else from before what was typed since the field got the focus; again, the
    one before that. What the program puts into the field cannot be undone.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+u", "delete_left_all", "Delete the value", id="field.delete", show=False),
        Binding("ctrl+z", "restore", "Undo", id="field.restore", show=False),
    ]

    is_suggestion = False
    _is_being_edited = False
    """Whether the value from before the last change is kept already."""
    _is_edit = False
    """Whether the value is being changed by its user."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._former: list[str] = []
        """The values that ^Z restores, the next one last; never a secret."""
        super().__init__(*arguments, select_on_focus=False, **options)
        self.highlighter = _SecretsAsDots()

    def on_focus(self, event: events.Focus) -> None:
        self._is_being_edited = False
        if not event.from_app_focus:
            end = len(self.value)
            self.selection = Selection(0 if self.is_suggestion else end, end)
            self._show_cursor()

    def on_resize(self) -> None:
        if self.has_focus:  # a mark beside it may take its room
            self._show_cursor()

    def _show_cursor(self) -> None:
        """Scrolls to the cursor: Input does so only where it moves, and not for the first value."""
        cursor = Region(cell_len(self.value[: self.cursor_position]), 0, 1, 1)
        self.scroll_to_region(cursor, force=True, animate=False)

    def watch_value(self, value: str) -> None:
        self.cursor_position = len(value)  # keys set it to their own place after that
        if not self._is_edit:
            self._former.clear()

    def action_delete_left_all(self) -> None:
        """Deletes the whole value."""
        self._is_being_edited = False
        self.replace("", 0, len(self.value))

    def insert_paste(self, text: str) -> None:
        """Inserts the first line that is not empty, and says that it was not all."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            self.replace(lines[0], *self.selection)
        if len(lines) > 1:
            self.notify(f"The field has one line: the first of {len(lines)} lines was pasted.", timeout=6)

    def action_copy(self) -> None:
        if not self.password:
            super().action_copy()

    def action_cut(self) -> None:
        if not self.password:
            super().action_cut()

    def action_restore(self) -> None:
        """Restores the value from before the last changes."""
        former = self._former.pop()
        self._is_being_edited = True  # what it replaces is not kept
        self.replace(former, 0, len(self.value))
        self._is_being_edited = False

    @property
    def can_restore(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._former)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.can_restore if action == "restore" else super().check_action(action, parameters)

    def why_not(self, action: str) -> str:
        return NOTHING_TO_UNDO if action == "restore" and self.has_focus else ""

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
        before = self.value
        self._is_edit = True
        try:
            super().replace(self.validate_value(text), start, end)  # sanitised, so that the cursor is after it
        finally:
            self._is_edit = False
        if self.value != before and not self.password and not self._is_being_edited:
            self._former.append(before)
            self._is_being_edited = True
