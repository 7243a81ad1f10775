"""A list of parts in order: a adds, d removes, J and K move, Enter edits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...text import shown_line


class OrderedList(OptionList):
    """Its owner makes the changes and fills it again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a,plus", "add", "Add", id="parts.add"),
        Binding("d,delete", "remove", "Remove", id="parts.remove"),
        Binding("J,shift+down", "move(1)", "Move down", id="parts.down"),
        Binding("K,shift+up", "move(-1)", "Move up", id="parts.up"),
    ]

    @dataclass
    class AddWanted(Message):
        """Another part is wanted."""

        parts: OrderedList

        @property
        def control(self) -> OrderedList:
            return self.parts

    @dataclass
    class Removed(Message):
        """The part at this place is to go."""

        parts: OrderedList
        index: int

        @property
        def control(self) -> OrderedList:
            return self.parts

    @dataclass
    class Moved(Message):
        """The part at this place is to change places with the one N rows on."""

        parts: OrderedList
        index: int
        by: int

        @property
        def control(self) -> OrderedList:
            return self.parts

    def fill(self, lines: Iterable[str]) -> None:
        """Shows these parts, and keeps the place in the list."""
        place = self.highlighted or 0
        self.clear_options()
        self.add_options(Option(Content(shown_line(f"{n} {line}"))) for n, line in enumerate(lines, 1))
        if self.option_count:
            self.highlighted = min(place, self.option_count - 1)

    def action_add(self) -> None:
        self.post_message(self.AddWanted(self))

    def action_remove(self) -> None:
        if self.highlighted is not None:
            self.post_message(self.Removed(self, self.highlighted))

    def action_move(self, by: int) -> None:
        index = self.highlighted
        if index is not None and 0 <= index + by < self.option_count:
            self.highlighted = index + by
            self.post_message(self.Moved(self, index, by))

    def help_text(self) -> str:
        return "An ordered list\na: add, d: remove, J and K: move down and up, Enter: edit."
