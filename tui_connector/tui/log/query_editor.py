"""The query of a request that is edited: its lines, what they can become, and below them what is sent."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static, TextArea

from ...errors import InvalidValue
from ...guide.requests.query_doubts import doubts
from ...guide.requests.query_lines import (
    LineSuggestion,
    in_short,
    is_incomplete,
    is_short,
    sent_parameters,
    suggested_lines,
    unsendable,
)
from ...guide.rest_api import ApiPath
from ...text import shown, shown_line
from ..widgets.dialog_panel import DialogPanel
from ..widgets.frame import Dialog
from .request_text import split_query
from .suggestions import QueryField, Suggestion, SuggestionList

_HEADING = "Query, one parameter per line, or in short: where …, sort …, page …"
_MAX_SENT = 2_000
"""Characters of what is sent, and of each doubt, that are shown."""
_SENT_ROWS, _DOUBTS = 2, 2
"""Rows of what is sent, and doubts, that are shown below the query: the body needs the room, too."""
LEAST_ROWS, _MOST_ROWS = 2, 12
"""Rows of the field."""
_LEAST_WIDTH = 20


class QueryTarget(NamedTuple):
    """The path that has the query."""

    path: str | None
    """As in the schema of the store; None for an address that the schema does not describe."""
    known: ApiPath | None
    """What the path accepts, if that is known."""
    method: str
    """In upper case."""


class QueryEditor(Vertical):
    """A query, one parameter per line or in short, with suggestions, what is sent, and what is odd about it."""

    def __init__(self, target: Callable[[], QueryTarget], changed: Callable[[], object]) -> None:
        """`changed` is called after the rows that it needs may have changed."""
        super().__init__(id="resend-query-editor")
        self._target, self._changed = target, changed
        self._raw_lines: list[str] = []
        self._shown_doubts: Sequence[str] = ()
        self._shown_sent: Sequence[str] = ()
        """What is odd about the query, and the parameters that are sent."""
        self._left_out: Sequence[int] = ()
        """The numbers of the lines that lack their end: no parameters are shown for them."""
        self._fault = ""
        """What is invalid, in place of both."""
        self._filled = ""
        """The query as it was filled in, its search criteria in short, and as it is sent while that is not edited."""
        self._note_rows = 0
        """The rows that tell what is sent for lines in short, and what is odd."""

    def compose(self) -> ComposeResult:
        yield Static(Content(_HEADING), classes="heading")
        yield QueryField(self.use_key, id="resend-query")
        yield SuggestionList(id="resend-parameters")
        yield Static("", id="resend-sent")

    @property
    def field(self) -> TextArea:
        return self.query_one("#resend-query", TextArea)

    @property
    def _list(self) -> SuggestionList:
        return self.query_one("#resend-parameters", SuggestionList)

    def fill(self, uri: str) -> None:
        """Shows the query of this address."""
        self._raw_lines = split_query(uri)[1]
        self._filled = shown("\n".join(in_short(_any_address(uri), self._raw_lines)))
        self.field.text = self._filled
        self.field.move_cursor((0, len(self.field.document.get_line(0))))  # what is typed continues the first line

    def encoded(self) -> str:
        """The query as it is sent. Raises `InvalidValue`."""
        sent = sent_parameters(self._lines())
        for number, line in enumerate(map(str.strip, self._lines()), 1):
            if line not in self._raw_lines and not is_short(line) and (fault := unsendable(line)):
                raise InvalidValue("query-line", f"Line {number} of the query: {fault}")
        return "&".join("&".join(each.encoded() for each in short) if short else line for line, short in sent)

    def doubts(self, *, typed: int = -1) -> list[str]:
        """What of the query is probably not meant as it is sent; `typed`: the line that is still being typed.

        Lines that lack their end are left out. Raises `InvalidValue`.
        """
        lines, target = _without_incomplete(self._lines()), self._target()
        sent_parameters(lines)
        return doubts(lines, sent_before=self._raw_lines, known=target.known, path=target.path, typed=typed)

    def show_doubts(self, odd: Sequence[str]) -> None:
        """Shows what is odd about the query and, for that and for lines in short, what is sent.

        Lines that lack their end are left out, and numbered. Raises `InvalidValue`.
        """
        typed = self.field.text.split("\n")
        complete = _without_incomplete(typed)
        sent, lines = sent_parameters(complete), list[str]()
        if odd or any(short for _, short in sent):
            for line, short in sent:
                lines += [each.encoded() for each in short] if short else [] if unsendable(line) else [line]
        shown_as = split_query(f"?{'&'.join(lines)}")[1] if lines else []  # as when the request is opened again
        if lines and self._lines() is self._raw_lines:
            shown_as = self._raw_lines
        left_out = [number for number, line in enumerate(typed, 1) if line != complete[number - 1]]
        self._set_note(odd=odd, sent=shown_as, left_out=left_out)

    @property
    def is_noted(self) -> bool:
        """Whether it tells what is sent, or what is odd."""
        return bool(self._shown_doubts or self._shown_sent)

    def show_fault(self, fault: str) -> None:
        """Shows why the query cannot be sent, in place of what is odd and what is sent."""
        self._set_note(fault)

    def show_whole_note(self) -> None:
        """Shows all that is sent for lines in short, and all that is odd."""
        self.app.push_screen(_NoteScreen(self._shown_doubts, self._shown_sent))

    def fit(self, rows: int) -> int:
        """Makes the field as high as its lines, where so many rows have room for it and the note; the rows it takes."""
        lines = self.field.wrapped_document.height + 1  # a text area has a row for what comes next
        height = max(LEAST_ROWS, min(_MOST_ROWS, lines, rows - self._note_rows))
        self.field.styles.max_height = height
        return height + self._note_rows

    @property
    def is_suggesting(self) -> bool:
        return self.field.has_focus and self._list.has_content

    def close_list(self) -> bool:
        """Closes the suggestions; False where there are none."""
        return self._list.close()

    def show_list(self, rows: int) -> None:
        """Lists suggestions while the field has the focus, in so many rows."""
        self._list.show(is_wanted=self.field.has_focus, rows=rows)

    def on_resize(self) -> None:
        self._show_note()

    @on(TextArea.SelectionChanged)
    def suggest(self) -> None:
        """Lists what the line at the cursor can become; nothing for one of a query that is as it was filled in."""
        line = self.field.document.get_line(self.field.cursor_location[0])
        target = self._target()
        is_begun = self.field.cursor_at_end_of_line and (not line or self.field.text != self._filled)
        found = suggested_lines(line, target.path or "", target.known, target.method) if is_begun else []
        self._list.offer(line, [_suggestion(each) for each in found], is_passed=not self.field.text)
        self._changed()

    @on(TextArea.Changed)
    def _query_changed(self) -> None:
        """Lists what fits the line, and shows what is sent for lines in short."""
        self.suggest()
        try:
            self.show_doubts(self.doubts(typed=self.field.cursor_location[0]))
        except InvalidValue as error:
            self._set_note(error.message)

    def on_key(self, event: events.Key) -> None:
        """↓ and ↑ choose a suggestion, at whose ends they go to another field; Tab takes one, or leaves."""
        if self.use_key(event.key):
            event.stop()
            event.prevent_default()

    def use_key(self, key: str) -> bool:
        """Whether this key of the field concerned its suggestions."""
        field, listed = self.field, self._list
        if not listed.display:
            return False
        if step := {"down": 1, "up": -1}.get(key, 0):
            return field.navigator.is_last_wrapped_line(field.cursor_location) and listed.choose(step)
        return (key == "tab" or (key == "enter" and listed.chosen is not None)) and self._complete()

    def _complete(self) -> bool:
        """Takes what was chosen for the line at the cursor, or what it begins; False where there is nothing to take."""
        field, listed = self.field, self._list
        row = field.cursor_location[0]
        if listed.typed != field.document.get_line(row):  # which was typed just before
            self.suggest()
        best = listed.best
        if best is None or not (listed.typed or listed.chosen):
            return False
        listed.take(best)
        field.replace(best.value, (row, 0), (row, len(field.document.get_line(row))))
        field.move_cursor((row, len(best.value)))
        return True

    def _lines(self) -> list[str]:
        """The lines of the query; those of the request itself, where its criteria are in short and not edited."""
        text = self.field.text
        return self._raw_lines if text == self._filled else text.split("\n")

    def _set_note(
        self,
        fault: str = "",
        *,
        odd: Sequence[str] = (),
        sent: Sequence[str] = (),
        left_out: Sequence[int] = (),
    ) -> None:
        """Shows what is invalid, or what is odd and what is sent; `left_out`: the numbers of lines without an end."""
        self._fault, self._shown_doubts, self._shown_sent, self._left_out = fault, odd, sent, left_out
        self._show_note()

    def _show_note(self) -> None:
        width, lines = max(_LEAST_WIDTH, self.size.width), list[str]()
        for each in [f"✘ {self._fault}"] if self._fault else map(_warning, self._shown_doubts[:_DOUBTS]):
            lines += textwrap.wrap(shown_line(each, _MAX_SENT), width, break_on_hyphens=False)
        if left := len(self._shown_doubts[_DOUBTS:]):
            lines.append(f"⚠ {left} more · F6: all")
        if self._shown_sent:
            lines_of = f"line{'s' * (len(self._left_out) > 1)} {', '.join(map(str, self._left_out))}"
            start = f"will be sent, without {lines_of} (incomplete)" if self._left_out else "will be sent"
            text, hint = f"{start}: {' & '.join(self._shown_sent)}", f" … F6: all {len(self._shown_sent)}"
            lines += _in_rows(shown_line(text, _MAX_SENT), width, hint)
        note = self.query_one("#resend-sent", Static)
        note.display = any(lines)
        note.update(Content("\n".join(lines)))
        note.set_class(bool(self._fault), "bad")
        note.set_class(bool(self._shown_doubts), "odd")
        self._note_rows = len(lines)
        self._changed()


class _NoteScreen(Dialog[None]):
    """What is odd about a query, and all parameters that are sent for it; Esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,v,f6", "dismiss(None)", "Back", id="query-note.close"),
    ]

    def __init__(self, odd: Sequence[str], sent: Sequence[str]) -> None:
        super().__init__()
        self._shown_doubts, self._shown_sent = odd, sent

    def compose(self) -> ComposeResult:
        with DialogPanel(id="help") as panel, VerticalScroll():
            panel.border_title, panel.border_subtitle = "What is sent", "Esc: back"
            for each in self._shown_doubts:
                yield Static(Content(shown_line(_warning(each), _MAX_SENT)))
            yield Static(Content("\n".join(shown_line(each, _MAX_SENT) for each in self._shown_sent)), classes="lines")


def _without_incomplete(lines: Sequence[str]) -> list[str]:
    """The lines, with an empty one for each that lacks its end: sending says what it lacks."""
    return ["" if is_incomplete(line) else line for line in lines]


def _in_rows(text: str, width: int, hint: str) -> list[str]:
    """The text in the rows that it may have; where it is longer, with the hint at their end."""
    return textwrap.wrap(
        text, width, max_lines=_SENT_ROWS, placeholder=hint, break_on_hyphens=False, drop_whitespace=True
    )


def _any_address(uri: str) -> str:
    """An absolute address with the query of this one."""
    return f"https://host.invalid/?{uri.partition('?')[2]}"


def _warning(words: str) -> str:
    return f"⚠ {words}"


def _suggestion(line: LineSuggestion) -> Suggestion:
    return Suggestion(line.line, f"{line.line:<24} {line.meaning}" if line.meaning else line.line)
