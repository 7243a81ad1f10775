"""Renames a profile with its keyring entries, run states, history and trust: all of it, or nothing."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from ...errors import UserError
from ...files import CannotSave, reason, write_atomic
from ...machine import Machine
from ...profile.document import Document
from ...profile.environment_names import names_of
from ...profile.library import Library, read_bytes
from ...profile.trust_records import TrustRecords
from ...secrets.backends import override_name
from ...secrets.capability import Capability
from ...secrets.vault import Vault
from ...templates import Json
from ...text import listed
from ..drafts import Drafts, key_for
from ..keyring_entries import delete_entries, entry_places, own_entries
from ..secret_sources import secret_name
from ..text_drafts import TextDrafts
from .duplicate import ends, variables_in
from .leftovers import set_aside, state_folders

Undo = tuple[str, Callable[[], Awaitable[object]]]
"""What a step has made, and how it is removed."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A renamed profile."""

    path: Path
    notes: tuple[str, ...] = ()
    """What could not be removed under the old name, or was set aside."""
    variables: tuple[str, ...] = ()
    """The environment variables that keep the old name, which the user's shell sets."""
    files: tuple[str, ...] = ()
    """The files of its sinks and sources with the old name in their path, which stay where they are."""


async def rename_profile(machine: Machine, vault: Vault, path: Path, name: str) -> Renamed:
    """Renames the profile.

    Its own keyring entries that begin with its name get the new one, and so does a title that was made from the name.
    What was typed for it in this session moves. Files that its runs read and write stay where they are. If a step
    fails, those before it are undone. Raises `UserError` or OSError.
    """
    library = Library(path.parent)
    target = await asyncio.to_thread(library.new_path, name)
    if await asyncio.to_thread(Drafts(machine.directories.state).find, key_for(path)) is not None:
        hint = "Resume and save them, or discard them, then rename the profile."
        raise UserError("draft-exists", f"{path.stem} has unsaved changes in the guide", hint)
    if await asyncio.to_thread(TextDrafts(machine.directories.state, path).find) is not None:
        hint = "Open the editor and restore or discard them, then rename the profile."
        raise UserError("draft-exists", f"{path.stem} has unsaved changes in the editor", hint)
    document = await asyncio.to_thread(Document.read, path)
    own = await asyncio.to_thread(own_entries, path, Library(machine.directories.profiles))
    entries = {each: f"{name}{each.removeprefix(path.stem)}" for each in own if each.startswith(f"{path.stem}/")}
    undo: list[Undo] = []
    notes = await asyncio.to_thread(set_aside, machine.directories.state, target, document.draft)
    try:
        for old, new in entries.items():
            if await vault.copy(old, new):
                undo.append((f"the keyring entry {new}", partial(vault.delete, new)))
        for place, entry in [*entry_places(document.draft)]:
            if entry in entries:
                document.set(place, entries[entry])
        if isinstance(title := document.draft.get("name"), str):
            document.set(("name",), _renamed_title(title, path.stem, name))
        text = document.text().encode() if document.changed else await asyncio.to_thread(read_bytes, path)
        await asyncio.to_thread(write_atomic, target, text, expect=None)
        undo.append((f"the file {target}", partial(asyncio.to_thread, target.unlink)))
        environments, state = ["", *names_of(document.draft)], machine.directories.state
        folders = (state_folders(state, each, environments) for each in (path, target))
        for before, after in zip(*folders, strict=True):
            if await asyncio.to_thread(before.exists):
                await asyncio.to_thread(before.rename, after)
                undo.append((f"the folder {after}", partial(asyncio.to_thread, after.rename, before)))
        await asyncio.to_thread(_move_trust, machine, path, target, entries)
        revoke = TrustRecords(machine.directories.state).revoke
        undo.append((f"the trust in {target}", partial(asyncio.to_thread, revoke, target)))
        await asyncio.to_thread(path.unlink)
    except (UserError, OSError) as error:
        if left := await _undone(undo):
            why = error.message if isinstance(error, UserError) else reason(error)
            message = f"{why}; what was made under the new name could not be removed: {listed(left)}"
            raise UserError("rename-incomplete", message, "Remove it, then rename the profile again.") from error
        raise
    machine.typed.copy(path, target, {f"keyring:{old}": f"keyring:{new}" for old, new in entries.items()})
    machine.typed.forget(path)
    notes += await _forget_old(machine, vault, path, list(entries))
    return Renamed(target, tuple(notes), *_names_kept(document.draft, path.stem))


def _names_kept(draft: dict[str, Json], old: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The environment variables that the guide has named after the old name, and the files with it in their path."""
    variables = {
        variable: None
        for _, variable, secret in variables_in(draft)
        if variable == override_name(secret_name(old, secret))
    }
    paths = (file for _, end in ends(draft) if isinstance(file := end.get("path"), str))
    named = re.compile(rf"{re.escape(old)}(?![^._-])")
    files = {file: None for file in paths if any(map(named.match, PurePath(file).parts))}
    return tuple(variables), tuple(files)


def _renamed_title(title: str, old: str, new: str) -> str:
    """The title with the new name, if it is the old one, or that of a copy that was never edited."""
    if title == old:
        return new
    made = f" ({old})"  # as `duplicate` makes it
    return f"{title.removesuffix(made)} ({new})" if title.endswith(made) else title


async def _undone(undo: list[Undo]) -> list[str]:
    """Undoes the steps, the last one first; returns what is left of those that could not be undone."""
    left = []
    for what, remove in reversed(undo):
        try:
            await remove()
        except (UserError, OSError):
            left.append(what)
    return left


async def _forget_old(machine: Machine, vault: Vault, path: Path, entries: list[str]) -> list[str]:
    """Removes what the old name still has; the profile no longer needs it."""
    notes = [f"The keyring still has {each}" for each in await delete_entries(vault, entries)]
    try:
        await asyncio.to_thread(TrustRecords(machine.directories.state).revoke, path)
    except CannotSave as error:
        notes.append(str(error))
    return notes


def _move_trust(machine: Machine, path: Path, target: Path, entries: dict[str, str]) -> None:
    """Trusts the renamed profile with the same, under the new names of its entries."""
    records, resolved = TrustRecords(machine.directories.state), os.path.realpath(path)
    for record in records.list():
        if record.profile != resolved:
            continue
        granted = []
        for each in record.capabilities:
            facts, text = each.canonical, each.text
            for old, new in entries.items():
                facts = facts.replace(f'"keyring:{old}"', f'"keyring:{new}"')
                text = text.replace(old, new).replace(override_name(old), override_name(new))
            granted.append(Capability(facts, text))
        records.grant(target, granted, machine.now(), environment=record.environment)
