"""The paths of a store's REST API, as its schema describes them: read once in a session, and kept for the next one."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from ..files import write_private
from ..machine import Machine
from ..magento.entities import READABLE, WRITABLE
from ..magento.entities.comparisons import required_to_create
from ..misspelling import MISSPELT, SIMILAR, most_similar, similar_names
from ..templates import Json

_VERSION = "/V1/"
"""The start of the paths in Magento's schema; a base URI ends with it."""
_NUMBERS = ("integer", "number")
_SIMPLE = ("string", *_NUMBERS, "boolean")
_SEARCHED = "searchcriteria["
_METHODS = ("get", "post", "put", "delete", "patch")
_FORMAT = 4
_EMPTY: Mapping[str, Json] = {"string": "", "integer": 0, "number": 0, "boolean": False}
_PARAMETER_AT_END = re.compile(r"/\{\w+\}\Z")
_DEPTH = 5
"""Levels of a body."""
_COMMON = {readable.path: place for place, readable in enumerate(READABLE.values())}
"""What is requested most, in the order of the guide's list."""
_LAST = len(_COMMON)


@dataclass(frozen=True, slots=True)
class ApiPath:
    """What a path of the REST API accepts from one token."""

    methods: tuple[str, ...]
    """In upper case."""
    parameters: tuple[str, ...] = ()
    """The names of the query parameters of GET, except search criteria."""
    is_searched: bool = False
    """Whether GET accepts search criteria."""
    fields: tuple[str, ...] = ()
    """The simple fields of the items that GET lists."""
    bodies: Mapping[str, str] = field(default_factory=dict)
    """By method, in upper case: the least that a body has, as JSON."""
    numbers: tuple[str, ...] = ()
    """Those of `fields` that are numbers."""
    nested: tuple[str, ...] = ()
    """The other fields of the items that GET lists: objects and lists."""


ApiPaths = Mapping[str, ApiPath]
"""By path, relative to the base URI, with variables as in `products/{sku}`."""


@dataclass(frozen=True, slots=True)
class KnownPaths:
    """The paths of a store as far as they are known; none until its schema was read."""

    paths: ApiPaths = field(default_factory=dict)
    read_at: datetime | None = None
    """When they were read, in UTC; None if they were not."""
    is_current: bool = False
    """Whether they were read in this session."""
    is_common: bool = False
    """Whether they are those that most stores of Magento have: this store may have others."""


def common_paths() -> KnownPaths:
    """The paths of the entities that the guide lists, for a store whose schema is not known."""
    methods: dict[str, set[str]] = {}
    for read in READABLE.values():
        if not any(map(str.isdigit, read.path)):  # that of a sample
            methods.setdefault(read.path, set()).add("GET")
    for write in WRITABLE.values():
        methods.setdefault(write.uri.replace("&{", "{"), set()).add(write.method.upper())
    return KnownPaths({path: ApiPath(tuple(sorted(each))) for path, each in methods.items()}, is_common=True)


def paths_in_schema(schema: Mapping[str, object]) -> dict[str, ApiPath]:
    """The paths in a schema as Magento writes it (Swagger 2.0); empty if it has none."""
    paths = schema.get("paths")
    found = {}
    for path, operations in paths.items() if isinstance(paths, Mapping) else ():
        if not path.startswith(_VERSION) or not isinstance(operations, Mapping):
            continue
        names = _query_parameters(operations.get("get"))
        is_searched = any(name.lower().startswith(_SEARCHED) for name in names)
        kinds = _kinds_of_fields(schema, path) if is_searched else {}
        found[path.removeprefix(_VERSION)] = ApiPath(
            tuple(method.upper() for method in operations if method in _METHODS),
            tuple(name for name in names if not name.lower().startswith(_SEARCHED)),
            is_searched,
            tuple(name for name, kind in kinds.items() if kind in _SIMPLE),
            dict(_bodies(schema, operations, path.removeprefix(_VERSION))),
            tuple(name for name, kind in kinds.items() if kind in _NUMBERS),
            tuple(name for name, kind in kinds.items() if kind not in _SIMPLE),
        )
    return found


def _bodies(schema: Mapping[str, object], operations: Mapping[str, object], path: str) -> Iterator[tuple[str, str]]:
    for method, operation in operations.items():
        parameters = operation.get("parameters") if isinstance(operation, Mapping) else None
        for each in parameters if isinstance(parameters, list) else ():
            if method in _METHODS and isinstance(each, Mapping) and each.get("in") == "body":
                least = _least(schema, each.get("schema"), _DEPTH)
                if method in ("post", "put"):
                    _add_required(schema, each.get("schema"), least, path)
                yield method.upper(), json.dumps(least)


def _add_required(schema: Mapping[str, object], node: object, least: Json, path: str) -> None:
    """Adds what the store requires of an entity that it does not have yet, although its schema does not say so."""
    for name, preset in WRITABLE.items():
        uri = preset.uri.replace("&{", "{")
        if path not in (uri, _PARAMETER_AT_END.sub("", uri)) or not isinstance(least, dict):
            continue
        parameters, required = preset.parameters, required_to_create(name)
        places = parameters.items() if isinstance(parameters, dict) else ()
        for key in (key for key, value in places if value == "&{@}" and key in least):
            kind, entity = _resolved(schema, _properties(schema, node).get(key)), least[key]
            if kind.get("type") == "array" and isinstance(entity, list):
                kind, entity = _resolved(schema, kind.get("items")), entity[0] if entity else None
            if isinstance(entity, dict):
                known = _properties(schema, kind)
                entity |= {
                    field: _least(schema, known[field], _DEPTH)
                    for field in required
                    if field in known and field not in entity
                }


def _properties(schema: Mapping[str, object], node: object) -> Mapping[str, object]:
    properties = _resolved(schema, node).get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _least(schema: Mapping[str, object], node: object, depth: int) -> Json:
    """A value of this type with the fields that it requires, or with its simple ones where it requires none."""
    node = _resolved(schema, node)
    kind = node.get("type")
    if kind == "array":
        return [_least(schema, node.get("items"), depth - 1)] if depth else []
    if kind in _EMPTY:
        return _EMPTY[str(kind)]
    properties, required = node.get("properties"), node.get("required")
    if not isinstance(properties, Mapping) or not depth:
        return {}
    wanted = required if isinstance(required, list) and required else None
    return {
        str(name): _least(schema, each, depth - 1)
        for name, each in properties.items()
        if (name in wanted if wanted is not None else _resolved(schema, each).get("type") in _SIMPLE)
    }


def _resolved(schema: Mapping[str, object], node: object) -> Mapping[str, object]:
    """A node of the schema, or the definition that it refers to; empty where it is not described."""
    definitions = schema.get("definitions")
    reference = node.get("$ref") if isinstance(node, Mapping) else None
    if isinstance(reference, str) and isinstance(definitions, Mapping):
        node = definitions.get(reference.rpartition("/")[2])
    return node if isinstance(node, Mapping) else {}


def _query_parameters(operation: object) -> list[str]:
    parameters = operation.get("parameters") if isinstance(operation, Mapping) else None
    entries = parameters if isinstance(parameters, list) else []
    return [str(each.get("name")) for each in entries if isinstance(each, Mapping) and each.get("in") == "query"]


def fields_in_schema(schema: Mapping[str, object], uri: str) -> list[str]:
    """The simple fields of the items of a list, in a schema as Magento writes it (Swagger 2.0); empty if unknown."""
    return [name for name, kind in _kinds_of_fields(schema, uri).items() if kind in _SIMPLE]


def _kinds_of_fields(schema: Mapping[str, object], uri: str) -> dict[str, object]:
    """The fields of the items of a list, each with its type as in the schema; None for one that is described apart."""

    def at(node: object, *keys: str) -> object:
        for key in keys:
            node = node.get(key) if isinstance(node, Mapping) else None
            node = _resolved(schema, node) if isinstance(node, Mapping) else node
        return node

    path = f"/V1/{uri.partition('?')[0].strip('/').removeprefix('V1/')}"
    response = at(schema, "paths", path, "get", "responses", "200", "schema")
    properties = at(response, "properties", "items", "items", "properties")
    found = properties.items() if isinstance(properties, Mapping) else ()
    return {str(name): each.get("type") for name, each in found if isinstance(each, Mapping)}


class KeptPaths:
    """Remembers the paths of each store between sessions, in one private file for each store.

    They only complete what is typed, so a file that cannot be read or written is not an error. The methods read and
    write files: call them in a thread.
    """

    def __init__(self, cache: Path) -> None:
        self._directory = cache / "rest-paths"

    def find(self, base_uri: str) -> KnownPaths:
        """The paths of the store with this base URI, in whatever store view, as they were read last."""
        try:
            kept = json.loads(self._file(base_uri).read_bytes())
            if kept["format"] != _FORMAT or kept["store"] != _store(base_uri):
                return KnownPaths()
            paths = {str(path): _path_from_json(each) for path, each in kept["paths"].items()}
            return KnownPaths(paths, datetime.fromisoformat(kept["read-at"]))
        except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError):
            return KnownPaths()

    def keep(self, base_uri: str, paths: ApiPaths, now: datetime) -> None:
        """Keeps these paths, which were read now."""
        kept = {path: asdict(each) for path, each in paths.items()}
        data = {"format": _FORMAT, "store": _store(base_uri), "read-at": now.isoformat(), "paths": kept}
        with contextlib.suppress(OSError):
            write_private(self._file(base_uri), json.dumps(data).encode())

    def _file(self, base_uri: str) -> Path:
        return self._directory / f"{hashlib.sha256(_store(base_uri).encode()).hexdigest()[:32]}.json"


def _store(base_uri: str) -> str:
    """What the base URIs of all store views have in common."""
    return base_uri.partition("/rest/")[0]


async def keep_paths(machine: Machine, base_uri: str, paths: ApiPaths) -> None:
    """Keeps paths that were just read, if there are any."""
    if paths:
        await asyncio.to_thread(KeptPaths(machine.directories.cache).keep, base_uri, paths, machine.now())


def _path_from_json(data: Mapping[str, object]) -> ApiPath:
    return ApiPath(
        _texts(data["methods"]),
        _texts(data["parameters"]),
        data["is_searched"] is True,
        _texts(data["fields"]),
        {str(method): str(body) for method, body in data["bodies"].items()},  # type: ignore[attr-defined]
        _texts(data["numbers"]),
        _texts(data["nested"]),
    )


def _texts(value: object) -> tuple[str, ...]:
    """Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(map(str, value))


def fitting_paths(paths: ApiPaths, typed: str, method: str = "") -> list[str]:
    """The paths that fit what was typed, best first; those with this method, in upper case, before all others.

    First those that it begins, then those that contain it; of each, first what is requested most, then by name.
    """
    wanted = typed.casefold()

    def rank(path: str) -> tuple[bool, bool, bool, bool, bool, int, str]:
        own, lacks_method = path.casefold(), bool(method) and method not in paths[path].methods
        is_literal, is_whole = own.startswith(wanted), _is_value_of(wanted, own)
        place = _COMMON.get(path, _LAST)
        return lacks_method, own != wanted, not is_literal, not is_whole, not _begins(wanted, own), place, path

    return sorted((each for each in paths if wanted in each.casefold() or _begins(wanted, each.casefold())), key=rank)


def similar_path(paths: ApiPaths, typed: str) -> str:
    """A path like one that there is not, with its values: the first part is misspelt, or any other; "" for none."""
    first, slash, rest = typed.partition("/")
    for name in similar_names(first, dict.fromkeys(path.partition("/")[0] for path in paths), 3):
        found = f"{name}{slash}{rest}"
        if fitting := fitting_paths(paths, found):
            return completed_path(found, fitting[0]) if rest else name
    return _alike_by_parts(paths, typed) or most_similar(typed, paths, MISSPELT)


def _alike_by_parts(paths: ApiPaths, typed: str) -> str:
    """The path with as many parts, each of them the same, misspelt or a value, with these values; "" for none."""
    values, found = typed.split("/"), list[tuple[int, int, int, str]]()
    for path in paths:
        parts = path.split("/")
        pairs = list(zip(values, parts, strict=False))
        literal = [(value, part) for value, part in pairs if not _is_variable(part)]
        wrong = [(value, part) for value, part in literal if value != part]
        is_as_long = len(values) == len(parts) and all(values)
        if is_as_long and all(most_similar(value, [part], SIMILAR) for value, part in wrong):
            meant = "/".join(value if _is_variable(part) else part for value, part in pairs)
            found.append((len(wrong), -len(literal), _COMMON.get(path, _LAST), meant))
    return min(found)[-1] if found else ""


def why_unknown(paths: ApiPaths, path: str, method: str) -> str:
    """Why the schema does not describe a request for this path with this method, which is in upper case.

    "" where it does, or where nothing is known of the store's paths.
    """
    methods = methods_of(paths, path)
    if not paths or not path or method in methods:
        return ""
    if methods:
        return f"the store's schema has {path} for {', '.join(methods)} only, not for {method}"
    near = similar_path(paths, path)
    return f"the store's schema has no path {path}{f'; did you mean {near}?' if near else ''}"


def known_path(paths: ApiPaths, typed: str) -> ApiPath | None:
    """What is known of the path that was typed, with values in place of its variables; None of another one."""
    found = (each for path, each in paths.items() if _is_value_of(typed, path))
    return paths.get(typed) or next(found, None)


def methods_of(paths: ApiPaths, typed: str) -> tuple[str, ...]:
    """The methods of all paths that this one can be, with values in place of their variables; empty if there is none.

    `products/attributes` has those of `products/{sku}`, too: Magento chooses the path by the method.
    """
    found = (each.methods for path, each in paths.items() if typed == path or _is_value_of(typed, path))
    return tuple(dict.fromkeys(method for methods in found for method in methods))


def completed_path(typed: str, path: str) -> str:
    """The path, with the values that were typed in place of its variables, where what was typed begins it."""
    if not _begins(typed.casefold(), path.casefold()):
        return path
    values, parts = typed.split("/"), path.split("/")
    kept = [value if _is_variable(part) and value else part for value, part in zip(values, parts, strict=False)]
    return "/".join([*kept, *parts[len(values) :]])


def _begins(typed: str, path: str) -> bool:
    """Whether this begins the path, with values in place of its variables, such as `products/24-MB01/me`."""
    *whole, last = typed.split("/")
    parts = path.split("/")
    if len(whole) >= len(parts) or not all(map(_fits_part, whole, parts)):
        return False
    part = parts[len(whole)]
    return part.startswith(last) or _is_variable(part)


def _is_value_of(typed: str, path: str) -> bool:
    """Whether this is the path, with values in place of its variables, such as `products/24-MB01`."""
    values, parts = typed.split("/"), path.split("/")
    return len(values) == len(parts) and all(map(_fits_part, values, parts))


def _fits_part(value: str, part: str) -> bool:
    return value == part or (_is_variable(part) and bool(value))


def _is_variable(part: str) -> bool:
    return part.startswith("{")
