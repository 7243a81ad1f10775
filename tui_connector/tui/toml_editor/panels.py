"""What is shown around the text of the editor: its problems, the help for a key, and completions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from ...text import count, shown, shown_line
from ..widgets.bounded_list import BoundedList
from ..widgets.frame import TONES
from .area import Location, TomlArea, open_quote

if TYPE_CHECKING:
    from ...profile.assistance import Assistance, Completion
    from ...profile.problems import Problem

_MAX_COMPLETIONS = 8
_OPENING = re.compile(r'[ ]*=[ \[{"]*$')
"""What a completion of a key writes before its value is typed."""
_MAX_TEXT = 50
_MAX_DETAIL = 70
"""Columns of a completion and of its detail."""


class ProblemRows(BoundedList):
    """The problems; Enter goes to the line of one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Go to the line", id="editor.problem"),
        Binding("j", "cursor_down", "Next", show=False, id="editor.problem-down"),
        Binding("k", "cursor_up", "Previous", show=False, id="editor.problem-up"),
        Binding("escape", "screen.focus_text", "Back to the text", id="editor.problems-left"),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="panel")
        self.border_title = "Problems"
        self._problems: Sequence[Problem] = ()

    def show(self, problems: Sequence[Problem], word: str = "problem") -> None:
        """Lists these problems, or remarks. The same ones are not drawn again."""
        if problems == self._problems:
            return
        self._problems = problems
        highlighted = self.highlighted
        self.clear_options()
        self.add_options([Option(_problem_line(problem)) for problem in problems])
        if problems:
            self.highlighted = min(highlighted or 0, len(problems) - 1)
        sign, tone = ("✘", "error") if word == "problem" else ("!", "warning")
        title = (f"{sign} {count(len(problems), word)}", TONES[tone])  # a class would style the whole list again
        self.border_title = Content.assemble(title) if problems else "Problems: none"
        fixes = sum(bool(each.fix_title) for each in problems)
        keys = ("F8: next", f"F7: fix ({fixes})" if fixes else "") if problems else ()
        self.border_subtitle = " · ".join(filter(None, keys))

    def follow(self, row: int, column: int) -> None:
        """Selects the problem at the cursor, or the first one of its line, so that all of it is in view."""
        there = [(index, each.place.column) for index, each in enumerate(self._problems) if each.place.line == row + 1]
        before = [index for index, start in there if start <= column + 1]
        if there and not self.has_focus:
            self.highlighted = before[-1] if before else there[0][0]


def _key(path: str) -> str:
    """The last key of a path, with the elements in it: the line tells the rest, and the message needs the room."""
    keys = path.split(".")
    start = len(keys) - 1
    while start > 0 and keys[start].isdigit():
        start -= 1
    return ", ".join((keys[start], *(f"item {int(index) + 1}" for index in keys[start + 1 :])))


def _problem_line(problem: Problem) -> Content:
    text = shown_line(f"{key}: {problem.brief}" if (key := _key(problem.path)) else problem.brief, 400)
    return Content.assemble((f"{problem.line}:{problem.column}  ", TONES["muted"]), text, fix_note(problem, "F7"))


def fix_note(problem: Problem, key: str) -> tuple[str, str]:
    """What the key does about a problem, to follow it, with its style; empty where it can do nothing."""
    return (f"  → {key}: {shown_line(problem.fix_title, 80)}" if problem.fix_title else "", TONES["success"])


class HelpPanel(Static):
    """The description of the key at the cursor."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__("", id=id, classes="panel")
        self.border_title = "Help"
        self._shown = Content("")

    def show(self, found: Assistance, *, wide: bool) -> None:
        """Describes the key on one line, or, if there is room for it, on several."""
        if (text := _help(found, self.content_size.width if wide else 0)) != self._shown:
            self._shown = text
            self.update(text, layout=False)


def _help(found: Assistance, width: int) -> Content:
    """In lines of this width; 0: in one line."""
    about = found.help
    if about is None:
        return Content("")
    path = ".".join(map(str, about.path))
    facts = [about.kind, f"default {about.default}" if about.default else ""]
    examples = f"for example {', '.join(about.examples)}" if about.examples else ""
    if not width:
        line = " · ".join(filter(None, [about.description.partition("\n")[0], *facts, examples]))
        return Content.assemble((f"{shown_line(about.title)}  ", "bold"), shown_line(line))
    parts = [(f"{shown_line(about.title)}\n", "bold"), (f"{_in_lines(shown_line(path), width)}\n\n", TONES["muted"])]
    parts.append((f"{shown(about.description)}\n\n", ""))
    parts += [(f"{shown_line(each)}\n", TONES["muted"]) for each in (*facts, examples) if each]
    return Content.assemble(*parts)


def _in_lines(path: str, width: int) -> str:
    """A dotted path in lines that end at a dot."""
    lines = [""]
    for part in re.findall(r"[^.]+\.?|\.", path):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


class CompletionRows(BoundedList, can_focus=False):
    """The completions. The text keeps the focus."""


class CompletionList(Container):
    """What can be written at the cursor, shown over the text."""

    def __init__(self, area: TomlArea, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._text_area = area
        self._rows = CompletionRows(id="editor-completions")
        self._completions: Sequence[Completion] = ()
        self._start = 0
        """Where the text begins that a completion replaces."""
        self._keys = ""
        """The keys of the list, on its border."""
        self._present: Sequence[str] = ()
        self._offered_for = ""
        """What was typed when these completions were offered."""

    def compose(self) -> ComposeResult:
        yield self._rows

    def continues(self, found: Assistance) -> bool:
        """Whether the list is open for the word that these completions are for, too."""
        return self._text_area.is_completing and found.start == self._start

    def offer(self, found: Assistance) -> None:
        """These completions can be opened, or replace those that are shown."""
        self._completions = found.completions[:_MAX_COMPLETIONS]
        self._start, self._present = found.start, found.present
        self._offered_for = self._typed

    @property
    def has_any(self) -> bool:
        return bool(self._completions)

    def why_none(self) -> str:
        """Why there is nothing to complete."""
        keys = shown_line(", ".join(self._present), 100)
        return f"No completions here: the table has {keys} already." if keys else "No completions here."

    def open(self, *, by_key: bool = False) -> None:
        """`by_key`: the user has asked for the list: ↑ and ↓ select, and Enter writes the selected one, too."""
        self._text_area.is_completing = True
        self._text_area.asked_for_completions = by_key or self._text_area.asked_for_completions
        keys = "Tab: write · ^N: select"
        if self._text_area.asked_for_completions:
            keys = "↑↓: select · Enter, Tab: write"
        self._rows.border_subtitle = self._keys = f"{keys} · Esc: close"
        self._rows.clear_options()
        self._rows.add_options([Option(_completion_line(each, self._text_width)) for each in self._completions])
        self._rows.highlighted = 0
        self.add_class("there")
        self.place()

    def close(self) -> None:
        self._text_area.is_completing = self._text_area.asked_for_completions = False
        self.remove_class("there")

    def place(self) -> None:
        """Shows the list below the cursor's line, or above it where there is no room."""
        if not self._text_area.is_completing:
            return
        cursor, size = self._text_area.cursor_screen_offset, self.screen.size
        height = len(self._completions) + 2
        longest = max(len(each.detail) for each in self._completions)
        width = min(size.width, max(self._text_width + min(longest, _MAX_DETAIL) + 6, len(self._keys) + 6))
        below = cursor.y + 1 + height < size.height
        self.styles.width, self.styles.height = width, height
        left, top = max(0, min(cursor.x, size.width - width)), max(0, cursor.y - height)
        self.styles.offset = (left, cursor.y + 1 if below else top)

    def press(self, key: str) -> bool:
        """A key while the list is open: it selects a completion, writes it, or closes the list.

        Returns whether it wrote one after which more can be completed.
        """
        if key == "up":
            self._rows.action_cursor_up()
        elif key == "down":
            self._rows.action_cursor_down()
        else:
            chosen = self._chosen() if key in ("tab", "enter") else None
            if chosen is not None:
                self._write(chosen)
            self.close()
            return chosen is not None and (chosen.follows == "." or chosen.inside > 0)
        return False

    def complete(self) -> bool:
        """Writes the only completion, or opens the list of several; whether more can be completed after the one."""
        self.open(by_key=True)
        return self.press("tab") if len(self._completions) == 1 else False

    def _write(self, completion: Completion) -> None:
        """Writes a completion, with the quotes of a value that follows; the cursor is where that is typed."""
        area, end = self._text_area, self._text_area.selection.end
        is_at_end = not area.document.lines[end[0]][end[1] :].strip(" }],")
        value = completion.value if is_at_end else ""
        value = value or self._closing_quote(completion, end)
        area.replace(completion.text + completion.follows + value, area.location(self._start), end)
        if value or not completion.value:
            row, column = area.selection.end
            area.move_cursor((row, column - completion.inside))
            before = area.document.lines[row][: column - completion.inside]
            opened = _OPENING.search(before)
            area.follow_opening(opened.group() if opened else "")

    def _closing_quote(self, completion: Completion, end: Location) -> str:
        """The quote that is missing after a value; empty where it is there, or more of the value is to be typed."""
        line = self._text_area.document.lines[end[0]]
        quote = open_quote(line[: end[1]])
        is_long = quote * 3 in line[: end[1]]
        is_whole = not completion.follows and not completion.text.endswith("(")
        return quote if is_whole and not is_long and quote not in line[end[1] :] else ""

    def _chosen(self) -> Completion | None:
        """The selected completion, or one that fits what was typed since the list was drawn; None if none does."""
        typed = self._typed
        selected = self._completions[self._rows.highlighted or 0]
        if typed == self._offered_for:  # which may be another word for it
            return selected
        return next((each for each in (selected, *self._completions) if typed in each.text), None)

    @property
    def _typed(self) -> str:
        return self._text_area.text[self._start : self._text_area.offset_of_cursor]

    @property
    def _text_width(self) -> int:
        return min(_MAX_TEXT, max(len(each.text) for each in self._completions))


def _completion_line(completion: Completion, width: int) -> Content:
    text = shown_line(completion.text, _MAX_TEXT).ljust(width)
    return Content.assemble(text, (f"  {shown_line(completion.detail, _MAX_DETAIL)}", TONES["muted"]))
