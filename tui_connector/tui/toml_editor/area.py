"""The text of a profile as it is edited: highlighted, with each problem at the end of its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widgets.text_area import Edit, EditResult

from ...profile.correction import TextEdit
from ...profile.text_history import difference
from ...text import shown, shown_line, without_secrets
from ..widgets.highlight import toml_spans
from . import line_edits
from .line_area import LineTextArea, line_columns
from .line_edits import LineEdit

if TYPE_CHECKING:
    from ...profile.problems import Problem

Location = tuple[int, int]

_UNSAFE = {code: 0x2400 + code for code in range(32) if code != 9} | {0x7F: 0x2421}
_INVISIBLE = re.compile(
    "[\x80-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_UNDERLINED = Style(underline=True)
_MULTI_LINE = re.compile(r'"""|\'\'\'')
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_CLOSING_ONLY = re.compile(r"[\s\]},]*(?:#.*)?")
_CLOSING = {'"': '"', "'": "'", "]": "[", "}": "{"}
"""What closes, and what it closes."""
_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s,\]}=]+|\S")


class TomlArea(LineTextArea):
    """Edits a text. What is typed is recorded elsewhere: it has no history of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "request_undo", "Undo", id="editor.undo", priority=True, show=False),
        Binding("ctrl+y", "request_redo", "Redo", id="editor.redo", priority=True, show=False),
        Binding("ctrl+home", "to_start", "Start of the text", id="editor.start", show=False),
        Binding("ctrl+end", "to_end", "End of the text", id="editor.end", show=False),
        Binding("ctrl+k", "cut_line", "Cut the line", id="editor.cut-line", show=False),
        Binding("ctrl+u", "paste_lines", "Paste what ^K cut", id="editor.paste-lines", show=False),
        Binding("tab", "accept", "Complete, or indent", id="editor.accept", priority=True, show=False),
        Binding("shift+tab", "unindent", "Unindent", id="editor.unindent", priority=True, show=False),
        Binding("ctrl+underscore,ctrl+slash", "comment", "Comment", id="editor.comment", show=False, key_display="^/"),
        Binding("ctrl+d", "duplicate", "Duplicate the line", id="editor.duplicate", show=False),
        Binding("alt+up", "move_lines(-1)", "Move the line up", id="editor.line-up", show=False),
        Binding("alt+down", "move_lines(1)", "Move the line down", id="editor.line-down", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"paint--{name}" for name in ("key", "string", "number", "muted", "title", "error", "warning", "hit")
    }

    @dataclass
    class UndoRequested(Message):
        """Undo the last change, or make it again."""

        redo: bool

    class CursorMoved(Message):
        """The cursor is at another place of the screen, and at the same one of the text."""

    @dataclass
    class CompletionKey(Message):
        """A key for the list of completions, which is open."""

        key: str

    class CompletionAsked(Message):
        """Tab was pressed behind a text: what is typed is to be completed or, where nothing can, followed by blanks."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__("", id=id, soft_wrap=False, show_line_numbers=True, tab_behavior="indent", classes="panel")
        self.indent_width = 2
        self.cursor_blink = False
        self.is_completing = False
        """Whether the list of completions is open: Tab writes the selected one."""
        self.asked_for_completions = False
        """Whether the user has asked for the list, which did not open while they typed: ↑, ↓ and Enter are its, too."""
        self._problems: dict[int, list[Problem]] = {}
        self._sign, self._tone = "✘", "error"
        """How they are marked."""
        self._found = ""
        self._verbatim = False
        self._is_typed = True
        self._cut, self._after_cut = "", ("", (0, 0))
        """What ^K cut, and the text and the cursor after that: another ^K there adds to it."""
        self._quoted_lines: tuple[str, frozenset[int]] = ("", frozenset())
        self._was_sized = False
        self._opened, self._after_opening = "", ("", (0, 0))
        """What a completion wrote before the cursor, as far as it is not typed, too; the text and the cursor then."""

    # Text

    def edit(self, edit: Edit) -> EditResult:
        if not self._verbatim:
            edit.text = shown(edit.text)
        self._is_typed = self._is_typed and _is_typed(edit)
        quoted = self._lines_in_quotes()
        result = super().edit(edit)
        if self._lines_in_quotes() != quoted:
            self.redraw()
        return result

    def take_typed(self) -> bool:
        """Whether all edits since the last call wrote or deleted at most one character each, within a line."""
        is_typed, self._is_typed = self._is_typed, True
        return is_typed

    def show(self, text: str, cursor: int | None = None) -> None:
        """Changes the text to this one where it differs, exactly as it is."""
        before = self.text
        if before != text:
            start, end, new_end = difference(before, text)
            self._verbatim = True
            try:
                here = self.selection.end
                self.replace(
                    text[start:new_end], self.location(start), self.location(end), maintain_selection_offset=True
                )
                if cursor is None:
                    self.move_cursor(self.clamp_visitable(here))
            finally:
                self._verbatim = False
        if cursor is not None:
            self.go_to(cursor)

    def location(self, offset: int) -> Location:
        """The row and column of an offset in the text, from 0."""
        before = self.text[:offset]
        return before.count("\n"), offset - (before.rfind("\n") + 1)

    @property
    def offset_of_cursor(self) -> int:
        """The offset of the cursor in the text."""
        row, column = self.selection.end
        return sum(len(line) + 1 for line in self.document.lines[:row]) + column

    def go_to(self, offset: int) -> None:
        """Moves the cursor there, and shows it."""
        self.move_cursor(self.location(offset), center=True)

    def apply_edits(self, edits: Sequence[TextEdit]) -> None:
        """Makes these edits, the last ones first."""
        self._verbatim = True
        try:
            for start, end, text in sorted(edits, reverse=True):
                self.replace(text, self.location(start), self.location(end))
        finally:
            self._verbatim = False

    # Keys

    def action_request_undo(self) -> None:
        self.post_message(self.UndoRequested(False))

    def action_request_redo(self) -> None:
        self.post_message(self.UndoRequested(True))

    def action_to_start(self) -> None:
        self.move_cursor(self.document.start)

    def action_to_end(self) -> None:
        self.move_cursor(self.document.end)

    def action_cut_line(self) -> None:
        """Cuts the selection, or the whole line; several in a row are pasted together."""
        start, end = sorted(self.selection)
        if start == end:
            row, last = start[0], self.document.line_count - 1
            start, end = (row, 0), (row + 1, 0) if row < last else (row, len(self.document.lines[row]))
        cut = self.get_text_range(start, end)
        continues = self._after_cut == (self.text, self.selection.end)
        self._cut = self._cut + cut if continues else cut
        self.replace("", start, end, maintain_selection_offset=False)
        self._after_cut = self.text, self.selection.end

    def action_paste_lines(self) -> None:
        """Pastes what was cut; whole lines above the line of the cursor."""
        if not self._cut:
            self.screen.notify("Nothing to paste: ^K cuts a line, ^V pastes from the clipboard.", markup=False)
            return
        start, end = self.selection
        if self._cut.endswith("\n") and start == end:
            start = end = (start[0], 0)
        self._verbatim = True
        try:
            self.replace(self._cut, start, end, maintain_selection_offset=False)
        finally:
            self._verbatim = False

    def action_cut(self) -> None:
        """Cuts the selection; without one, nothing: ^X leaves other editors, and must not delete a line here."""
        if self.selection.is_empty:
            self.screen.notify("Nothing is selected. Esc leaves the editor; ^K cuts the line.", markup=False)
        else:
            super().action_cut()

    def action_accept(self) -> None:
        """Writes the selected completion; without a list of them, completes what is typed, or indents."""
        row, column = self.selection.end
        if self.selection.start[0] != row:
            self._edit_lines(line_edits.indent)
            return
        if self.is_completing:
            self.post_message(self.CompletionKey("tab"))
        elif self.selection.is_empty and self.document.lines[row][:column].strip():
            self.post_message(self.CompletionAsked())
        else:
            self.insert_blanks()

    def action_unindent(self) -> None:
        self._edit_lines(line_edits.unindent)

    def action_comment(self) -> None:
        """Makes the lines of the cursor or the selection comments, or the opposite."""
        self._edit_lines(line_edits.toggle_comment)

    def action_duplicate(self) -> None:
        """Copies the line of the cursor, or those of the selection."""
        self._edit_lines(line_edits.duplicate)

    def action_move_lines(self, by: int) -> None:
        """Moves the line of the cursor, or those of the selection, up or down."""
        self._edit_lines(partial(line_edits.move, by=by))

    def _edit_lines(self, edit: Callable[[Sequence[str], int, int], LineEdit | None]) -> None:
        """Edits the lines of the cursor or the selection, which stays on them."""
        start, end = sorted(self.selection)
        last = end[0] - 1 if end[1] == 0 and end[0] > start[0] else end[0]  # the line after those that are selected
        made = edit(self.document.lines, start[0], last)
        if made is None:
            return
        before = self.document.lines[start[0] : last + 1]
        grown = [0] * len(before)
        if not made.down:
            grown = [len(new) - len(old) for old, new in zip(before, made.lines, strict=True)]
        self._verbatim = True
        try:
            end_of_last = (made.last, len(self.document.lines[made.last]))
            cursor = self.selection
            self.replace("\n".join(made.lines), (made.first, 0), end_of_last, maintain_selection_offset=False)
        finally:
            self._verbatim = False

        def moved(place: Location) -> Location:
            row, column = place
            by = grown[row - start[0]] if column and row <= last else 0
            return self.clamp_visitable((row + made.down, max(0, column + by)))

        self.selection = type(cursor)(moved(cursor.start), moved(cursor.end))
        self.record_cursor_width()
        self.scroll_cursor_visible()

    def insert_blanks(self) -> None:
        """What Tab does where nothing is completed."""
        self.insert("  ")

    def on_key(self, event: events.Key) -> None:
        if self.is_completing and event.key in ("up", "down", "escape", "enter"):
            if self.asked_for_completions or event.key == "escape":
                event.stop()
                event.prevent_default()
                self.post_message(self.CompletionKey(event.key))
                return
            self.post_message(self.CompletionKey("escape"))  # the key goes to another line
        if event.key == "escape":
            event.prevent_default()  # for the screen; the widget would leave the field
            return
        if (character := event.character) and self._is_opened_by(character):
            event.stop()
            event.prevent_default()
            return
        if character and self.selection.is_empty and (closed := self._closed_by(character)):
            event.stop()
            event.prevent_default()
            self.move_cursor(closed)
            return
        if event.key == "enter" and not self.read_only:
            event.stop()
            event.prevent_default()
            if self.selection.is_empty and (closed := self._after_closing_quote()):
                self.move_cursor(closed)  # a string of one line must not be broken
            line = self.document.lines[self.selection.end[0]]
            self.replace(
                "\n" + line[: len(line) - len(line.lstrip(" \t"))], *self.selection, maintain_selection_offset=False
            )

    def follow_opening(self, opened: str) -> None:
        """Whoever has not seen that a completion wrote this before the cursor, and types it again, writes it once."""
        self._opened, self._after_opening = opened, (self.text, self.selection.end)

    def _is_opened_by(self, character: str) -> bool:
        """Whether a completion has written this character already, before what was typed since."""
        if not self._opened or self._after_opening != (self.text, self.selection.end):
            self._opened = ""
            return False
        before, found, rest = self._opened.partition(character)
        if not found or (character == " " and before == "" and "=" in rest):  # a blank alone may begin the text
            self._opened = ""
            return False
        self._opened = rest
        return True

    def _closed_by(self, character: str) -> Location | None:
        """Behind a quote or bracket that a completion has written already; None where typing one adds it."""
        row, column = self.selection.end
        line = self.document.lines[row]
        rest = line[column:]
        if character not in _CLOSING or not rest.lstrip(" ").startswith(character):
            return None
        quote = open_quote(line[:column])
        if character in "\"'":
            return (row, column + 1) if quote == character and rest.startswith(character) else None
        bare = _QUOTED.sub("", line)
        is_closed = not quote and bare.count(_CLOSING[character]) <= bare.count(character)
        return (row, line.index(character, column) + 1) if is_closed else None

    def _after_closing_quote(self) -> Location | None:
        """Where a line is broken whose cursor is directly before the quote that closes a string; None elsewhere.

        At the end of the line, or after the quote if a value follows it.
        """
        row, column = self.selection.end
        line = self.document.lines[row]
        is_closing = bool(open_quote(line[:column])) and not open_quote(line[: column + 1])
        if not is_closing or _MULTI_LINE.search(line) or row in self._lines_in_quotes():
            return None
        return (row, len(line) if _CLOSING_ONLY.fullmatch(line, column + 1) else column + 1)

    def on_resize(self) -> None:
        """What opens around the text does not hide the line that is typed; at first, there are lines around it."""
        super().on_resize()
        self.scroll_cursor_visible(center=not self._was_sized)
        self._was_sized = True
        self.post_message(self.CursorMoved())

    # Looks

    def mark(self, problems: Sequence[Problem], *, are_remarks: bool) -> None:
        """Shows these problems, or remarks on what is valid, at their lines."""
        self._sign, self._tone = ("!", "warning") if are_remarks else ("✘", "error")
        by_line: dict[int, list[Problem]] = {}
        for problem in problems:
            by_line.setdefault(problem.place.line - 1, []).append(problem)
        changed = [line for line in {**self._problems, **by_line} if self._problems.get(line) != by_line.get(line)]
        self._problems = by_line
        if changed:
            self.redraw_lines(changed)

    def highlight_text(self, text: str) -> None:
        """Highlights each place of a text that is looked for."""
        self._found = text
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """A line with a mark at each end beyond which it continues, as in nano."""
        strip, row = super().render_line(y), y + self.scroll_offset.y
        if self.soft_wrap or row >= self.document.line_count:
            return strip
        width, gutter = self.scrollable_content_region.width, self.gutter_width
        hidden = self.scroll_offset.x if row == self.selection.end[0] else 0
        style = self._style(self._tone if self._problems.get(row) else "muted")
        if hidden:
            strip = _with_mark(strip, gutter, "‹", style)
        if line_columns(self.document.lines[row]) - hidden > width - gutter:
            strip = _with_mark(strip, width - 1, "›", style)
            if self._problems.get(row):  # what is said behind the line is out of sight
                strip = _with_mark(strip, gutter - 2, self._sign, style)
        return strip

    def get_line(self, line_index: int) -> Text:
        line = self.document.lines[line_index]
        drawn = Text(_visible(line), end="", no_wrap=True)
        if line_index in self._lines_in_quotes():
            drawn.stylize(self._style("string"))
        else:
            for start, end, kind in toml_spans(line):
                drawn.stylize(self._style(kind), start, end)
        if self._found:
            for match in re.finditer(re.escape(self._found), line, re.IGNORECASE):
                drawn.stylize(self._style("hit"), *match.span())
        for problem in self._problems.get(line_index, ())[:3]:
            if marked := _marked_by(problem, line):
                drawn.stylize(self._style(self._tone) + _UNDERLINED, *marked)
        if problems := self._problems.get(line_index):
            more = f" (+{len(problems) - 1})" if len(problems) > 1 else ""
            words = _after_line(problems[0], line)
            last_row = max(self.wrapped_document.get_offsets(line_index), default=0) if self.soft_wrap else 0
            used = drawn[last_row:].cell_len if last_row else drawn.cell_len
            room = self.scrollable_content_region.width - self.gutter_width - used - len(more) - 6
            drawn.append(f"   {self._sign} {shown_line(words, max(1, room))}{more}", self._style(self._tone))
        return drawn

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"paint--{name}", partial=True)

    def _lines_in_quotes(self) -> frozenset[int]:
        """The lines that begin within a text of several lines."""
        text = self.text
        if self._quoted_lines[0] is not text:
            has_any = '"""' in text or "'''" in text
            self._quoted_lines = text, frozenset(_in_quotes(self.document.lines) if has_any else ())
        return self._quoted_lines[1]


def _is_typed(edit: Edit) -> bool:
    (row, start), (last_row, end) = sorted((edit.from_location, edit.to_location))
    return row == last_row and end - start + len(edit.text) <= 1 and edit.text != "\n"


def _with_mark(strip: Strip, column: int, mark: str, style: Style) -> Strip:
    """The strip with another character in this column."""
    at = next(iter(strip.crop(column, column + 1)), None)
    drawn = Strip([Segment(mark, (at.style or Style()) + style if at is not None else style)], 1)
    return Strip.join([strip.crop(0, column), drawn, strip.crop(column + 1)])


def open_quote(text: str) -> str:
    """The quote in which a line ends, of a text on one line; empty if it ends in none."""
    rest = _QUOTED.sub("", text).partition("#")[0]
    return next((each for each in rest if each in "\"'"), "")


def _in_quotes(lines: Sequence[str]) -> Iterator[int]:
    quote = ""
    for number, line in enumerate(lines):
        if quote:
            yield number
        at = 0
        while (match := _MULTI_LINE.search(line, at)) is not None:
            if quote in ("", match.group()):
                quote = "" if quote else match.group()
            at = match.end()


def _visible(line: str) -> str:
    """The line with as many characters, none of which is invisible or moves others, and without known secrets."""
    safe = line if line.isascii() and line.isprintable() else _INVISIBLE.sub("�", line.translate(_UNSAFE))
    if without_secrets(line) != line:
        return re.sub(r"(?<=[\"']).*(?=[\"'])", lambda match: "•" * len(match.group()), safe)
    return safe


def _after_line(problem: Problem, line: str) -> str:
    """What is said behind a line: with the key that it is about, where the line does not have that."""
    key = problem.keys[-1] if problem.keys else ""
    is_elsewhere = isinstance(key, str) and (problem.code == "missing" or key not in line)
    return f"{key} {problem.message}".lstrip() if is_elsewhere else problem.message


def _marked_by(problem: Problem, line: str) -> tuple[int, int] | None:
    """What of its line a problem marks: the word at its place, or a quote that closes a text there; None if nothing."""
    at = max(0, min(problem.place.column - 1, len(line) - 1))
    if any(start < at == end - 1 and line[at] in "\"'" for start, end, _ in toml_spans(line)):
        return at, at + 1
    token = _TOKEN.search(line, at)
    return token.span() if token is not None else None
