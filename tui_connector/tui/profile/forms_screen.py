"""Opens the forms of the parts and environments of a saved profile over its page, and saves what they change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual import work

from ...guide.drafts import Drafts, key_for
from ...guide.steps.summaries import ProfilePart
from ..widgets.form_field import FormPath
from .part_forms import PartForms
from .profile_screen import PageContext
from .texts_screen import TextsScreen


class FormsScreen(TextsScreen):
    """A screen of a saved profile that opens forms."""

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._forms = PartForms(self.app, self.path, self.environment)
        self.added_environment = ""
        """The environment that was added and is offered once it was read."""

    def show_status(self) -> None:
        """Called when a form is about to open, which takes a while."""
        raise NotImplementedError

    async def edit_here(
        self, part: ProfilePart, *, add: bool, at: FormPath = (), declined: Callable[[], object] | None = None
    ) -> bool:
        """Opens the form of the part over the page, or adds one; False if the guide is the place to edit it.

        `at` is the field that has the focus first; `declined` reopens what led here, if the file stays as it is.
        """
        # keys that are pressed now are meant for the form
        self.busy = f"Opening {part.name or 'the list of what can be added'}"
        self.show_status()
        if await self._has_form(part):
            self._edit_in_form(part, add=add, at=at, declined=declined)
            return True
        self.busy = ""
        return False

    async def _has_form(self, part: ProfilePart) -> bool:
        """Whether the part is edited here: not in the guide's steps, nor while the guide has a draft of the profile."""
        if part.family not in ("incoming", "outgoing") or self.opened is None or self.opened.document is None:
            return False
        drafts = Drafts(self.machine.directories.state)
        return await asyncio.to_thread(drafts.find, key_for(self.path)) is None

    @work(exclusive=True, group="edit")
    async def _edit_in_form(
        self, part: ProfilePart, *, add: bool, at: FormPath, declined: Callable[[], object] | None
    ) -> None:
        """Opens the form of the part, or adds one; saves it after the difference was shown.

        From the text, which `at` tells, it leads back there.
        """
        assert part.family in ("incoming", "outgoing")
        change, done = None, "Saved: {}. ^Z undoes it." if at else "Saved: {}. u undoes it."
        async with self.changing(self.busy), self.file_workbench() as workbench:
            if not add:
                change = await self._forms.edit(workbench, part.family, part.name, at)
            elif (added := await self._forms.add(workbench, part.family)) is not None:
                (name, change), done = added, "Added: {}. Enter opens its form, u undoes it."
                part = ProfilePart(part.family, name, "")
            if change is not None:
                self.record(change)
                self.notify(done.format(part.name), markup=False)
        if change is None:
            self.reopens = declined
        if at:
            self.show_text(at)

    @work(exclusive=True, group="edit")
    async def edit_environment(
        self,
        name: str = "",
        at: FormPath = (),
        like: str = "",
        declined: Callable[[], object] | None = None,
    ) -> None:
        """Opens the form of an environment, at this field, or adds one; saves it after the difference was shown.

        `like` is the environment that a new one is a copy of. As above for `at` and `declined`.
        """
        change, done = None, "Saved: {}. ^Z undoes it." if at else "Saved: {}. E uses it, u undoes the change."
        opening = self.changing(f"Opening {name or 'the form of an environment'}")
        async with opening, self.file_workbench() as workbench:
            if name:
                change = await self._forms.edit_environment(workbench, name, at)
            elif (added := await self._forms.add_environment(workbench, like)) is not None:
                name, change = added
                done = "Added: {}. E uses it, u undoes the change."
                if self.profile is not None:
                    self.added_environment, done = name, ""  # said once the list of environments has it
            if change is not None:
                self.record(change)
            if change is not None and done:
                self.notify(done.format(name), markup=False)
        if change is None:
            self.reopens = declined
        if at:
            self.show_text(at)

    def unsaved_work(self) -> str:
        if not self._forms.unsaved:
            return ""
        kept = "They are kept, without secrets, and offered when you open its text."
        return f"The changes in the form are not saved to {self.path.name}. {kept}"

    def before_exit(self) -> None:
        """The file is written only when its user says so: what the form has is kept beside it."""
        self._forms.keep_unsaved(self.machine)
