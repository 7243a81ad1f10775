"""Edits the text of a profile: problems at their lines while it is typed, completions, and help for each key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.timer import Timer
from textual.widgets import OptionList, Static, TextArea

from ...errors import UserError
from ...files import ChangedOnDisk, digest
from ...guide.misplaced_secrets import plan_move
from ...guide.profile_edit import Undo
from ...guide.summaries import FAMILIES
from ...guide.text_drafts import TextDraft
from ...machine import Machine
from ...profile import line_ends
from ...profile.assistance import Assistance, assist
from ...profile.checker import Checked, Checker
from ...profile.document import Document, text_of
from ...profile.positions import KeyPath, TextPosition
from ...profile.problems import Problem
from ...secrets.mask import Mask
from ...secrets.vault import Vault
from ...text import count, shown_line
from .._textual import BaseScreen
from ..dialogs import ConfirmScreen
from ..editor import edit
from ..file_watch import FileChange, FileWatch
from ..widgets.choice import ChoiceScreen
from ..widgets.frame import KeyFooter, ScreenHeader
from .area import TomlArea
from .difference import DifferenceScreen
from .panels import CompletionList, HelpPanel, ProblemRows, can_be_fixed
from .saving import TextSaver
from .search import SearchBar
from .unsaved_text import UnsavedText

_LOOK_INTERVAL = 0.5
"""Seconds between two looks whether the file has changed."""
_WIDE = 100
"""Columns from which the help is beside the text."""
_BRIEF = 2.5
"""Seconds that a message stays which tells of what is visible."""
_LIST_DELAY = 0.3
"""Seconds without a key after which the list of problems grows or shrinks: the text would jump while it is typed."""
_DRAFT_DELAY = 1.0
"""Seconds after a change until the text is kept as a draft."""


@dataclass(frozen=True, slots=True)
class Left:
    """How the editor was left."""

    undo: Undo | None
    """Undoes what was saved; None if nothing was."""
    form_at: KeyPath = ()
    """The key whose form is wanted: the family and the name of a part first; empty if none is."""


class EditorScreen(BaseScreen[Left]):
    """Edits a profile's file."""

    AUTO_FOCUS = "TomlArea"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", id="editor.save", priority=True),
        Binding("f8", "next_problem", "Next problem", id="editor.next-problem", priority=True),
        Binding("f7", "fix", "Fix", id="editor.fix", priority=True, tooltip="Apply the suggested correction"),
        Binding("escape", "back", "Back", id="editor.back"),
        Binding("f6", "compare", "Changes", id="editor.compare", priority=True, tooltip="Compare with the file; merge"),
        Binding("ctrl+w", "find", "Find", show=False, id="editor.where-is", priority=True),
        Binding("ctrl+f", "find", "Find", id="editor.find", priority=True, tooltip="Find and replace"),
        Binding("f3", "find_next", "Next match", show=False, id="editor.find-next", priority=True),
        Binding("ctrl+r", "replace", "Replace", show=False, id="editor.replace", priority=True, tooltip="Replace"),
        Binding("f5", "replace_all", "Replace all", show=False, id="editor.replace-all", priority=True),
        Binding("ctrl+n", "complete", "Complete", show=False, id="editor.complete", priority=True),
        Binding("f9", "focus_problems", "Problems", show=False, id="editor.problems", priority=True),
        Binding("ctrl+o", "external", "$EDITOR", show=False, id="editor.external", priority=True),
        Binding("ctrl+g", "form", "Form", id="editor.form", priority=True, tooltip="Edit this part in its form"),
    ]

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

    @dataclass
    class FileChanged(Message):
        """Another program has changed the file."""

        change: FileChange

    @dataclass
    class Saved(Message):
        """The text was saved; or why it was not."""

        text: str
        problem: UserError | None

    def __init__(
        self,
        machine: Machine,
        document: Document,
        *,
        at: TextPosition | None = None,
        has_forms: bool = False,
        draft: tuple[Path, TextDraft] | None = None,
    ) -> None:
        """`document` is that of a file; `at` is where the cursor begins.

        `has_forms`: whoever opened the editor can open the form of a part. `draft` is an unsaved text that is offered.
        """
        super().__init__()
        assert document.path is not None
        self._machine, self._document, self._path = machine, document, document.path
        self._saver = TextSaver(machine, document.path, document)
        self._unsaved = UnsavedText(machine, document.path, document)
        self._begins_at, self._has_forms = at or TextPosition(1, 1), has_forms
        self._checker = Checker()
        self._checked: Checked | None = None
        self._assisted: tuple[str, int] | None = None
        self._help_path: KeyPath = ()
        self._busy = False
        """Whether a thread checks the text, or looks for completions."""
        self._watch = FileWatch(document.path)
        self._change: FileChange | None = None
        """A change of the file by another program that is not merged yet."""
        self._wants_completions = False
        """Whether the last key was one that completions follow."""
        self._last_edit = -1
        self._shown_callout = ""
        """What is on the screen: drawing it again would lay out the whole screen for each key."""
        self._saving = False
        self._mask = Mask()
        self._draft_timer: Timer | None = None
        self._list_timer: Timer | None = None
        self._status_timer: Timer | None = None
        self._found_draft = draft

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
        yield Static("", id="editor-status")
        yield KeyFooter()

    def on_mount(self) -> None:
        area = self._area
        area.border_title = Content(shown_line(self._path.name))
        area.show(self._view)
        begin = (self._begins_at.line - 1, self._begins_at.column - 1)
        area.move_cursor(area.clamp_visitable(begin), center=True)
        self.set_interval(_LOOK_INTERVAL, self._look)
        self._draw()
        self.call_after_refresh(self._work)
        if self._found_draft is not None:
            self.call_after_refresh(self._offer_draft, *self._found_draft)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _WIDE, "wide")

    @property
    def _area(self) -> TomlArea:
        return self.query_one(TomlArea)

    @property
    def _view(self) -> str:
        """The document's text as the area has it."""
        return line_ends.plain(self._document.text())

    @property
    def _is_changed(self) -> bool:
        return self._area.text != line_ends.plain(self._document.text_as_read)

    @property
    def _problems(self) -> Sequence[Problem]:
        return self._checked.problems if self._checked is not None else ()

    def _draw(self) -> None:
        state = [("modified", "warning") if self._is_changed else ("saved", "muted")]
        if self._checked is not None:
            found = len(self._problems)
            state.append((f"  ✘ {count(found, 'problem')}", "error") if found else ("  ✔ valid", "success"))
        self.query_one(ScreenHeader).show(self._path.stem, str(self._path), state)
        if (text := self._callout()) != self._shown_callout:
            self._shown_callout = text
            callout = self.query_one("#editor-callout", Static)
            callout.update(Content(text))
            callout.styles.display = "block" if text else "none"
        self.refresh_bindings()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Shows a message in the line above the keys: a notification would cover the problems and the help."""
        status = self.query_one("#editor-status", Static)
        status.update(Content(shown_line(message, 400)))
        for each in ("warning", "error"):
            status.set_class(severity == each, each)
        status.add_class("there")
        if self._status_timer is not None:
            self._status_timer.stop()
        self._status_timer = self.set_timer(timeout or self.app.NOTIFICATION_TIMEOUT, self._clear_status)

    def _clear_status(self) -> None:
        self.query_one("#editor-status", Static).remove_class("there")

    def _callout(self) -> str:
        if self._change is None:
            return ""
        if self._change.problem:
            return f"Another program changed the file, which cannot be read now: {shown_line(self._change.problem)}"
        if self._change.data is None:
            return "The file was deleted by another program. ^S writes it again."
        return "Another program changed the file. Your changes are still here. F6: compare and merge"

    # What is typed

    @on(TextArea.Changed, "#editor-text")
    def _on_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._record()
        self._work()
        self._draw()
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self.set_timer(_DRAFT_DELAY, self._keep_draft)

    @on(TextArea.SelectionChanged, "#editor-text")
    def _on_moved(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self._work()
        self.query_one(ProblemRows).follow(*event.selection.end)

    def _record(self) -> None:
        """Takes what was typed into the document and its history."""
        before, now = self._view, self._area.text
        if before == now:
            return
        size = len(now) - len(before)
        cursor = self._area.offset_of_cursor
        joined = abs(size) == 1 and cursor - size == self._last_edit and now[cursor - 1 : cursor] != "\n"
        self._wants_completions = size == 1 and now[cursor - 1 : cursor] not in ("\n", " ")
        self._last_edit = cursor
        raw = self._document.text()
        at = line_ends.changed(raw, now)
        self._document.edit_text(at, max(0, cursor - size), joined=joined, later=True)

    def _start_change(self) -> None:
        """What changes next is not typed, and undone alone."""
        self._record()
        self._last_edit = -1

    def _show_document(self, cursor: int | None = None) -> None:
        """Shows the document's text after a change that was not typed."""
        self._area.show(self._view, cursor)
        self._last_edit = -1
        self._wants_completions = False

    @on(TomlArea.UndoRequested)
    def _undo(self, message: TomlArea.UndoRequested) -> None:
        self._record()
        try:
            cursor = self._document.redo() if message.redo else self._document.undo()
        except UserError as error:
            self._tell(error)
            return
        if cursor is None:
            self.notify("Nothing to redo." if message.redo else "Nothing to undo.", markup=False)
        else:
            self._show_document(line_ends.plain_offset(self._document.text(), cursor))

    # Checking, in a thread: typing never waits for it

    def _work(self) -> None:
        if not self._busy and self.is_attached:
            self._busy = True
            self._check()

    @work(group="check")
    async def _check(self) -> None:
        try:
            while self.is_attached:
                text, offset = self._area.text, self._area.offset_of_cursor
                if self._assisted is not None and (self._checked is None or self._checked.text != text):
                    checked = await asyncio.to_thread(self._checker.check, text)
                    self._checked = checked
                    self.post_message(self.TextChecked(checked))
                elif self._assisted != (text, offset):
                    found = await asyncio.to_thread(assist, text, offset)
                    self._assisted = text, offset
                    self.post_message(self.Assisted(text, offset, found))
                else:
                    return
        finally:
            self._busy = False

    @on(TextChecked)
    def _show_problems(self, message: TextChecked) -> None:
        checked = message.checked
        if checked.is_toml:
            self._document.use_parsed(checked.data, is_current=checked.text == self._view)
        self._area.mark(checked.problems)
        rows = self.query_one(ProblemRows)
        if self._list_timer is not None:
            self._list_timer.stop()
        if rows.has_focus or rows.option_count == len(checked.problems):
            self._list_problems()
        else:
            self._list_timer = self.set_timer(_LIST_DELAY, self._list_problems)
        self._draw()

    def _list_problems(self) -> None:
        rows = self.query_one(ProblemRows)
        rows.show(self._problems)
        rows.follow(*self._area.selection.end)
        if not self._problems and rows.has_focus:
            self._area.focus()

    def action_next_problem(self) -> None:
        """Goes to the next problem after the cursor, or to the first one."""
        row, column = self._area.selection.end
        places = sorted(problem.place for problem in self._problems)
        later = [place for place in places if place > (row + 1, column + 1)]
        if places:
            self._go_to(later[0] if later else places[0])

    def _go_to(self, place: TextPosition) -> None:
        self._area.move_cursor(self._area.clamp_visitable((place.line - 1, place.column - 1)), center=True)
        self._area.focus()

    def action_focus_problems(self) -> None:
        if self._problems:
            self._list_problems()
            self.query_one(ProblemRows).focus()

    @on(OptionList.OptionSelected, "#editor-problems")
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._go_to(self._problems[event.option_index].place)

    def _fixable(self) -> Problem | None:
        """The problem that can be corrected: selected, on the cursor's line, or else the first one."""
        rows = self.query_one(ProblemRows)
        if rows.has_focus and rows.highlighted is not None:
            chosen = self._problems[rows.highlighted]
            return chosen if can_be_fixed(chosen) else None
        line = self._area.selection.end[0] + 1
        fixable = [problem for problem in self._problems if can_be_fixed(problem)]
        return next((problem for problem in fixable if problem.place.line == line), next(iter(fixable), None))

    def action_fix(self) -> None:
        """Applies the correction of a problem; it can be undone."""
        problem = self._fixable()
        if self._checked is None or self._checked.text != self._area.text:
            return
        if problem is not None and problem.code == "literal-secret":
            self._move_secret(problem)
            return
        if problem is None or problem.fix is None:
            self.notify("There is no suggested correction: edit the value at the problem (F8).", markup=False)
            return
        self._start_change()
        self._area.apply_edits(problem.fix.edits)
        words = f"Line {problem.place.line}: {problem.fix.title}. ^Z undoes it."
        self.notify(shown_line(words, 200), timeout=_BRIEF, markup=False)

    @work(exclusive=True, group="move")
    async def _move_secret(self, problem: Problem) -> None:
        """Moves a literal secret into the keyring; it is never written to the file."""
        text = self._area.text
        vault = Vault(self._machine, self._mask, self._path)
        try:
            move = await asyncio.to_thread(plan_move, text, problem, self._path)
            self._mask.learn(move.secret, move.entry)
            if await vault.origins_of(move.entry) is not None:
                question = f"The keyring already has an entry {move.entry}. Replace it?"
                if not await self.app.push_screen_wait(ConfirmScreen(question, yes="Replace", no="Keep it")):
                    return
            await vault.store(move.entry, move.secret, *move.origins)
        except UserError as error:
            self._tell(error)
            return
        finally:
            vault.close()
        if self._area.text != text:
            self.notify(f"Stored as {move.entry}. The text has changed: F7 replaces the value.", markup=False)
            return
        self._start_change()
        self._area.apply_edits([move.edit])
        self.notify(shown_line(f"Moved into the keyring as {move.entry}. ^S saves the profile.", 200), markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        if action in ("next_problem", "focus_problems"):
            return bool(self._problems)
        if action == "fix":
            return any(map(can_be_fixed, self._problems))
        if action == "form":
            return self._has_forms and _part_of(self._help_path) is not None
        if action == "find_next":
            return self.query_one(SearchBar).has_text
        if action in ("replace", "replace_all", "close_search", "accept_match"):
            return self.query_one(SearchBar).is_open
        return True

    # Help and completions

    @on(Assisted)
    def _show_assistance(self, message: Assisted) -> None:
        if message.text != self._area.text or message.offset != self._area.offset_of_cursor:
            return
        found = message.assistance
        self._help_path = _key_at(found)
        self.refresh_bindings()
        self.query_one(HelpPanel).show(found, wide=self.has_class("wide"))
        completions = self.query_one(CompletionList)
        completions.offer(found)
        wanted = self._area.is_completing or (self._wants_completions and message.offset > found.start)
        if completions.has_any and self._area.has_focus and wanted:
            completions.open()
        else:
            self._wants_completions = False
            completions.close()

    def action_complete(self) -> None:
        """Shows what can be written at the cursor."""
        completions = self.query_one(CompletionList)
        if completions.has_any:
            completions.open()
        else:
            self.notify("No completions here.", markup=False)

    @on(TomlArea.CursorMoved)
    def _place_completions(self) -> None:
        self.query_one(CompletionList).place()

    @on(TomlArea.CompletionKey)
    def _completion_key(self, message: TomlArea.CompletionKey) -> None:
        self.query_one(CompletionList).press(message.key)
        if not self._area.is_completing:
            self._wants_completions = False

    # Find and replace

    def action_find(self) -> None:
        self.query_one(SearchBar).open()
        self.refresh_bindings()

    def action_accept_match(self) -> None:
        """Leaves the cursor at the match that is shown; F3 goes to the next one."""
        self.query_one(SearchBar).find(from_here=True)
        self.action_close_search()

    def action_find_next(self) -> None:
        self.query_one(SearchBar).find()

    def action_replace(self) -> None:
        """Replaces the match that is selected, and goes to the next one."""
        self._start_change()
        self.query_one(SearchBar).replace()

    def action_replace_all(self) -> None:
        """Replaces every match; one step of undo takes all of it back."""
        self._start_change()
        replaced = self.query_one(SearchBar).replace_all()
        self.notify(f"Replaced: {count(replaced, 'match', 'matches')}.", markup=False)

    def action_close_search(self) -> None:
        self.query_one(SearchBar).close()
        self.refresh_bindings()

    # Saving

    def action_save(self) -> None:
        if not self._saving:
            self._saving = True
            self._save()

    @work(group="save")
    async def _save(self, *, and_leave: bool = False, accepted: bool = False) -> None:
        """`accepted`: that the text has problems was shown, and it is to be saved with them."""
        try:
            if await self._saved(accepted=accepted) and and_leave:
                self.dismiss(Left(self._saver.undo))
        finally:
            self._saving = False

    async def _saved(self, *, accepted: bool) -> bool:
        """Saves the text, after a question where it has problems that the file does not have; whether it was saved."""
        self._record()
        text = self._area.text
        checked = await asyncio.to_thread(self._checker_for_saving, text)
        if (problem := await self._saver.new_secret(checked)) is not None:
            self._go_to(problem.place)
            self._tell(UserError(problem.code, f"Not saved: {problem.path}: {problem.text}"))
            return False
        if not accepted and (new := await self._saver.new_problems(checked)) and not await self._accepts(new):
            self._go_to(new[0].place)
            return False
        gone = self._change is not None and self._change.data is None and not self._change.problem
        try:
            await self._saver.save(checked, overwrite=gone)
        except ChangedOnDisk:
            self._watch = FileWatch(self._path)
            words = "Not saved: another program changed the file. F6 compares and merges."
            self.notify(words, severity="warning", markup=False)
            await self._look_now()
            return False
        except UserError as error:
            self._tell(error)
            return False
        self._change, self._last_edit = None, -1
        await self._unsaved.write(self._text_to_keep())
        found = len(checked.problems)
        words = f"Saved with {count(found, 'problem')}." if found else "Saved."
        self.notify(words, severity="warning" if found else "information", timeout=_BRIEF, markup=False)
        self._draw()
        return True

    async def _accepts(self, problems: Sequence[Problem]) -> bool:
        """Asks whether to save the text with these problems."""
        listed = "\n".join(f"✘ {each}" for each in problems[:5])
        question = f"{count(len(problems), 'new problem')}. Nothing can be sent before this is fixed.\n{listed}"
        title = f"Save {self._path.name}"
        answer: bool | None = await self.app.push_screen_wait(
            ConfirmScreen(question, title=title, yes="Save it anyway", no="Keep editing")
        )
        return bool(answer)

    def _checker_for_saving(self, text: str) -> Checked:
        return self._checked if self._checked is not None and self._checked.text == text else Checker().check(text)

    def _tell(self, error: UserError) -> None:
        self.notify(shown_line(str(error), 400), severity="error", timeout=15, markup=False)

    def unsaved_work(self) -> str:
        """What quitting would lose."""
        if not self._is_changed:
            return ""
        kept = "They are kept, without secrets, and offered when you open it again."
        lost = f"They are not kept: {shown_line(self._unsaved.problem, 200)}"
        return f"{self._path.name} has unsaved changes. {lost if self._unsaved.problem else kept}"

    def before_exit(self) -> None:
        """The file is written only when its user says so: the text is kept beside it."""
        self._unsaved.write_now(self._text_to_keep())

    # Drafts

    def _text_to_keep(self) -> str | None:
        return self._area.text if self._is_changed else None

    @work(group="draft")
    async def _keep_draft(self) -> None:
        if await self._unsaved.keep(self._text_to_keep()) and self.is_attached:
            words = f"The unsaved text cannot be kept as a draft: {self._unsaved.problem}"
            self.notify(shown_line(words, 400), severity="warning", timeout=15, markup=False)

    def _offer_draft(self, file: Path, draft: TextDraft) -> None:
        """Asks what to do with the unsaved text of a program that has ended."""
        raw = self._document.text()
        if draft.text == self._area.text:
            self._drop_found(file)
            return

        def chosen(option: str | None) -> None:
            if option == "restore":
                self._record()
                self._document.edit_text(line_ends.changed(raw, draft.text), 0, later=True)
                self._show_document()
                self._drop_found(file)
            elif option == "discard":
                self._drop_found(file)

        options = {"restore": "Restore them", "discard": "Discard them", "later": "Decide later"}
        self.app.push_screen(
            ChoiceScreen(options, question=self._unsaved.question(draft), title="Unsaved changes"), chosen
        )

    @work(group="draft")
    async def _drop_found(self, file: Path) -> None:
        await self._unsaved.replace(file, self._text_to_keep())

    def action_back(self) -> None:
        if not self._is_changed:
            self.dismiss(Left(self._saver.undo))
            return

        def chosen(option: str | None) -> None:
            if option == "save" and not self._saving:
                self._saving = True
                self._save(and_leave=True, accepted=bool(found))
            elif option == "discard":
                self._discard()

        found, question = len(self._problems), f"{self._path.name} has unsaved changes."
        save = f"Save with {count(found, 'problem')}, and leave" if found else "Save and leave"
        options = {"save": save, "discard": "Discard the changes", "stay": "Keep editing"}
        if found:
            options = {key: options[key] for key in ("stay", "discard", "save")}
        self.app.push_screen(ChoiceScreen(options, question=question, title="Unsaved changes"), chosen)

    @work(group="draft")
    async def _discard(self) -> None:
        if self._draft_timer is not None:
            self._draft_timer.stop()
        await self._unsaved.write(None)
        self.dismiss(Left(self._saver.undo))

    def action_form(self) -> None:
        """Leaves the editor for the form of the part at the cursor, at the field of its key."""
        if self._is_changed or self._problems:
            self.notify("Save the changes first (^S)." if self._is_changed else "Fix the problems first.", markup=False)
        else:
            self._leave_for_form(self._area.text, self._area.offset_of_cursor)

    @work(exclusive=True, group="form")
    async def _leave_for_form(self, text: str, offset: int) -> None:
        """What is known of the cursor may still be that of an earlier place."""
        path = _key_at(await asyncio.to_thread(assist, text, offset))
        if _part_of(path) is not None:
            self.dismiss(Left(self._saver.undo, path))

    def action_external(self) -> None:
        """Opens the file in the user's own editor, at this line."""
        if self._is_changed:
            self.notify("Save the changes first (^S).", markup=False)
            return
        try:
            edit(self.app, self._machine.environ, self._path, self._area.selection.end[0] + 1)
        except UserError as error:
            self._tell(error)

    # Changes by other programs

    @work(exclusive=True, group="look")
    async def _look(self) -> None:
        await self._look_now()

    async def _look_now(self) -> None:
        change = await asyncio.to_thread(self._watch.look, self._document.file_digest)
        if change is not None:
            self.post_message(self.FileChanged(change))

    @on(FileChanged)
    def _on_file_changed(self, message: FileChanged) -> None:
        change = message.change
        if change.data is not None and digest(change.data) == self._document.file_digest:
            return  # it was written here, while the thread looked
        self._record()
        if change.data is None or self._is_changed:
            self._change = change
        else:
            self._reload(change.data)
        self._draw()

    def _reload(self, data: bytes) -> None:
        """Shows what another program has written; undo returns to what was there before."""
        try:
            self._document.rebase(data)
        except UserError as error:
            self._change = FileChange(problem=error.text)
            return
        self._document.edit_text(self._document.text_as_read, self._area.offset_of_cursor, later=True)
        self._change = None
        self._show_document()
        self.notify("Another program changed the file; it was reloaded. ^Z undoes that.", markup=False)

    def action_compare(self) -> None:
        """Shows how the text differs from the file, and takes what is chosen of either."""
        self._record()
        change = self._change
        if not self._is_changed and (change is None or change.data is None):
            self.notify("Nothing to compare: the text is that of the file.", markup=False)
            return
        base = self._document.text_as_read
        theirs = base if change is None or change.data is None else text_of(self._path, change.data)
        texts = [line_ends.plain(each) for each in (base, self._document.text(), theirs)]

        def done(text: str | None) -> None:
            if text is None:
                return
            self._record()
            if change is not None and change.data is not None:
                try:
                    self._document.rebase(change.data)
                except UserError as error:
                    self._tell(error)
                    return
                if self._change is change:
                    self._change = None
            raw = self._document.text()
            self._document.edit_text(line_ends.changed(raw, text), self._area.offset_of_cursor, later=True)
            self._show_document()
            self._draw()

        self.app.push_screen(DifferenceScreen(self._path.name, *texts, is_merge=change is not None), done)

    def help_text(self) -> str:
        return (
            "The editor\n"
            "Edits the profile as text. Problems are shown at their lines while you type, and listed below: F8 goes to "
            "the next one, F7 applies the suggested correction, or "
            "moves a literal secret into the keyring, F9 enters the list. Completions open as you type, or "
            "with ^N: ↑ and ↓ choose, Tab writes one. ^F finds: Enter goes to the match, F3 to the next one, "
            "^R replaces it and F5 replaces all. ^K cuts lines, ^U pastes them. ^Z undoes, ^Y redoes. ^S saves, new "
            "problems only after a question, and never a secret as a literal value. F6 compares the text with the "
            "file. If another program changes the file, your changes stay: F6 compares both and merges them. ^O opens "
            "the file in your own editor ($VISUAL, $EDITOR). If the program ends unexpectedly, unsaved text is offered "
            "when you open the file again; literal secrets are not kept."
        )


def _key_at(found: Assistance) -> KeyPath:
    """The key at the cursor, or else its table."""
    return found.help.path if found.help is not None else found.table


def _part_of(path: KeyPath) -> tuple[str, str] | None:
    """The part of the profile that a key belongs to; None if it has no form."""
    return (str(path[0]), str(path[1])) if len(path) > 1 and path[0] in FAMILIES else None
