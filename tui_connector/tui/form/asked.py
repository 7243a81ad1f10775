"""What a JSON Schema asks for, one field after the other; it knows no kind, and draws nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

_SOURCE_KEYS = {"keyring", "env", "command", "ask"}


class Sort(Enum):
    """How a field is given."""

    TEXT = auto()
    WHOLE = auto()
    NUMBER = auto()
    YES_NO = auto()
    CHOICE = auto()
    LIST = auto()
    PAIRS = auto()
    SECRET = auto()
    GROUP = auto()
    DATA = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """One field. `path` is where it stands below the form's own place."""

    path: tuple[str, ...]
    title: str
    about: str
    sort: Sort
    default: Any = None
    required: bool = False
    options: tuple[str, ...] = ()
    hint: str = ""
    """What is shown while nothing is given."""
    whole: bool = False
    """Whether the items of a list are whole numbers."""
    may_be_secret: bool = False
    """Whether a row of a table may name a secret in place of a value."""
    inner: tuple[Asked, ...] = ()

    @property
    def name(self) -> str:
        return self.path[-1]


def asked(schema: Mapping[str, Any]) -> tuple[Asked, ...]:
    """The fields of an object's schema (draft-07, with its definitions), in their order; its kind is no question."""
    return _fields(schema, schema.get("definitions", {}), ())


def _fields(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> tuple[Asked, ...]:
    required = node.get("required", ())
    return tuple(
        _field(_resolved(inner, definitions), definitions, (*path, name), name in required)
        for name, inner in node.get("properties", {}).items()
        if "const" not in inner
    )


def _field(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...], required: bool) -> Asked:
    sort = _sort(node)
    values = node.get("additionalProperties")
    return Asked(
        path,
        str(node.get("title") or path[-1]),
        str(node.get("description") or ""),
        sort,
        default=node.get("default"),
        required=required,
        options=tuple(map(str, node.get("enum", ()))),
        hint=_hint(node),
        whole=node.get("items", {}).get("type") == "integer" if isinstance(node.get("items"), dict) else False,
        may_be_secret=isinstance(values, dict) and _names_secret(values, definitions),
        inner=_fields(node, definitions, path) if sort is Sort.GROUP else (),
    )


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The node with what it refers to in its place, and without the choice of being absent."""
    found = dict(node)
    while True:
        refers = found.pop("$ref", None)
        others = [refers] if refers else []
        others += [each["$ref"] for each in found.pop("allOf", []) if "$ref" in each]
        for name in others:
            found = {**definitions.get(str(name).rpartition("/")[2], {}), **found}
        choices = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
        if len(choices) == 1:
            del found["anyOf"]
            found = {**choices[0], **found}
        elif not others:
            return found


_SORTS = {
    "boolean": Sort.YES_NO,
    "integer": Sort.WHOLE,
    "number": Sort.NUMBER,
    "string": Sort.TEXT,
}


def _sort(node: Mapping[str, Any]) -> Sort:
    kind, properties = node.get("type"), node.get("properties")
    if node.get("format") == "secret" or (properties is not None and set(properties) == _SOURCE_KEYS):
        return Sort.SECRET
    if "enum" in node:
        return Sort.CHOICE
    if kind == "object" and properties is not None:
        return Sort.GROUP
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return Sort.PAIRS
    if kind == "array" and node.get("items", {}).get("type") in ("string", "integer"):
        return Sort.LIST
    if "anyOf" in node and all(each.get("type") == "string" for each in node["anyOf"]):
        return Sort.TEXT
    return _SORTS.get(str(kind), Sort.DATA)


_HINTS = {"span": "such as 30s, 500ms, 2m", "path": "a path, from the profile's file", "uri": "https://…"}


def _hint(node: Mapping[str, Any]) -> str:
    default, examples = node.get("default"), node.get("examples") or ()
    if default not in (None, "", [], {}) and not isinstance(default, (dict, list)):
        return str(default)
    simple = [each for each in examples if isinstance(each, (str, int, float))]
    return f"such as {simple[0]}" if simple else _HINTS.get(str(node.get("format")), "")


def _names_secret(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    choices = [node, *node.get("oneOf", ()), *node.get("anyOf", ())]
    return any(_sort(_resolved(each, definitions)) is Sort.SECRET for each in choices)
