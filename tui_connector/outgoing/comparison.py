"""How the current values of entities are read, compared with what is sent, and restored."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from ..client.model import RequestTemplate
from ..errors import InvalidValue
from ..kinds import Model
from ..misspelling import most_similar
from ..templates import Json
from ..templates.expression import ExpressionText
from .chain import ChainStep
from .equality import EqualityRule
from .lookup import Lookup

_presets: Callable[[], Mapping[str, Mapping[str, Json]]] = dict


def presets_from(load: Callable[[], Mapping[str, Mapping[str, Json]]]) -> None:
    """Registers the presets: by name, the table of a comparison as it could be written in a profile."""
    global _presets
    _presets = load


def _known_preset(name: str) -> str:
    known = _presets()
    if name not in known:
        near = most_similar(name, known)
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(known)}."
        raise InvalidValue("preset", f"there is no preset {name!r}", hint)
    return name


class FieldRule(Model):
    """Field rule: how the values of a field are compared and restored."""

    ignore: bool = Field(False, title="Ignore", description="The field is not compared.")
    places: int | None = Field(
        None, ge=0, le=12, title="Places", description="Decimal places the store keeps.", examples=[4]
    )
    number: bool = Field(False, title="Number", description='Compare texts as numbers: "5" equals "5.0".')
    ignore_case: bool = Field(False, title="Ignore case", description="Ignore upper and lower case.")
    slug: bool = Field(False, title="Slug", description="The store turns the text into a URL key.")
    blank: bool = Field(False, title="Blank", description="An empty text counts as no value.")
    ordered: bool = Field(False, title="Ordered", description="The order of a list matters.")
    adds: bool = Field(False, title="Adds", description="Sent elements are added to the list; none are removed.")
    clears: bool = Field(
        False, title="Clears", description="An empty list removes all elements, although others only add."
    )
    least: float | None = Field(
        None, title="Least", description="The lowest usual number; a plan warns of a lower one.", examples=[0]
    )
    not_stored: list[Json] | Literal["any"] = Field(
        default_factory=list,
        title="Not stored",
        description="Values that the store accepts in this field without storing them: entities with a change to one "
        'fail instead of being sent. "any": all values.',
        examples=[[None, ""]],
    )
    instead: str = Field("", title="Instead", description="What to do instead, shown in plans and with failed tasks.")
    restore_absent: Json = Field(
        None, title="Restore absent", description="What undo sends for a field that had no value (default null)."
    )
    restore_empty_field: str | None = Field(
        None,
        title="Restore empty field",
        description="The field to which undo sends an empty list if this one was empty or absent.",
    )
    restore_field: str | None = Field(
        None, title="Restore field", description="Another field that undo must send with this one."
    )
    restore_value: ExpressionText | None = Field(
        None, title="Restore value", description="JMESPath expression for the value of the other field."
    )
    not_restored: str = Field("", title="Not restored", description="Why undo leaves the field as it is.")

    def stores(self, value: Json) -> bool:
        """Whether the store has this value in the field after it accepted it."""
        if self.not_stored == "any":
            return False
        return not any(value == each and type(value) is type(each) for each in self.not_stored)

    def equality(self) -> EqualityRule:
        return EqualityRule(
            self.places,
            self.number,
            self.ignore_case,
            self.slug,
            self.blank,
            self.ordered,
            self.adds,
            self.clears,
            self.least,
        )


class UndoRequest(Model):
    """Undo request: sent only by an undo."""

    request: RequestTemplate = Field(
        title="Request",
        description="The request; its placeholders read the entity with its current, or former, values.",
    )
    batch: int = Field(1, ge=1, le=1_000, title="Batch", description="Entities per request.")


class Existence(Model):
    """Existence: checks that what an entity belongs to exists, if the store has no current values of the entity."""

    request: RequestTemplate = Field(title="Request", description="The request.")
    lookup: Lookup | None = Field(None, title="Lookup", description="How the request selects the entities.")
    items: ExpressionText = Field("items", title="Items", description="Path of the list in a response (JMESPath).")
    identifier: str = Field("sku", title="Identifier", description="The field that is looked up.")
    value: str | None = Field(
        None, title="Value", description="The field of an entity that contains the value, if its name differs."
    )
    message: str = Field(
        "the store has no product with this sku", title="Message", description="Shown if nothing is found."
    )
    unchecked: bool = Field(
        False,
        title="Unchecked",
        description="The store does not check this, and accepts the entity anyway: plans only warn.",
    )


class Detail(Model):
    """Detail: a request for a single entity, for fields that the list of the store lacks."""

    fields: list[str] = Field(min_length=1, title="Fields", description="Fields that are missing in the list.")
    request: RequestTemplate = Field(title="Request", description="The request, sent for each entity.")
    items: ExpressionText = Field("@", title="Items", description="Path of the entity in a response (JMESPath).")


_SENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[0\])*")


def _place(text: str) -> str:
    if text != "@" and not _SENT.fullmatch(text):
        raise InvalidValue(
            "sent", f"{text[:80]!r} is not a path in the parameters: write names, as in product.options[0]"
        )
    return text


class Comparison(Model):
    """Comparison: how current values are read from the store and compared with what would be sent.

    Either the name of a preset, or a request and how to read its response.
    """

    preset: Annotated[str, AfterValidator(_known_preset)] | None = Field(
        None, title="Preset", description="An entity of Magento whose comparison is built in.", examples=["stock"]
    )
    can_undo: bool = Field(True, title="Can undo", description="Whether a run can be undone by sending former values.")
    request: RequestTemplate | None = Field(
        None,
        validate_default=True,
        title="Request",
        description="Reads the current values. Without lookup, it is sent for each entity and can use its fields.",
    )
    lookup: Lookup | None = Field(None, title="Lookup", description="How one request selects many entities.")
    items: ExpressionText = Field("items", title="Items", description="Path of the list in a response (JMESPath).")
    identifier: str | list[str] = Field(
        default_factory=list,
        title="Identifier",
        description="The fields that match an item of the response to its entity. Without any, each response is about "
        "one entity.",
        examples=["sku", ["sku", "source_code"]],
    )
    sent: Annotated[str, AfterValidator(_place)] | None = Field(
        None,
        title="Sent",
        description="Where the entity is in the parameters of the request. Default: the only object in them.",
        examples=["product", "@"],
    )
    fields: list[str] | None = Field(
        None, title="Fields", description="Compare only these fields. Default: all that are sent."
    )
    rules: dict[str, FieldRule] = Field(
        default_factory=dict,
        title="Rules",
        description='How fields are compared, by name; "custom_attributes.*" means all that start like this.',
        examples=[{"quantity": {"places": 4}}],
    )
    defaults: dict[str, Json] = Field(
        default_factory=dict, title="Defaults", description="Values of identifying fields that an entity may lack."
    )
    fallback: dict[str, Json] = Field(
        default_factory=dict,
        title="Fallback",
        description="Values of identifying fields: the item that applies if the store has none for the entity itself.",
        examples=[{"store_id": 0}],
    )
    existing: Literal["changed", "refused", "another", "removed"] = Field(
        "changed",
        title="Existing",
        description="If the entity exists in the store: it is changed, refused or removed, or another one is created.",
    )
    missing: Literal["created", "refused"] = Field(
        "created", title="Missing", description="If the store has no such entity: it is created, or refused."
    )
    not_found: str = Field(
        "",
        title="Not found",
        description="Why the store refuses an entity if the request for it gets a 404: what it belongs to is missing. "
        "Default: only the entity itself is missing.",
        examples=["the store has no such order"],
    )
    required: list[str] = Field(
        default_factory=list,
        title="Required",
        description="Fields without which the store refuses an entity: plans mark those that lack one.",
        examples=[["sku", "source_code"]],
    )
    required_to_create: list[str] = Field(
        default_factory=list,
        title="Required to create",
        description="Fields without which the store refuses an entity that it does not have yet.",
        examples=[["name", "price"]],
    )
    detail: Detail | None = Field(
        None, title="Detail", description="Reads fields that are missing in the store's list."
    )
    requires: Existence | None = Field(
        None, title="Requires", description="What must exist so that an entity can be created."
    )
    repeatable: bool = Field(
        False, title="Safe to send twice", description="Whether sending an entity twice does no harm."
    )
    permission: str | None = Field(
        None,
        title="Permission",
        description="The permission needed to read current values.",
        examples=["Magento_Catalog::products"],
    )
    delete: UndoRequest | None = Field(
        None, title="Delete", description="Deletes what a run created, for undo with --delete-created."
    )
    restore: UndoRequest | None = Field(
        None, title="Restore", description="Restores former values, if the outgoing's own request cannot."
    )
    recreate: list[ChainStep] = Field(
        default_factory=list,
        title="Recreate",
        description="Requests that delete an entity and create it again as it was, for undo, if fields have to be "
        "emptied of values that the store would keep. Their placeholders read the entity with its former values.",
    )
    per_view: bool = Field(
        False,
        title="Per view",
        description="Store views have their own values; null removes one, so that the global value applies again.",
    )
    undo: str = Field("", title="Undo", description="A note that is shown before an undo.")

    @field_validator("request")
    @classmethod
    def _or_preset(cls, request: RequestTemplate | None, info: ValidationInfo) -> RequestTemplate | None:
        preset, can_undo = info.data.get("preset", ""), info.data.get("can_undo")  # "": it is invalid
        if request is not None and preset:
            raise ValueError("cannot be combined with preset: remove one of them")
        if request is None and preset is None and can_undo:
            raise ValueError("is missing: write the request that reads the current values, or name a preset")
        return request

    @cached_property
    def resolved(self) -> Comparison:
        """This comparison, or that of its preset, in which settings beside `preset` replace those of the preset."""
        if self.preset is None:
            return self
        table = _presets()[self.preset]
        base = Comparison.model_validate(dict(table), strict=True, by_alias=True, by_name=False)
        own = {name: getattr(self, name) for name in self.model_fields_set - {"preset"}}
        if "rules" in own:
            own["rules"] = {**base.rules, **self.rules}
        return base.model_copy(update=own)

    @property
    def is_readable(self) -> bool:
        """Whether there is a request that reads current values."""
        return self.resolved.request is not None

    @property
    def identifiers(self) -> list[str]:
        return [self.identifier] if isinstance(self.identifier, str) else self.identifier

    def rule(self, field: str) -> FieldRule | None:
        """The rule for a field by its dotted name; None if it is not compared. Only for a `resolved` comparison."""
        if self.fields is not None and not any(
            field == name or field.startswith(f"{name}.") or fnmatch.fnmatchcase(field, name) for name in self.fields
        ):
            return None
        found = self.rules.get(field) or next(
            (rule for pattern, rule in self.rules.items() if fnmatch.fnmatchcase(field, pattern)), _PLAIN
        )
        return None if found.ignore else found

    def equality(self, field: str) -> EqualityRule | None:
        """The rule by which a field is compared; None if it is not."""
        rule = self.rule(field)
        return None if rule is None else rule.equality()

    def requests(self) -> Iterator[RequestTemplate]:
        """The requests with which it reads."""
        yield from filter(None, (self.resolved.request, self.resolved.requires and self.resolved.requires.request))


_PLAIN = FieldRule()
