"""What the screens of this session share: the log and the saved changes of each profile, and unsent requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .unsent_requests import UnsentRequests

if TYPE_CHECKING:
    from ..client.exchange import Exchanges
    from ..guide.profiles.saved_changes import SavedChanges


class ProfileRecords:
    """The log and the saved changes of each profile, and the requests that were not sent.

    Its modules are loaded when a profile is opened, not by home.
    """

    def __init__(self) -> None:
        self._logs: dict[str, Exchanges] = {}
        """By the key of a profile's draft, with the environment after a space."""
        self._changes: dict[Path, SavedChanges] = {}
        self.unsent = UnsentRequests()

    def log_of(self, path: Path, environment: str = "") -> Exchanges:
        """The requests to the profile's store in an environment, from all screens."""
        from ..client.exchange import Exchanges
        from ..guide.drafts import key_for

        key = f"{key_for(path)} {environment}" if environment else key_for(path)
        return self._logs.setdefault(key, Exchanges())

    def log_of_draft(self, key: str) -> Exchanges | None:
        """The requests of a guide that was left, by the key of its draft; None where this session had no such guide."""
        return self._logs.get(key)

    def keep_log(self, key: str, log: Exchanges) -> None:
        """Continues this log on the page of the profile, or when the draft with this key is resumed."""
        self._logs[key] = log

    def changes_of(self, path: Path) -> SavedChanges:
        """What was saved of the profile, from all screens."""
        from ..guide.profiles.saved_changes import SavedChanges

        return self._changes.setdefault(path, SavedChanges())

    def rename(self, path: Path, new_path: Path) -> None:
        """The profile has a new name: its log continues; changes under the old name cannot be undone any more."""
        from ..guide.drafts import key_for

        old, new = key_for(path), key_for(new_path)
        for key in [each for each in self._logs if each.partition(" ")[0] == old]:
            self._logs[new + key.removeprefix(old)] = self._logs.pop(key)
