"""Keyring entries of profiles, and which other profiles and stores use them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..profile import toml
from ..profile.library import Library, ProfileError, as_text, read_bytes
from ..secrets.backends import entry_of
from ..secrets.errors import SecretError
from ..secrets.vault import Vault
from ..text import count


def keyring_entries(path: Path) -> list[str]:
    """The keyring entries that this profile uses, in all environments; empty if the file is invalid TOML."""
    try:
        data = toml.loads(as_text(path, read_bytes(path)))
    except (ProfileError, ValueError, RecursionError):
        return []
    found = dict.fromkeys(named_in(data))
    if isinstance(environments := data.get("environments"), dict):
        from ..profile.problems import environment_data  # loads pydantic, which few profiles need here

        for name in environments:
            found |= dict.fromkeys(named_in(environment_data(data, name)))
    return list(found)


def named_in(data: object) -> list[str]:
    """The keyring entries that a profile's data use, without duplicates."""
    return list(dict.fromkeys(name for _, name in entry_places(data)))


def entry_places(value: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each name of a keyring entry in a profile's data, also in its environments, and the path of the name."""
    if isinstance(value, dict):
        name = value.get("keyring")
        if len(value) == 1 and isinstance(name, str):
            yield (*place, "keyring"), name
            return
        for key, item in value.items():
            yield from entry_places(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from entry_places(item, (*place, index))


def other_users(path: Path, names: Collection[str], *directories: Path) -> dict[str, list[Path]]:
    """The other profiles that name these entries, by entry: those in the directories, and in the folder of `path`.

    It blocks. Profiles elsewhere are not known. Raises `ProfileError` for a directory.
    """
    found: dict[str, list[Path]] = {}
    own = os.path.realpath(path)  # `Path.resolve` raises RuntimeError for a link that leads to itself
    seen = {own}
    for directory in dict.fromkeys((*directories, path.parent)):
        for other in Library(directory).paths() if names else ():
            real = os.path.realpath(other)
            if real in seen:
                continue
            seen.add(real)
            for name in _named_by(other, names):
                found.setdefault(name, []).append(other)
    return found


def _named_by(path: Path, names: Collection[str]) -> list[str]:
    """The entries among `names` that this profile uses; if it is invalid TOML, those that occur in its text."""
    try:
        text = as_text(path, read_bytes(path))
    except ProfileError:
        return list(names)
    in_text = [name for name in names if name in text or (name.rpartition("@")[0] or name) in text]
    if not in_text and "\\" not in text:  # nothing in it is written another way
        return []
    try:
        data = toml.loads(text)
        found = named_in(data)
        environments = data.get("environments")
        found += [entry_of(name, each) for name in found for each in (environments or ())]
    except (ValueError, RecursionError):
        return in_text
    return [name for name in names if name in found]


@dataclass(frozen=True, slots=True)
class EntryInUse:
    """An entry that another store or another profile uses."""

    name: str
    stores: tuple[str, ...]
    """Origins of the other stores that it was stored for."""
    profiles: tuple[Path, ...]
    """Other profiles that use it."""

    @property
    def words(self) -> str:
        """The entry and who else uses it, in one line."""
        uses = [f"stored for {', '.join(self.stores)}"] if self.stores else []
        if self.profiles:
            named = ", ".join(str(each) for each in self.profiles[:_SHOWN])
            more = f" and {count(len(self.profiles) - _SHOWN, 'more')}" if len(self.profiles) > _SHOWN else ""
            uses.append(f"also used by {named}{more}")
        return f"{self.name}: {'; '.join(uses)}"


_SHOWN = 3


async def used_elsewhere(
    vault: Vault, entries: Mapping[str, Collection[str]], users: Mapping[str, list[Path]]
) -> list[EntryInUse]:
    """Those of a profile's entries that another store or profile uses.

    `entries`: the origins that the profile sends each to. `users`: as `other_users` finds them.
    Raises `SecretError`.
    """
    found = []
    for name, origins in entries.items():
        stores = tuple(each for each in await vault.origins_of(name) or () if each not in origins)
        profiles = tuple(users.get(name, ()))
        if stores or profiles:
            found.append(EntryInUse(name, stores, profiles))
    return found


def own_entries(path: Path, library: Library) -> list[str]:
    """The entries that no other profile in the library or in this profile's folder uses."""
    own = keyring_entries(path)
    others = other_users(path, own, library.directory)
    return [name for name in own if name not in others]


async def delete_entries(vault: Vault, names: Iterable[str]) -> list[str]:
    """Deletes these entries; returns those that could not be deleted."""
    left = []
    for name in names:
        try:
            await vault.delete(name)
        except SecretError:
            left.append(name)
    return left
