"""Completes the path of a file that is typed, as a shell does."""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import reduce
from typing import NamedTuple

from ..text import equal_beginning


class CompletedPath(NamedTuple):
    """What a path that is typed can become."""

    text: str
    """The path as far as it is certain."""
    names: list[str]
    """The files and directories that fit; directories end with a slash."""


def complete_path(typed: str, endings: Collection[str] = ()) -> CompletedPath:
    """Completes `typed`, which may start with `~`, with directories and with files that have one of these endings.

    Without endings, any file fits. Hidden ones fit if the dot is typed. Blocks while it reads the directory.
    """
    if typed == "~":
        return CompletedPath("~/", [])
    folder, start = os.path.split(typed)
    try:
        entries = list(os.scandir(os.path.expanduser(folder) or "."))
    except OSError:
        return CompletedPath(typed, [])
    names = []
    for entry in entries:
        if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
            continue
        if _is_directory(entry):
            names.append(f"{entry.name}/")
        elif not endings or entry.name.lower().endswith(tuple(endings)):
            names.append(entry.name)
    common = reduce(lambda one, other: one[: equal_beginning(one, other)], names) if names else start
    return CompletedPath(typed.removesuffix(start) + common, sorted(names))


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
