"""The home screen: saved profiles and drafts. It is painted before pydantic, httpx or keyring are imported."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from ...guide.drafts import Draft
from ...machine import Machine
from ...profile.library import ProfileError, ProfileSummary
from ...text import shown_line
from ..widgets.frame import KeyFooter, ScreenHeader
from .list import DraftsFound, EntriesRead, HomeList, HomeLoader, HomeRows, LoaderMessage, ProfilesFound, RunsRead

_SLOW_AFTER = 0.5
"""Seconds after which the screen shows that it is still reading."""
_NO_PROFILES = """
 No profiles yet.

   n   set up the first one: you only need the store's address.

 A profile is one TOML file for a store: its address, how to authenticate,
 what to read from it and what to send to it. Tokens go to the keyring."""


@dataclass
class ProfileMessage(Message):
    """A request for an action on this profile."""

    path: Path


class HomeScreen(Screen[None]):
    """Lists profiles and drafts, and starts the guide for a new profile."""

    AUTO_FOCUS = ""
    IMMEDIATE: ClassVar = frozenset({"home.new", "home.quit"})
    BINDINGS: ClassVar[list[BindingType]] = [
        # priority: what is typed next belongs to the first field of the guide
        Binding("n", "app.new_store", "New store", priority=True, id="home.new"),
        Binding("D", "duplicate", "Duplicate", id="home.duplicate"),
        Binding("d", "delete", "Delete", id="home.delete"),
        Binding("q", "app.ask_quit", "Quit", id="home.quit"),
    ]

    class Painted(Message):
        """The screen has been painted."""

    class OpenRequested(ProfileMessage):
        """Open this profile."""

    class DuplicateRequested(ProfileMessage):
        """Duplicate this profile."""

    class DeleteRequested(ProfileMessage):
        """Delete this profile."""

    @dataclass
    class ResumeRequested(Message):
        """Resume this draft."""

        draft: Draft

    @dataclass
    class DiscardRequested(Message):
        """Discard this draft."""

        draft: Draft

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine
        self._loader: HomeLoader | None = None
        self._rows = HomeRows()
        self._shown_heading = ""
        self._problem: ProfileError | None = None
        self._slow = False
        """Whether loading takes so long that the screen shows progress."""
        self._unread = 0
        """Number of profiles that have not been read yet."""
        self._never_found: set[type[LoaderMessage]] = {ProfilesFound, DraftsFound}
        """What no load has found yet."""
        self._pending: set[type[LoaderMessage]] = {ProfilesFound, DraftsFound}
        """What the current load has not found yet."""
        self._loaded = False
        """Whether the rows are complete and the list has the focus."""

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield Static("", id="home-heading")
        yield HomeList(id="profiles")
        yield KeyFooter()

    def on_screen_resume(self) -> None:
        self.show()
        self.call_after_refresh(self.post_message, self.Painted())

    def on_unmount(self) -> None:
        self._stop()

    def show(self) -> None:
        """Loads the list again. The previous rows stay until the new ones are known."""
        self._stop()
        loop, context = asyncio.get_running_loop(), copy_context()

        def send(message: Message) -> None:
            with suppress(RuntimeError):  # the program has exited meanwhile
                loop.call_soon_threadsafe(self.post_message, message, context=context)

        self._pending, self._loaded = {ProfilesFound, DraftsFound}, False
        self._loader = HomeLoader(self._machine, send)
        self._loader.start()
        self._slow = False
        self.set_timer(_SLOW_AFTER, self._show_slow)

    def _show_slow(self) -> None:
        self._slow = True
        self._draw()

    def _stop(self) -> None:
        if self._loader is not None:
            self._loader.stop()

    @on(ProfilesFound)
    def _on_profiles(self, message: ProfilesFound) -> None:
        if message.loader is not self._loader:
            return
        self._rows.paths, self._problem, self._unread = message.paths, message.problem, len(message.paths)
        self._mark_found(ProfilesFound)
        if message.paths:
            self.call_after_refresh(message.loader.read, message.paths)

    @on(DraftsFound)
    def _on_drafts(self, message: DraftsFound) -> None:
        if message.loader is self._loader:
            self._rows.drafts = message.drafts
            self._mark_found(DraftsFound)

    def _mark_found(self, kind: type[LoaderMessage]) -> None:
        self._never_found.discard(kind)
        self._pending.discard(kind)
        self._draw()
        if not self._pending:
            self.app.call_later(self._set_loaded)  # after the focus, which is set from the same queue

    def _set_loaded(self) -> None:
        self._loaded = not self._pending

    @property
    def loading_message(self) -> str:
        """The position of the cursor and the last row are only known once all rows are."""
        return "" if self._loaded else "Reading the list of profiles"

    @on(EntriesRead)
    def _on_entries(self, message: EntriesRead) -> None:
        if message.loader is self._loader:
            self._rows.entries |= message.entries
            self._unread = message.remaining
            self._draw()

    @on(RunsRead)
    def _on_runs(self, message: RunsRead) -> None:
        if message.loader is self._loader:
            self._rows.runs |= message.runs
            self.query_one(HomeList).refresh()

    def _draw(self) -> None:
        rows, home_list, heading = self._rows, self.query_one(HomeList), self._heading()
        count = len(rows.paths)
        words = f"{count:,} profile{'' if count == 1 else 's'}" if ProfilesFound not in self._never_found else ""
        self.query_one(ScreenHeader).show("tui-connector", "connect a Magento 2 store", [(words, "muted")])
        if heading != self._shown_heading:
            self._shown_heading = heading
            self.query_one("#home-heading", Static).update(Content(heading))
        home_list.display = bool(len(rows))
        if self.focused is None and home_list.display:
            home_list.focus()
        home_list.show(rows, self._machine.now().timestamp())

    def _heading(self) -> str:
        """The text above the list."""
        paths, directory = self._rows.paths, self._machine.directories.profiles
        if self._problem is not None:
            return f" ✘ {self._problem}"
        if ProfilesFound in self._never_found:
            return f" Reading {shown_line(str(directory))} …" if self._slow else ""
        if not paths:
            return "" if self._rows.drafts or self._never_found else _NO_PROFILES
        if self._unread and self._slow:
            return f" Profiles (read: {len(paths) - self._unread:,} of {len(paths):,})"
        return " Profiles"

    @property
    def selected(self) -> ProfileSummary | Draft | None:
        """The row under the cursor."""
        return self.query_one(HomeList).selected

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in ("duplicate", "delete"):
            return True
        selected = self.selected if self.is_mounted else None
        return isinstance(selected, ProfileSummary) or (action == "delete" and selected is not None)

    @on(HomeList.KindChanged)
    def _kind_changed(self) -> None:
        self.refresh_bindings()

    @on(HomeList.Opened)
    def _opened(self, message: HomeList.Opened) -> None:
        match message.row:
            case ProfileSummary() as entry:
                self.post_message(self.OpenRequested(entry.path))
            case Draft() as draft:
                self.post_message(self.ResumeRequested(draft))

    def action_duplicate(self) -> None:
        if isinstance(entry := self.selected, ProfileSummary):
            self.post_message(self.DuplicateRequested(entry.path))

    def action_delete(self) -> None:
        match self.selected:
            case ProfileSummary() as entry:
                self.post_message(self.DeleteRequested(entry.path))
            case Draft() as draft:
                self.post_message(self.DiscardRequested(draft))
