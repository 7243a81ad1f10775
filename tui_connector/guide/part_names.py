"""Renames a part of a profile: its table, what refers to it, both in the environments, and the state of its runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from ..profile.environments import TABLE, names_of
from ..profile.positions import KeyPath, rename_key, value_at
from ..templates import Json
from ..text import shown_line
from .part_states import PartStates
from .profile_edit import ProfileEdit, begin_edit
from .summaries import FAMILIES, Family


def renaming(state: Path, path: Path, family: Family, name: str, new: str) -> ProfileEdit:
    """Prepares to rename this part. Raises `UserError`, also where the new name is taken or invalid. Blocks.

    `state` is the state directory.
    """
    edit = begin_edit(path)
    setup, document = edit.setup, edit.setup.document
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", new) is None:
        hint = "use up to 64 letters, digits, - and _, starting with a letter or digit"
        raise UserError("invalid-name", f"{shown_line(new, 60)!r} is not a valid name: {hint}")
    if new in setup.table(family):
        raise UserError("part-exists", f"{family} already has {new}. Choose another name.")
    before = set(edit.problems)
    draft = document.draft
    roots: list[KeyPath] = [(), *((TABLE, each) for each in names_of(draft))]
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
        return replace(edit, states=PartStates(state, path, environments, family, name, new))
    return edit


def _references(data: Json, family: Family, name: str) -> Iterator[KeyPath]:
    """Where a profile, or the overrides of an environment, name this part."""
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
