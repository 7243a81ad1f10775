"""Changes a saved profile: what changes is shown before it is written, and can be undone afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import UserError
from ...profile.document import UNSET, Document, parsed
from ...profile.environment_names import TABLE, names_of
from ...profile.library import read_bytes
from ...profile.merge import merged_data
from ...profile.on_failure import NAME as ON_FAILURE
from ...profile.part_names import check_name
from ...profile.positions import KeyPath, rename_key, value_at
from ...profile.problems import check_data
from ...profile.remarks import remarks
from ...templates import Json
from ...text import listed
from ..part_families import FAMILIES, Family
from ..steps.setup import Setup
from ..workbench import Workbench
from .ledger_rename import LedgerRename, StateMoves
from .save import difference, save
from .saved_changes import SavedChange


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Keys that were changed here and by another program, in different ways.

    The texts have all other changes of both sides: they differ in these keys only.
    """

    base: str
    """With the values that both had before."""
    mine: str
    theirs: str
    besides: str
    """The lines of the file that change whatever is chosen; empty where none do."""
    file_data: bytes
    """The file as the other program has left it."""


@dataclass(frozen=True, slots=True)
class ProfileEdit:
    """A change of a profile, not written yet."""

    path: Path
    setup: Setup
    states: StateMoves | None = None
    """The run states that move with it."""
    effect: str = ""
    """What it changes besides, in full sentences."""

    @property
    def difference(self) -> str:
        """The lines that change; empty where none do. Raises `UserError` if the change cannot be written as text."""
        document = self.setup.document
        return difference(document.text_as_read, document.text()) if document.changed else ""

    def in_file(self, family: str, name: str) -> Json:
        """The part, or environment, as the file has it; None where it does not. Raises `UserError`."""
        found: Json = value_at(parsed(self.setup.document.text_as_read, self.path), (family, name))
        return found

    @property
    def problems(self) -> list[str]:
        """What is invalid with the change, with its place."""
        return [_problem(at, message) for at, message in check_data(self.setup.draft)[1]]

    @property
    def remarks(self) -> list[str]:
        """What the change adds that is valid and probably not meant, with its place."""
        known = {*remarks(parsed(self.setup.document.text_as_read, self.path))}
        return [_problem(each.path, each.message) for each in remarks(self.setup.draft) if each not in known]

    def merge(self) -> Conflicts | None:
        """Takes what another program has changed in the file since; then the difference is that from the file now.

        Returns the conflicts, if there are any: then nothing was merged, until one of the texts goes to `take`. Raises
        `UserError`. Blocks.
        """
        document = self.setup.document
        there = Document.read(self.path)
        if there.file_digest == document.file_digest:
            return None
        sides = parsed(document.text_as_read, self.path), document.draft, there.draft
        data, conflicts = merged_data(*sides)
        base, mine, theirs = (self._text_with(there, data, conflicts, side) for side in sides)
        if conflicts:
            return Conflicts(base, mine, theirs, difference(there.text_as_read, theirs), there.file_data)
        self.take(mine, there.file_data)
        return None

    def _text_with(
        self, there: Document, data: Mapping[str, object], conflicts: Sequence[KeyPath], side: Mapping[str, object]
    ) -> str:
        """The text of the file with this data, and in the keys that are in conflict with the values of one side."""
        document = Document(there.text_as_read, self.path)
        document.draft = deepcopy(dict(data))
        for key in conflicts:
            value = value_at(side, key)
            document.set(key, UNSET if value is None else value)
        return document.text()

    def take(self, text: str, file_data: bytes) -> None:
        """Makes this text the change of a file with these bytes. Raises `UserError` if it is not TOML."""
        parsed(text, self.path)
        self.setup.document.edit_text(text)
        self.setup.document.rebase(file_data)

    async def save(self, workbench: Workbench, profiles: Path) -> SavedChange:
        """Writes the change. Raises `UserError` (`ChangedOnDisk`), or OSError for the schema beside the profile."""
        path, before = self.path, self.setup.document.file_data
        trusted = tuple(await asyncio.to_thread(workbench.trust.records))
        await save(
            self.setup,
            path,
            workbench.vault,
            trust=workbench.trust,
            profiles=profiles,
            moving=self.states.moved() if self.states is not None else None,
        )
        after = await asyncio.to_thread(read_bytes, path)
        return SavedChange(path, before, after, workbench.trust, trusted, states=self.states)


def begin_edit(path: Path) -> ProfileEdit:
    """Reads the profile to change it. Raises `UserError`. Blocks."""
    return ProfileEdit(path, Setup.from_document(path.stem, Document.read(path)))


def removal(path: Path, family: Family, name: str) -> ProfileEdit:
    """Prepares to delete this part. Raises `UserError` also where another part uses it. Blocks."""
    edit = begin_edit(path)
    setup, before, effects = edit.setup, {*edit.problems}, []
    if family == "authentications":
        for client in setup.table("clients"):
            names = setup.at("clients", client, "authentications")
            if isinstance(names, list) and name in names:
                left = [each for each in names if each != name]
                setup.edit(("clients", client, "authentications"), left or None)
                then = f"applies only {listed(list(map(str, left)))}" if left else "sends without authentication"
                effects.append(f"The client {client} then {then}.")
    setup.remove(family, name)
    if problems := [each for each in edit.problems if each not in before]:
        if users := _users(setup.draft, family, name):
            raise UserError("part-in-use", f"{name} is used by {listed(users)}. Change or delete what uses it first.")
        raise UserError("part-in-use", f"{name} is in use: {problems[0]}. Change that first.")
    return replace(edit, effect=" ".join(effects))


def renaming(state: Path, path: Path, family: Family, name: str, new: str) -> ProfileEdit:
    """Prepares to rename this part. Raises `UserError`, also where the new name is taken or invalid. Blocks.

    `state` is the state directory.
    """
    edit = begin_edit(path)
    setup, document = edit.setup, edit.setup.document
    check_name(new)
    if new in setup.table(family):
        raise UserError("part-exists", f"{family} already has {new}. Choose another name.")
    draft = document.draft
    roots = _roots(draft)
    old = {(*root, family, name): (*root, family, new) for root in roots}
    before = {_problem(_moved(at, old), message) for at, message in check_data(draft)[1]}
    references = [(*root, *each) for root in roots for each in _references(value_at(draft, root), family, name)]
    for place in references:
        document.set(place, new)
    text = document.text()
    for root in roots:
        text = rename_key(text, (*root, family, name), new)
    document.edit_text(text)
    if new not in setup.table(family) or name in setup.table(family):
        raise UserError("part-not-renamed", f"{name} cannot be renamed here: press e, and rename it in the text.")
    if problems := [each for each in edit.problems if each not in before]:
        raise UserError("part-not-renamed", f"{name} cannot be renamed to {new}: {problems[0]}")
    if family in ("incoming", "outgoing"):
        environments = ("", *names_of(draft))
        return replace(edit, states=LedgerRename(state, path, environments, family, name, new))
    return edit


def _problem(at: KeyPath, message: str) -> str:
    return f"{'.'.join(map(str, at))}: {message}"


def _moved(at: KeyPath, tables: Mapping[KeyPath, KeyPath]) -> KeyPath:
    """The place of a key once these tables have other names."""
    return next(((*new, *at[len(old) :]) for old, new in tables.items() if at[: len(old)] == old), at)


def _roots(draft: Mapping[str, Json]) -> list[KeyPath]:
    """Where a profile has tables of parts: its base values, and the overrides of each environment."""
    return [(), *((TABLE, each) for each in names_of(draft))]


def _users(draft: Mapping[str, Json], family: Family, name: str) -> list[str]:
    """What refers to this part, each by its family and name, such as "incoming products"."""
    found = []
    for root in _roots(draft):
        where = f" in the environment {root[-1]}" if root else ""
        for kind, each, *_ in _references(value_at(draft, root), family, name):
            user = "the alert on failure" if kind == ON_FAILURE else f"{str(kind).removesuffix('s')} {each}"
            found.append(f"{user}{where}")
    return list(dict.fromkeys(found))


def _references(data: Json, family: Family, name: str) -> Iterator[KeyPath]:
    """Where a profile, or the overrides of an environment, name this part."""
    alert = data.get(ON_FAILURE) if isinstance(data, dict) else None
    if family == "clients" and isinstance(alert, dict) and alert.get("client") == name:
        yield ON_FAILURE, "client"
    for kind, each, part in _parts(data):
        if family == "clients" and kind != "clients" and part.get("client") == name:
            yield kind, each, "client"
        elif family == "authentications" and kind == "clients":
            applied = part.get("authentications")
            entries = enumerate(applied) if isinstance(applied, list) else ()
            yield from ((kind, each, "authentications", index) for index, entry in entries if entry == name)
        elif family == "incoming":
            parent, source = part.get("parent"), part.get("source")
            if kind == "incoming" and isinstance(parent, dict) and parent.get("incoming") == name:
                yield kind, each, "parent", "incoming"
            if kind == "outgoing" and isinstance(source, dict) and _reads(source, name):
                yield kind, each, "source", "name"


def _reads(source: Mapping[str, Json], incoming: str) -> bool:
    """Whether the source of an outgoing is this incoming of the same profile."""
    return source.get("kind") == "incoming" and source.get("name") == incoming and source.get("profile") is None


def _parts(data: Json) -> Iterator[tuple[str, str, Mapping[str, Json]]]:
    for family in FAMILIES:
        table = data.get(family) if isinstance(data, dict) else None
        for name, part in table.items() if isinstance(table, dict) else ():
            if isinstance(part, dict):
                yield family, name, part
