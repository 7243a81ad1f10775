"""Loads the data of the home screen in threads: one file that hangs delays neither the others nor a key."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from textual.message import Message

from ...guide.drafts import Draft, Drafts
from ...guide.profiles.lists import ProfileLists
from ...guide.profiles.overview import ProfileOverview, read_overview
from ...machine import Machine
from ...profile.library import BatchReader, Library, ProfileError, start_thread

if TYPE_CHECKING:
    from ...guide.last_runs import LastRun

Value = TypeVar("Value")


@dataclass
class LoaderMessage(Message):
    """A message of this loader."""

    loader: HomeLoader


@dataclass
class ProfilesFound(LoaderMessage):
    """The files of the profiles, not read yet, or why they cannot be listed."""

    paths: Sequence[Path]
    problem: ProfileError | None = None
    archived: Sequence[Path] = ()
    """Those in the directory that are archived; not among `paths`."""
    recent: Sequence[Path] = ()
    """Files elsewhere that were opened, the latest first; they may be gone."""
    last_used: Path | None = None
    """The profile that was used last, which may be gone."""


@dataclass
class DraftsFound(LoaderMessage):
    """All drafts."""

    drafts: Sequence[Draft]


@dataclass
class EntriesRead(LoaderMessage):
    """Some profiles that were read, and how many remain."""

    entries: dict[Path, ProfileOverview]
    remaining: int


@dataclass
class RunsRead(LoaderMessage):
    """The last run of each incoming and outgoing of some profiles, in any environment, the latest first."""

    runs: dict[Path, tuple[LastRun, ...]]


class HomeLoader:
    """Loads the data of the list once, in threads; `send` is called from them, with batches."""

    def __init__(
        self, machine: Machine, is_demo: Callable[[Mapping[str, object]], bool], send: Callable[[Message], None]
    ) -> None:
        self._machine, self._is_demo, self._send = machine, is_demo, send
        self._profiles = Path(os.path.abspath(machine.directories.profiles))
        self._stopped = threading.Event()

    def start(self) -> None:
        """Lists the drafts and the profiles' files."""
        start_thread(self._list_drafts)
        start_thread(self._list_profiles)

    def stop(self) -> None:
        """Sends nothing more; a read that blocks is abandoned."""
        self._stopped.set()

    def read(self, paths: Sequence[Path]) -> None:
        """Reads the profiles and their last runs. Call it after the names are painted: threads slow the paint down."""
        start_thread(lambda: self._read_entries(paths))
        self.read_runs(paths)

    def read_runs(self, paths: Sequence[Path]) -> None:
        """Reads the last runs of the profiles."""
        start_thread(lambda: self._read_runs(paths))

    def _list_drafts(self) -> None:
        self._send(DraftsFound(self, Drafts(self._machine.directories.state).list()))

    def _list_profiles(self) -> None:
        lists = ProfileLists(self._machine.directories.state)
        opened, hidden = lists.recent(), set(lists.archived())
        paths, problem = {}, None
        try:
            # the directory may be relative, which the lists are not
            paths = {Path(os.path.abspath(each)): each for each in Library(self._machine.directories.profiles).paths()}
        except ProfileError as error:
            problem = error
        listed = [each for absolute, each in paths.items() if absolute not in hidden]
        archived = [each for absolute, each in paths.items() if absolute in hidden]
        recent = [each for each in opened if each not in paths and each.parent != self._profiles]
        last_used = next((paths.get(each, each) for each in opened), None)
        self._send(ProfilesFound(self, listed, problem, archived, recent, last_used))

    def _read_entries(self, paths: Sequence[Path]) -> None:
        def overview(path: Path) -> ProfileOverview:
            return read_overview(path, self._machine.environ, partial(self._machine.typed.has, path), self._is_demo)

        self._post(BatchReader(paths, overview), lambda found, remaining: EntriesRead(self, found, remaining))

    def _read_runs(self, paths: Sequence[Path]) -> None:
        from ...guide.last_runs import last_in_any_environment

        def runs_of(path: Path) -> tuple[LastRun, ...]:
            return tuple(last_in_any_environment(self._machine.directories.state, path))

        self._post(BatchReader(paths, runs_of), lambda found, _: RunsRead(self, found))

    def _post(
        self, reading: BatchReader[Path, Value], message: Callable[[dict[Path, Value], int], LoaderMessage]
    ) -> None:
        while reading.left and not self._stopped.is_set():
            if found := reading.take():
                self._send(message(found, reading.left))
        reading.stop()
