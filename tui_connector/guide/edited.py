"""A profile that is being edited: its plain data by path, and the secrets that they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass

from ..placeholder import Json
from ..profile.document import UNSET, Document
from ..profile.model import Path
from ..profile.problems import check_data
from .by_path import at, plain
from .secret_sources import ONE_TIME_CODES, SecretPlace, is_source, place_of, secret_name, source, sources


@dataclass(slots=True)
class EditedProfile:
    """What a profile holds stays as it is, but for what is edited. No secret is in it: the vault holds them by name."""

    name: str
    """The profile's name: that of its file, and the first part of the keyring's names."""
    document: Document

    @property
    def draft(self) -> dict[str, Json]:
        """The profile as plain data."""
        return self.document.draft

    @property
    def saved(self) -> bool:
        """Whether there is a file of it."""
        return self.document.path is not None

    def at(self, *path: str | int) -> Json:
        """What stands there; None where nothing does."""
        return at(self.draft, path)

    def table(self, *path: str | int) -> Mapping[str, Json]:
        """The table that stands there, or an empty one."""
        found = self.at(*path)
        return found if isinstance(found, dict) else {}

    def edit(self, path: Path, value: Json) -> None:
        """Puts a value there; None takes away what is there."""
        before = self.at(*path)
        if before == value and type(before) is type(value):
            return
        if is_source(self.at(*path[:-1])):  # a source is no table to add to: what is put inside takes its place
            self.document.set(path[:-1], {})
        if value is not None or before is not None:
            self.document.set(path, plain(value))
        if value is None:
            self._prune(path[:-1])
        self._edited(path)

    def _prune(self, path: Path) -> None:
        """Takes away a table inside a part that has nothing left in it."""
        if len(path) > 2 and isinstance(path[-1], str) and self.at(*path) == {}:
            self.document.set(path, UNSET)
            self._prune(path[:-1])

    def problems(self) -> dict[Path, str]:
        """What is wrong with the draft, in words, by path."""
        return dict(check_data(self.draft)[1])

    def secret_paths(self) -> list[Path]:
        """Each place in the draft that names a secret."""
        return [path for path, _ in sources(self.draft)]

    @property
    def title(self) -> str:
        return str(self.at("name") or "")

    def in_keyring(self) -> list[str]:
        """The names of the secrets that the profile says are in the keyring."""
        return [str(each["keyring"]) for _, each in sources(self.draft) if "keyring" in each]

    def secret_name(self, path: Path) -> str:
        """The name under which the vault holds the secret that is named there, and the keyring keeps it."""
        there = self.at(*path, "keyring")
        return there if isinstance(there, str) else secret_name(self.name, path)

    @property
    def secret_place(self) -> SecretPlace:
        """Where the first of the secrets is said to be."""
        return next((place_of(each) for _, each in sources(self.draft)), SecretPlace.KEYRING)

    def place_secrets(self, place: SecretPlace) -> None:
        """Names every secret that a keyring, a variable or a question gives at this place."""
        for path, there in list(sources(self.draft)):
            if place_of(there) not in (place, SecretPlace.COMMAND) and path[-1] not in ONE_TIME_CODES:
                self.document.set(path, plain(source(place, secret_name(self.name, path))))

    def trial(self, held: Callable[[str], bool]) -> dict[str, Json]:
        """The draft as a test in this session uses it: what was typed is at hand, wherever it will be named later."""
        document = Document.new({})
        document.draft = deepcopy(self.draft)
        for path, there in list(sources(self.draft)):
            name = secret_name(self.name, path)
            if "keyring" not in there and held(name):
                document.set(path, {"keyring": name})
        return document.draft

    def _edited(self, path: Path) -> None:
        """Something else stands there now."""
