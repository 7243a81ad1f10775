"""The list of a profile's parts, family by family, each with what its last test said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...guide.parts import FAMILIES, Part
from ...text import shown_line


class PartList(OptionList):
    """Rows of parts below the titles of their families."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Edit", id="page.edit"),
        Binding("j", "cursor_down", "Next", show=False, id="page.next"),
        Binding("k", "cursor_up", "Previous", show=False, id="page.previous"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._rows: list[Part | None] = []

    def fill(self, parts: Iterable[Part], mark: Callable[[Part], str], width: int) -> None:
        """Shows these parts; the cursor stays where it was."""
        parts, highlighted = list(parts), self.highlighted
        self.clear_options()
        self._rows = []
        for family, title in FAMILIES.items():
            self._add(title)
            for part in (each for each in parts if each.family == family):
                self._rows.append(part)
                off = " (disabled)" if part.disabled else ""
                line = f"  {mark(part)} {part.name + off:<18} {part.words}"
                self.add_option(Option(Content(shown_line(line, width))))
            if self._rows[-1] is None:
                self._add("    none")
        choosable = [index for index, row in enumerate(self._rows) if row is not None]
        if choosable:
            self.highlighted = highlighted if highlighted in choosable else choosable[0]

    def _add(self, title: str) -> None:
        self._rows.append(None)
        self.add_option(Option(Content(title), disabled=True))

    @property
    def chosen(self) -> Part | None:
        """The part under the cursor."""
        index = self.highlighted
        return self._rows[index] if index is not None and index < len(self._rows) else None
