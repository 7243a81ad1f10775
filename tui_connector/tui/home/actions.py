"""Actions of the home screen on profiles and drafts. What cannot be taken back asks first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.app import App

from ...files import CannotSave, reason
from ...guide.drafts import Draft, Drafts, key_for
from ...guide.keyring_entries import keyring_entries, own_entries
from ...guide.profiles.duplicate import Copy, duplicate
from ...guide.profiles.lists import ProfileLists
from ...guide.profiles.removal import remove_profile
from ...machine import Machine
from ...profile.library import Library, ProfileError, read_bytes
from ...profile.trust_records import TrustRecords
from ...text import count, listed, shown_line
from ..dialogs import EntryScreen, NameScreen
from ..widgets.questions import ConfirmScreen


async def delete_profile(app: App[None], machine: Machine, path: Path) -> None:
    """Deletes the file of a profile and, if the user chooses so, the keyring entries that only it uses."""
    library = Library(machine.directories.profiles)
    own = await asyncio.to_thread(own_entries, path, library)
    question = f"Delete the profile {path.stem}?\n{path}"
    if (why := await asyncio.to_thread(_why_not_kept, path)) and why.code != "profile-missing":
        question += f"\n! No copy of it will be kept: {why.message}."
    if not await _confirmed(app, ConfirmScreen(question, title="Delete the profile", yes="Delete", no="Keep")):
        return
    also = False
    if own:
        question = f"Delete its secrets too? In the keyring, and not used by another profile in {library.directory}:\n"
        question += "\n".join(f"  {name}" for name in own)
        also = await _confirmed(app, ConfirmScreen(question, title="Keyring entries", yes="Delete them", no="Keep"))
    from ...guide.text_drafts import TextDrafts

    try:
        copy = await asyncio.to_thread(remove_profile, path, machine.directories.state, machine.now())
        machine.typed.forget(path)
        machine.typed.forget_draft(key_for(path))
        await asyncio.to_thread(ProfileLists(machine.directories.state).forget, path)
        await asyncio.to_thread(Drafts(machine.directories.state).drop, key_for(path))
        await asyncio.to_thread(TextDrafts(machine.directories.state, path).drop_all)
        with contextlib.suppress(CannotSave):  # trust --list shows the record of a deleted profile
            await asyncio.to_thread(TrustRecords(machine.directories.state).revoke, path)
    except OSError as error:
        _notify(app, f"{path} could not be deleted: {reason(error)}", bad=True)
        return
    left = await _delete_entries(machine, own) if also else []
    said = f"Deleted: {path.name}."
    said += f" To restore it, copy {copy} back." if copy is not None else ""
    said += f" Still in the keyring: {', '.join(left)}." if left else ""
    _notify(app, said, bad=bool(left))


def _why_not_kept(path: Path) -> ProfileError | None:
    """Why nothing can restore the profile once it is deleted; None if a copy of it can be kept. Blocks."""
    try:
        read_bytes(path)
    except ProfileError as error:
        return error
    return None


async def _confirmed(app: App[None], screen: ConfirmScreen) -> bool:
    answer: bool | None = await app.push_screen_wait(screen)
    return bool(answer)


async def archive(app: App[None], machine: Machine, path: Path, *, archived: bool) -> None:
    """Archives a profile after a question, or lists it again at once."""
    question = f"Archive {path.stem}? It is no longer listed; A shows it again. Nothing else changes."
    screen = ConfirmScreen(question, title="Archive the profile", yes="Archive", no="Cancel")
    if archived and not await _confirmed(app, screen):
        return
    try:
        await asyncio.to_thread(ProfileLists(machine.directories.state).archive, path, archived=archived)
    except OSError as error:
        _notify(app, f"{path.stem} could not be archived: {reason(error)}", bad=True)
        return
    said = (
        "is archived: A shows it. Its file, secrets, run states and history stay." if archived else "is listed again."
    )
    _notify(app, f"{path.stem} {said}")


async def forget_recent(app: App[None], machine: Machine, path: Path) -> None:
    """Removes a file from the recent ones."""
    await asyncio.to_thread(ProfileLists(machine.directories.state).forget, path)
    _notify(app, f"{path} is no longer listed. The file was not changed.")


async def ask_path(app: App[None], machine: Machine) -> Path | None:
    """The path of a profile that the user enters; None if there is none."""

    async def readable(typed: str) -> Path:
        home = machine.environ.get("HOME", "")
        path = Path(home, typed[2:]) if home and typed.startswith("~/") else Path(typed)
        await asyncio.to_thread(read_bytes, path)
        return path.absolute()

    question = "Path of a profile, such as ~/shops/acme.toml:"
    return await app.push_screen_wait(
        EntryScreen(question, apply=readable, title="Open a file", path_endings=(".toml",))
    )


async def discard_draft(app: App[None], machine: Machine, draft: Draft) -> None:
    """Discards a draft."""
    question = f"Discard draft {draft.title}?"
    if not await _confirmed(app, ConfirmScreen(question, title="Discard the draft", yes="Discard", no="Keep")):
        return
    from ...guide.draft_history import delete_history

    try:
        await asyncio.to_thread(Drafts(machine.directories.state).drop, draft.key)
        await asyncio.to_thread(delete_history, machine.directories.state, draft.key)
    except OSError as error:
        _notify(app, f"The draft could not be deleted: {reason(error)}", bad=True)
    else:
        machine.typed.forget_draft(draft.key)


async def duplicate_profile(
    app: App[None], machine: Machine, path: Path, used: Callable[[Path], Awaitable[None]]
) -> None:
    """Copies a profile under another name; `used` is called with the copy."""
    library = Library(machine.directories.profiles)
    suggested = await asyncio.to_thread(library.name_from, path.stem)

    async def copy(name: str) -> Copy:
        data = machine.directories.data_for(library.directory)
        copied = await asyncio.to_thread(duplicate, path, name, library, data, machine.directories.state)
        from ...guide.trust import copy_trust

        await asyncio.to_thread(copy_trust, machine, path, copied.path)
        own = {f"env:{each}": f"env:{new}" for each, new in copied.own_variables.items()}
        machine.typed.copy(path, copied.path, own)
        return copied

    question = f"Copy {path.stem} to a profile named:"
    screen = NameScreen(question, suggested, apply=copy, title="Duplicate the profile")
    copied: Copy | None = await app.push_screen_wait(screen)
    if copied is None:
        return
    await used(copied.path)
    notes = [f"{copied.path.stem} is a copy of {path.stem}."]
    if await asyncio.to_thread(keyring_entries, path):
        notes.append("It uses the same keyring entries until you enter other values.")
    if copied.own_variables:
        number = count(len(copied.own_variables), "variable")
        notes.append(f"Set the {number} of its own, which step 2 of the guide names.")
    if copied.variables:
        same = f"the same {count(len(copied.variables), 'variable')}, {listed([*copied.variables], 2)}"
        notes.append(f"It reads {same}: if it is for another store, name others in step 2 of the guide.")
    if copied.shared:
        notes.append(f"Both write to the same places; change that before it runs: {listed(copied.shared, 2)}.")
    notes += [f"{note}." for note in copied.notes]
    _notify(app, " ".join(notes), bad=bool(copied.shared))


async def rename(app: App[None], machine: Machine, path: Path, used: Callable[[Path], Awaitable[None]]) -> None:
    """Renames a profile; `used` is called with its new file."""
    from ...guide.profiles.rename import Renamed, rename_profile
    from ...secrets.mask import Mask
    from ...secrets.vault import Vault

    async def renamed(name: str) -> Renamed:
        if name == path.stem:
            return Renamed(path)
        vault = Vault(machine, Mask())
        try:
            return await rename_profile(machine, vault, path, name)
        finally:
            vault.close()

    question = (
        f"New name of {path.stem}. Its keyring entries, run states and history move with it; environment variables and "
        "files keep their names."
    )
    screen = NameScreen(question, path.stem, apply=renamed, title="Rename the profile")
    result: Renamed | None = await app.push_screen_wait(screen)
    if result is None or result.path == path:
        return
    target = result.path
    await asyncio.to_thread(ProfileLists(machine.directories.state).move, path, target)
    await used(target)
    notes = [f"{path.stem} is now {target.stem}.", *(f"{note}." for note in result.notes)]
    if result.variables:
        notes.append(f"Variables keep their names, as your environment sets them: {listed(result.variables, 2)}.")
    if result.files:
        notes.append(f"Files keep their paths, as your data are in them: {listed(result.files, 2)}.")
    _notify(app, " ".join(notes), bad=bool(result.notes))


async def _delete_entries(machine: Machine, names: list[str]) -> list[str]:
    """Deletes these keyring entries; returns those that could not be deleted."""
    from ...guide.keyring_entries import delete_entries
    from ...secrets.mask import Mask
    from ...secrets.vault import Vault

    vault = Vault(machine, Mask())
    try:
        return await delete_entries(vault, names)
    finally:
        vault.close()


def _notify(app: App[None], text: str, *, bad: bool = False) -> None:
    app.notify(shown_line(text), severity="error" if bad else "information", timeout=10, markup=False)
