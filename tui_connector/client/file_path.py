"""Files that a profile names: the type of such a field, and where a part of a profile names them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, get_args

from pydantic import AfterValidator, BaseModel, Field

from ..files import reason
from ..kinds import kebab


def _valid_path(path: str) -> str:
    if "\0" in path:
        raise ValueError("a path must not contain a NUL character")
    return path


_VALID = AfterValidator(_valid_path)
FilePath = Annotated[str, Field(min_length=1, json_schema_extra={"format": "path"}), _VALID]
"""The path of a file in a profile, absolute or relative to the profile's folder.

Whatever the field is called, a file outside that folder needs trust. A sink reads it, unless its `writes` returns it.
"""

LARGEST_TEXT = 10_000_000
"""Bytes of a file of certificates or settings; the list of a system's certificate authorities has less than 1 MB."""


def full_path(path: str, directory: Path) -> Path:
    """The path of a file that a profile in this directory names; `~` is the home directory."""
    return directory / os.path.expanduser(path)


def why_unreadable(path: Path, largest: int = LARGEST_TEXT) -> str:
    """Why this is not a readable regular file of at most this size, with its path; "" if it is one. Blocks.

    A device or a pipe is not opened, since it could hang.
    """
    try:
        if not path.exists():
            return f"file not found: {path}"
        if not path.is_file() or path.stat().st_size > largest:
            return f"{path} is not a regular file of at most {largest // 1_000_000} MB"
        with path.open("rb"):
            return ""
    except (OSError, ValueError) as error:
        return f"{path} cannot be read: {reason(error)}"


FilePlace = tuple[str | int, ...]
"""Keys as in TOML, and indexes."""


def file_paths(part: BaseModel, without: tuple[type[BaseModel], ...] = ()) -> Iterator[tuple[FilePlace, str]]:
    """The place and the path of each file that a part of a profile names, at any depth.

    `without`: models whose files are left out.
    """
    if isinstance(part, without):
        return
    named = fields_with_paths(type(part))
    for name, field in type(part).model_fields.items():
        place = (field.alias or kebab(name),)
        yield from _paths_at(place, getattr(part, name), without, is_path=name in named)


def _paths_at(
    place: FilePlace, value: object, without: tuple[type[BaseModel], ...], *, is_path: bool
) -> Iterator[tuple[FilePlace, str]]:
    if isinstance(value, BaseModel):
        for inside, path in file_paths(value, without):
            yield (*place, *inside), path
    elif isinstance(value, str):
        if is_path:
            yield place, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _paths_at((*place, str(key)), each, without, is_path=is_path)
    elif isinstance(value, Iterable):
        for index, each in enumerate(value):
            yield from _paths_at((*place, index), each, without, is_path=is_path)


@cache
def fields_with_paths(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a model that contain a `FilePath`, perhaps in a list, a table or beside another type."""
    fields = model.model_fields.items()
    return frozenset(name for name, field in fields if any(map(_is_path, (field.annotation, *field.metadata))))


def _is_path(annotation: object) -> bool:
    named = (getattr(annotation, each, None) for each in ("__value__", "__supertype__"))  # an alias, a NewType
    return annotation == _VALID or any(map(_is_path, (*get_args(annotation), *filter(None, named))))
