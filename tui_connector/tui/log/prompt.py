"""The line in which the log's filter or a search is typed, with what is wrong with it under the place where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from ...log.filter import BadFilter, Filter, help_rows, parse
from ...text import shown_line
from ..line import Line

Purpose = Literal["filter", "search", "find"]
"""What is typed: the list's filter, a search in the list (in the filter's words), or a text to find in the detail."""

_LABELS = {"filter": "filter ", "search": "search ", "find": "find   "}
_LABEL = 8
_HELP = "path  ~s 4xx  ~m post  ~e error  ~t 1s  ~w run  ~h header  ~b body  & | ! ()  F1"
_READ = "Enter keeps it, Esc takes it back"


class LogPrompt(Vertical):
    """Takes one line. What it says is checked at every key, and used at once where it can be read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Back as it was", show=False, id="prompt.cancel"),
        Binding("down", "enter", "To what was found", show=False, id="prompt.down"),
    ]

    @dataclass
    class Said(Message):
        """Something that can be read stands in the line; `final` once it was entered."""

        purpose: Purpose
        text: str
        filter: Filter
        final: bool

    @dataclass
    class Cancelled(Message):
        """Esc: what was before is to be again."""

        purpose: Purpose
        before: str

    def __init__(self) -> None:
        super().__init__(id="log-prompt")
        self.purpose: Purpose = "filter"
        self._before = ""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("", classes="label")
            yield Line(compact=True, id="log-typed", select_on_focus=False)
        yield Static("", classes="told")

    def ask(self, purpose: Purpose, text: str) -> None:
        """Opens the line for this; `text` is what it held before."""
        self.purpose, self._before = purpose, text
        self.query_one(".label", Static).update(Content(_LABELS[purpose]))
        typed = self.query_one(Input)
        with typed.prevent(Input.Changed):
            typed.value = text
        typed.cursor_position = len(text)
        self._check()
        typed.focus()

    def tell(self, words: str) -> None:
        """Says something under the line, such as how many were found."""
        told = self.query_one(".told", Static)
        told.update(Content(shown_line(words)))
        told.remove_class("bad")

    def help_words(self) -> str:
        rows = "\n".join(f"  {example:<30} {words}" for example, words in help_rows())
        return f"The filter\nAdjacent terms must all match. Case does not matter.\n{rows}"

    def _check(self) -> Filter | None:
        typed = self.query_one(Input).value
        if self.purpose == "find":
            self.tell("Enter finds; then n and N go on and back")
            return Filter()
        try:
            read = parse(typed)
        except BadFilter as error:
            self._point_at(error)
            return None
        self.tell(_READ if typed else _HELP)
        return read

    def _point_at(self, error: BadFilter) -> None:
        """The message, with an arrow under the column where it went wrong; or with the column in words."""
        place = _LABEL + error.column - 1 - int(self.query_one(Input).scroll_offset.x)
        before, behind = f"{error.message} ^", f"^ {error.message}"
        if place + len(behind) <= self.size.width:
            words = " " * place + behind
        elif place + 1 >= len(before):
            words = " " * (place + 1 - len(before)) + before
        else:
            words = str(error)
        told = self.query_one(".told", Static)
        told.update(Content(shown_line(words)))
        told.add_class("bad")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        read = self._check()
        if read is not None and self.purpose == "filter":
            # not the value of the event: more may have been typed since, and that is what was read
            self.post_message(self.Said(self.purpose, self.query_one(Input).value, read, final=False))

    @on(Input.Submitted)
    def action_enter(self) -> None:
        read = self._check()
        if read is not None:
            self.post_message(self.Said(self.purpose, self.query_one(Input).value, read, final=True))

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled(self.purpose, self._before))
