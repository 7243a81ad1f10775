"""Keeps a setup that is not saved as a draft, while it is worked on: a lost terminal costs nothing."""

from __future__ import annotations

import asyncio
import threading
from copy import deepcopy
from dataclasses import replace
from itertools import count

from ...files import CannotSave, reason, state_remedy
from ...guide.drafts import Draft, Drafts
from ...guide.resuming import draft_of, worth_keeping
from ...guide.words import Step
from .step_pane import Work


class DraftKeeper:
    """Writes the draft of one setup, and takes it away once the setup is saved."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._drafts = Drafts(work.workbench.machine.directories.state)
        self._asked = count(1)
        self._written = 0
        """The number of the last one that was written, or was to be."""
        self._one_thread = asyncio.Lock()
        self._writing = threading.Lock()

    @property
    def unsaved(self) -> bool:
        """Whether there is something to keep."""
        return worth_keeping(self._work.setup)

    def keep(self, step: Step) -> str:
        """Keeps it now, after what is being written; the reason where that does not work."""
        return self._write(next(self._asked), self._draft(step))

    async def keep_soon(self, step: Step) -> str:
        """Keeps it, off the loop; what comes later is written later."""
        number = next(self._asked)
        async with self._one_thread:
            draft = self._draft(step)
            draft = replace(draft, data=deepcopy(draft.data)) if draft else None
            return await asyncio.to_thread(self._write, number, draft)

    def _draft(self, step: Step) -> Draft | None:
        if not self.unsaved:
            return None
        now = self._work.workbench.machine.now().timestamp()
        return draft_of(self._work.setup, self._work.draft_key, step, now)

    def _write(self, number: int, draft: Draft | None) -> str:
        with self._writing:
            if number < self._written:  # the program's end has come before it
                return ""
            self._written = number
            try:
                if draft is None:
                    self._drafts.drop(self._work.draft_key)
                else:
                    self._drafts.keep(draft)
            except CannotSave as error:
                return f"{error}. {error.hint}"
            except OSError as error:
                return f"{reason(error)}: {error.filename}. {state_remedy(error)}"
            return ""
