"""Copies of profiles under another name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from ...files import write_atomic
from ...profile.document import Document
from ...profile.environments import TABLE, names_of
from ...profile.library import Library, ProfileError, read_bytes
from ...profile.positions import KeyPath, value_at
from ...templates import Json
from ..secret_sources import sources
from .leftovers import set_aside


@dataclass(frozen=True, slots=True)
class Copy:
    """A copied profile."""

    path: Path
    shared: tuple[str, ...] = ()
    """Incomings that write where those of the original do, each with its file or the kind of its sink."""
    variables: tuple[str, ...] = ()
    """The environment variables that it takes secrets from, as the original does."""
    notes: tuple[str, ...] = ()
    """What its user should know besides, in full sentences."""


def duplicate(path: Path, name: str, library: Library, data: Path | None = None, state: Path | None = None) -> Copy:
    """Copies the file under another name, with a title of its own.

    The copy uses the same keyring entries until others are set. Two profiles cannot write one file: paths of sinks get
    the new name where they contain the old one, and each profile has a folder in `data`. `state` as in `save`. Raises
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
    for place, end in [*_ends(document.draft)]:
        file = end.get("path")
        writes = place[-1] == "sink"
        moved = _moved(PurePath(file), path.stem, name, data, writes=writes) if isinstance(file, str) else None
        if moved is not None:
            document.set((*place, "path"), str(moved))
        elif writes:
            shared.append(f"{place[-2]} ({file or end.get('kind', 'no kind')})")
    notes = set_aside(state, target, document.draft) if state is not None else []
    document.save(target)
    variables = dict.fromkeys(str(each["env"]) for _, each in sources(document.draft) if "env" in each)
    return Copy(target, tuple(shared), tuple(variables), tuple(notes))


def _ends(draft: dict[str, Json]) -> Iterator[tuple[KeyPath, dict[str, Json]]]:
    """The sinks and sources of a profile, and what its environments override of them."""
    roots: list[KeyPath] = [(), *((TABLE, each) for each in names_of(draft))]
    ends: list[tuple[str, Literal["sink", "source"]]] = [("incoming", "sink"), ("outgoing", "source")]
    for root in roots:
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
