"""Every kind is one pydantic class; the base class of a family *is* the union of its kinds."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, ClassVar, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

ENTRY_POINTS = "tui_connector.kinds"
"""The entry-point group under which other distributions name modules, or packages of modules, that define kinds."""


def kebab(name: str) -> str:
    """How a field is written in TOML."""
    return name.replace("_", "-")


def _title(model: type[Any]) -> str:
    return (model.__doc__ or model.__name__).strip().splitlines()[0].rstrip(".")


class Model(BaseModel):
    """The base of all parts of a profile: immutable, no unknown keys, kebab case in TOML."""

    model_config = ConfigDict(
        alias_generator=kebab,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        defer_build=True,
        model_title_generator=_title,
    )
    other_words: ClassVar[Mapping[str, str]] = {}
    """Keys that users write by mistake, and the key that each of them means."""


class NotCompared:
    """Marks a field that changes neither what a run reads or sends nor where it goes: `Annotated[int, NotCompared]`.

    Although such a field has changed, a run resumes, and changes are read from the last mark: see `runs.fingerprint`.
    """


class Named(Model):
    """The fields that every named part of a profile has."""

    title: Annotated[str | None, NotCompared] = Field(
        None, title="Title", description="Shown after the name in lists of parts."
    )
    description: Annotated[str | None, NotCompared] = Field(
        None, title="Description", description="A note for readers of the profile."
    )
    disabled: Annotated[bool, NotCompared] = Field(
        False, title="Disabled", description="Turns it off: it sends nothing."
    )


class Kind(Model):
    """A direct subclass is a family; the subclasses of a family are its kinds.

    `list[Plugin]` therefore accepts every kind of plugin. A kind's module is imported when a profile names the kind,
    from the packages given to `built_in` or from other distributions: unused kinds cost nothing.
    """

    kind: str
    search_words: ClassVar[tuple[str, ...]] = ()
    """Words by which its users look for it in a list of kinds, besides those of its title."""
    family_kinds: ClassVar[dict[str, type[Kind]]]
    """The kinds that are loaded."""
    family_packages: ClassVar[tuple[str, ...]]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if Kind in cls.__bases__:
            cls.family_kinds, cls.family_packages = {}, ()
            return
        name = get_args(cls.model_fields["kind"].annotation)[0]
        known = cls.family_kinds.setdefault(name, cls)
        if known is not cls:
            raise TypeError(f"two kinds are named {name!r}: {known.__module__} and {cls.__module__}")

    @classmethod
    def find(cls, name: str) -> type[Kind] | None:
        """This family's kind of this name, loaded if necessary; None if there is none."""
        loads: tuple[Callable[[], object], ...] = (
            lambda: _load(cls, name.replace("-", "_")),  # most kinds have a module named after them
            lambda: _load(cls),
            broken_packages,
        )
        for load in loads:
            if name not in cls.family_kinds:
                load()
        return cls.family_kinds.get(name)

    @classmethod
    def all_kinds(cls) -> dict[str, type[Kind]]:
        """Every kind of this family by name, in alphabetical order, including those of other distributions."""
        _load(cls)
        broken_packages()
        return dict(sorted(cls.family_kinds.items()))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if Kind not in cls.__bases__:
            return handler(source)
        return core_schema.with_info_plain_validator_function(cls._validate)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        if Kind not in cls.__bases__:
            return handler(schema)
        return {_FAMILY: cls.__name__}

    @classmethod
    def _validate(cls, value: Any, info: ValidationInfo) -> Kind:
        """The kind that a table of a profile describes. Raises the errors of pydantic's own tagged union."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise PydanticKnownError("model_attributes_type")
        if "kind" not in value:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": "'kind'"})
        name = value["kind"]
        kind = cls.find(name) if isinstance(name, str) else None
        if kind is None:
            expected = ", ".join(map(repr, cls.all_kinds()))
            facts = {"discriminator": "'kind'", "tag": str(name), "expected_tags": expected}
            raise PydanticKnownError("union_tag_invalid", facts)
        return kind.model_validate(value, strict=True, context=info.context, by_alias=True, by_name=False)


def built_in(family: type[Kind], *packages: str) -> None:
    """Registers the packages (dotted names) whose modules define this family's built-in kinds."""
    family.family_packages = packages


def _load(family: type[Kind], only: str | None = None) -> None:
    for package in family.family_packages:
        _load_modules(import_module(package), only)


def _load_modules(package: ModuleType, only: str | None = None) -> None:
    """Imports the modules of a package, or only the one of this name: their classes register themselves."""
    for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
        if not module.ispkg and only in (None, module.name):
            import_module(f"{package.__name__}.{module.name}")


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """A distribution with kinds that could not be loaded."""

    name: str
    reason: str


@cache
def broken_packages() -> tuple[BrokenPackage, ...]:
    """Loads the kinds of other distributions, once; returns those that failed.

    A failure is not fatal: the profile may not even use that distribution.
    """
    from importlib.metadata import entry_points  # slow to import, and few runs need it

    broken = []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            found = entry.load()
            if isinstance(found, ModuleType):
                _load_modules(found)
        except Exception as error:  # noqa: BLE001 - a foreign module may raise anything when imported
            broken.append(BrokenPackage(entry.dist.name if entry.dist else entry.name, repr(error)))
    return tuple(broken)


_FAMILY = "x-family"
"""A schema's placeholder for the kinds of a family, replaced once all of them are known."""


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of `model` as draft-07, which is what TOML editors understand. Loads all kinds in it."""
    families = {family.__name__: family for family in Kind.__subclasses__()}
    definitions: dict[str, Any] = {}

    def schema_of(part: type[BaseModel]) -> dict[str, Any]:
        schema = part.model_json_schema(by_alias=True)
        inner = schema.pop("$defs", {})
        for name, each in inner.items():
            if name not in definitions:
                definitions[name] = None  # a model may contain itself
                definitions[name] = with_kinds(each)
        return cast(dict[str, Any], with_kinds(schema))

    def with_kinds(node: Any) -> Any:
        if isinstance(node, list):
            return [with_kinds(each) for each in node]
        if not isinstance(node, dict):
            return node
        if _FAMILY in node:
            kinds = families[node[_FAMILY]].all_kinds()
            for kind in kinds.values():
                if kind.__name__ not in definitions:
                    definitions[kind.__name__] = None
                    definitions[kind.__name__] = schema_of(kind)
            rest = {key: value for key, value in node.items() if key != _FAMILY}
            return rest | {"oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds.values()]}
        return {key: with_kinds(value) for key, value in node.items()}

    schema = schema_of(model)
    if definitions:
        schema["$defs"] = definitions
    return {"$schema": "http://json-schema.org/draft-07/schema#", **_as_draft07(schema)}


_OVERRIDE = "Override"
"""Starts the name of the definition of a part of which only some fields are given."""


def add_overrides(schema: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The schema of a table that overrides any of these properties of a draft-07 schema, at any depth.

    No field is required in it, and elements of a list may be given by name or index. Adds definitions to `schema`.
    """
    definitions: dict[str, Any] = schema["definitions"]
    added: dict[str, Any] = {}

    def optional(node: Any) -> Any:
        if isinstance(node, list):
            return [optional(each) for each in node]
        if not isinstance(node, dict):
            return node
        if node.get("type") == "array" and "items" in node:
            by_name = {"type": "object", "additionalProperties": optional(node["items"])}
            return {"anyOf": [node, by_name]}
        reference = node.get("$ref")
        if isinstance(reference, str):
            return {"$ref": f"#/definitions/{referred(reference.rpartition('/')[2])}"}
        found = {key: optional(value) for key, value in node.items() if key != "required"}
        if "oneOf" in found:  # a part of one kind may also be a part of another
            found["anyOf"] = found.pop("oneOf")
        if isinstance(node.get("properties"), dict):
            found["properties"] = {name: optional(each) for name, each in node["properties"].items()}
        return found

    def referred(name: str) -> str:
        other = f"{_OVERRIDE}{name}"
        if other not in added:
            added[other] = None  # a definition may contain itself
            added[other] = optional(definitions[name])
        return other

    properties = {name: optional(schema["properties"][name]) for name in names}
    definitions.update(added)
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _as_draft07(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_draft07(item) for item in node]
    if not isinstance(node, dict):
        return node
    out: dict[str, Any] = {
        ("definitions" if key == "$defs" else key): _as_draft07(value) for key, value in node.items()
    }
    if isinstance(out.get("$ref"), str):
        out["$ref"] = out["$ref"].replace("#/$defs/", "#/definitions/")
        if len(out) > 1:  # draft-07 ignores the siblings of a $ref
            out["allOf"] = [{"$ref": out.pop("$ref")}]
    kind = out.get("properties", {}).get("kind") if isinstance(out.get("properties"), dict) else None
    if isinstance(kind, dict) and "const" in kind:  # its default would let two kinds match the same table
        out["required"] = ["kind", *(name for name in out.get("required", []) if name != "kind")]
    return out
