"""Every kind is one pydantic class; the base class of a family *is* the union of its kinds."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Annotated, Any, ClassVar, Union, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

ENTRY_POINTS = "tui_connector.kinds"
"""The entry-point group under which other packages offer modules that define kinds."""


def kebab(name: str) -> str:
    """How a field is written in TOML."""
    return name.replace("_", "-")


def _title(model: type[Any]) -> str:
    return (model.__doc__ or model.__name__).strip().splitlines()[0].rstrip(".")


class Model(BaseModel):
    """What a profile is made of: immutable, strict about names, written in kebab case in TOML."""

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


class Named(Model):
    """What may be said of each named part of a profile."""

    title: str | None = Field(None, title="Title", description="What people call it.")
    description: str | None = Field(None, title="Description", description="What it is for.")
    disabled: bool = Field(False, title="Disabled", description="Nothing is sent through it.")


class Kind(Model):
    """A direct subclass is a family; the subclasses of a family are its kinds.

    `list[Plugin]` therefore accepts every kind of plugin that was defined before the first validation.
    """

    kind: str
    family_kinds: ClassVar[dict[str, type[Kind]]]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if Kind in cls.__bases__:
            cls.family_kinds = {}
            return
        name = get_args(cls.model_fields["kind"].annotation)[0]
        known = cls.family_kinds.setdefault(name, cls)
        if known is not cls:
            raise TypeError(f"two kinds are named {name!r}: {known.__module__} and {cls.__module__}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if Kind not in cls.__bases__:
            return handler(source)
        kinds = tuple(cls.family_kinds.values())
        if len(kinds) == 1:
            return handler.generate_schema(kinds[0])
        return handler.generate_schema(Annotated[Union[kinds], Field(discriminator="kind")])  # noqa: UP007 - a runtime tuple


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """A package that offers kinds and could not be loaded."""

    name: str
    reason: str


def discover() -> list[BrokenPackage]:
    """Load the kinds of other packages. Call it once, before the first validation.

    A package that fails to load is returned, never fatal: somebody's profile may not even use it.
    """
    broken = []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            entry.load()
        except Exception as error:  # noqa: BLE001 - somebody else's module may raise anything at import
            broken.append(BrokenPackage(entry.dist.name if entry.dist else entry.name, repr(error)))
    return broken


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of `model` as draft-07, which is what TOML editors understand."""
    schema = _as_draft07(model.model_json_schema(by_alias=True))
    assert isinstance(schema, dict)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema}


def _as_draft07(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_draft07(item) for item in node]
    if not isinstance(node, dict):
        return node
    out: dict[str, Any] = {
        ("definitions" if key == "$defs" else key): _as_draft07(value)
        for key, value in node.items()
        if key != "discriminator"
    }
    if isinstance(out.get("$ref"), str):
        out["$ref"] = out["$ref"].replace("#/$defs/", "#/definitions/")
        if len(out) > 1:  # draft-07 ignores what stands beside a $ref
            out["allOf"] = [{"$ref": out.pop("$ref")}]
    kind = out.get("properties", {}).get("kind") if isinstance(out.get("properties"), dict) else None
    if isinstance(kind, dict) and "const" in kind:  # its default would let two kinds match the same table
        out["required"] = ["kind", *(name for name in out.get("required", []) if name != "kind")]
    return out
