"""The fields that a JSON Schema describes, and their values as text. Independent of widgets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from ...invalid_json import begins_like_json
from ...secrets.pasted_names import NAME_FIELDS, NameField
from ...templates import Json
from ...text import PublicText, shown, shown_line

_SOURCE_KEYS = {"keyring", "env", "command", "ask"}


class FieldType(Enum):
    """The type of a field."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    CHOICE = auto()
    LIST = auto()
    TABLE = auto()
    SECRET = auto()
    GROUP = auto()
    CRITERIA = auto()
    VARIANT = auto()
    """A table of one of several kinds, each with fields of its own."""
    JSON = auto()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field; `path` is relative to that of the form."""

    path: tuple[str, ...]
    title: str
    about: str
    type: FieldType
    default: Any = None
    required: bool = False
    options: tuple[str, ...] = ()
    hint: str = ""
    """The placeholder of an empty field."""
    of_integers: bool = False
    """Whether the items of a list are integers."""
    names_secret: NameField | None = None
    """How the name of a secret, whose field is beside this one, is divided from it."""
    is_path: bool = False
    """Whether a text is the path of a file."""
    allows_secrets: bool = False
    """Whether a row of a table may be a secret."""
    inner: tuple[FieldSpec, ...] = ()
    """The fields of a group; of a table, those rows that its schema describes."""
    kinds: tuple[KindSpec, ...] = ()
    """The kinds of a variant."""

    @property
    def name(self) -> str:
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class KindSpec:
    """One kind of a variant."""

    name: str
    title: str
    about: str
    schema: Mapping[str, Any]
    definitions: Mapping[str, Any]
    path: tuple[str, ...]

    @property
    def inner(self) -> tuple[FieldSpec, ...]:
        """Its fields; made when they are needed, since a kind may contain itself."""
        return _fields(self.schema, self.definitions, self.path)


def field_specs(schema: Mapping[str, Any]) -> tuple[FieldSpec, ...]:
    """The fields of an object's JSON Schema (draft-07), in order, without constants such as its kind."""
    return _fields(schema, schema.get("definitions", {}), ())


def _fields(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> tuple[FieldSpec, ...]:
    required = node.get("required", ())
    return tuple(
        _field(_resolved(inner, definitions), definitions, (*path, name), name in required)
        for name, inner in node.get("properties", {}).items()
        if "const" not in inner
    )


def _field(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...], required: bool) -> FieldSpec:
    field_type = FieldType.VARIANT if _is_variant(node, definitions) else _type_of(node)
    values = node.get("additionalProperties")
    return FieldSpec(
        path,
        PublicText(node.get("title") or path[-1]),
        PublicText(node.get("description") or ""),
        field_type,
        default=node.get("default"),
        required=required,
        options=tuple(map(str, node.get("enum", ()))),
        hint=_hint(node),
        of_integers=node.get("items", {}).get("type") == "integer" if isinstance(node.get("items"), dict) else False,
        names_secret=NAME_FIELDS.get(node.get("format", "")),
        is_path=node.get("format") == "path",
        allows_secrets=isinstance(values, dict) and _names_secret(values, definitions),
        inner=_fields(node, definitions, path) if field_type in (FieldType.GROUP, FieldType.TABLE) else (),
        kinds=tuple(_kinds(node, definitions, path)) if field_type is FieldType.VARIANT else (),
    )


def _kinds(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[KindSpec]:
    for each in node["oneOf"]:
        schema = _resolved(each, definitions)
        name = str(schema["properties"]["kind"]["const"])
        about = PublicText(schema.get("description") or "")
        yield KindSpec(name, PublicText(schema.get("title") or name), about, schema, definitions, path)


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The node with references resolved and the null choice removed."""
    found = dict(node)
    while True:
        reference = found.pop("$ref", None)
        others = [reference] if reference else []
        others += [each["$ref"] for each in found.pop("allOf", []) if "$ref" in each]
        for name in others:
            found = {**definitions.get(str(name).rpartition("/")[2], {}), **found}
        choices = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
        if len(choices) == 1:
            del found["anyOf"]
            found = {**choices[0], **found}
        elif not others:
            return found


def _is_variant(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    """Whether this is a table of one of several kinds."""
    choices = [_resolved(each, definitions).get("properties", {}) for each in node.get("oneOf", ())]
    return bool(choices) and all("const" in each.get("kind", {}) for each in choices)


_TYPES = {
    "boolean": FieldType.BOOLEAN,
    "integer": FieldType.INTEGER,
    "number": FieldType.NUMBER,
    "string": FieldType.TEXT,
}


def _type_of(node: Mapping[str, Any]) -> FieldType:
    kind, properties = node.get("type"), node.get("properties")
    if node.get("format") == "secret" or (properties is not None and set(properties) == _SOURCE_KEYS):
        return FieldType.SECRET
    if "enum" in node:
        return FieldType.CHOICE
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return FieldType.TABLE
    if kind == "object" and properties is not None:
        return FieldType.GROUP
    if node.get("format") == "criteria":
        return FieldType.CRITERIA
    if kind == "array" and node.get("items", {}).get("type") in ("string", "integer"):
        return FieldType.LIST
    if "anyOf" in node and all(each.get("type") == "string" for each in node["anyOf"]):
        return FieldType.TEXT
    return _TYPES.get(str(kind), FieldType.JSON)


_HINTS = {"span": "such as 30s, 500ms, 2m", "path": "a path, relative to the profile", "uri": "https://…"}


def _hint(node: Mapping[str, Any]) -> str:
    default, examples = node.get("default"), node.get("examples") or ()
    if default not in (None, "", [], {}) and not isinstance(default, (dict, list)):
        return str(default)
    simple = [each for each in examples if isinstance(each, (str, int, float))]
    return f"such as {simple[0]}" if simple else _HINTS.get(str(node.get("format")), "")


def _names_secret(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    choices = [node, *node.get("oneOf", ()), *node.get("anyOf", ())]
    return any(_type_of(_resolved(each, definitions)) is FieldType.SECRET for each in choices)


def with_inner(fields: Iterable[FieldSpec]) -> Iterator[FieldSpec]:
    """The fields and those inside them, each before its inner ones."""
    for each in fields:
        yield each
        yield from with_inner(each.inner)


def to_text(spec: FieldSpec, value: Json) -> str:
    """Formats the value for a line of text, with control characters made visible."""
    return shown_line(_to_text(spec, value))


def to_lines(spec: FieldSpec, value: Json) -> str:
    """Formats the value for a field of several lines."""
    if isinstance(value, (dict, list)):
        return shown(json.dumps(value, ensure_ascii=False, indent=2))
    return shown(_to_text(spec, value))


def _to_text(spec: FieldSpec, value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # quote a text that would be parsed as another type
        return json.dumps(value) if spec.type is FieldType.JSON and from_text(spec, value) != value else value
    if spec.type is FieldType.LIST and isinstance(value, list) and not any("," in str(each) for each in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def from_text(spec: FieldSpec, text: str) -> Json:
    """Parses a line of text as a value of the field; text that is invalid is returned as it is, for the validation."""
    text = text.strip()
    if not text:
        return None
    if spec.type is FieldType.TEXT or spec.type is FieldType.CHOICE:
        return text
    if spec.type is FieldType.LIST and not begins_like_json(text):
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return [int(part) if spec.of_integers and part.isdigit() else part for part in parts]
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
