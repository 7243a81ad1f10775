"""Finds and replaces in the text of the editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Input, Static
from textual.widgets.text_area import Selection

from ..keys import keys_of
from ..widgets.safe_input import SafeInput
from .area import TomlArea


class SearchInput(SafeInput):
    """The text to find. What is typed replaces the last one."""

    is_suggestion = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.accept_match", "To the match", id="editor.find-enter"),
        Binding("escape", "screen.close_search", "Close", id="editor.find-close"),
    ]

    @property
    def key_titles(self) -> Mapping[str, str]:
        return {"editor.find-enter": "Replace with"} if self.screen.query_one(SearchBar).is_replacing else {}


class ReplacementInput(SafeInput):
    """What it is replaced by. What is typed replaces the last one."""

    is_suggestion = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.replace", "Replace", id="editor.replace-enter"),
        Binding("escape", "screen.close_search", "Close", id="editor.find-close"),
    ]


class SearchBar(Vertical):
    """What to find in the text and, where it replaces, what to replace it by. Case is ignored."""

    def __init__(self, area: TomlArea, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._text_area = area
        self._wanted = SearchInput(compact=True, id="editor-find")
        self._replacement = ReplacementInput(compact=True, id="editor-replacement")
        self._finding_keys = Static("", classes="quiet")
        self._replacing_keys = Static("", classes="quiet")
        self._match: Selection | None = None
        """The match that was found last, which is selected in the text; None where Esc has ended the search."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("Find", classes="label")
            yield self._wanted
            yield self._finding_keys
        with Horizontal(id="editor-replacing"):
            yield Static("Replace with", classes="label")
            yield self._replacement
            yield self._replacing_keys

    @property
    def is_open(self) -> bool:
        return self.has_class("there")

    @property
    def is_replacing(self) -> bool:
        """Whether the bar is open with the line of the replacement."""
        return self.is_open and self.has_class("replacing")

    @property
    def has_text(self) -> bool:
        """Whether there is a text to find, also while the bar is closed."""
        return bool(self._wanted.value)

    @property
    def can_replace(self) -> bool:
        """Whether the user has come to what replaces the text: without that, replacing would delete."""
        return self.is_replacing and self.has_text and (self._replacement.has_focus or bool(self._replacement.value))

    def open(self, *, to_replace: bool = False) -> None:
        """Shows the bar, with the selected text as the one to find; `to_replace`: at its replacement, if it has any."""
        self.add_class("there")
        self.set_class(to_replace, "replacing")
        self._show_keys()
        chosen = self._text_area.selected_text
        if chosen and "\n" not in chosen:
            self._wanted.value = chosen
        if to_replace and self.has_text:
            self.focus_replacement()
            self.find(from_here=True)
        else:
            self._wanted.focus()
        self._wanted.select_all()  # where it has the focus already
        self._text_area.highlight_text(self._wanted.value)

    def focus_replacement(self) -> None:
        self._replacement.focus()

    def _show_keys(self) -> None:
        """Shows the keys beside the fields: the footer has no room for all of them."""
        finding = {"editor.find-next": "next", "editor.find-previous": "previous"}
        if not self.is_replacing:
            finding["editor.replace"] = "replace"
        replacing = self._titled(self._replacement, {"editor.replace-enter": "replace"})
        replacing += self._titled(self.screen, {"editor.replace-all": "replace all"})
        self._finding_keys.update(Content(" · ".join(self._titled(self.screen, finding))))
        self._replacing_keys.update(Content(" · ".join(replacing)))

    @staticmethod
    def _titled(node: DOMNode, titles: Mapping[str, str]) -> list[str]:
        return [f"{key}: {title}" for name, title in titles.items() for key in keys_of(node, name)[:1]]

    def close(self, *, at_match: bool = False) -> None:
        """Hides the bar; unless it leaves the cursor `at_match`, the search has ended."""
        if not at_match:
            self._match = None
        self.remove_class("there")
        self._text_area.highlight_text("")
        self._text_area.border_subtitle = ""
        self._text_area.focus()

    def end(self) -> bool:
        """Ends a search whose match is still selected, although the bar is closed; False where there is none."""
        match, self._match = self._match, None
        is_shown = match is not None and match == self._text_area.selection
        if is_shown:
            self._text_area.selection = Selection.cursor(self._text_area.selection.end)
        return is_shown

    @on(Input.Changed, "#editor-find")
    def _on_typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self._text_area.highlight_text(event.value)
            self.find(from_here=True)
            self.screen.refresh_bindings()  # there may be no text to find, or one again

    def find(self, *, from_here: bool = False, backwards: bool = False) -> bool:
        """Selects the next match, from the start again after the last one; whether there is any.

        `from_here`: also the selected one; `backwards`: the previous match, from the end again after the first one.
        """
        wanted = self._wanted.value.lower()
        if not wanted:
            return False
        area = self._text_area
        text = area.text.lower()
        at = area.offset_of_cursor
        if from_here or backwards:
            at = max(0, at - len(area.selected_text))
        if backwards:
            found = text.rfind(wanted, 0, max(0, at + len(wanted) - 1))
            if found < 0:
                found = text.rfind(wanted)
        else:
            found = text.find(wanted, at)
            if found < 0:
                found = text.find(wanted)
        if found < 0:
            area.border_subtitle = "no match"
            if self._match == area.selection:  # of the beginning of the text to find: it would be the next one to find
                area.selection, self._match = Selection.cursor(area.selection.start), None
            return False
        area.border_subtitle = f"{text.count(wanted, 0, found) + 1} of {text.count(wanted)}"
        area.selection = self._match = Selection(area.location(found), area.location(found + len(wanted)))
        area.scroll_cursor_visible(center=True)
        return True

    def replace(self) -> bool:
        """Replaces the match that is selected, and goes to the next one; whether there was any."""
        area, wanted = self._text_area, self._wanted.value
        is_match = bool(wanted) and area.selected_text.lower() == wanted.lower()
        if is_match:
            area.replace(self._replacement.value, *area.selection)
        return self.find() or is_match

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
