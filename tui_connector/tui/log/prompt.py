"""The input line below the log: a filter, a search of the list, or a text to find in the detail."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from ...log.expressions import Filter
from ...log.filter import BadFilter, help_rows, parse, reading
from ...log.filter_corrections import Correction, applied, corrected, corrected_search
from ...misspelling import MISSPELT
from ...text import shown_line
from .._textual import remove_read_notifications
from ..widgets.prose import Prose, show_text
from ..widgets.safe_input import SafeInput

Purpose = Literal["filter", "search", "find"]
"""The list's filter, a search of the list for a text or a filter, or a text to find in the detail."""

_LABELS = {"filter": "filter ", "search": "search ", "find": "find   "}
_LABEL = 8
_MAX_MEANT = 30
"""Characters of what was meant in the message below the line, which must have room for the key that takes it."""
_MAX_READ = 36
"""Characters of how a filter is read."""
_EMPTY_HELP = "post  404  products  status >= 400  time > 1s  ~e errors  ~b body · F1: help"
_SEARCH_HELP = "Searches rows, headers and bodies; or a filter, as status >= 400 · F1: help"
_SEARCH_KEYS = "Enter: find · then n: next, N: previous"
_VALID_HELP = "Enter: apply · Esc: cancel · F1: help"
_CRITERION_HELP = "Finds a search criterion of requests · Enter: apply · Esc: cancel · F1: help"


class LogPrompt(Vertical):
    """The input line for a filter or a search. A valid filter applies immediately."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # priority: the field has its own Enter, which the footer does not show
        Binding("enter", "enter", "Apply", id="prompt.enter", priority=True),
        Binding("escape", "cancel", "Cancel", id="prompt.cancel"),
        Binding("tab", "correct", "Replace", show=False, id="prompt.correct", tooltip="Replace by what was meant"),
        Binding("down", "enter", "To the match", show=False, id="prompt.down"),
    ]

    @dataclass
    class Entered(Message):
        """A valid line was typed; `final` once it was entered."""

        purpose: Purpose
        text: str
        final: bool

    @dataclass
    class Cancelled(Message):
        """Esc: restore the previous text."""

        purpose: Purpose
        before: str

    def __init__(self, fields: Callable[[], Collection[str]]) -> None:
        """`fields` returns those that the requests of the log have."""
        super().__init__(id="log-prompt")
        self._fields = fields
        self.purpose: Purpose = "filter"
        self._before = ""
        self._correction: Correction | None = None
        """What was probably meant by what is typed."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("", classes="label")
            typed = SafeInput(compact=True, id="log-typed")
            typed.is_suggestion = True  # what is typed replaces the last filter or search
            yield typed
        yield Static("", classes="message")

    def open(self, purpose: Purpose, text: str) -> None:
        """Opens the line; `text` is its initial content."""
        self.purpose, self._before = purpose, text
        remove_read_notifications(self.app)
        self.query_one(".label", Static).update(Content(_LABELS[purpose]))
        typed = self.query_one(Input)
        with typed.prevent(Input.Changed):
            typed.value = text
        self._check()
        typed.focus()

    def show_message(self, text: str) -> None:
        """Shows a text under the line."""
        self._show(text)
        self.query_one(".message").remove_class("bad")

    def _show(self, text: str) -> None:
        show_text(self.query_one(".message", Static), Prose(Content(shown_line(text))))

    @property
    def key_titles(self) -> dict[str, str]:
        """Titles of keys that depend on what the line is for, for the footer."""
        return {} if self.purpose == "filter" else {"prompt.enter": "Find"}

    def help_text(self) -> str:
        rows = "\n".join(f"  {example:<27}  {text}" for example, text in help_rows())
        return f"The filter\nAdjacent terms must all match. Case does not matter.\n{rows}"

    def _check(self) -> bool:
        """Whether the text is valid; shows a message about it."""
        typed, wanted = self.query_one(Input).value, Filter()
        self._correction = None
        if self.purpose == "find":
            self.show_message(_SEARCH_KEYS)
            return True
        try:
            if self.purpose == "filter" or "~" in typed:
                wanted = parse(typed)
        except BadFilter as error:
            self._show_error(error)
            return False
        if self.purpose == "search":
            self._correction = corrected_search(typed, MISSPELT, self._fields())
            found = f"{self._offer('Did you mean')} · {_SEARCH_KEYS}" if self._correction else _SEARCH_KEYS
            self.show_message(found if typed else _SEARCH_HELP)
        else:
            help_of_valid = _CRITERION_HELP if wanted.conditions else _VALID_HELP
            if understood := reading(typed):
                help_of_valid = f"Read as {shown_line(understood, _MAX_READ)} · {_VALID_HELP}"
            self._correction = corrected(typed, MISSPELT, self._fields())
            if self._correction:
                found = "a search criterion" if self._correction.is_criterion else "this text"
                help_of_valid = f"{self._offer(f'Finds {found}; did you mean')} · Enter: apply"
                if self._correction.is_certain:
                    help_of_valid = f"Enter: apply as {applied(typed)} · in quotes, it finds the text"
            self.show_message(help_of_valid if typed else _EMPTY_HELP)
        return True

    def _offer(self, words: str) -> str:
        """The question for the correction, with the key that takes it."""
        return f"{words} {shown_line(self._correction.meant, _MAX_MEANT)}? Tab: replace" if self._correction else ""

    def action_correct(self) -> None:
        """Replaces what was typed by what was probably meant."""
        if self._correction:
            self.query_one(Input).value = self._correction.text

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "correct" and self._correction is None:
            return False
        return super().check_action(action, parameters)

    def _show_error(self, error: BadFilter) -> None:
        """Shows the message with an arrow at the column of the error, or the column as a number."""
        column = _LABEL + error.column - 1 - int(self.query_one(Input).scroll_offset.x)
        before, behind = f"{error.message} ^", f"^ {error.message}"
        if column + len(behind) <= self.size.width:
            text = " " * column + behind
        elif column + 1 >= len(before):
            text = " " * (column + 1 - len(before)) + before
        else:
            text = str(error) if len(str(error)) <= self.size.width else error.message
        self._show(text)
        self.query_one(".message").add_class("bad")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._check() and self.purpose != "find":
            # not the value of the event: more may have been typed since, and was checked
            self.post_message(self.Entered(self.purpose, self.query_one(Input).value, final=False))

    def action_enter(self) -> None:
        if not self._check():
            return
        typed = self.query_one(Input)
        if self.purpose == "filter" and (meant := applied(typed.value)) != typed.value:
            typed.value = meant
            self.notify(f"Applied as {shown_line(meant, 60)}. In quotes, it finds the text.", markup=False)
        self.post_message(self.Entered(self.purpose, typed.value, final=True))

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled(self.purpose, self._before))
