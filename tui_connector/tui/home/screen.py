"""Home: the saved profiles and the setups left half-way. Drawn before pydantic, httpx or the keyring are loaded."""

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
from textual.widgets import Footer, Static

from ...guide.drafts import Draft
from ...machine import Machine
from ...profile.library import ProfileError, ProfileSummary
from ...text import shown_line
from .list import DraftsFound, EntriesRead, HomeList, HomeRows, Listing, ListingMessage, ProfilesFound, RunsKnown

_UNTIL_SAID = 0.5
"""Seconds without a list of the profiles after which the screen says that they are being read."""
_NO_PROFILES = """
 No profiles yet.

   n   set up the first one: you only need the store's address.

 A profile is one TOML file for a store: its address, how to authenticate,
 what to read from it and what to send to it. Tokens go to the keyring."""


@dataclass
class ProfileMessage(Message):
    """Something is wanted of this profile."""

    path: Path


class HomeScreen(Screen[None]):
    """The saved profiles, what was left half-way, and the way to a new one."""

    AUTO_FOCUS = ""
    IMMEDIATE: ClassVar = frozenset({"home.new", "home.quit"})
    BINDINGS: ClassVar[list[BindingType]] = [
        # priority: what is typed right after it belongs to the guide's first field already
        Binding("n", "app.new_store", "New store", priority=True, id="home.new"),
        Binding("D", "duplicate", "Duplicate", id="home.duplicate"),
        Binding("d", "delete", "Delete", id="home.delete"),
        Binding("q", "app.ask_quit", "Quit", id="home.quit"),
    ]

    class Seen(Message):
        """What there is has been painted."""

    class OpenWanted(ProfileMessage):
        """This profile is to be opened."""

    class DuplicateWanted(ProfileMessage):
        """A copy of this profile is to be made."""

    class DeleteWanted(ProfileMessage):
        """This profile is to be deleted."""

    @dataclass
    class DraftWanted(Message):
        """This setup is to be taken up again."""

        draft: Draft

    @dataclass
    class DraftUnwanted(Message):
        """This setup is not to be kept any longer."""

        draft: Draft

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine
        self._listing: Listing | None = None
        self._rows = HomeRows()
        self._drawn = ""
        self._problem: ProfileError | None = None
        self._slow = False
        """It takes so long that the screen says so."""
        self._left = 0
        """Profiles that have not been read yet."""
        self._unknown: set[type[ListingMessage]] = {ProfilesFound, DraftsFound}
        """What has not been found out even once."""
        self._missing: set[type[ListingMessage]] = {ProfilesFound, DraftsFound}
        """What this look has not found out yet."""
        self._acts = False
        """The rows are known, and the list has the focus."""

    def compose(self) -> ComposeResult:
        yield Static(Content(" tui-connector · connect a Magento 2 store"), id="head")
        yield Static("", id="told")
        yield HomeList(id="profiles")
        yield Footer(compact=True, show_command_palette=False)

    def on_screen_resume(self) -> None:
        self.show()
        self.call_after_refresh(self.post_message, self.Seen())

    def on_unmount(self) -> None:
        self._stop()

    def show(self) -> None:
        """Looks at the disk once more. What was listed stays until it is known what there is now."""
        self._stop()
        loop, context = asyncio.get_running_loop(), copy_context()

        def send(message: Message) -> None:
            with suppress(RuntimeError):  # the program has ended meanwhile
                loop.call_soon_threadsafe(self.post_message, message, context=context)

        self._missing, self._acts = {ProfilesFound, DraftsFound}, False
        self._listing = Listing(self._machine, send)
        self._listing.start()
        self._slow = False
        self.set_timer(_UNTIL_SAID, self._say_slow)

    def _say_slow(self) -> None:
        self._slow = True
        self._draw()

    def _stop(self) -> None:
        if self._listing is not None:
            self._listing.stop()

    @on(ProfilesFound)
    def _take_profiles(self, message: ProfilesFound) -> None:
        if message.listing is not self._listing:
            return
        self._rows.paths, self._problem, self._left = message.paths, message.problem, len(message.paths)
        self._found(ProfilesFound)
        if message.paths:
            self.call_after_refresh(message.listing.read, message.paths)

    @on(DraftsFound)
    def _take_drafts(self, message: DraftsFound) -> None:
        if message.listing is self._listing:
            self._rows.drafts = message.drafts
            self._found(DraftsFound)

    def _found(self, kind: type[ListingMessage]) -> None:
        self._unknown.discard(kind)
        self._missing.discard(kind)
        self._draw()
        if not self._missing:
            self.app.call_later(self._act)  # after the focus, which is given in the same queue

    def _act(self) -> None:
        self._acts = not self._missing

    @property
    def loading_message(self) -> str:
        """Where the cursor is, and what the last row is, is known with all rows only."""
        return "" if self._acts else "Reading the list of profiles"

    @on(EntriesRead)
    def _take_entries(self, message: EntriesRead) -> None:
        if message.listing is self._listing:
            self._rows.entries |= message.entries
            self._left = message.left
            self._draw()

    @on(RunsKnown)
    def _take_runs(self, message: RunsKnown) -> None:
        if message.listing is self._listing:
            self._rows.runs |= message.runs
            self.query_one(HomeList).refresh()

    def _draw(self) -> None:
        rows, listed, told = self._rows, self.query_one(HomeList), self._told()
        if told != self._drawn:
            self._drawn = told
            self.query_one("#told", Static).update(Content(told))
        listed.display = bool(len(rows))
        if self.focused is None and listed.display:
            listed.focus()
        listed.show(rows, self._machine.now().timestamp())

    def _told(self) -> str:
        """What is above the list."""
        paths, directory = self._rows.paths, self._machine.directories.profiles
        if self._problem is not None:
            return f" ✘ {self._problem}"
        if ProfilesFound in self._unknown:
            return f" Reading {shown_line(str(directory))} …" if self._slow else ""
        if not paths:
            return "" if self._rows.drafts or self._unknown else _NO_PROFILES
        if self._left and self._slow:
            return f" Profiles (read: {len(paths) - self._left:,} of {len(paths):,})"
        return " Profiles"

    @property
    def chosen(self) -> ProfileSummary | Draft | None:
        """The row under the cursor."""
        return self.query_one(HomeList).chosen

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in ("duplicate", "delete"):
            return True
        chosen = self.chosen if self.is_mounted else None
        return isinstance(chosen, ProfileSummary) or (action == "delete" and chosen is not None)

    @on(HomeList.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(HomeList.Opened)
    def _opened(self, message: HomeList.Opened) -> None:
        match message.row:
            case ProfileSummary() as entry:
                self.post_message(self.OpenWanted(entry.path))
            case Draft() as draft:
                self.post_message(self.DraftWanted(draft))

    def action_duplicate(self) -> None:
        if isinstance(entry := self.chosen, ProfileSummary):
            self.post_message(self.DuplicateWanted(entry.path))

    def action_delete(self) -> None:
        match self.chosen:
            case ProfileSummary() as entry:
                self.post_message(self.DeleteWanted(entry.path))
            case Draft() as draft:
                self.post_message(self.DraftUnwanted(draft))
