"""Fields of several lines: text, and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Selection

from ...text import dotted, printable
from .focus_moves import move_focus
from .highlight import json_spans
from .json_places import part_to_correct
from .safe_input import NOTHING_TO_UNDO


class SafeTextArea(TextArea):
    """A text area that makes control characters visible, and draws the secrets of this session as dots.

    ^U deletes the whole value, as in a field of one line, and ^Z restores it. ↑ and ↓ move by rows as they are shown.
    They leave the field from its first and last row only as long as nothing was typed or moved in it since it got the
    focus: one row too far while editing would put what is typed next into another field. They always
    leave an empty one.
    """

    _is_in_use = False
    """Whether something was typed or moved since the field got the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+u", "delete_value", "Delete the value", id="field.delete", show=False),
        Binding("ctrl+z", "undo", "Undo", id="field.restore", show=False),
        Binding("ctrl+home", "to_start", "Start of the text", id="field.start", show=False),
        Binding("ctrl+end", "to_end", "End of the text", id="field.end", show=False),
    ]

    def may_leave(self, key: str) -> bool:
        """Whether ↓ or ↑ leaves the field."""
        if self._is_in_use and self.text:
            return False
        is_at_end = self.navigator.is_last_wrapped_line if key == "down" else self.navigator.is_first_wrapped_line
        return is_at_end(self.cursor_location)

    def on_focus(self, _: events.Focus) -> None:
        self._is_in_use = False

    def watch_selection(self) -> None:
        self._is_in_use = self._is_in_use or self.has_focus

    def action_delete_value(self) -> None:
        if not self.read_only:
            self.history.checkpoint()  # ^Z restores this apart from what was typed before
            self.clear()

    def action_to_start(self) -> None:
        self.move_cursor(self.document.start)

    def action_to_end(self) -> None:
        self.move_cursor(self.document.end)

    def edit(self, edit: Edit) -> EditResult:
        self._is_in_use = self._is_in_use or self.has_focus
        edit.text = printable(edit.text)
        return super().edit(edit)

    def why_not(self, action: str) -> str:
        return NOTHING_TO_UNDO if action == "undo" and self.has_focus else ""

    @property
    def can_restore(self) -> bool:
        """Whether there is something to undo."""
        return bool(self.history.undo_stack)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "undo":
            return self.can_restore
        # F6 and F7 are keys of the screens: with the whole text selected, the next letter would replace it
        return action not in ("select_all", "select_line") and super().check_action(action, parameters)

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        if (dots := dotted(line.plain)) != line.plain:
            line.plain = dots
        return line


class SeveralLines(SafeTextArea):
    """A field of several lines in a form; Tab leaves it, and so do ↑ and ↓ where it `may_leave`."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(text, id=id, compact=True, tab_behavior="focus")

    def action_cursor_up(self, select: bool = False) -> None:
        if not select and self.may_leave("up"):
            move_focus(self.screen, -1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        if not select and self.may_leave("down"):
            move_focus(self.screen, 1)
        else:
            super().action_cursor_down(select)


class JsonArea(SeveralLines):
    """Several lines of JSON. Enter starts a new line, indented as the one before."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"paint--key", "paint--string", "paint--number"}

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter" and not self.read_only:
            event.stop()
            event.prevent_default()
            start, end = sorted(self.selection)
            before = self.document.lines[start[0]][: start[1]]
            indent = before[: len(before) - len(before.lstrip(" \t"))]
            self.replace(f"\n{indent}", start, end, maintain_selection_offset=False)

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end, kind in json_spans(line.plain):
            line.stylize(self.get_component_rich_style(f"paint--{kind}", partial=True), start, end)
        return line


class JsonField(JsonArea):
    """JSON that its user may open in an editor, where its screen does not offer that for more than this field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open_editor", "Open in $EDITOR", id="json.editor", priority=True)
    ]

    part_name = ""
    """What messages call it, where it is not in a row that has a name."""

    @dataclass
    class EditorRequested(Message):
        """Open the text in the user's editor."""

        json_field: JsonField

        @property
        def control(self) -> JsonField:
            return self.json_field

    def action_open_editor(self) -> None:
        self.post_message(self.EditorRequested(self))

    def move_to_problem(self, path: Sequence[str | int] = (), *, of_key: bool = False) -> None:
        """Selects what is wrong at this path, so that any key which deletes or types corrects it.

        The cursor is put where something is missing. `of_key`: it is about the last name of the path.
        """
        self.selection = Selection(*part_to_correct(self.text, path, of_key=of_key))
        self.scroll_cursor_visible()
