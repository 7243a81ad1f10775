"""Plain data by path, as a profile's draft holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..profile.document import UNSET, Unset
from ..profile.edit import Plain
from ..templates import Json


def put(data: dict[str, Json], path: Sequence[str], value: Json) -> None:
    """Puts a value into tables; those on the way are made."""
    *way, last = path
    for step in way:
        inner = data.setdefault(step, {})
        assert isinstance(inner, dict)
        data = inner
    data[last] = value


def plain(value: Json) -> Plain | Unset:
    """The value as a document takes it; null, which TOML does not have, takes the key out."""
    if value is None:
        return UNSET
    if isinstance(value, dict):
        return {key: cleaned for key, item in value.items() if not isinstance(cleaned := plain(item), Unset)}
    if isinstance(value, list):
        return [cleaned for item in value if not isinstance(cleaned := plain(item), Unset)]
    return value


def free(name: str, taken: Mapping[str, object]) -> str:
    """`name`, or with a number after it where that is taken."""
    if name not in taken:
        return name
    return next(f"{name}-{n}" for n in range(2, 1_000) if f"{name}-{n}" not in taken)
