"""An unknown key: misspelt, or a key of another table.

That may be one above or below its own, or of a part that its own refers to, such as the client of an incoming.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kinds import Kind, Model
from ..misspelling import MISSPELT, longest_within, most_similar
from ..text import listed
from .found import Found, elements_of
from .model import DEFAULT_CLIENT, FAMILIES, ModelPath, Profile
from .positions import value_at
from .table_models import as_type_of, item_type, keys_of, may_have, model_of, models_of, table_of

_OF_ALL_KINDS = "kind"
"""A key that does not tell to which table it belongs."""
_FEW = 6
"""Keys of a table that a problem lists."""
_MOST_KINDS = 3
"""Kinds that a problem lists."""
_ARTICLES = {family: f"{'a' if family == 'clients' else 'an'} {family.removesuffix('s')}" for family in FAMILIES}


def unknown_key(data: Any, path: ModelPath) -> Found:
    """What an unknown key at `path` probably means."""
    key, model = str(path[-1]), model_of(data, path)
    known = keys_of(model)
    if model is not None and (meant := model.other_words.get(key, "")) in known:
        value = as_type_of(model, meant, value_at(data, path))
        return Found(path, f"unknown key; did you mean {meant!r}?", "unknown-key", meant, is_of_key=True, value=value)
    near = most_similar(key, known, MISSPELT)
    if not near and key != _OF_ALL_KINDS and (found := _of_another_table(data, path)) is not None:
        return found
    written = table_of(value_at(data, path[:-1]))
    hint = "" if near or key == _OF_ALL_KINDS else _elsewhere(model, key)
    if not hint:
        near = near or most_similar(key, [each for each in known if each not in written]) or most_similar(key, known)
        near = near or longest_within(key, [each for each in known if may_have(model, each, value_at(data, path))])
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}" if 0 < len(known) <= _FEW else ""
    return Found(path, "; ".join(filter(None, ("unknown key", hint))), "unknown-key", near, is_of_key=True)


def _of_another_table(data: Any, path: ModelPath) -> Found | None:
    """The key as one of another table, with exactly this name or nearly; None if no table, or several, may have it."""
    above = [[path[:length]] for length in range(len(path) - 2, -1, -1)]
    places = above, [[*_tables_below(data, path[:-1])]], _tables_of_references(data, path)
    for is_exact in (True, False):
        for candidates in (each for some in places for each in some):
            meant = [(table, key) for table in candidates if (key := _key_in(data, path, table, is_exact=is_exact))]
            free = [(table, key) for table, key in meant if key not in table_of(value_at(data, table))]
            if len(chosen := free or meant) == 1:
                return _of_table(data, path, *chosen[0])
    return None


def _key_in(data: Any, path: ModelPath, table: ModelPath, *, is_exact: bool) -> str:
    """The key of a table that an unknown key at `path` may mean, with a value of its type; empty if none."""
    key, model = str(path[-1]), model_of(data, (*table, str(path[-1])))
    if model is None:
        return ""
    known = keys_of(model)
    if key in known:
        meant = key if is_exact else ""
    else:
        meant = "" if is_exact else model.other_words.get(key) or most_similar(key, known, MISSPELT)
    return meant if may_have(model, meant, value_at(data, path)) else ""


def _of_table(data: Any, path: ModelPath, table: ModelPath, meant: str) -> Found:
    """A key at `path` that belongs to `table`, where it is called `meant`; () is the top of the file."""
    key, here = str(path[-1]), name_of(path[:-1])
    where, is_set = _place_of(data, path, table), meant in table_of(value_at(data, table))
    hint = f"{key!r} belongs to {where}" if key == meant else f"did you mean {meant!r} in {where}"
    if key == meant:
        hint += ", where it is set already" if is_set else ": move it there"
    else:
        hint += ", where it is set already?" if is_set else "?"
    message = f"unknown key {f'in {here}' if here else 'at the top level'}; {hint}"
    if is_set:
        return Found(path, message, "unknown-key", is_of_key=True, is_set=True)
    return Found(path, message, "unknown-key", "" if key == meant else meant, owner=table)


def _place_of(data: Any, path: ModelPath, table: ModelPath) -> str:
    """How a message calls a table: with the brackets of its header, where that can be written."""
    if not table:
        return "the top of the file, above the first table"
    if isinstance(table[-1], int):
        return f"{name_of(table)} ({elements_of(data, table) or 'item 1'})"
    is_below = table[: len(path) - 1] == path[:-1]  # it may be written as { … }, which no header extends
    return name_of(table) if is_below else f"[{name_of(table)}]"


def name_of(path: ModelPath) -> str:
    """The keys of a path, without the indices of lists."""
    return ".".join(step for step in path if isinstance(step, str))


def _tables_below(data: Any, path: ModelPath) -> Iterator[ModelPath]:
    """The tables directly below one, and the elements of its lists; below the top level, the parts as well."""
    for name, value in table_of(value_at(data, path)).items():
        if not path and name in FAMILIES:
            yield from ((name, part) for part, each in table_of(value).items() if isinstance(each, dict))
        elif isinstance(value, dict):
            yield (*path, name)
        elif isinstance(value, list):
            yield from ((*path, name, index) for index, each in enumerate(value) if isinstance(each, dict))


def _tables_of_references(data: Any, path: ModelPath) -> list[list[ModelPath]]:
    """The tables of each part that the part with this path refers to, itself or by its client."""
    found: list[list[ModelPath]] = []
    for part in _references(data, path[:2]):
        found += [[part], [*_tables_below(data, part)]]
    return found


def _references(data: Any, part: ModelPath) -> Iterator[ModelPath]:
    family, values = part[0], table_of(value_at(data, part))
    if family in ("incoming", "outgoing"):
        name = values.get("client")
        if isinstance(name, str) and (name == DEFAULT_CLIENT or value_at(data, ("clients", name)) is not None):
            yield ("clients", name)
            yield from _references(data, ("clients", name))
    named = values.get("authentications")
    if family == "clients" and isinstance(named, list):
        yield from (("authentications", each) for each in named if isinstance(each, str))


def _elsewhere(model: type[Model] | None, key: str) -> str:
    """Which other kinds, tables or parts may have such a key; empty if none."""
    if model is None:
        return ""
    family = next((each for each in model.__bases__ if issubclass(each, Kind) and Kind in each.__bases__), None)
    if family is not None and (kinds := _kinds_with(key, family)):
        return f"{key!r} is a key of {kinds}"
    parts = " or ".join(_ARTICLES[each] for each in FAMILIES if any(key in keys_of(part) for part in models_of(each)))
    below = [] if model is Profile and parts else [*_tables_with(key, model)]
    found = " or ".join(below) or parts
    return f"{key!r} is a key of {found}" if found else ""


def _tables_with(key: str, model: type[Model]) -> Iterator[str]:
    """The tables directly below one that may have this key."""
    for name, field in model.model_fields.items():
        below, table = item_type(field.annotation), field.alias or name
        if table in FAMILIES or not (isinstance(below, type) and issubclass(below, Model)):
            continue
        if issubclass(below, Kind) and Kind in below.__bases__:
            if kinds := _kinds_with(key, below):
                yield f"{kinds} in {table}"
        elif key in keys_of(below):
            yield table


def _kinds_with(key: str, family: type[Kind]) -> str:
    """The kinds of a family that have this key; empty where none has it."""
    kinds = [f'"{name}"' for name, each in family.all_kinds().items() if key in keys_of(each)]
    return f"the kind{'s' if len(kinds) > 1 else ''} {listed(kinds, _MOST_KINDS)}" if kinds else ""


def of_table_above(found: Found, data: Mapping[str, Any], above: ModelPath) -> Found:
    """An unknown key that the table above its own in the text may have: a header was written between them.

    `above` is the path of that table. Any other problem is returned as it is.
    """
    if found.code != "unknown-key" or found.owner is not None or found.suggestion or not above:
        return found
    key = str(found.path[-1])
    there = table_of(value_at(data, above))
    is_free = bool(there or value_at(data, above) == {}) and key not in there
    if is_free and may_have(model_of(data, (*above, key)), key, value_at(data, found.path)):
        return _of_table(data, found.path, above, key)
    return found


def set_once(found: Found, data: Mapping[str, Any]) -> Found:
    """An unknown key whose correction would set another key of its table twice: only one of them can stay."""
    meant = found.suggestion
    if found.code != "unknown-key" or found.owner is not None or not meant:
        return found
    if meant not in table_of(value_at(data, found.path[:-1])):
        return found
    message = f"unknown key; {meant!r}, which it resembles, is set already"
    return found._replace(message=message, suggestion="", value=None, is_set=True)
