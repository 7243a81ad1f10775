"""Deletes, renames and copies the environments of a saved profile, with what belongs to them under their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import UserError
from ...outgoing.task_ledger import TaskLedger, tasks_file
from ...profile.environment_names import TABLE, names_of
from ...profile.environments import own_output, own_variable
from ...profile.positions import put, rename_key, value_at
from ...runs.ledger import Ledger, ledger_file
from ...secrets.backends import entry_of
from ...secrets.vault import Vault
from ...templates import Json
from ..environment_values import check_new_name, outputs
from ..secret_sources import sources
from .edit import ProfileEdit, begin_edit
from .ledger_rename import FileMoves
from .leftovers import state_folders


@dataclass(frozen=True, slots=True)
class EnvironmentRename:
    """The folders with the run states and the log of an environment, which gets the name `new`."""

    state: Path
    profile: Path
    name: str
    new: str

    @property
    def reversed(self) -> EnvironmentRename:
        """The same under the new name, to get the old one again."""
        return replace(self, name=self.new, new=self.name)

    @contextmanager
    def moved(self) -> Iterator[None]:
        """Moves all of them, or none; and back if the body raises. Blocks.

        Raises `UserError` if a run uses one of them, or if the new name has states of its own.
        """
        self._check_unused()
        with FileMoves() as moves:
            folders = (state_folders(self.state, self.profile, [each]) for each in (self.name, self.new))
            for before, after in zip(*folders, strict=True):
                if before.is_dir() and os.path.lexists(after):
                    message = f"An earlier environment was called {self.new}; its runs are kept in {after}"
                    raise UserError("states-exist", message, "Choose another name, or delete that folder.")
                moves.rename(before, after)
            yield

    def _check_unused(self) -> None:
        """Raises `UserError` if a run uses the states."""
        incoming = ledger_file(self.state, self.profile, "-", "", self.name).parent
        outgoing = tasks_file(self.state, self.profile, "-", self.name).parent
        with ExitStack() as held:
            for ledger in incoming.glob("*.sqlite"):
                held.enter_context(Ledger(ledger))
            for ledger in outgoing.glob("*.sqlite"):
                held.enter_context(TaskLedger(ledger))


def environment_removal(path: Path, name: str) -> ProfileEdit:
    """Prepares to delete this environment. Raises `UserError`. Blocks."""
    edit = begin_edit(path)
    last = names_of(edit.setup.draft) == [name]
    edit.setup.edit((TABLE,) if last else (TABLE, name), None)
    return edit


def environment_renaming(
    state: Path, path: Path, name: str, new: str, renamed: Mapping[tuple[str, ...], str]
) -> ProfileEdit:
    """Prepares to rename this environment; `state` is the state directory.

    `renamed`: values that change with it, by their paths in its table, as `named_after` returns them. Raises
    `UserError`, also where the new name is taken or invalid. Blocks.
    """
    edit = begin_edit(path)
    document = edit.setup.document
    check_new_name(document.draft, new)
    document.edit_text(rename_key(document.text(), (TABLE, name), new))
    now = names_of(document.draft)
    if new not in now or name in now:
        raise UserError("not-renamed", f"{name} cannot be renamed here: press ^G, and rename it in the text.")
    for at, value in renamed.items():
        edit.setup.edit((TABLE, new, *at), value)
    return replace(edit, states=EnvironmentRename(state, path, name, new))


def values_with_name(draft: Mapping[str, Json], environment: str, name: str) -> list[str]:
    """The values of an environment that contain this name, such as variables and files, each by its path."""
    wanted, variable = _word(name), own_variable("", name)
    values = _values(value_at(draft, (TABLE, environment)), ())
    return [".".join(path) for path, each in values if wanted.search(each) or each.endswith(variable)]


def named_after(draft: Mapping[str, Json], environment: str, name: str, new: str) -> dict[tuple[str, ...], str]:
    """The files, keyring entries and variables of an environment that contain `name`, as they would be with `new`.

    Each by its path in the table of the environment. An address is none of them: its host is not called otherwise.
    """
    wanted, upper = _word(name), own_variable("", new)[1:]
    variable = re.compile(rf"(?<![A-Z0-9]){re.escape(own_variable('', name)[1:])}(?![A-Z0-9])")
    found = {}
    for path, each in _values(value_at(draft, (TABLE, environment)), ()):
        if path[-1] == "env":
            renamed = variable.sub(upper, each)
        elif path[-1] == "keyring" or path[-2:] in (("sink", "path"), ("source", "path")):
            renamed = wanted.sub(new, each)
        else:
            continue
        if renamed != each:
            found[path] = renamed
    return found


def _word(name: str) -> re.Pattern[str]:
    """Finds this name as a word of its own."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)


def _values(value: Json, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts in a table, each with its path."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _values(each, (*path, key))
    elif isinstance(value, str):
        yield path, value


def own_entries(draft: Mapping[str, Json], name: str, new: str) -> dict[str, str]:
    """The keyring entries that an environment has by its name alone, each with the one of the name `new`."""
    entries = [str(each["keyring"]) for _, each in sources(draft) if "keyring" in each]
    return {entry_of(each, name): entry_of(each, new) for each in dict.fromkeys(entries)}


async def copy_entries(
    vault: Vault, draft: Mapping[str, Json], name: str, new: str, renamed: Mapping[str, str]
) -> dict[str, str]:
    """Gives a renamed environment its keyring entries under the new name, too, and returns those that there are.

    `renamed`: the new names of entries that it names itself. The old ones stay, for an undo. Raises `SecretError`.
    """
    entries = {**own_entries(draft, name, new), **renamed}
    return {old: entry for old, entry in entries.items() if await vault.copy(old, entry)}


def copied_environment(draft: Mapping[str, Json], name: str, new: str, data: Path | None = None) -> dict[str, Json]:
    """The values of an environment for a copy of it, with secrets and files of its own; `data` as for `own_output`.

    What is set for one store would otherwise be sent to another.
    """
    found = value_at(draft, (TABLE, name))
    made: dict[str, Json] = deepcopy(found) if isinstance(found, dict) else {}
    suffix = own_variable("", name)
    for _, source in [*sources(made)]:
        entry, variable = source.get("keyring"), source.get("env")
        if isinstance(entry, str) and entry.endswith(f"@{name}"):
            source["keyring"] = entry_of(entry.removesuffix(f"@{name}"), new)
        if isinstance(variable, str) and variable.endswith(suffix):
            source["env"] = own_variable(variable.removesuffix(suffix), new)
    for output in outputs(draft):
        file = str(value_at(made, output.path) or "")
        named = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", new, file)
        own = named if named != file else own_output(str(value_at(draft, output.base)), new, data)
        put(made, output.path, own)
    return made
