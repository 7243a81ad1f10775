"""Keeps the draft of a setup while it is edited."""

from __future__ import annotations

import asyncio
import threading
from copy import deepcopy
from dataclasses import replace
from itertools import count

from ...errors import UserError
from ...files import described, state_remedy
from ...guide.drafts import Draft, Drafts
from ...guide.misplaced_secrets import without_secrets
from ...guide.resume import draft_of, has_unsaved_work
from ...guide.sending.kept_samples import keep_samples
from ...guide.steps.methods import GuideStep
from .context import GuideContext


class DraftWriter:
    """Writes the draft of a setup at every change, and deletes it once the setup is saved.

    So a lost terminal loses nothing. Samples are no part of a profile: those of a saved one are kept beside it.
    """

    def __init__(self, work: GuideContext) -> None:
        self._work = work
        self._drafts = Drafts(work.workbench.machine.directories.state)
        self._numbers = count(1)
        self._last_number = 0
        """The number of the last draft that was written, or failed to be."""
        self._kept_samples = dict(work.setup.samples) if work.path is not None and not work.resumed else {}
        self._write_order = asyncio.Lock()
        self._write_lock = threading.Lock()

    @property
    def unsaved(self) -> bool:
        """Whether there is anything to save as a draft."""
        return has_unsaved_work(self._work.setup)

    def save(self, step: GuideStep) -> str:
        """Writes the draft now, after any write in progress; returns the reason where that fails."""
        return self._write(next(self._numbers), self._draft(step), dict(self._work.setup.samples))

    async def save_soon(self, step: GuideStep) -> str:
        """Writes the draft in a thread, in the order of calls; returns the reason where that fails."""
        number = next(self._numbers)
        async with self._write_order:
            draft = self._draft(step)
            draft = replace(draft, data=deepcopy(draft.data)) if draft else None
            return await asyncio.to_thread(self._write, number, draft, dict(self._work.setup.samples))

    def _draft(self, step: GuideStep) -> Draft | None:
        if not self.unsaved:
            return None
        now = self._work.workbench.machine.now().timestamp()
        return draft_of(self._work.setup, self._work.draft_key, step, now, self._work.refusals())

    def _write(self, number: int, draft: Draft | None, samples: dict[str, str]) -> str:
        with self._write_lock:
            if number < self._last_number:  # a later draft was written when the program exited
                return ""
            self._last_number = number
            try:
                if draft is None:
                    self._drafts.drop(self._work.draft_key)
                    self._work.draft_history.drop()
                else:
                    self._drafts.keep(without_secrets(draft))
                    self._work.draft_history.keep(draft.data)
                if (path := self._work.path) is not None:
                    state = self._work.workbench.machine.directories.state
                    keep_samples(state, path, dict(samples.items() - self._kept_samples.items()))
                    self._kept_samples = samples
            except UserError as error:
                return str(error)
            except OSError as error:
                return described(error, state_remedy(error))
            return ""
