"""Saves a setup: secrets into their place first, then the profile, then the schema beside it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import CannotSave, digest, write_atomic
from ..profile.document import Document
from ..profile.library import ProfileError
from ..profile.model import schema
from ..profile.problems import check_data
from ..secrets.capability import Capability
from ..secrets.errors import OtherStore
from ..secrets.mask import Mask
from ..secrets.vault import Vault
from .keyring_entries import other_users
from .misplaced_secrets import misplaced_secrets
from .secret_sources import secret_name, sources
from .setup import Setup
from .trust import ProfileTrust

SCHEMA_FILE = "tui-connector.schema.json"
_ORDER = ("format", "name", "description", "authentications", "clients", "incoming", "outgoing")


@dataclass(frozen=True, slots=True)
class SaveResult:
    """What was written, and what is to be given by whoever runs the profile."""

    profile: Path
    schema: Path
    keyring: tuple[str, ...]
    environment: tuple[str, ...]
    allowed: tuple[Capability, ...] = ()
    """What the profile was not trusted to do before it was saved, and is now."""
    trusted: bool = True
    """The profile may be used without a question."""
    notes: tuple[str, ...] = ()
    """What could not be done besides, in whole sentences."""


def check_no_secret(setup: Setup, mask: Mask) -> None:
    """Raises `UserError` where saving would write a secret into the profile that is not in its file already."""
    places = misplaced_secrets(setup.draft, mask)
    if places and setup.saved:
        try:
            there = misplaced_secrets(tomllib.loads(setup.document.text_as_read), mask)
        except ValueError:
            there = {}
        places = {path: why for path, why in places.items() if path not in there}
    if places:
        listed = "".join(f"\n  {'.'.join(map(str, path))}: {why}" for path, why in places.items())
        raise UserError("secret-in-profile", f"Not saved: the profile would contain a secret{listed}")


async def save(
    setup: Setup,
    path: Path,
    vault: Vault,
    *,
    overwrite: bool = False,
    replace: bool = False,
    agreed: Callable[[OtherStore], Awaitable[bool]] | None = None,
    trust: ProfileTrust | None = None,
    profiles: Path | None = None,
) -> SaveResult:
    """Writes all of it. The secrets go first: a profile never names one that is not there.

    What its user has made or changed in the guide is trusted with it. If the profile came from elsewhere and is not
    trusted yet, `trust` asks first. `replace`: also the entries of the keyring that were given for another store;
    without it, `agreed` is asked, after the profile is trusted or not.
    `profiles`: where other profiles are.
    Raises `UserError` (`OtherStore` and other `SecretError`s where the keyring does not take them, `ChangedOnDisk`) or
    `OSError`.
    """
    await asyncio.to_thread(check_no_secret, setup, vault.mask)
    if not overwrite:  # the secrets that this file names would be replaced before it is found not to be ours
        await asyncio.to_thread(setup.document.check_unchanged, path)
    await name_own_entries(setup, path, vault, profiles)
    profile, _ = check_data(setup.draft)
    allowed = None
    if trust is not None:
        allowed = await trust.before_saving(setup.document.text_as_read if setup.saved else None, profile, path)
    if not replace:
        try:
            await vault.check_owners(_origins(setup))
        except OtherStore as error:
            if agreed is None or not await agreed(error):
                raise
    named = [each for _, each in sources(setup.draft)]
    stored = await vault.store_held(setup.keyring_names())
    notes = await asyncio.to_thread(_write, setup, path, overwrite)
    trusted = trust is None
    if trust is not None and allowed is not None and profile is not None:
        try:
            await asyncio.to_thread(trust.saved, path, profile)
            trusted = True
        except CannotSave as error:
            notes.append(f"The trust in this profile cannot be saved: {error}")
    environment = tuple(str(each["env"]) for each in named if "env" in each)
    return SaveResult(
        path, path.parent / SCHEMA_FILE, tuple(stored), environment, tuple(allowed or ()), trusted, tuple(notes)
    )


async def name_own_entries(setup: Setup, path: Path, vault: Vault, profiles: Path | None) -> None:
    """Gives the values that were typed in this session entries of this profile's own, if other profiles name theirs.

    So what is typed for a copy of a profile never replaces the secrets of the original.
    """
    typed = {name for name in setup.keyring_names() if vault.held(name)}
    try:
        shared = await asyncio.to_thread(other_users, path, typed, *([profiles] if profiles else []))
    except ProfileError:  # saving will say so
        return
    renamed: dict[str, list[str]] = {}
    for place, there in list(sources(setup.draft)):
        name, own = str(there.get("keyring")), secret_name(setup.name, place)
        if name in shared and name in typed:
            renamed.setdefault(name, []).append(own)
            if name != own:
                setup.document.set(place, {"keyring": own})
    for name, own_names in renamed.items():
        vault.rename_held(name, *own_names)


def _origins(setup: Setup) -> dict[str, list[str]]:
    """The origins that the profile sends each entry of the keyring to; nothing is known of an invalid profile."""
    profile, _ = check_data(setup.draft)
    found: dict[str, list[str]] = {name: [] for name in setup.keyring_names()}
    for secret in profile.secrets() if profile is not None else ():
        if secret.source.keyring is not None:
            found.setdefault(secret.source.keyring, []).extend(secret.origins)
    return found


def _write(setup: Setup, path: Path, overwrite: bool) -> list[str]:
    """Writes the profile and the schema beside it; what could not be done besides the profile."""
    if not setup.saved:
        setup.document.draft = in_order(setup.draft)
    others = _other_links(path)
    setup.document.save(path, overwrite=overwrite)
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
    """How many other names this file has. Saving replaces the file, so they keep what is there now."""
    try:
        return path.stat().st_nlink - 1
    except OSError:  # saving will say so
        return 0


def in_order(draft: Mapping[str, Any]) -> dict[str, Any]:
    """A new profile's parts in the order in which people read them."""
    return {key: draft[key] for key in (*_ORDER, *draft) if key in draft}


def preview(setup: Setup) -> str:
    """What saving would write: a new profile whole, of a saved one the lines that change.

    Raises `ProfileError`.
    """
    if not setup.saved:
        return Document.new(in_order(setup.draft)).text()
    document = setup.document
    return difference(document.text_as_read, document.text()) or "Nothing has changed since it was saved."


def difference(before: str, after: str) -> str:
    """The lines that differ, each with what is around it; empty where none does."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))
    return "\n".join(lines[2:])


def write_schema(path: Path) -> None:
    """Writes the JSON Schema for editors, if it is not there already as it is.

    Raises `UserError`, also for anything else that has its name, such as a symbolic link to a file of the user's, and
    OSError.
    """
    made = schema()
    text = json.dumps(made, indent=1, ensure_ascii=False).encode() + b"\n"
    there = _earlier_schema(path, made)
    if there != text:
        write_atomic(path, text, expect=None if there is None else digest(there))


def _earlier_schema(path: Path, made: Mapping[str, Any]) -> bytes | None:
    """What this program wrote there before, of whatever version; None if there is nothing."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise _foreign_schema(path, "is not a regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            there = file.read()
    except FileNotFoundError:
        return None
    try:
        found = json.loads(there)
    except (ValueError, RecursionError):
        found = None
    same = ("$schema", "title", "type")
    ours = isinstance(found, dict) and all(found.get(name) == made.get(name) for name in same)
    if not ours or "clients" not in found.get("properties", {}):
        raise _foreign_schema(path, "was not written by this program")
    return there


def _foreign_schema(path: Path, why: str) -> UserError:
    message = f"{path} {why}, so the schema for editors was not written"
    return UserError("schema-foreign", message, "Move it away, then try again.")
