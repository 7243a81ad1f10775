"""The requests of a new profile's draft: in a history of its own, then in that of the profile saved from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ..files import reason
from ..log.history import History
from ..profile.model import Profile
from ..profile.problems import check_data
from ..templates import Json
from .drafts import draft_file
from .workbench import Workbench


def delete_history(state: Path, key: str) -> None:
    """Deletes the recorded requests of the draft with this key. Raises OSError. Blocks."""
    History(state, draft_file(state, key)).delete()


class DraftHistory:
    """Records the requests of a draft. Its methods block, and several threads may call them.

    The history of the saved profile gets copies, and the draft's own are deleted with the draft. So a crash in between
    loses nothing.
    """

    def __init__(self, workbench: Workbench, key: str, *, saved: bool) -> None:
        """`saved`: its profile has a history of its own already, which the draft adds to."""
        self._workbench, self._key, self._is_saved = workbench, key, saved
        self._state = workbench.machine.directories.state
        self._session = ""
        self._lock = threading.Lock()
        self.problem = ""
        """Why the profile's history did not get them, and where they are left; "" if it did."""

    def keep(self, data: Mapping[str, Json]) -> None:
        """Records requests from now on, and those of this process before, as `[log]` in the draft's data says."""
        settings = _log_settings(data)
        with self._lock:
            if settings is not None and not self._is_saved:  # the page of the profile says where this fails
                self._workbench.keep_history(draft_file(self._state, self._key), settings, self._workbench.exchanges)

    def drop(self) -> None:
        """Deletes them with the draft. Raises OSError."""
        with self._lock:
            if not self._is_saved:
                self._workbench.end_history()
            if not self.problem:
                delete_history(self._state, self._key)

    @contextmanager
    def copied_to(self, path: Path, data: Mapping[str, Json]) -> Iterator[None]:
        """Gives them to the profile with these data while the body writes it to `path`, and not if that raises.

        If they cannot be copied, the profile is written nevertheless, and `problem` says so.
        """
        own, its = History(self._state, draft_file(self._state, self._key)), History(self._state, path)
        settings, self.problem, copied = _log_settings(data), "", False
        with self._lock:
            self._session = self._workbench.history_session or self._session
            self._workbench.end_history()
            try:
                copied = (settings is None or settings.log.history != "off") and own.copy_to(its)
            except OSError as error:
                self.problem = f"The requests sent before it was saved stay in {own.directory}: {reason(error)}"
            try:
                yield
            except BaseException:
                if copied:
                    with suppress(OSError):  # what led here is reported
                        its.delete()
                raise
            self._is_saved = True

    def continue_in(self, path: Path, profile: Profile) -> None:
        """Records in the history of the saved profile from now on."""
        self._workbench.keep_history(path, profile, self._workbench.exchanges, session=self._session)


def _log_settings(data: Mapping[str, Json]) -> Profile | None:
    """A profile with the log settings of these data, of which other parts may be missing; None if they are invalid."""
    return check_data({"format": 1, "name": "draft", "log": data.get("log", {})})[0]
