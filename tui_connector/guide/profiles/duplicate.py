"""Copies of profiles under another name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal

from ...files import write_atomic
from ...profile.document import Document
from ...profile.environment_names import TABLE, names_of
from ...profile.library import Library, ProfileError, read_bytes
from ...profile.positions import KeyPath, value_at
from ...secrets.backends import override_name
from ...templates import Json
from ..secret_sources import secret_name, sources
from .leftovers import set_aside


@dataclass(frozen=True, slots=True)
class Copy:
    """A copied profile."""

    path: Path
    shared: tuple[str, ...] = ()
    """Incomings that write where those of the original do, each with its file or the kind of its sink."""
    variables: tuple[str, ...] = ()
    """The environment variables that it takes secrets from, as the original does."""
    own_variables: Mapping[str, str] = field(default_factory=dict)
    """The names of its own variables, which are to be set, by those of the original."""
    notes: tuple[str, ...] = ()
    """What its user should know besides, in full sentences."""


def duplicate(path: Path, name: str, library: Library, data: Path | None = None, state: Path | None = None) -> Copy:
    """Copies the file under another name, with a title of its own.

    The copy uses the same keyring entries until others are set. Variables that the guide has named get names of the
    copy: set for one store, they would be sent to another. Two profiles cannot write one file: paths of sinks get the
    new name where they contain the old one, and each profile has a folder in `data`. `state` as in `save`. Raises
    `UserError`, and OSError for what is in `state`.
    """
    target = library.new_path(name)
    try:
        document = Document.read(path)
    except ProfileError:  # a copy of a file with errors has the same errors
        notes = set_aside(state, target, {}) if state is not None else []
        write_atomic(target, read_bytes(path), expect=None)
        return Copy(target, notes=tuple(notes))
    if isinstance(title := document.draft.get("name"), str):
        document.set(("name",), library.title_from(f"{title} ({name})"))
    shared = []
    for place, end in [*ends(document.draft)]:
        file = end.get("path")
        writes = place[-1] == "sink"
        moved = _moved(PurePath(file), path.stem, name, data, writes=writes) if isinstance(file, str) else None
        if moved is not None:
            document.set((*place, "path"), str(moved))
        elif writes:
            shared.append(f"{place[-2]} ({file or end.get('kind', 'no kind')})")
    variables: dict[str, None] = {}
    own: dict[str, str] = {}
    for place, variable, secret in [*variables_in(document.draft)]:
        if variable == override_name(secret_name(path.stem, secret)):
            own[variable] = override_name(secret_name(name, secret))
            document.set(place, own[variable])
        else:
            variables[variable] = None
    notes = set_aside(state, target, document.draft) if state is not None else []
    document.save(target)
    return Copy(target, tuple(shared), tuple(variables), own, tuple(notes))


def variables_in(draft: dict[str, Json]) -> Iterator[tuple[KeyPath, str, KeyPath]]:
    """The places of the variables that secrets come from, with their names, and the places of the secrets."""
    for root in _roots(draft):
        table = value_at(draft, root)
        for place, each in sources(table) if isinstance(table, dict) else ():
            if "env" in each:
                yield (*root, *place, "env"), str(each["env"]), place


def _roots(draft: dict[str, Json]) -> list[KeyPath]:
    """The places of the base values and of the environments that override them."""
    return [(), *((TABLE, each) for each in names_of(draft))]


def ends(draft: dict[str, Json]) -> Iterator[tuple[KeyPath, dict[str, Json]]]:
    """The sinks and sources of a profile, and what its environments override of them."""
    ends: list[tuple[str, Literal["sink", "source"]]] = [("incoming", "sink"), ("outgoing", "source")]
    for root in _roots(draft):
        for family, end in ends:
            parts = value_at(draft, (*root, family))
            for part in parts if isinstance(parts, dict) else ():
                if isinstance(found := value_at(draft, (*root, family, part, end)), dict):
                    yield (*root, family, part, end), found


def _moved(file: PurePath, old: str, new: str, data: Path | None, *, writes: bool) -> PurePath | None:
    """The file of the copy; None if nothing shows that it belongs to the original alone."""
    if data is not None and file.is_relative_to(data) and len(rest := file.relative_to(data).parts) > 1:
        return data.joinpath(new, *rest[1:])  # each profile has a folder there, perhaps named after an earlier name
    if not writes:  # a file that somebody provides, unless it is in the profile's folder
        beside = not file.is_absolute() and file.is_relative_to(old)
        return PurePath(new, file.relative_to(old)) if beside else None
    folders = [new if each == old else each for each in file.parts[:-1]]
    last = re.sub(rf"^{re.escape(old)}(?=[._-])", lambda _: new, file.name)
    moved = PurePath(*folders, last)
    return moved if moved != file else None
