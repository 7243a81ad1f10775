"""Saves a setup: first the secrets, then the profile, then the schema next to it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import CannotSave, digest, write_atomic
from ...profile import toml
from ...profile.document import Document
from ...profile.library import ProfileError
from ...profile.model import ModelPath, schema
from ...profile.problems import check_data
from ...secrets.capability import Capability
from ...secrets.errors import OtherStore
from ...secrets.vault import Vault
from ..keyring_entries import other_users
from ..misplaced_secrets import misplaced_secrets
from ..secret_sources import secret_name, sources
from ..steps.setup import Setup
from ..trust import ProfileTrust
from .leftovers import set_aside

SCHEMA_FILE = "tui-connector.schema.json"
_ORDER = ("format", "name", "description", "authentications", "clients", "incoming", "outgoing")


@dataclass(frozen=True, slots=True)
class SaveResult:
    """What was saved, and the environment variables that the profile needs."""

    profile: Path
    schema: Path
    keyring: tuple[str, ...]
    environment: tuple[str, ...]
    allowed: tuple[Capability, ...] = ()
    """Capabilities that the profile is trusted with since it was saved."""
    trusted: bool = True
    """Whether the profile can be used without being trusted again."""
    notes: tuple[str, ...] = ()
    """What could not be done, in full sentences."""


def check_no_secret(setup: Setup) -> None:
    """Raises `UserError` if saving would write a secret into the profile that is not in its file already."""
    places = misplaced_secrets(setup.draft)
    if places and setup.saved:
        try:
            existing = misplaced_secrets(toml.loads(setup.document.text_as_read))
        except ValueError:
            existing = {}
        places = {path: why for path, why in places.items() if path not in existing}
    if places:
        listed = "".join(f"\n  {'.'.join(map(str, path))}: {why}" for path, why in places.items())
        raise UserError("secret-in-profile", f"Not saved: the profile would contain a secret{listed}")


async def save(
    setup: Setup,
    path: Path,
    vault: Vault,
    *,
    replace: bool = False,
    confirm_replace: Callable[[OtherStore], Awaitable[bool]] | None = None,
    trust: ProfileTrust | None = None,
    profiles: Path | None = None,
    moving: AbstractContextManager[object] | None = None,
    state: Path | None = None,
) -> SaveResult:
    """Saves the secrets, then the profile, so that it never names a missing secret.

    The user's changes are trusted; what was not trusted in the opened profile is asked for when it is used. A new
    profile gets keyring entries of its own where those with its names hold other secrets, such as those of a deleted
    profile. Other entries that were stored for another store are replaced if `confirm_replace` returns True. With
    `replace`, all are replaced.
    `profiles` is the folder of other profiles. The profile is written within `moving`. `state` is the state
    directory, where what an earlier profile of a new one's name left is set aside. Raises `UserError` (`OtherStore`,
    another `SecretError`, `ChangedOnDisk`) or `OSError`.
    """
    await asyncio.to_thread(check_no_secret, setup)
    # before secrets that this file names are replaced
    await asyncio.to_thread(setup.document.check_unchanged, path)
    await assign_own_entries(setup, path, vault, profiles)
    notes = [] if setup.saved or replace else await _keep_existing_entries(setup, vault)
    profile, _ = check_data(setup.draft)
    changes = None
    if trust is not None:
        opened = setup.document.text_as_read if setup.saved else None
        changes = await trust.own_changes(opened, setup.draft, path, vault)
    if not replace:
        try:
            await vault.check_owners(_origins(setup))
        except OtherStore as error:
            if confirm_replace is None or not await confirm_replace(error):
                raise
    named = [each for _, each in sources(setup.draft)]
    stored = await vault.store_held(setup.keyring_names())
    if state is not None and not setup.saved:
        notes += await asyncio.to_thread(set_aside, state, path, setup.draft)
    notes += await asyncio.to_thread(_write, setup, path, moving)
    for place, there in sources(setup.draft):
        if (key := session_key(place, there)) is not None:
            vault.keep_typed(secret_name(setup.name, place), path, key)
    trusted = trust is None
    if trust is not None and changes is not None:
        try:
            await asyncio.to_thread(trust.grant_saved, path, changes)
            trusted = profile is not None and not changes.foreign
        except CannotSave as error:
            notes.append(f"The trust in this profile cannot be saved: {error}")
    environment = tuple(str(each["env"]) for each in named if "env" in each)
    return SaveResult(
        path,
        path.parent / SCHEMA_FILE,
        tuple(stored),
        environment,
        changes.new if changes else (),
        trusted,
        tuple(notes),
    )


def session_key(place: ModelPath, there: Mapping[str, object]) -> str | None:
    """The key of a source whose value is typed or set again by whoever runs the profile; None for other sources."""
    if "env" in there:
        return f"env:{there['env']}"
    return f"ask:{place[1]}/{place[-1]}" if "ask" in there and place[0] == "authentications" else None


async def assign_own_entries(setup: Setup, path: Path, vault: Vault, profiles: Path | None) -> None:
    """Assigns typed secrets to entries of this profile's own if other profiles use the same entries.

    So a secret typed for a copy of a profile never replaces that of the original.
    """
    typed = {name for name in setup.keyring_names() if vault.held(name)}
    try:
        shared = await asyncio.to_thread(other_users, path, typed, *([profiles] if profiles else []))
    except ProfileError:  # saving reports it
        return
    renamed: dict[str, list[str]] = {}
    for place, existing in list(sources(setup.draft)):
        name, own = str(existing.get("keyring")), secret_name(setup.name, place)
        if name in shared and name in typed:
            renamed.setdefault(name, []).append(own)
            if name != own:
                setup.document.set(place, {"keyring": own})
    for name, own_names in renamed.items():
        vault.rename_held(name, *own_names)


async def _keep_existing_entries(setup: Setup, vault: Vault) -> list[str]:
    """Assigns typed secrets to new entries where they would replace other secrets; returns notes on that.

    Raises `SecretError`.
    """
    notes = []
    for name in dict.fromkeys(setup.keyring_names()):
        if not await vault.would_replace(name):
            continue
        own, number = f"{name}-2", 3
        while await vault.origins_of(own) is not None:
            own, number = f"{name}-{number}", number + 1
        for place, existing in list(sources(setup.draft)):
            if existing.get("keyring") == name:
                setup.document.set(place, {"keyring": own})
        vault.rename_held(name, own)
        notes.append(f"The keyring has another secret as {name}, perhaps of a deleted profile: this one is {own}")
    return notes


def _origins(setup: Setup) -> dict[str, list[str]]:
    """The origins that the profile sends each keyring entry to; empty for an invalid profile."""
    profile, _ = check_data(setup.draft)
    found: dict[str, list[str]] = {name: [] for name in setup.keyring_names()}
    for secret in profile.secrets() if profile is not None else ():
        if secret.source.keyring is not None:
            found.setdefault(secret.source.keyring, []).extend(secret.origins)
    return found


def _write(setup: Setup, path: Path, moving: AbstractContextManager[object] | None) -> list[str]:
    """Writes the profile and the schema next to it; returns notes on what could not be done."""
    if not setup.saved:
        setup.document.draft = ordered(setup.draft)
    others = _other_links(path)
    with moving or nullcontext():
        setup.document.save(path)
    notes = []
    if others:
        names = "Its other name still has" if others == 1 else f"Its {others} other names still have"
        notes.append(f"{path} was a hard link and is now a separate file. {names} the old text")
    try:
        write_schema(path.parent / SCHEMA_FILE)
    except UserError as error:
        if error.code != "schema-foreign":
            raise
        notes.append(error.message)
    return notes


def _other_links(path: Path) -> int:
    """The number of other hard links to this file, which keep the old text when the file is replaced."""
    try:
        return path.stat().st_nlink - 1
    except OSError:  # saving reports it
        return 0


def ordered(draft: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a new profile in their usual order."""
    return {key: draft[key] for key in (*_ORDER, *draft) if key in draft}


def preview(setup: Setup) -> str:
    """What saving would write: the text of a new profile, or the changes of a saved one, "" where there are none.

    Raises `ProfileError`.
    """
    if not setup.saved:
        return Document.new(ordered(setup.draft)).text()
    document = setup.document
    return difference(document.text_as_read, document.text())


def difference(before: str, after: str) -> str:
    """The lines that differ, with two lines of context; "" if none does."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))
    return "\n".join(lines[2:])


def write_schema(path: Path) -> None:
    """Writes the JSON Schema for editors, unless it exists unchanged.

    Raises `UserError`, also for another file of that name, such as a symbolic link, and OSError.
    """
    made = schema()
    text = json.dumps(made, indent=1, ensure_ascii=False).encode() + b"\n"
    existing = _earlier_schema(path, made)
    if existing != text:
        write_atomic(path, text, expect=None if existing is None else digest(existing))


def _earlier_schema(path: Path, made: Mapping[str, Any]) -> bytes | None:
    """The schema that any version of this program has written there; None if there is none."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise _foreign_schema(path, "is not a regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            existing = file.read()
    except FileNotFoundError:
        return None
    try:
        found = json.loads(existing)
    except (ValueError, RecursionError):
        found = None
    same = ("$schema", "title", "type")
    ours = isinstance(found, dict) and all(found.get(name) == made.get(name) for name in same)
    if not ours or "clients" not in found.get("properties", {}):
        raise _foreign_schema(path, "was not written by this program")
    return existing


def _foreign_schema(path: Path, why: str) -> UserError:
    message = f"{path} {why}, so the schema for editors was not written"
    return UserError("schema-foreign", message, "Move it away, then try again.")
