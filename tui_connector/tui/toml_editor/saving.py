"""Saves the text of a profile: never with a new literal secret, and with its user's trust where that is needed."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from ...files import digest
from ...guide.profile_edit import Undo
from ...guide.trust import ProfileTrust
from ...machine import Machine
from ...profile.checker import Checked, Checker
from ...profile.document import Document
from ...profile.problems import Problem


class TextSaver:
    """Saves one document."""

    def __init__(self, machine: Machine, path: Path, document: Document) -> None:
        self._path, self._document = path, document
        self._trust = ProfileTrust(machine, path)
        self.undo: Undo | None = None
        """Undoes what was saved since the editor was opened, or since a change by another program was merged."""

    async def new_secret(self, checked: Checked) -> Problem | None:
        """A literal secret that the file does not have yet."""
        return await asyncio.to_thread(self._new_secret, checked) if checked.literal_secrets else None

    def _new_secret(self, checked: Checked) -> Problem | None:
        known = {problem.keys for problem in Checker().check(self._document.text_as_read).literal_secrets}
        return next((problem for problem in checked.literal_secrets if problem.keys not in known), None)

    async def new_problems(self, checked: Checked) -> list[Problem]:
        """Problems that the file does not have yet, wherever their lines are now."""
        return await asyncio.to_thread(self._new_problems, checked) if checked.problems else []

    def _new_problems(self, checked: Checked) -> list[Problem]:
        known = Counter(map(_identity, Checker().check(self._document.text_as_read).problems))
        new = []
        for problem in checked.problems:
            known[_identity(problem)] -= 1
            if known[_identity(problem)] < 0:
                new.append(problem)
        return new

    async def save(self, checked: Checked, *, overwrite: bool) -> None:
        """Raises `UserError`; `ChangedOnDisk` if another program has changed the file, unless `overwrite`."""
        before, expected = self._document.file_data, self._document.file_digest
        allowed = await self._trust.check_before_saving(self._document.text_as_read, checked.profile, self._path)
        await asyncio.to_thread(self._document.save, overwrite=overwrite)
        if allowed is not None and checked.profile is not None:
            await asyncio.to_thread(self._trust.grant_saved, self._path, checked.profile)
        if self.undo is not None and self.undo.expect == expected:
            before = self.undo.before
        self.undo = Undo(self._path, before, digest(self._document.file_data))


def _identity(problem: Problem) -> tuple[str, str, str]:
    return problem.path, problem.code, problem.message
