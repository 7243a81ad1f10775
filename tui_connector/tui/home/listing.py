"""Reads what home lists, in threads; what has been found is posted in batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from textual.message import Message

from ...guide.drafts import Draft, Drafts
from ...machine import Machine
from ...profile.files import ProfileUnreadable
from ...profile.library import Entry, Library, entry_of
from ...profile.reading import Reading, in_thread
from ..ago import ago

Value = TypeVar("Value")


@dataclass
class ListingMessage(Message):
    """Something that this listing has found."""

    listing: Listing


@dataclass
class ProfilesFound(ListingMessage):
    """The profiles' files, none of them read yet, or why there are none."""

    paths: Sequence[Path]
    problem: ProfileUnreadable | None = None


@dataclass
class DraftsFound(ListingMessage):
    """All drafts."""

    drafts: Sequence[Draft]


@dataclass
class EntriesRead(ListingMessage):
    """What some of the files hold, and how many have not been read yet."""

    entries: dict[Path, Entry]
    left: int


@dataclass
class RunsKnown(ListingMessage):
    """What the last runs of some profiles came to, in words; None for a profile that has not run."""

    runs: dict[Path, str | None]


class Listing:
    """One look at the disk. `send` is called from threads."""

    def __init__(self, machine: Machine, send: Callable[[Message], None]) -> None:
        self._machine, self._send = machine, send
        self._stopped = threading.Event()

    def start(self) -> None:
        """Lists the drafts and the profiles' files."""
        in_thread(self._list_drafts)
        in_thread(self._list_profiles)

    def stop(self) -> None:
        """Posts nothing more; a read that does not return is left to itself."""
        self._stopped.set()

    def read(self, paths: Sequence[Path]) -> None:
        """Reads the profiles and their last runs. Once the names are painted: threads slow the paint down."""
        in_thread(lambda: self._read_entries(paths))
        in_thread(lambda: self._read_runs(paths))

    def _list_drafts(self) -> None:
        self._send(DraftsFound(self, Drafts(self._machine.directories.state).list()))

    def _list_profiles(self) -> None:
        try:
            paths = Library(self._machine.directories.profiles).paths()
        except ProfileUnreadable as error:
            self._send(ProfilesFound(self, (), error))
            return
        self._send(ProfilesFound(self, paths))

    def _read_entries(self, paths: Sequence[Path]) -> None:
        self._post(Reading(paths, entry_of), lambda found, left: EntriesRead(self, found, left))

    def _read_runs(self, paths: Sequence[Path]) -> None:
        from ...guide.last_runs import last_runs

        state, now = self._machine.directories.state, self._machine.now().timestamp()

        def words(path: Path) -> str | None:
            latest = max(last_runs(state, path).values(), key=lambda run: run.at, default=None)
            return f"{latest.incoming} {latest.words}, {ago(now - latest.at)}" if latest is not None else None

        self._post(Reading(paths, words), lambda found, _: RunsKnown(self, found))

    def _post(self, reading: Reading[Path, Value], message: Callable[[dict[Path, Value], int], ListingMessage]) -> None:
        while reading.left and not self._stopped.is_set():
            if found := reading.take():
                self._send(message(found, reading.left))
        reading.stop()
