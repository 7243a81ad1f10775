"""An ordered list: a adds, d removes, z undoes, J and K move, e edits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from ...text import shown_line
from .bounded_list import BoundedList
from .frame import TONES


class OrderedList(BoundedList):
    """Posts requests for changes; the parent makes them and fills the list again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a,plus", "add", "Add", id="parts.add"),
        Binding("d,delete", "remove", "Remove", id="parts.remove"),
        Binding("J,shift+down", "move(1)", "Move down", id="parts.down"),
        Binding("K,shift+up", "move(-1)", "Move up", id="parts.up"),
        Binding("z,ctrl+z", "undo", "Undo", id="parts.undo"),
        Binding("e,enter", "select", "Edit", show=False, id="parts.edit"),
    ]

    @dataclass
    class AddRequested(Message):
        """Add an item."""

        ordered_list: OrderedList

        @property
        def control(self) -> OrderedList:
            return self.ordered_list

    @dataclass
    class RemoveRequested(Message):
        """Remove the item at this index."""

        ordered_list: OrderedList
        index: int

        @property
        def control(self) -> OrderedList:
            return self.ordered_list

    @dataclass
    class MoveRequested(Message):
        """Swap the item at this index with the one `by` rows below."""

        ordered_list: OrderedList
        index: int
        by: int

        @property
        def control(self) -> OrderedList:
            return self.ordered_list

    @dataclass
    class UndoRequested(Message):
        """Undo the last removal or move."""

        ordered_list: OrderedList

        @property
        def control(self) -> OrderedList:
            return self.ordered_list

    _count = 0
    """The number of items."""

    def __init__(self, *, part_name: str, id: str) -> None:  # noqa: A002 - Textual's name
        """`part_name`: what messages call it."""
        super().__init__(id=id)
        self.part_name = part_name

    @property
    def shows_cursor(self) -> bool:
        """Only while it has the focus: its items are no choice of one."""
        return self.has_focus

    def fill(
        self,
        lines: Iterable[str],
        problems: Mapping[int, str] | None = None,
        remarks: Mapping[int, str] | None = None,
    ) -> None:
        """Shows these items, and by index the problems of some, or what is remarked on; the cursor stays on its row."""
        problems, remarks = problems or {}, remarks or {}
        place, items = self.highlighted or 0, list(lines)
        self._count = len(items)
        self.clear_options()
        for index, line in enumerate(items):
            words = ("", "")
            if index in problems:
                words = (f"  ✘ {shown_line(problems[index])}", TONES["error"])
            elif index in remarks:
                words = (f"  ! {shown_line(remarks[index])}", TONES["warning"])
            self.add_option(Option(Content.assemble(shown_line(f"{index + 1} {line}"), words)))
        if items:
            self.highlighted = min(place, len(items) - 1)
        else:
            self.add_option(Option(Content("none: a adds one"), disabled=True))

    def enter_by(self, key: str) -> None:
        if self._count:
            self.highlighted = 0 if key == "down" else self._count - 1

    def action_add(self) -> None:
        self.post_message(self.AddRequested(self))

    def action_remove(self) -> None:
        if self.highlighted is not None and self._count:
            self.post_message(self.RemoveRequested(self, self.highlighted))

    def action_move(self, by: int) -> None:
        index = self.highlighted
        if index is not None and 0 <= index + by < self._count:
            self.highlighted = index + by
            self.post_message(self.MoveRequested(self, index, by))

    def action_undo(self) -> None:
        self.post_message(self.UndoRequested(self))

    def help_text(self) -> str:
        return "An ordered list\na: add, d: remove, z: undo, J and K: move down and up, e: edit."
