"""Keeps the unsaved text of an editor as a draft, and offers that of a program that has ended."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import count as count_from
from pathlib import Path

from ...errors import UserError
from ...files import reason
from ...guide.text_drafts import TextDraft, TextDrafts
from ...machine import Machine
from ...profile.document import Document
from ...units import ago


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
        return await asyncio.to_thread(self._write, next(self._numbers), text)

    def write_now(self, text: str | None) -> None:
        """The same, when the program exits. Blocks."""
        self._write(next(self._numbers), text)

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
        changed = draft.based_on != self._document.file_digest
        return question + (" The file has changed since; F6 shows the differences." if changed else "")

    def _write(self, number: int, text: str | None) -> str:
        try:
            if text is None:
                self._drafts.drop(number)
            else:
                now = self._machine.now().timestamp()
                self._drafts.keep(number, text, self._document.file_digest or "", now)
        except UserError as error:
            return str(error)
        except OSError as error:
            return f"{reason(error)}: {error.filename}"
        return ""
