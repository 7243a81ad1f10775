"""The items of an incoming, of the same profile or of another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from ...errors import InvalidValue
from ...templates import Budget
from ...templates.expression import Expression, ExpressionText
from ..source import BadEntity, OtherProfile, Source, SourceContext, SourceEntity, SourceError
from .jsonl import json_lines


class IncomingSource(Source):
    """Incoming: its items, read completely before the first one is sent."""

    kind: Literal["incoming"] = "incoming"
    name: str = Field(min_length=1, title="Incoming", description="The name of the incoming.", examples=["products"])
    profile: str | None = Field(
        None,
        min_length=1,
        title="Profile",
        description="The profile that contains it, by name or path. Default: this one.",
        examples=["acme"],
    )
    environment: str | None = Field(
        None,
        min_length=1,
        title="Environment",
        description='The environment of that profile; "default" for its base values. Default: the one of this run.',
        examples=["staging"],
    )
    mapping: ExpressionText | None = Field(
        None,
        title="Mapping",
        description="JMESPath expression that turns an item into an entity. Without it, items are sent as they are.",
        examples=["{sku: sku, price: price}"],
    )

    @field_validator("environment")
    @classmethod
    def _of_another_profile(cls, environment: str | None, info: ValidationInfo) -> str | None:
        if environment is not None and info.data.get("profile", "") is None:
            raise ValueError("is for another profile: name it with profile, or remove environment")
        return environment

    def other_profile(self, environment: str) -> OtherProfile | None:
        """In the environment of the same name, so that a run against staging never reads production."""
        if self.profile is None:
            return None
        return OtherProfile(self.profile, environment if self.environment is None else self.environment)

    def open(self, context: SourceContext) -> Iterator[SourceEntity | BadEntity]:
        if context.read_incoming is None:
            raise SourceError(
                f"The entities are the items of the incoming {self.name}, which are not read here",
                "A run reads them.",
                "source-incoming",
            )
        mapping = None if self.mapping is None else Expression.compile(self.mapping)
        with context.read_incoming(self.name, self.profile) as items:
            for item in json_lines(items):
                yield item if mapping is None or isinstance(item, BadEntity) else _mapped(item, mapping)

    def digest(self, context: SourceContext) -> str | None:
        """Always the same: an interrupted run is resumed with the items that it has read."""
        return "incoming"


def _mapped(item: SourceEntity, mapping: Expression) -> SourceEntity | BadEntity:
    try:
        found, why = mapping.find(item.data, Budget())
    except InvalidValue as error:
        return BadEntity(item.line, f"The mapping cannot be evaluated: {error}")
    if found is None:
        return BadEntity(item.line, f"The mapping finds nothing{f': {why.message}' if why is not None else ''}")
    return SourceEntity(item.line, found)
