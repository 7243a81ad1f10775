"""Edits the text of a profile: saving and leaving, drafts, and changes of the file by other programs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.timer import Timer
from textual.widgets import TextArea

from ...errors import InvalidValue, UserError
from ...files import ChangedOnDisk, digest
from ...guide.part_families import WITH_FORMS
from ...guide.text_drafts import TextDraft
from ...machine import Machine
from ...profile import line_ends
from ...profile.document import Document, text_of
from ...profile.merge import common_base
from ...profile.positions import KeyPath, TextPosition, value_at
from ...profile.text_history import difference
from ...text import count, shown_line
from ..dialogs import EntryScreen
from ..external_editor import edit, edit_copy
from ..file_watch import FileChange, FileWatch
from ..handover import hand_over
from ..widgets.frame import by_itself
from ..widgets.questions import ConfirmScreen, UnsavedScreen, WorkAnswer
from .difference import DifferenceScreen
from .saving import TextSaver, UnsavedText
from .search import SearchBar
from .text_screen import BRIEF, TextScreen, key_at

if TYPE_CHECKING:
    from ...guide.profiles.saved_changes import SavedChange
    from ...profile.problems import Problem
    from ...profile.text_checker import Checked

_LOOK_INTERVAL = 0.5
"""Seconds between two looks whether the file has changed."""
_IN_GUIDE = ("clients", "authentications")
"""The families whose parts have their form in the guide."""
_DRAFT_DELAY = 1.0
"""Seconds after a change until the text is kept as a draft."""


@dataclass(frozen=True, slots=True)
class Left:
    """How the editor was left."""

    changes: tuple[SavedChange, ...]
    """Each save of the file meanwhile; the latest last."""
    form_at: KeyPath = ()
    """The key whose form is wanted: the family and the name of a part first; empty if none is."""
    document: Document | None = None
    """What was edited, to continue with after the form; None where no form is wanted."""


@dataclass(frozen=True, slots=True)
class _Merge:
    """A change of the text that took over what another program had changed in the file."""

    before: str
    after: str
    base: bytes
    """The file from which the text before was made."""
    theirs: bytes


class EditorScreen(TextScreen[Left]):
    """Edits a profile's file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", id="editor.save", priority=True),
        Binding("f8", "next_problem", "Next problem", id="editor.next-problem", priority=True),
        Binding("f7", "fix", "Fix", id="editor.fix", priority=True, tooltip="Apply the suggested correction"),
        Binding("escape", "back", "Back", id="editor.back"),
        Binding("f6", "compare", "Changes", id="editor.compare", priority=True, tooltip="Compare with the file; merge"),
        Binding("ctrl+w", "find", "Find", show=False, id="editor.where-is", priority=True),
        Binding("ctrl+f", "find", "Find", id="editor.find", priority=True, tooltip="Find and replace"),
        Binding("f3", "find_next", "Next match", id="editor.find-next", priority=True),
        Binding("ctrl+r", "replace", "Replace", id="editor.replace", priority=True, tooltip="Replace the match"),
        Binding("f5", "replace_all", "Replace all", id="editor.replace-all", priority=True),
        Binding("f2", "find_previous", "Previous match", id="editor.find-previous", priority=True),
        Binding("ctrl+n", "complete", "Complete", show=False, id="editor.complete", priority=True),
        Binding("f9", "focus_problems", "Problems", show=False, id="editor.problems", priority=True),
        Binding("ctrl+o", "external", "$EDITOR", show=False, id="editor.external", priority=True),
        Binding("ctrl+l", "go_to_line", "Go to line", show=False, id="editor.go-to-line", priority=True),
        Binding("ctrl+t", "wrap", "Wrap long lines", show=False, id="editor.wrap", priority=True),
        Binding("ctrl+g", "form", "Form", id="editor.form", priority=True, tooltip="Edit this part in its form"),
    ]

    @dataclass
    class FileChanged(Message):
        """Another program has changed the file."""

        change: FileChange

    def __init__(
        self,
        machine: Machine,
        document: Document,
        *,
        at: TextPosition | None = None,
        draft: tuple[Path, TextDraft] | None = None,
        fix: Problem | None = None,
    ) -> None:
        """`document` is that of a file; `at` is where the cursor begins. `draft` is an unsaved text that is offered.

        `fix` is a problem of the file that is corrected first, unless there is a draft.
        """
        assert document.path is not None
        at = at or TextPosition(1, 1)
        super().__init__(machine, document, document.path, at, fix if draft is None else None)
        self._saver = TextSaver(machine, document.path, document)
        self._unsaved = UnsavedText(machine, document.path, document)
        self._found_draft = draft
        self._watch = FileWatch(document.path)
        self._is_looking = False
        self._change: FileChange | None = None
        """A change of the file by another program that is not merged yet."""
        self._merges: list[_Merge] = []
        self._saved_data: bytes | None = None
        """What was saved last here; None if nothing was."""
        self._saving = False
        self._is_in_own_editor = False
        self._draft_timer: Timer | None = None
        self._is_leaving = False

    def on_mount(self) -> None:
        self.set_interval(_LOOK_INTERVAL, self._look)
        if self._found_draft is not None:
            self.call_after_refresh(self._offer_draft, *self._found_draft)

    @property
    def key_titles(self) -> Mapping[str, str]:
        titles = super().key_titles
        if _part_of(self.key_at_cursor) is None:
            return {**titles, "editor.form": ""}
        return titles if not self.is_changed else {"editor.form": "Save, form", **titles}

    # Saving

    def action_save(self) -> None:
        self.close_completions()
        if not self._saving:
            self._saving = True
            self._save()

    @work(group="save")
    async def _save(self, *, and_leave: bool = False, accepted: bool = False) -> None:
        """`accepted`: that the text has problems was shown, and it is to be saved with them."""
        try:
            if await self._saved(accepted=accepted) and and_leave:
                self._leave()
        finally:
            self._saving = False

    async def _saved(self, *, accepted: bool) -> bool:
        """Saves the text, after a question where it has problems that the file does not have; whether it was saved."""
        self.record()
        text = self.area.text
        checked = await asyncio.to_thread(self._checker_for_saving, text)
        if (problem := await self._saver.new_secret(checked)) is not None:
            self.go_to(problem.place)
            self.tell(UserError(problem.code, f"Not saved: {problem.placed_text}"))
            return False
        gone = self._is_deleted
        try:
            if not gone:  # before a question that would be asked in vain
                await asyncio.to_thread(self.document.check_unchanged, self.path)
            if not accepted and (new := await self._saver.new_problems(checked)) and not await self._accepts(new):
                self.go_to(new[0].place)
                return False
            await self._saver.save(checked, is_new=gone)
        except ChangedOnDisk:
            if await self._merge(to_save=True):
                return await self._saved(accepted=False)
            # the callout says why, and what to do
            self.notify("Not saved.", severity="warning", timeout=BRIEF, markup=False)
            return False
        except UserError as error:
            self.tell(error)
            return False
        self._change, self._saved_data = None, self.document.file_data
        self.start_change()
        await self._unsaved.write(self._text_to_keep())
        found = len(checked.problems)
        words = f"Saved with {count(found, 'problem')}" if found else "Saved"
        words += f": another program had deleted {self.path.name}, it was written again." if gone else "."
        severity: SeverityLevel = "warning" if found or gone else "information"
        self.notify(shown_line(words), severity=severity, timeout=None if gone else BRIEF, markup=False)
        self.draw()
        return True

    async def _accepts(self, problems: Sequence[Problem]) -> bool:
        """Asks whether to save the text with these problems."""
        listed = "\n".join(f"✘ {each}" for each in problems[:5])
        question = f"{count(len(problems), 'new problem')}. No request can be sent before this is fixed.\n{listed}"
        title = f"Save {self.path.name}"
        screen = ConfirmScreen(question, title=title, yes="Save it anyway", no="Keep editing")
        answer: bool | None = await self.app.push_screen_wait(by_itself(screen))
        return bool(answer)

    def _checker_for_saving(self, text: str) -> Checked:
        from ...profile.text_checker import Checker

        return self.checked if self.checked is not None and self.checked.text == text else Checker().check(text)

    @property
    def _is_deleted(self) -> bool:
        """Whether another program has deleted the file: its text is only here."""
        return self._change is not None and self._change.data is None and not self._change.problem

    def unsaved_work(self) -> str:
        """What quitting would lose."""
        if self._is_deleted:
            return f"Another program deleted {self.path.name}, and its text is not saved again."
        if not self.is_changed:
            return ""
        kept = "They are kept, without secrets, and offered when you open it again."
        lost = f"They are not kept: {shown_line(self._unsaved.problem, 200)}"
        return f"{self.path.name} has unsaved changes. {lost if self._unsaved.problem else kept}"

    def before_exit(self) -> None:
        """The file is written only when its user says so: the text is kept beside it."""
        self._unsaved.write_now(self._text_to_keep())

    # Drafts

    @on(TextArea.Changed, "#editor-text")
    def _plan_draft(self) -> None:
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self.set_timer(_DRAFT_DELAY, self._keep_draft)

    def _text_to_keep(self) -> str | None:
        return self.area.text if self.is_changed else None

    @work(group="draft")
    async def _keep_draft(self) -> None:
        if await self._unsaved.keep(self._text_to_keep()) and self.is_attached:
            words = f"The unsaved text cannot be kept as a draft: {self._unsaved.problem}"
            self.notify(shown_line(words, 400), severity="warning", timeout=15, markup=False)

    def _offer_draft(self, file: Path, draft: TextDraft) -> None:
        """Asks what to do with the unsaved text of a program that has ended."""
        if draft.text == self.area.text:
            self._drop_found(file)
            return

        def chosen(option: str | None) -> None:
            if option == "restore":
                self._restore(draft)
                self._drop_found(file)
            elif option == "discard":
                self._drop_found(file)

        options: dict[WorkAnswer, str] = {"restore": "Restore them", "discard": "Discard them"}
        screen = UnsavedScreen(options, question=self._unsaved.question(draft), stay="Decide later")
        self.app.push_screen(by_itself(screen), chosen)

    def _restore(self, draft: TextDraft) -> None:
        """Shows the draft, with the text that it was made from: what the file has instead is a change of it."""
        self.record()
        is_outdated, data, raw = self._unsaved.is_outdated(draft), self.document.file_data, self.document.text()
        self.document.edit_text(line_ends.changed(raw, draft.text), self.area.offset_of_cursor, later=True)
        if is_outdated:
            theirs = line_ends.plain(self.document.text_as_read)
            base = draft.base if draft.base is not None else common_base(draft.text, theirs)
            self.document.rebase_text(base)
            self._change = FileChange(data)
        start, _, _ = difference(line_ends.plain(self.document.text_as_read), self.view)
        self.show_document(start)
        self.draw()

    @work(group="draft")
    async def _drop_found(self, file: Path) -> None:
        await self._unsaved.replace(file, self._text_to_keep())

    # Leaving

    def action_back(self) -> None:
        if self.is_searching:
            self.action_close_search()
        elif self.query_one(SearchBar).end():
            self.notify("The search has ended. Esc again leaves the editor.", timeout=BRIEF, markup=False)
        elif self.is_changed or self._is_deleted:
            self._ask_leaving()
        else:
            self._leave()

    @work(exclusive=True, group="draft")
    async def _leave(self, form_at: KeyPath = ()) -> None:
        """Leaves the editor with nothing unsaved. What was kept of the text before is no longer there then."""
        self._is_leaving = True
        if self._draft_timer is not None:
            self._draft_timer.stop()
        await self._unsaved.write(None)
        self.dismiss(Left(await self._saver.changes(), form_at, self.document if form_at else None))

    @property
    def loading_message(self) -> str:
        """Keys wait while the editor is left: what they type would be lost."""
        return "Leaving the editor" if self._is_leaving else super().loading_message

    @work(exclusive=True, group="leave")
    async def _ask_leaving(self) -> None:
        """Asks what becomes of the changes; what would be refused is not offered."""
        found, question = len(self.problems), f"{self.path.name} has unsaved changes."
        save = f"Save with {count(found, 'problem')}" if found else "Save and leave"
        options: dict[WorkAnswer, str] = {"save": save, "discard": "Discard the changes"}
        if self._is_deleted:
            question = f"Another program deleted {self.path.name}. Saving writes it again."
            options["discard"] = "Discard the text"
        if self.checked is not None and (secret := await self._saver.new_secret(self.checked)) is not None:
            del options["save"]
            question += f" It cannot be saved with the secret on line {secret.place.line}; F7 moves that."
        option = await self.app.push_screen_wait(UnsavedScreen(options, question=question))
        if option == "save" and not self._saving:
            self._saving = True
            self._save(and_leave=True, accepted=bool(found))
        elif option == "discard":
            self._leave()

    @work(exclusive=True, group="go-to-line")
    async def action_go_to_line(self) -> None:
        """Prompts for the number of a line, perhaps with a column, and goes there."""
        last = self.area.document.line_count

        async def place_of(text: str) -> TextPosition:
            return place_in(text, last)

        screen = EntryScreen(f"Line (1 to {last}), or line:column", apply=place_of, title="Go to line")
        place: TextPosition | None = await self.app.push_screen_wait(screen)
        if place is not None:
            self.go_to(place)

    def action_form(self) -> None:
        """Leaves the editor for the form of the part at the cursor, at the field of its key; saves changes first."""
        self.record()
        self._leave_for_form(self.area.text, self.area.offset_of_cursor)

    @work(exclusive=True, group="leave")
    async def _leave_for_form(self, text: str, offset: int) -> None:
        path = key_at(await asyncio.to_thread(self.assist, text, offset))  # what is known may be of an earlier place
        if why := self._why_no_form(path):
            self.notify(why, markup=False)
        elif not self.is_changed or await self._saved_for_form():
            self._leave(path)

    async def _saved_for_form(self) -> bool:
        """Saves the text, as the form shows what the file has; asks what saving would ask."""
        if self._saving:
            return False
        self._saving = True
        try:
            return await self._saved(accepted=False)
        finally:
            self._saving = False

    def _why_no_form(self, path: KeyPath) -> str:
        """Why there is no form at this key, or which problems are in its way; empty where it can be opened."""
        part, checked = _part_of(path), self.checked
        if part is None:
            return "No form here: move the cursor into a client, an authentication, an incoming or an outgoing."
        if checked is None or not self.problems:
            return ""
        if not checked.is_toml:
            return f"Fix line {self.problems[0].line} first (F8): the form needs a text that can be read."
        if part[0] in _IN_GUIDE and (own := [each for each in self.problems if each.keys[:2] == part]):
            return f"Fix line {own[0].line} first (F8): the guide needs a valid part."
        readable = isinstance(value_at(checked.data, part), dict)
        return "" if readable else "Fix the problems first (F8): this part is not a table."

    def action_external(self) -> None:
        """Opens the file in the user's own editor, at this line; or a copy of it that has the unsaved text."""
        self.record()
        hand_over(self.app, self._edit_externally(self.area.selection.end[0] + 1))

    async def _edit_externally(self, line: int) -> None:
        self._is_in_own_editor = True
        try:
            if self.is_changed:
                await self._edit_copy(line)
            else:
                try:
                    await edit(self.app, self.machine, self.path, line)
                finally:  # also where the editor reports an error
                    await self._take_file()
        except UserError as error:
            self.tell(error)
        finally:
            self._is_in_own_editor = False

    async def _take_file(self) -> None:
        """Shows what the user's own editor has saved in the file."""
        change = await asyncio.to_thread(FileWatch(self.path).look, self.document.file_digest)
        if change is not None and change.data is not None:
            self._reload(change.data, "Reloaded from your editor. ^Z undoes what it changed.", in_own_editor=True)
            self.draw()

    async def _edit_copy(self, line: int) -> None:
        """Takes what the user's own editor makes of the unsaved text. Raises `UserError`."""
        text = self.document.text()
        data = await edit_copy(self.app, self.machine, self.path.name, text.encode("utf-8", "surrogateescape"), line)
        edited = text_of(self.path, data)
        if edited == text:
            self.notify("Nothing was changed in your editor.", timeout=BRIEF, markup=False)
            return
        self.start_change()
        self.document.edit_text(edited, self.area.offset_of_cursor, later=True)
        self.show_document()
        self.notify("Taken from your editor, not saved yet: ^S saves, ^Z undoes it.", markup=False)
        self.draw()

    # Changes by other programs

    def callout(self) -> str:
        if self._change is None:
            return ""
        if self._change.problem:
            return f"Another program changed the file, which cannot be read now: {shown_line(self._change.problem)}"
        if self._change.data is None:
            return "The file was deleted by another program. ^S writes it again."
        if self._change.data == self._saved_data:
            return "The file has the merge that was undone here after it was saved. F6: compare and merge"
        return "Another program changed the file. Your changes are still here. F6: compare and merge"

    @work(group="look")
    async def _look(self) -> None:
        """Looks at the file, unless the last look is not over yet: what that one finds, no other does."""
        if self._is_looking or self._is_in_own_editor:  # whose changes are the user's own
            return
        self._is_looking = True
        try:
            change = await asyncio.to_thread(self._watch.look, self.document.file_digest)
        finally:
            self._is_looking = False
        if change is not None:
            self.post_message(self.FileChanged(change))

    @on(FileChanged)
    def _on_file_changed(self, message: FileChanged) -> None:
        change = message.change
        if change.data is not None and digest(change.data) == self.document.file_digest:
            return  # it was written here, while the thread looked
        self.record()
        if change.data is None or self.is_changed:
            self._change = change
        else:
            self._reload(change.data)
        self.draw()

    def _reload(
        self,
        data: bytes,
        words: str = "Another program changed the file; it was reloaded. ^Z undoes that.",
        *,
        in_own_editor: bool = False,
    ) -> None:
        """Shows what another program has written; undo returns to what was there before."""
        try:
            self._rebase(data, in_own_editor=in_own_editor)
        except UserError as error:
            self._change = FileChange(problem=error.text)
            return
        self.document.edit_text(self.document.text_as_read, self.area.offset_of_cursor, later=True)
        self._change = None
        self.show_document()
        self.notify(words, markup=False)

    def _rebase(self, data: bytes, *, in_own_editor: bool = False) -> None:
        """Another program has saved these bytes in the file. Raises `UserError` if they cannot be read."""
        before = self.document.file_data
        self.document.rebase(data)
        self._saver.found(before, in_own_editor=in_own_editor)

    def action_compare(self) -> None:
        """Shows how the text differs from the file, and takes what is chosen of either."""
        self.close_completions()
        self._compare()

    @work(exclusive=True, group="compare")
    async def _compare(self) -> None:
        await self._merge()

    async def _merge(self, *, to_save: bool = False) -> bool:
        """Shows how the text differs from the file, and takes what is chosen of either; whether anything was.

        Reads the file first: another program may have changed it a moment ago. `to_save`: the text is saved then; so
        nothing is shown where there is no file to merge it with.
        """
        change = await asyncio.to_thread(FileWatch(self.path).look, self.document.file_digest)
        if self.app.screen is not self:
            return False
        self._change = change
        self.record()
        if not self.is_changed:
            if change is None:
                self.notify("Nothing to compare: the text is that of the file.", markup=False)
            elif change.data is not None:
                self._reload(change.data)
            self.draw()
            return False
        self.draw()
        if to_save and (change is None or change.data is None):
            return change is None  # it has changed back, or the callout says why there is nothing to merge
        base = self.document.text_as_read
        theirs = base if change is None or change.data is None else text_of(self.path, change.data)
        texts = [line_ends.plain(each) for each in (base, self.document.text(), theirs)]
        screen = DifferenceScreen(self.path.name, *texts, is_merge=change is not None, to_save=to_save)
        screen.viewed = self.viewed
        text = await self.app.push_screen_wait(screen)
        if text is None:
            return False
        self.record()
        raw = self.document.text()
        result = line_ends.changed(raw, text)
        if change is not None and change.data is not None:
            merge = _Merge(raw, result, self.document.file_data, change.data)
            try:
                self._rebase(change.data)
            except UserError as error:
                self.tell(error)
                return False
            if raw != result:
                self._merges.append(merge)
            if self._change == change:  # which may have been noticed meanwhile, too
                self._change = None
        self.document.edit_text(result, self.area.offset_of_cursor, later=True)
        self.show_document()
        self.draw()
        return True

    def after_undo(self, *, redo: bool) -> None:
        """Without a merge, the text is that of the file before it: saving it compares and merges again."""
        text = self.document.text()
        merge = next((each for each in reversed(self._merges) if text == (each.after if redo else each.before)), None)
        if merge is None:
            return
        self.document.rebase(merge.theirs if redo else merge.base)
        if not redo:
            what = "what another program has changed is not in the text any more. ^S, or F6, compares it again"
            self.notify(f"The merge is undone: {what}; ^Y merges it as before.", severity="warning", markup=False)
        self._change, self._watch = None, FileWatch(self.path)
        self._look()

    def help_text(self) -> str:
        return (
            "The editor\n"
            "Edits the profile as text. Problems are shown at their lines while you type, and listed below: F8 goes "
            "to the next one, F7 applies the suggested correction, or moves a literal secret into the keyring "
            "(without one, into a variable that has it for this session), F9 enters the list. Completions open as "
            "you type: Tab writes the first; ^N opens them, too, for ↑ and ↓ to select, and Tab or Enter to write "
            "one. ^F finds: Enter goes to the match, F3 to the next one, F2 to the previous one. ^R replaces: Enter "
            "goes from the text to find to its replacement, and there replaces the match and goes to the next one; "
            "F5 replaces all, Esc closes the bar. ^L goes to a line. ^T wraps lines that are longer than the editor "
            "is wide. ^K cuts lines, ^U pastes them. ^Z undoes, ^Y redoes. Of the line, or the selected ones: ^/ "
            "makes them comments, or the opposite, Tab and Shift+Tab indent and unindent them, ^D duplicates them, "
            "Alt+↑ and Alt+↓ move them. ^S saves, new problems only after a question, and never a secret as a "
            "literal value. F6 compares the text with the file. If another program changes the file, your changes "
            "stay: ^S, or F6, merges both. ^O opens the text in your own editor ($VISUAL, $EDITOR): the file, or a "
            "copy with the unsaved changes, which come back unsaved. If the program ends unexpectedly, unsaved text "
            "is offered when you open the file again; literal secrets are not kept."
        )


def place_in(text: str, lines: int) -> TextPosition:
    """The place that a line's number means, or "line:column", in a text with so many lines.

    A line beyond the end is the last one. Raises `InvalidValue`.
    """
    found = re.fullmatch(r"\s*(\d{1,9})(?:\s*[:,]\s*(\d{1,9}))?\s*", text)
    if found is None:
        raise InvalidValue("line-number", f"{shown_line(text, 40)!r} is not the number of a line")
    return TextPosition(max(1, min(int(found[1]), lines)), max(1, int(found[2] or 1)))


def _part_of(path: KeyPath) -> tuple[str, str] | None:
    """The part of the profile, or the environment, that a key belongs to; None if it has no form."""
    return (str(path[0]), str(path[1])) if len(path) > 1 and path[0] in WITH_FORMS else None
