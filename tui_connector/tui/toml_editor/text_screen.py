"""The text of a profile while it is edited: problems at their lines, completions, help for each key, and search.

The text is on the screen before the models of the profile are loaded, which its check and its help need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widgets import OptionList, Static, TextArea

from ...errors import UserError
from ...machine import Machine
from ...profile import line_ends
from ...profile.document import Document
from ...profile.positions import KeyPath, TextPosition
from ...secrets.mask import Mask
from ...text import count, shown_line
from .._textual import BaseScreen, remove_read_notifications
from ..viewed import ViewedProfile
from ..widgets.frame import KeyFooter, ScreenHeader
from ..widgets.prose import Prose
from .area import TomlArea
from .panels import CompletionList, HelpPanel, ProblemRows
from .search import SearchBar

if TYPE_CHECKING:
    from ...profile.assistance import Assistance
    from ...profile.correction import TextEdit
    from ...profile.problems import Problem
    from ...profile.text_checker import Checked, Checker

T = TypeVar("T")

_WIDE = 100
"""Columns from which the help is beside the text."""
_WRAPPED = "wraps-lines"
"""The class of the app while long lines are wrapped."""
_OF_SEARCH = dict.fromkeys(("editor.find-next", "editor.find-previous", "editor.replace", "editor.replace-all"), "")
_NOT_IN_SEARCH = ("editor.save", "editor.next-problem", "editor.fix", "editor.compare", "editor.find", "editor.form")
_IN_SEARCH = {"editor.find-next": "Next", "editor.find-previous": "Previous", "editor.back": "Close"}
BRIEF = 2.5
"""Seconds that a message stays which tells of what is visible."""


class TextScreen(BaseScreen[T]):
    """Edits the text of a document; saving it and leaving are left to a subclass.

    The text in the area is that of the document after `record`.
    """

    AUTO_FOCUS = "TomlArea"
    IMMEDIATE: ClassVar[frozenset[str]] = frozenset()

    @dataclass
    class TextChecked(Message):
        """A text was checked."""

        checked: Checked

    @dataclass
    class Assisted(Message):
        """What can be written at the cursor is known."""

        text: str
        offset: int
        assistance: Assistance

    def __init__(
        self, machine: Machine, document: Document, path: Path, at: TextPosition, fix: Problem | None = None
    ) -> None:
        """`document` is that of the file `path`; `at` is where the cursor begins; `fix` is to be corrected first."""
        super().__init__()
        self.machine, self.document, self.path = machine, document, path
        self.viewed = ViewedProfile(path, None)
        self.checked: Checked | None = None
        """The text that was checked last, with its problems."""
        self.key_at_cursor: KeyPath = ()
        """The key at the cursor, or else its table."""
        self._begins_at, self._to_fix = at, fix
        self._checker: Checker | None = None
        self._assisted: tuple[str, int] | None = None
        self._busy = False
        """Whether a thread checks the text, or looks for completions."""
        self._wants_completions = False
        """Whether the last key was one that completions follow."""
        self._asks_for_completions = False
        """Whether the user has asked for them, and what can be written there is not known yet."""
        self._completed: tuple[str, int] | None = None
        """The text and the cursor after a completion that more of them follow."""
        self._tab_waits = False
        """Whether Tab was pressed behind a text, and what can be written there is not known yet."""
        self._goes_to_problem = False
        """Whether F8 was pressed, and the text is not checked yet."""
        self._last_edit = -1
        self._shown_callout = ""
        """What is on the screen: drawing it again would lay out the whole screen for each key."""
        self._mask = Mask()

    # Looks

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield Static("", id="editor-callout", classes="callout warning")
        with Horizontal(id="editor-body"):
            yield (area := TomlArea(id="editor-text"))
            yield HelpPanel(id="editor-help")
        yield SearchBar(area, id="editor-search")
        yield ProblemRows(id="editor-problems")
        yield CompletionList(area, id="editor-completions-layer")
        yield KeyFooter()

    def on_mount(self) -> None:
        area = self.area
        area.border_title = Content(shown_line(self.path.name))
        area.soft_wrap = self.app.has_class(_WRAPPED)
        area.show(self.view)
        begin = (self._begins_at.line - 1, self._begins_at.column - 1)
        area.move_cursor(area.clamp_visitable(begin), center=True)
        self.draw()
        self.call_after_refresh(self._work)

    def on_compose(self) -> None:
        self._adapt_to(self.app.size)  # now, and not once all is mounted: every widget would be styled twice

    def action_wrap(self) -> None:
        """Wraps long lines, or no longer, in this session; the text itself stays as it is."""
        self.app.toggle_class(_WRAPPED)
        self.area.soft_wrap = self.app.has_class(_WRAPPED)
        words = "Long lines are wrapped." if self.area.soft_wrap else "Long lines are cut at the border."
        self.notify(words, timeout=BRIEF, markup=False)

    def on_resize(self, event: events.Resize) -> None:
        self._adapt_to(event.size)

    def _adapt_to(self, size: Size) -> None:
        self.set_class(size.width >= _WIDE, "wide")

    @property
    def area(self) -> TomlArea:
        return self.query_one(TomlArea)

    @property
    def view(self) -> str:
        """The document's text as the area has it."""
        return line_ends.plain(self.document.text())

    @property
    def is_changed(self) -> bool:
        return self.area.text != line_ends.plain(self.document.text_as_read)

    @property
    def problems(self) -> Sequence[Problem]:
        return self.checked.problems if self.checked is not None else ()

    @property
    def listed(self) -> Sequence[Problem]:
        """The problems, or the remarks on a valid profile."""
        return self.problems or (self.checked.remarks if self.checked is not None else ())

    def draw(self) -> None:
        state = [("modified", "warning") if self.is_changed else ("saved", "muted")]
        if self.checked is not None:
            found = len(self.problems)
            state.append((f"  ✘ {count(found, 'problem')}", "error") if found else ("  ✔ valid", "success"))
            if remarks := len(self.checked.remarks):
                state.append((f"  ! {count(remarks, 'remark')}", "warning"))
        self.query_one(ScreenHeader).show(self.path.stem, str(self.path), state)
        if (text := self.callout()) != self._shown_callout:
            self._shown_callout = text
            callout = self.query_one("#editor-callout", Static)
            callout.update(Prose(Content(text)))
            callout.styles.display = "block" if text else "none"
        self.refresh_bindings()

    def callout(self) -> str:
        """What is shown above the text; empty if nothing is."""
        raise NotImplementedError

    def tell(self, error: UserError) -> None:
        self.notify(shown_line(str(error), 400), severity="error", timeout=15, markup=False)

    # What is typed

    @on(TextArea.Changed, "#editor-text")
    def _on_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.record()
        self._work()
        self.draw()

    @on(TextArea.SelectionChanged, "#editor-text")
    def _on_moved(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self._work()
        self.query_one(ProblemRows).follow(*event.selection.end)

    def record(self) -> None:
        """Takes what was typed into the document and its history."""
        before, now, is_typed = self.view, self.area.text, self.area.take_typed()
        if before == now:
            return
        size = len(now) - len(before)
        cursor = self.area.offset_of_cursor
        joined = is_typed and cursor - size == self._last_edit  # fast keys arrive several at once
        self._wants_completions = is_typed and size > 0 and now[cursor - 1 : cursor] != " "
        self._last_edit = cursor if is_typed else -1  # what is typed after a correction is undone alone
        raw = self.document.text()
        at = line_ends.changed(raw, now)
        self.document.edit_text(at, max(0, cursor - size), joined=joined, later=True)

    def start_change(self) -> None:
        """What changes next is not typed, and undone alone."""
        self.record()
        self._last_edit = -1

    def show_document(self, cursor: int | None = None) -> None:
        """Shows the document's text after a change that was not typed; what was said of the text before goes."""
        remove_read_notifications(self.app)
        self.area.show(self.view, cursor)
        self._last_edit = -1
        self._wants_completions = False

    @on(TomlArea.UndoRequested)
    def _undo(self, message: TomlArea.UndoRequested) -> None:
        self.record()
        here = line_ends.file_offset(self.document.text(), self.area.offset_of_cursor)
        try:
            cursor = self.document.redo() if message.redo else self.document.undo(here)
        except UserError as error:
            self.tell(error)
            return
        if cursor is None:
            self.notify("Nothing to redo." if message.redo else "Nothing to undo.", markup=False)
        else:
            self.show_document(line_ends.plain_offset(self.document.text(), cursor))
            self.after_undo(redo=message.redo)

    def after_undo(self, *, redo: bool) -> None:
        """The text is another one than before, by a key that undid a change or made it again."""

    # Checking, in a thread: typing never waits for it

    def _work(self) -> None:
        if not self._busy and self.is_attached:
            self._busy = True
            self._check()

    @work(group="check")
    async def _check(self) -> None:
        try:
            while self.is_attached:
                text, offset = self.area.text, self.area.offset_of_cursor
                if (
                    self._assisted is not None
                    and not self._tab_waits
                    and (self.checked is None or self.checked.text != text)
                ):
                    checked = await asyncio.to_thread(self._check_text, text)
                    self.checked = checked
                    self.post_message(self.TextChecked(checked))
                elif self._assisted != (text, offset):
                    found = await asyncio.to_thread(self.assist, text, offset)
                    self._assisted = text, offset
                    self.post_message(self.Assisted(text, offset, found))
                else:
                    return
        finally:
            self._busy = False

    def _check_text(self, text: str) -> Checked:
        from ...profile.text_checker import Checker

        self._checker = self._checker or Checker()
        return self._checker.check(text)

    @staticmethod
    def assist(text: str, offset: int) -> Assistance:
        """What can be written at this offset, and what the key there means. Blocks."""
        from ...profile.assistance import assist

        return assist(text, offset)

    @on(TextChecked)
    def _show_problems(self, message: TextChecked) -> None:
        checked = message.checked
        if checked.is_toml:
            self.document.use_parsed(checked.data, is_current=checked.text == self.view)
        self.area.mark(self.listed, are_remarks=not checked.problems)
        rows = self.query_one(ProblemRows)
        rows.show(self.listed, "problem" if checked.problems else "remark")
        rows.follow(*self.area.selection.end)
        if not self.listed and rows.has_focus:
            self.area.focus()
        self.draw()
        wanted, self._to_fix = self._to_fix, None
        if wanted in self.listed:
            self._fix(self.listed[self.listed.index(wanted)])
        if self._goes_to_problem:
            self.action_next_problem()

    def action_next_problem(self) -> None:
        """Goes to the next problem after the cursor, or to the first one; waits for the check of the text."""
        self._goes_to_problem = self.checked is None or self.checked.text != self.area.text
        if self._goes_to_problem:
            return
        row, column = self.area.selection.end
        places = sorted(problem.place for problem in self.listed)
        later = [place for place in places if place > (row + 1, column + 1)]
        if places:
            self.go_to(later[0] if later else places[0])
        else:
            self._tell_no_problem()

    def _tell_no_problem(self) -> None:
        self.notify("There is no problem.", timeout=BRIEF, markup=False)

    def go_to(self, place: TextPosition) -> None:
        self.area.move_cursor(self.area.clamp_visitable((place.line - 1, place.column - 1)), center=True)
        self.area.focus()

    def action_focus_problems(self) -> None:
        if self.listed:
            self.query_one(ProblemRows).focus()
        else:
            self._tell_no_problem()

    def action_focus_text(self) -> None:
        self.area.focus()

    @on(OptionList.OptionSelected, "#editor-problems")
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.go_to(self.listed[event.option_index].place)

    def _fixable(self) -> Problem | None:
        """The problem that F7 corrects: the selected one, one of the line, or of a line without any, the first one."""
        rows = self.query_one(ProblemRows)
        if rows.has_focus and rows.highlighted is not None:
            chosen = self.listed[rows.highlighted]
            return chosen if chosen.fix_title else None
        line = self.area.selection.end[0] + 1
        fixable = [problem for problem in self.listed if problem.fix_title]
        if any(problem.place.line == line for problem in self.listed):
            fixable = [problem for problem in fixable if problem.place.line == line]
        return next(iter(fixable), None)

    def action_fix(self) -> None:
        """Applies the correction of a problem; it can be undone."""
        if (problem := self._fixable()) is not None:
            self._fix(problem)
        elif not self.listed:
            self._tell_no_problem()
        else:
            self.notify(self._why_no_correction(), markup=False)

    def _fix(self, problem: Problem) -> None:
        if self.checked is None or self.checked.text != self.area.text:
            return
        if problem.fix is None:
            self._move_secret(problem)
            return
        self._apply(problem.fix.edits)
        words = f"Line {problem.place.line}: {problem.fix.title}. ^Z undoes it."
        self.notify(shown_line(words, 200), timeout=BRIEF, markup=False)

    def _apply(self, edits: Sequence[TextEdit]) -> None:
        """Makes these edits; the cursor goes to the first one, unless it is on its line."""
        self.start_change()
        self.area.apply_edits(edits)
        start = min(edits)[0]
        if self.area.location(start)[0] != self.area.selection.end[0]:
            self.area.go_to(start)

    def _why_no_correction(self) -> str:
        """What can be done about the problem at the cursor, which F7 does not correct."""
        line = self.area.selection.end[0] + 1
        broken = [problem.place.line for problem in self.listed if not problem.path]
        if broken and line not in broken:
            return f"There is no suggested correction: edit the value, or fix line {broken[0]} first (F8)."
        return "There is no suggested correction: edit the value at the problem (F8)."

    @work(exclusive=True, group="move")
    async def _move_secret(self, problem: Problem) -> None:
        """Moves a literal secret out of the text."""
        from .secret_move import move_secret

        text = self.area.text
        try:
            moved = await move_secret(self.app, self.machine, self._mask, self.path, text, problem)
        except UserError as error:
            self.tell(error)
            return
        if moved is None:
            return
        if self.area.text != text:
            self.notify(shown_line(f"Moved {moved.where} The text has changed: F7 replaces the value."), markup=False)
            return
        self._apply([moved.edit])
        self.notify(shown_line(f"Moved {moved.where} ^S saves the profile.", 300), markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        if action in ("close_search", "accept_match"):
            return self.query_one(SearchBar).is_open
        return True

    # Help and completions

    @on(Assisted)
    def _show_assistance(self, message: Assisted) -> None:
        if message.text != self.area.text or message.offset != self.area.offset_of_cursor:
            return
        found = message.assistance
        self.key_at_cursor = key_at(found)
        self.refresh_bindings()
        self.query_one(HelpPanel).show(found, wide=self.has_class("wide"))
        completions = self.query_one(CompletionList)
        wanted = completions.continues(found) or (self._wants_completions and message.offset > found.start)
        wanted = wanted or self._completed == (message.text, message.offset)
        completions.offer(found)
        if self._tab_waits:
            self._complete()
        elif self._asks_for_completions:
            self._open_completions()
        elif completions.has_any and self.area.has_focus and wanted:
            completions.open()
        else:
            self._wants_completions = False
            completions.close()

    def action_complete(self) -> None:
        """Shows what can be written at the cursor."""
        self._asks_for_completions = True
        if self._assisted == (self.area.text, self.area.offset_of_cursor):
            self._open_completions()

    def _open_completions(self) -> None:
        """Opens the list for which the user has asked, or says why there is none."""
        self._asks_for_completions = False
        completions = self.query_one(CompletionList)
        if completions.has_any:
            completions.open(by_key=True)
        else:
            self.notify(completions.why_none(), markup=False)

    @property
    def loading_message(self) -> str:
        """Keys wait until it is known what Tab does."""
        return "Looking for completions" if self._tab_waits else ""

    @on(TomlArea.CompletionAsked)
    def _tab(self) -> None:
        self._tab_waits = True
        if self._assisted == (self.area.text, self.area.offset_of_cursor):
            self._complete()
        else:
            self._work()

    def _complete(self) -> None:
        """Writes the only completion, or opens the list of them; without any, Tab writes blanks."""
        self._tab_waits = False
        completions = self.query_one(CompletionList)
        if not completions.has_any:
            self.area.insert_blanks()
        elif completions.complete():
            self._completed = self.area.text, self.area.offset_of_cursor

    def close_completions(self) -> None:
        """Closes the list: the text is left as it is."""
        self._wants_completions = False
        self.query_one(CompletionList).close()

    @on(TomlArea.CursorMoved)
    def _place_completions(self) -> None:
        self.query_one(CompletionList).place()

    @on(TomlArea.CompletionKey)
    def _completion_key(self, message: TomlArea.CompletionKey) -> None:
        leads_on = self.query_one(CompletionList).press(message.key)
        self._completed = (self.area.text, self.area.offset_of_cursor) if leads_on else None
        if not self.area.is_completing:
            self._wants_completions = False

    # Find and replace

    def action_find(self) -> None:
        self.query_one(SearchBar).open()
        self.refresh_bindings()

    def action_accept_match(self) -> None:
        """Leaves the cursor at the match that is shown; where it is to be replaced, prompts for what replaces it."""
        bar = self.query_one(SearchBar)
        is_found = bar.find(from_here=True)
        if bar.has_text and not is_found:
            self._tell_no_match()
        if not bar.is_replacing:
            bar.close(at_match=True)
            self.refresh_bindings()
        elif is_found:
            bar.focus_replacement()

    def action_find_next(self) -> None:
        self._find()

    def action_find_previous(self) -> None:
        self._find(backwards=True)

    def _find(self, *, backwards: bool = False) -> None:
        """Goes to another match; without a text to find, prompts for it."""
        bar = self.query_one(SearchBar)
        if not bar.has_text:
            self.action_find()
        elif not bar.find(backwards=backwards):
            self._tell_no_match()

    def _tell_no_match(self) -> None:
        self.notify("No match.", timeout=BRIEF, markup=False)

    def action_replace(self) -> None:
        """Replaces the match that is selected, and goes to the next one; first prompts for what replaces it."""
        if self._can_replace():
            self.start_change()
            if not self.query_one(SearchBar).replace():
                self._tell_no_match()

    def action_replace_all(self) -> None:
        """Replaces every match; one step of undo takes all of it back. First prompts for what replaces it."""
        if not self._can_replace():
            return
        self.start_change()
        replaced = self.query_one(SearchBar).replace_all()
        self.notify(f"Replaced: {count(replaced, 'match', 'matches')}.", markup=False)

    def _can_replace(self) -> bool:
        """Whether there is a text to find and one that replaces it; opens the bar where these are not typed yet."""
        bar = self.query_one(SearchBar)
        ready = bar.can_replace
        if not ready:
            bar.open(to_replace=True)
            self.refresh_bindings()
        return ready

    @property
    def key_titles(self) -> Mapping[str, str]:
        """While the bar is open, the footer has its keys only; else those that do something now."""
        if self.is_searching:
            return {**dict.fromkeys(_NOT_IN_SEARCH, ""), **_IN_SEARCH}
        hidden = dict(_OF_SEARCH)
        if not self.listed:
            hidden["editor.next-problem"] = ""
        if not any(problem.fix_title for problem in self.listed):
            hidden["editor.fix"] = ""
        return hidden

    @property
    def is_searching(self) -> bool:
        """Whether the bar is open, wherever the focus is."""
        return self.is_mounted and self.query_one(SearchBar).is_open

    def action_close_search(self) -> None:
        self.query_one(SearchBar).close()
        self.refresh_bindings()


def key_at(found: Assistance) -> KeyPath:
    """The key at the cursor, or else its table."""
    path = found.help.path if found.help is not None else found.table
    return found.table if path == found.table[: len(path)] else path  # in a header, the help may be that of a parent
