"""Keeps what a screen shows of a saved profile as it is in the file: reads it again after each change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from textual import events, on, work
from textual.message import Message
from textual.worker import Worker

from ...client.exchange import Exchanges
from ...client.message import InvalidRequest
from ...errors import UserError
from ...files import described
from ...guide.drafts import Drafts, key_for
from ...guide.last_runs import LastRun, last_runs, last_sendings
from ...guide.profiles.saved_changes import SavedChanges
from ...guide.profiles.saved_profile import OpenedProfile, open_profile
from ...guide.text_drafts import TextDrafts
from ...guide.trust import ProfileTrust
from ...guide.workbench import Workbench
from ...machine import Machine
from ...profile.model import Profile
from ...text import shown, shown_line
from ...units import ago
from ..file_watch import FileState, state_of
from ..jobs import jobs_of
from ..keys import is_on_top
from ..log.dock import LogDock
from ..viewed import ViewedProfile

_CHECK_INTERVAL = 1.0
"""Seconds between two checks whether the file has changed."""
_RUNS_INTERVAL = 1.0
"""Seconds between two looks at the runs while one has not ended."""


@dataclass(frozen=True)
class PageContext:
    """What a screen of a saved profile is opened with."""

    machine: Machine
    path: Path
    exchanges: Exchanges | None = None
    """The log to continue."""
    environment: str = ""
    """The environment in use; "" for the base values."""
    changes: SavedChanges = field(default_factory=SavedChanges)
    """What was saved of the file in this session, to be undone."""


class ProfileScreen(LogDock):
    """A screen of a saved profile, with its log; keys wait while the file is read."""

    @dataclass
    class FileRead(Message):
        """The file was read."""

        opened: OpenedProfile
        state: FileState | None
        only_if_changed: bool
        history_problem: str = ""
        """Why the history cannot be recorded; empty where it can."""
        runs: Mapping[str, LastRun] = field(default_factory=dict)
        sent: Mapping[str, LastRun] = field(default_factory=dict)
        """The latest runs of outgoings."""
        unsaved: str = ""
        """What else was changed of the profile and is not saved in the file."""
        is_by_another_program: bool = False
        """Whether another program has changed the file since it was read or saved here."""

    @dataclass
    class RunsRead(Message):
        """The ledgers were read again, as a run is under way."""

        runs: Mapping[str, LastRun]
        sent: Mapping[str, LastRun]

    letters_are_keys = True
    where_to_type = "/ finds a part."

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.machine, self.path, self.environment = context.machine, context.path, context.environment
        self.viewed = ViewedProfile(self.path, self.environment)
        self.workbench = self._new_workbench(context.exchanges, self.environment)
        self.opened: OpenedProfile | None = None
        """What was read; None before."""
        self.changes = context.changes
        self.busy = ""
        """What is done to the file now, which keys wait for."""
        self._file_lock = asyncio.Lock()
        """Held while the file is changed until that is recorded, and while it is read until that is noted."""
        self._file_state: FileState | None = None
        self._reader: Worker[None] | None = None
        """What reads the file, or did so last."""
        self._loaded = False
        """Whether the file has been read and the list has the focus."""
        self._active_jobs = 0
        self.is_outdated = False
        """Whether the file cannot be read now, and the values shown are those of its last text that could be."""

    def show_read(self, message: FileRead) -> None:
        """Called after the file was read, when `opened` is what was read."""
        raise NotImplementedError

    def show_runs(self, runs: Mapping[str, LastRun], sent: Mapping[str, LastRun]) -> None:
        """Called with the last runs of incomings and outgoings, while one of them is under way."""
        raise NotImplementedError

    def show_unsaved(self, unsaved: str) -> None:
        """Called with what is kept of changes that were not saved, as it is shown."""
        raise NotImplementedError

    @property
    def has_run_under_way(self) -> bool:
        """Whether a run that is shown has not ended."""
        raise NotImplementedError

    def leave_environment(self) -> None:
        """Called after the file was read, and no longer has the environment in use."""
        raise NotImplementedError

    def _new_workbench(self, exchanges: Exchanges | None, environment: str) -> Workbench:
        trust = ProfileTrust(self.machine, self.path, environment=environment)
        return Workbench(self.machine, exchanges, directory=self.path.parent, trust=trust)

    @asynccontextmanager
    async def file_workbench(self) -> AsyncIterator[Workbench]:
        """What changes of the file are made with: they are changes of the base values, which are trusted with them."""
        if not self.environment:
            yield self.workbench
            return
        workbench = self._new_workbench(self.workbench.exchanges, "")
        try:
            yield workbench
        finally:
            workbench.close()

    @asynccontextmanager
    async def changing(self, what: str) -> AsyncIterator[None]:
        """Keys wait while the block changes the file and records that, and until the file was read again.

        Errors are shown.
        """
        self.busy = what
        try:
            async with self._file_lock:  # what is read before it is recorded would be taken for another program's
                yield
        except (UserError, OSError) as error:
            self.notify_error(error)
        finally:
            self.busy = ""
        self.reload()

    def on_mount(self) -> None:
        self.set_interval(_CHECK_INTERVAL, self._check_file)
        self.set_interval(_RUNS_INTERVAL, self._follow_runs)
        jobs_of(self.app).changed.subscribe(self, lambda _: self._on_jobs())

    def _on_jobs(self) -> None:
        """Shows the result of a run that has ended."""
        active = sum(job.active for job in jobs_of(self.app))
        if active < self._active_jobs and is_on_top(self) and not self.busy:
            self._reader = self._read(only_if_changed=False)
        self._active_jobs = active

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        self.reload()

    def on_screen_suspend(self, event: events.ScreenSuspend) -> None:
        self._loaded = False  # until it is read when the page is back: what is saved meanwhile is the user's own

    def on_unmount(self) -> None:
        self.workbench.close()

    def _check_file(self) -> None:
        # not while it is read, which would be cancelled: a run that has ended would not be shown, nor, where reading
        # takes longer than the interval, any change
        is_read = self._reader is not None and not self._reader.is_finished
        if is_on_top(self) and self._loaded and not self.busy and not is_read:
            self._reader = self._read(only_if_changed=True)

    def _follow_runs(self) -> None:
        if is_on_top(self) and self._loaded and self.has_run_under_way:
            self._read_runs()

    @work(exclusive=True, group="runs")
    async def _read_runs(self) -> None:
        self.post_message(self.RunsRead(*await self._last_runs()))

    @on(RunsRead)
    def _on_runs(self, message: RunsRead) -> None:
        self.show_runs(message.runs, message.sent)

    async def _last_runs(self) -> tuple[Mapping[str, LastRun], Mapping[str, LastRun]]:
        """The last runs of incomings and of outgoings in the ledgers on this computer."""
        of = (self.machine.directories.state, self.path, self.environment)
        return await asyncio.to_thread(last_runs, *of), await asyncio.to_thread(last_sendings, *of)

    def reload(self) -> None:
        """Reads the file again."""
        self._loaded = False
        self._reader = self._read(only_if_changed=False)

    async def without_draft(self, edit: Callable[[], Awaitable[None]]) -> None:
        """Calls `edit`, which may cover the screen, once that no longer shows a draft: it was discarded."""
        self.show_unsaved(await asyncio.to_thread(self._unsaved))
        await edit()

    def _set_loaded(self) -> None:
        self._loaded = True

    @property
    def loading_message(self) -> str:
        """Keys wait until the current content of the file has been read, and until a form has opened."""
        return self.busy or ("" if self._loaded else f"Reading {self.path.name}")

    @work(exclusive=True, group="read")
    async def _read(self, *, only_if_changed: bool) -> None:
        """Reads the file; `only_if_changed` as after a change by another program."""
        async with self._file_lock:
            state = await asyncio.to_thread(state_of, self.path)
            if only_if_changed and state == self._file_state:
                return
            opened = await asyncio.to_thread(open_profile, self.path, self.environment)
            is_by_another_program = await self._note_change(opened)
        history_problem = ""
        if opened.profile is not None:
            history_problem = await asyncio.to_thread(self.workbench.keep_history, self.path, opened.profile)
        runs: Mapping[str, LastRun] = {}
        sent: Mapping[str, LastRun] = {}
        if opened.profile is None or opened.profile.ledger is None:
            runs, sent = await self._last_runs()
        unsaved = await asyncio.to_thread(self._unsaved)
        self.post_message(
            self.FileRead(opened, state, only_if_changed, history_problem, runs, sent, unsaved, is_by_another_program)
        )

    async def _note_change(self, opened: OpenedProfile) -> bool:
        """Notes what another program has changed in the file, to be undone; whether one has changed it."""
        if opened.file_data is None:
            return False
        trust = ProfileTrust(self.machine, self.path)  # that of the base values, of which changes of the file are
        trusted = tuple(await asyncio.to_thread(trust.records))
        return self.changes.seen(self.path, opened.file_data, trust, trusted)

    def _unsaved(self) -> str:
        """What the guide and the editor have kept of changes that were not saved. Blocks."""
        state, now = self.machine.directories.state, self.machine.now().timestamp()
        draft, text = Drafts(state).find(key_for(self.path)), TextDrafts(state, self.path).find()
        kept = [f"the guide (g), {ago(now - draft.kept_at)}"] if draft is not None else []
        kept += [f"the editor (e), {ago(now - text[1].kept_at)}"] if text is not None else []
        return f"○ unsaved changes in {' and '.join(kept)}" if kept else ""

    @on(FileRead)
    def _on_read(self, message: FileRead) -> None:
        first = self.opened is None
        if message.only_if_changed and _has_same_text(self.opened, message.opened):
            self._file_state = message.state  # only its times have changed, which jump on some network drives
            return
        before = self.opened
        if message.opened.document is None and before is not None and (before.document is not None or self.is_outdated):
            problems = message.opened.problems
            message.opened = replace(
                before, document=None, profile=None, problems=problems, is_text=message.opened.is_text
            )
            self.is_outdated = True
        else:
            self.is_outdated = False
        self.opened, self._file_state = message.opened, message.state
        if message.opened.document is not None and message.opened.environment != self.environment:
            self.leave_environment()
            return
        if message.history_problem:
            self.notify(shown(message.history_problem), severity="warning", markup=False)
        if message.only_if_changed and message.is_by_another_program:
            self.app.clear_notifications()  # what they say of the file, and of keys, no longer holds
            if message.opened.document is not None:
                self.notify("Another program changed the file; it was reloaded. u undoes that.", markup=False)
        self.show_read(message)
        if first or self.focused is None or not self.focused.display:
            self.begin()
        self.app.call_later(self._set_loaded)  # after the focus, which is set from the same queue

    @property
    def profile(self) -> Profile | None:
        """The profile, if it was read and has no problems."""
        return self.opened.profile if self.opened is not None else None

    def valid_profile(self) -> Profile:
        if (profile := self.profile) is None:
            raise InvalidRequest("The profile has problems", hint="Fix them first; Enter on one opens its line.")
        return profile

    def notify_error(self, error: UserError | OSError) -> None:
        text = str(error) if isinstance(error, UserError) else described(error)
        self.notify(shown_line(text), severity="error", timeout=10, markup=False)


def _has_same_text(before: OpenedProfile | None, now: OpenedProfile) -> bool:
    if before is None or before.document is None or now.document is None:
        return False
    return before.document.file_digest == now.document.file_digest
