"""Finds and replaces in the text of the editor."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from ..widgets.fields import SafeInput
from .area import TomlArea


class SearchInput(SafeInput):
    """The text to find."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.accept_match", "To the match", id="editor.find-enter", show=False),
        Binding("escape", "screen.close_search", "Close", id="editor.find-close"),
    ]


class ReplacementInput(SafeInput):
    """What it is replaced by."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.replace", "Replace", id="editor.replace-enter", show=False),
        Binding("escape", "screen.close_search", "Close", id="editor.find-close"),
    ]


class SearchBar(Vertical):
    """What to find in the text, and what to replace it by. Case is ignored."""

    def __init__(self, area: TomlArea, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._text_area = area
        self._wanted = SearchInput(placeholder="Find", compact=True, id="editor-find")
        self._wanted.is_suggestion = True  # what is typed replaces it
        self._replacement = ReplacementInput(placeholder="Replace with", compact=True, id="editor-replacement")

    def compose(self) -> ComposeResult:
        yield self._wanted
        yield self._replacement

    @property
    def is_open(self) -> bool:
        return self.has_class("there")

    @property
    def has_text(self) -> bool:
        """Whether there is a text to find, also while the bar is closed."""
        return bool(self._wanted.value)

    @property
    def can_replace(self) -> bool:
        """Whether the user has come to what replaces the text: without that, replacing would delete."""
        return self.is_open and self.has_text and (self._replacement.has_focus or bool(self._replacement.value))

    def open(self, *, to_replace: bool = False) -> None:
        """Shows the bar, with the selected text as the one to find; `to_replace`: at its replacement, if it has any."""
        self.add_class("there")
        chosen = self._text_area.selected_text
        if chosen and "\n" not in chosen:
            self._wanted.value = chosen
        if to_replace and self.has_text:
            self._replacement.focus()
            self.find(from_here=True)
        else:
            self._wanted.focus()
        self._wanted.select_all()  # where it has the focus already
        self._text_area.highlight_text(self._wanted.value)

    def close(self) -> None:
        self.remove_class("there")
        self._text_area.highlight_text("")
        self._text_area.border_subtitle = ""
        self._text_area.focus()

    @on(Input.Changed, "#editor-find")
    def _on_typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self._text_area.highlight_text(event.value)
            self.find(from_here=True)
            self.screen.refresh_bindings()  # there may be no text to find, or one again

    def find(self, *, from_here: bool = False) -> None:
        """Selects the next match, from the start again after the last one; `from_here`: also the selected one."""
        wanted = self._wanted.value.lower()
        if not wanted:
            return
        area = self._text_area
        text = area.text.lower()
        at = area.offset_of_cursor
        if from_here:
            at = max(0, at - len(area.selected_text))
        found = text.find(wanted, at)
        if found < 0:
            found = text.find(wanted)
        if found < 0:
            area.border_subtitle = "no match"
            return
        area.border_subtitle = f"{text.count(wanted, 0, found) + 1} of {text.count(wanted)}"
        area.selection = type(area.selection)(area.location(found), area.location(found + len(wanted)))
        area.scroll_cursor_visible(center=True)

    def replace(self) -> None:
        """Replaces the match that is selected, and goes to the next one."""
        area, wanted = self._text_area, self._wanted.value
        if wanted and area.selected_text.lower() == wanted.lower():
            area.replace(self._replacement.value, *area.selection)
        self.find()

    def replace_all(self) -> int:
        """Replaces every match; returns how many."""
        wanted, text, at = self._wanted.value.lower(), self._text_area.text, 0
        pieces: list[str] = []
        while wanted and (found := text.lower().find(wanted, at)) >= 0:
            pieces += [text[at:found], self._replacement.value]
            at = found + len(wanted)
        if pieces:
            self._text_area.show("".join([*pieces, text[at:]]))
        return len(pieces) // 2
