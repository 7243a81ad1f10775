"""Opens the text of a saved profile from its page: in the program's editor, or in the user's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ...guide.profiles.saved_changes import IN_OWN_EDITOR, file_before
from ...profile.document import Document
from ...profile.model import Profile
from ...profile.problems import Problem
from ...text import count, shown_line
from ..external_editor import edit
from ..handover import hand_over
from ..text_jumps import TextHolder
from ..toml_editor.opening import open_editor
from ..toml_editor.screen import Left
from ..widgets.form_field import FormPath
from .changes_screen import ChangesScreen
from .profile_screen import PageContext


class TextsScreen(ChangesScreen, TextHolder):
    """A screen of a saved profile that opens its text."""

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self.form_at: FormPath = ()
        """The key whose form is opened once the file is read; empty if none is."""
        self.text_before: Document | None = None
        """What the editor had when it was left for that form."""

    @property
    def selected_problems(self) -> Sequence[Problem]:
        """The selected problem, or those of the selected part; of one without any, the remarks on it."""
        raise NotImplementedError

    @property
    def is_on_problem(self) -> bool:
        """Whether a problem is selected, rather than a part."""
        raise NotImplementedError

    def select_problem(self, problem: Problem) -> None:
        """Selects one of the problems of the profile."""
        raise NotImplementedError

    @property
    def selected_problem(self) -> Problem | None:
        """The problem that the text is opened at; None where there is none."""
        return next(iter(self.selected_problems), None)

    @property
    def problem_to_fix(self) -> Problem | None:
        """What one key corrects: the selected problem; on a part, its first one that it can, or else that of all."""
        others = self.opened.problems if self.opened is not None and not self.is_on_problem else ()
        return next((each for each in (*self.selected_problems, *others) if each.fix_title), None)

    def usable(self) -> Profile | None:
        """The profile, if it was read and has no problems; a message says which one is first, and what to do."""
        if self.profile is None and self.opened is not None and self.opened.problems:
            problem = self.selected_problem
            if problem is None:
                problem = self.opened.problems[0]
                self.select_problem(problem)  # the one that e and a are about then
            found = f"{count(len(self.opened.problems), 'problem')} to fix first"
            words = f"{found}. {problem.placed_brief}"
            if self.opened.is_text:
                keys = f"e opens line {problem.place.line}{', a fixes it' if problem.fix_title else ''}"
                words = f"{found}: {keys}. {problem.placed_brief}"
            self.notify(shown_line(words, 300), severity="warning", markup=False)
        return self.profile

    async def action_edit_text(self) -> None:
        """Opens the file in the editor of this program, at the selected problem or part."""
        part = self.selected_part
        at = () if part is None else (part.family, part.name)
        await self._open_text(at)

    async def action_fix(self) -> None:
        """Corrects the problem, after the difference was shown; a literal secret is moved in the editor."""
        problem = self.problem_to_fix
        if problem is not None and problem.fix is not None:
            self.save_fix(problem)
        elif problem is not None:
            await open_editor(self.app, self.machine, self.path, fix=problem, left=self._left_editor)
        else:
            if self.selected_problem is None and self.opened is not None:
                self.select_problem(self.opened.problems[0])  # the one that e and o, and the message, are about then
            self.notify("There is no suggested correction: e edits the text at the problem.", markup=False)

    def show_text(self, key: FormPath) -> None:
        self.run_worker(self._open_text(key), group="text", exclusive=True)

    async def _open_text(self, key: FormPath) -> None:
        problem = self.selected_problem
        place = None if problem is None else problem.place
        before, self.text_before = self.text_before, None
        await open_editor(
            self.app, self.machine, self.path, place=place, key=key, before=before, left=self._left_editor
        )

    def _left_editor(self, how: Left) -> None:
        for change in how.changes:
            self.record(change)
        self.refresh_bindings()
        self.form_at, self.text_before = how.form_at, how.document  # opened once the file is read

    def action_external_editor(self) -> None:
        """Opens the file in the user's editor, at the selected problem or part; what is saved there can be undone."""
        self.app.clear_notifications()
        hand_over(self.app, self._edit_file())

    async def _edit_file(self) -> None:
        problem, part, opened = self.selected_problem, self.selected_part, self.opened
        async with self.changing(f"Opening {self.path.name}"):
            line = problem.place.line if problem is not None else None
            if line is None and part is not None and opened is not None:
                line = await asyncio.to_thread(opened.line_of, part)
            before = await asyncio.to_thread(file_before, self.path, self.workbench.trust)
            try:
                await edit(self.app, self.machine, self.path, line)
            finally:  # also where the editor reports an error
                if change := await asyncio.to_thread(before.change, IN_OWN_EDITOR):
                    self.record(change)
