"""A profile being edited, with its problems and the places of its secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from ...magento.entities import READABLE
from ...profile.document import UNSET, Document, Unset
from ...profile.environment_names import TABLE, names_of
from ...profile.found import Found
from ...profile.model import ModelPath
from ...profile.positions import value_at
from ...profile.problems import find_problems
from ...profile.text_edit import Plain
from ...templates import Json
from ..secret_sources import (
    ONE_TIME_CODES,
    SecretPlace,
    is_source,
    secret_name,
    source,
    source_place,
    sources,
    takes_typed,
)
from . import kind_schemas


def plain(value: Json) -> Plain | Unset:
    """The value as a document stores it: TOML has no null, so it removes the key."""
    if value is None:
        return UNSET
    if isinstance(value, dict):
        return {key: cleaned for key, item in value.items() if not isinstance(cleaned := plain(item), Unset)}
    if isinstance(value, list):
        return [cleaned for item in value if not isinstance(cleaned := plain(item), Unset)]
    return value


@dataclass(slots=True)
class ProfileDraft:
    """A profile being edited. It contains no secrets: the vault has them by name."""

    name: str
    """File name of the profile, and the first part of its keyring entries."""
    document: Document
    moved_to_command: set[ModelPath] = field(default_factory=set, kw_only=True)
    """The secrets for which a command was chosen here."""

    @property
    def draft(self) -> dict[str, Json]:
        """The profile as plain data."""
        return self.document.draft

    @property
    def saved(self) -> bool:
        """Whether the profile has a file."""
        return self.document.path is not None

    def at(self, *path: str | int) -> Json:
        """The value at this path; None if there is none."""
        found: Json = value_at(self.draft, path)
        return found

    def is_saved(self, path: ModelPath) -> bool:
        """Whether the file has the value at this path, as the draft has it."""
        value = self.at(*path)
        return self.saved and value is not None and value_at(self.document.data, path) == value

    def table(self, *path: str | int) -> Mapping[str, Json]:
        """The table at this path, or an empty one."""
        found = self.at(*path)
        return found if isinstance(found, dict) else {}

    def edit(self, path: ModelPath, value: Json) -> None:
        """Sets the value at this path; None removes it."""
        before = self.at(*path)
        if before == value and type(before) is type(value):
            return
        if is_source(self.at(*path[:-1])):  # a secret source is replaced, not extended
            self.document.set(path[:-1], {})
        if value is not None or before is not None:
            self.document.set(path, plain(value))
        if value is None:
            self._prune(path[:-1])
        self._edited(path)

    def remove(self, family: str, name: str) -> dict[str, Json]:
        """Removes a part, and what environments override of it, which is returned by environment."""
        places = {environment: (TABLE, environment, family, name) for environment in names_of(self.draft)}
        overrides: dict[str, Json] = {}
        for environment, place in places.items():
            if (found := self.at(*place)) is not None:
                overrides[environment] = deepcopy(found)
                self.edit(place, None)
        self.edit((family, name), None)
        return overrides

    def _prune(self, path: ModelPath) -> None:
        """Removes tables that have become empty, up to the named part; and that of a family without parts."""
        if path and len(path) != 2 and isinstance(path[-1], str) and self.at(*path) == {}:
            self.document.set(path, UNSET)
            self._prune(path[:-1])

    def problems(self) -> dict[ModelPath, str]:
        """Messages about the draft by path."""
        return {each.path: each.message for each in self.found_problems()}

    def found_problems(self) -> list[Found]:
        """What is wrong with the draft."""
        return find_problems(self.draft)[1]

    def item_problems(self, *path: str | int) -> dict[int, str]:
        """The first problem of each item of the list at this path, by index, with the field that has it."""
        found: dict[int, str] = {}
        for at, words in self.problems().items():
            index = at[len(path)] if len(at) > len(path) and at[: len(path)] == path else None
            if isinstance(index, int):
                field_name = ".".join(map(str, at[len(path) + 1 :]))
                found.setdefault(index, f"{field_name}: {words}" if field_name else words)
        return found

    def secret_paths(self) -> list[ModelPath]:
        """The paths of all secret sources."""
        return [path for path, _ in sources(self.draft)]

    @property
    def title(self) -> str:
        return str(self.at("name") or "")

    def keyring_names(self) -> list[str]:
        """The keyring entries that the profile names."""
        return [str(each["keyring"]) for _, each in sources(self.draft) if "keyring" in each]

    def secret_name(self, path: ModelPath) -> str:
        """The name of the secret at this path, in the vault and the keyring."""
        there = self.at(*path, "keyring")
        return there if isinstance(there, str) else secret_name(self.name, path)

    @property
    def secret_place(self) -> SecretPlace:
        """Where the first secret comes from."""
        return next((source_place(each) for _, each in sources(self.draft)), SecretPlace.KEYRING)

    def move_secrets(self, place: SecretPlace, command: Sequence[str] = ()) -> None:
        """Changes the source of all secrets but one-time codes, and commands that were not set here."""
        for path, there in list(sources(self.draft)):
            is_own = source_place(there) is SecretPlace.COMMAND and path not in self.moved_to_command
            if is_own or path[-1] in ONE_TIME_CODES or (source_place(there) is place and not command):
                continue
            self.document.set(path, plain(source(place, secret_name(self.name, path), command)))
            if place is SecretPlace.COMMAND:
                self.moved_to_command.add(path)

    def trial_data(self, held: Callable[[str], bool], environ: Mapping[str, str]) -> dict[str, Json]:
        """The draft as tests use it, with what was typed in this session for prompts and unset variables.

        A command is run, and a variable that is set is read, as every later run does.
        """
        document = Document.new({})
        document.draft = deepcopy(self.draft)
        for path, there in list(sources(self.draft)):
            name = secret_name(self.name, path)
            if "keyring" not in there and takes_typed(there, environ) and held(name):
                document.set(path, {"keyring": name})
        return document.draft

    def _edited(self, path: ModelPath) -> None:
        """Called after the value at this path has changed."""


def limit_pages(setup: ProfileDraft, name: str, size: int) -> None:
    """Sets the page size of an incoming; adds a pagination if it has none, so that no items are left out."""
    there = setup.table("incoming", name, "pagination")
    schema = kind_schemas.pagination(str(there.get("kind")))
    pages = there if schema and "page-size" in schema["properties"] else _pagination(setup, name)
    setup.edit(("incoming", name, "pagination"), {**pages, "page-size": size})


def _pagination(setup: ProfileDraft, name: str) -> dict[str, Json]:
    """The usual pagination of the entity that the incoming reads."""
    path = str(setup.at("incoming", name, "request", "uri")).partition("?")[0]
    known = next((each for each in READABLE.values() if each.path == path), None)
    pages = known.configuration("").get("pagination") if known else None
    return pages if isinstance(pages, dict) else {"kind": "search-criteria"}


CLIENT = "magento"
"""Name of the client in a new profile."""

UNNAMED = "New store"
"""The title of a profile before its store is known."""


def new_document(title: str = UNNAMED, description: str = "") -> Document:
    """A new profile: a client with the guide's three plugins."""
    plugins: list[Json] = [
        {"kind": "base-uri"},
        {"kind": "log-requests", "formatter": "long"},
        {"kind": "content-type"},
    ]
    document = Document.new({})
    document.draft = {"format": 1, "name": title, "clients": {CLIENT: {"plugins": plugins}}}
    if description:
        document.draft["description"] = description
    return document
