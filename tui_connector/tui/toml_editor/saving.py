"""Saves the text of a profile to its file; and keeps unsaved text as a draft."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UserError
from ...files import described, state_remedy
from ...guide.text_drafts import TextDraft, TextDrafts
from ...machine import Machine
from ...profile.document import Document
from ...units import ago

if TYPE_CHECKING:
    from ...guide.profiles.saved_changes import SavedChange
    from ...guide.trust import ProfileTrust
    from ...profile.problems import Problem
    from ...profile.text_checker import Checked
    from ...profile.trust_records import TrustRecord


class TextSaver:
    """Saves one document: never with a new literal secret, and with its user's trust where that is needed."""

    def __init__(self, machine: Machine, path: Path, document: Document) -> None:
        self._machine, self._path, self._document = machine, path, document
        self._trust: ProfileTrust | None = None
        self._own: tuple[str, str] | None = None
        """An invalid text that was saved here, and the text before that."""
        self._changes: list[SavedChange] = []
        self._found: list[tuple[bytes, bytes, bool]] = []
        """The file before and after each save by another program that is not in `_changes` yet, as in `found`."""

    async def new_secret(self, checked: Checked) -> Problem | None:
        """A literal secret that the file does not have yet."""
        return await asyncio.to_thread(self._new_secret, checked) if checked.literal_secrets else None

    def _new_secret(self, checked: Checked) -> Problem | None:
        from ...profile.text_checker import new_literal_secret

        return new_literal_secret(checked, self._document.text_as_read)

    async def new_problems(self, checked: Checked) -> list[Problem]:
        """Problems that the file does not have yet, wherever their lines are now."""
        return await asyncio.to_thread(self._new_problems, checked) if checked.problems else []

    def _new_problems(self, checked: Checked) -> list[Problem]:
        from ...profile.text_checker import Checker

        known = Counter(map(_identity, Checker().check(self._document.text_as_read).problems))
        new = []
        for problem in checked.problems:
            known[_identity(problem)] -= 1
            if known[_identity(problem)] < 0:
                new.append(problem)
        return new

    async def save(self, checked: Checked, *, is_new: bool) -> None:
        """Raises `UserError`; `ChangedOnDisk` if another program has changed the file.

        `is_new`: it was deleted, and is written again.
        """
        before = self._document.file_data
        if self._trust is None:
            self._trust = await asyncio.to_thread(self._profile_trust)
        opened, self._own = self._opened, None
        changes = await self._trust.own_changes(opened, self._document.draft, self._path)
        await self._take_found(self._trust)
        trusted = tuple(await asyncio.to_thread(self._trust.records))
        if is_new:
            self._document.allow_overwriting(None)
        await asyncio.to_thread(self._document.save)
        await asyncio.to_thread(self._trust.grant_saved, self._path, changes)
        if checked.profile is None:
            self._own = self._document.text_as_read, opened
        self._changes.append(self._change(before, self._document.file_data, self._trust, trusted, "edit as text"))

    def found(self, before: bytes, *, in_own_editor: bool = False) -> None:
        """Another program has saved the file, and the document was rebased; `before` is what it had.

        `in_own_editor`: that was the user's own, opened from here.
        """
        if before != self._document.file_data:
            self._found.append((before, self._document.file_data, in_own_editor))

    async def changes(self) -> tuple[SavedChange, ...]:
        """Each save of the file since the editor was opened, here or by another program; the latest last."""
        if self._found:
            if self._trust is None:
                self._trust = await asyncio.to_thread(self._profile_trust)
            await self._take_found(self._trust)
        return tuple(self._changes)

    async def _take_found(self, trust: ProfileTrust) -> None:
        found, self._found = self._found, []
        if found:
            from ...guide.profiles.saved_changes import BY_ANOTHER_PROGRAM, IN_OWN_EDITOR

            trusted = tuple(await asyncio.to_thread(trust.records))
            for before, after, in_own_editor in found:
                title = IN_OWN_EDITOR if in_own_editor else BY_ANOTHER_PROGRAM
                self._changes.append(self._change(before, after, trust, trusted, title))

    @property
    def _opened(self) -> str:
        """The file before the user changed it: what was invalid when it was saved here is still the user's own."""
        text = self._document.text_as_read
        return self._own[1] if self._own is not None and self._own[0] == text else text

    def _profile_trust(self) -> ProfileTrust:
        from ...guide.trust import ProfileTrust

        return ProfileTrust(self._machine, self._path)

    def _change(
        self, before: bytes, after: bytes, trust: ProfileTrust, trusted: tuple[TrustRecord, ...], title: str
    ) -> SavedChange:
        from ...guide.profiles.saved_changes import SavedChange

        return SavedChange(self._path, before, after, trust, trusted).titled(title)


def _identity(problem: Problem) -> tuple[str, str, str]:
    return problem.path, problem.code, problem.message


class UnsavedText:
    """The draft of one editor. A text of None means that nothing is unsaved: then the draft is dropped."""

    def __init__(self, machine: Machine, path: Path, document: Document) -> None:
        self._machine, self._path, self._document = machine, path, document
        self._drafts = TextDrafts(machine.directories.state, path)
        self._numbers = count_from(1)
        self.problem = ""
        """Why the text could not be kept as a draft the last time."""

    async def keep(self, text: str | None) -> bool:
        """Keeps the text; whether there is a problem that was not there before."""
        before, self.problem = self.problem, await self.write(text)
        return bool(self.problem and not before)

    async def write(self, text: str | None) -> str:
        """Keeps the text. Returns why that failed."""
        return await asyncio.to_thread(self._write, next(self._numbers), text, *self._base)

    def write_now(self, text: str | None) -> None:
        """The same, when the program exits. Blocks."""
        self._write(next(self._numbers), text, *self._base)

    @property
    def _base(self) -> tuple[str, str]:
        return self._document.text_as_read, self._document.file_digest or ""

    async def replace(self, found: Path, text: str | None) -> None:
        """Deletes the draft that was found, once a restored text is kept as this editor's own."""
        if not await self.write(text):
            with contextlib.suppress(OSError):
                await asyncio.to_thread(found.unlink)

    def question(self, draft: TextDraft) -> str:
        """Asks what to do with a draft that was found."""
        age = ago(self._machine.now().timestamp() - draft.kept_at)
        question = f"{self._path.name} has changes that were not saved ({age})."
        question += " Secrets were left out of them." if not draft.is_complete else ""
        changed = " Another program has changed the file since; F6 compares and merges."
        return question + (changed if self.is_outdated(draft) else "")

    def is_outdated(self, draft: TextDraft) -> bool:
        """Whether the file has changed since the draft was kept."""
        return draft.based_on != self._document.file_digest

    def _write(self, number: int, text: str | None, base: str, based_on: str) -> str:
        try:
            if text is None:
                self._drafts.drop(number)
            else:
                self._drafts.keep(number, text, base, based_on, self._machine.now().timestamp())
        except UserError as error:
            return str(error)
        except OSError as error:
            return described(error, state_remedy(error))
        return ""
