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
from ..templates import Json
from ..templates.expression import ExpressionText
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
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
        raise InvalidValue("preset", f"there is no preset {name!r}", hint)
    return name


class FieldRule(Model):
    """Field rule: how the values of a field are compared and restored."""

    ignore: bool = Field(False, title="Ignore", description="The field is not compared.")
    places: int | None = Field(
        None, ge=0, le=12, title="Places", description="Decimal places the store keeps.", examples=[4]
    )
    number: bool = Field(False, title="Number", description='Compare texts as numbers: "5" equals "5.0".')
    ignore_case: bool = Field(False, title="Ignore case", description="Upper and lower case are the same.")
    slug: bool = Field(False, title="Slug", description="The store makes a URL key of the text.")
    blank: bool = Field(False, title="Blank", description="An empty text is the same as no value.")
    ordered: bool = Field(False, title="Ordered", description="The order of a list matters.")
    adds: bool = Field(False, title="Adds", description="What is sent is added to a list; nothing is removed.")
    restore_absent: Json = Field(
        None, title="Restore absent", description="What undo sends for a field that had no value; null by default."
    )
    restore_empty_field: str | None = Field(
        None,
        title="Restore empty field",
        description="The field to which undo sends an empty list if this one was empty or absent.",
    )
    restore_field: str | None = Field(
        None, title="Restore field", description="Another field that undo has to send with this one."
    )
    restore_value: ExpressionText | None = Field(
        None, title="Restore value", description="JMESPath expression that makes the value of the other field."
    )
    not_restored: str = Field("", title="Not restored", description="Why undo leaves the field as it is.")

    def equality(self) -> EqualityRule:
        return EqualityRule(self.places, self.number, self.ignore_case, self.slug, self.blank, self.ordered, self.adds)


class UndoRequest(Model):
    """Undo request: a request that is sent only by an undo."""

    request: RequestTemplate = Field(
        title="Request", description="The request; its placeholders read the entity as it is, or was, in the store."
    )
    batch: int = Field(1, ge=1, le=1_000, title="Batch", description="Entities per request.")


class Existence(Model):
    """Existence: a lookup of what an entity belongs to, made if the store has no value for it."""

    request: RequestTemplate = Field(title="Request", description="The request.")
    lookup: Lookup | None = Field(None, title="Lookup", description="How the request selects the entities.")
    items: ExpressionText = Field("items", title="Items", description="Path of the list in a response (JMESPath).")
    identifier: str = Field("sku", title="Identifier", description="The field that is looked up.")
    message: str = Field(
        "the store has no product with this sku", title="Message", description="What it means if nothing is found."
    )


class Detail(Model):
    """Detail: the request for a single entity, where only that returns some of the fields that are sent."""

    fields: list[str] = Field(min_length=1, title="Fields", description="The fields that the list lacks.")
    request: RequestTemplate = Field(title="Request", description="The request; it is sent for each entity.")
    items: ExpressionText = Field("@", title="Items", description="Path of the entity in a response (JMESPath).")


_SENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[0\])*")


def _place(text: str) -> str:
    if text != "@" and not _SENT.fullmatch(text):
        raise InvalidValue(
            "sent", f"{text[:80]!r} is not a place in the parameters: write names, as in product.options[0]"
        )
    return text


class Comparison(Model):
    """Comparison: how the values that the store has now are read and compared.

    Either the name of a preset, or a request and what its response means.
    """

    preset: Annotated[str, AfterValidator(_known_preset)] | None = Field(
        None, title="Preset", description="An entity of Magento whose comparison is known.", examples=["stock"]
    )
    can_undo: bool = Field(True, title="Can undo", description="Former values can be sent again.")
    request: RequestTemplate | None = Field(
        None,
        validate_default=True,
        title="Request",
        description="Reads the current values. Without lookup it is sent for each entity, and can use its fields.",
    )
    lookup: Lookup | None = Field(None, title="Lookup", description="How one request selects many entities.")
    items: ExpressionText = Field("items", title="Items", description="Path of the list in a response (JMESPath).")
    identifier: str | list[str] = Field(
        default_factory=list,
        title="Identifier",
        description="The fields by which an item of the response belongs to an entity; none: each response is about "
        "one entity.",
        examples=["sku", ["sku", "source_code"]],
    )
    sent: Annotated[str, AfterValidator(_place)] | None = Field(
        None,
        title="Sent",
        description="The place of the entity in the parameters that are sent. By default the only object in them.",
        examples=["product", "@"],
    )
    fields: list[str] | None = Field(
        None, title="Fields", description="Compare only these fields. By default, all that are sent."
    )
    rules: dict[str, FieldRule] = Field(
        default_factory=dict,
        title="Rules",
        description='How fields are compared, by name; "custom_attributes.*" is all that begin like this.',
        examples=[{"quantity": {"places": 4}}],
    )
    defaults: dict[str, Json] = Field(
        default_factory=dict, title="Defaults", description="Values of identifying fields that need not be sent."
    )
    fallback: dict[str, Json] = Field(
        default_factory=dict,
        title="Fallback",
        description="If the store has no such item: the value of identifying fields whose item applies instead.",
        examples=[{"store_id": 0}],
    )
    existing: Literal["changed", "refused", "another", "removed"] = Field(
        "changed",
        title="Existing",
        description="What sending does if the entity exists: it is changed, refused, removed, or another is created.",
    )
    missing: Literal["created", "refused"] = Field(
        "created", title="Missing", description="What sending does if the store has no such entity."
    )
    detail: Detail | None = Field(
        None, title="Detail", description="How fields are read that the list of the store does not contain."
    )
    requires: Existence | None = Field(
        None, title="Requires", description="What must exist before an entity can be created."
    )
    repeatable: bool = Field(False, title="Repeatable", description="Sending an entity twice is harmless.")
    permission: str | None = Field(
        None, title="Permission", description="The permission needed to read.", examples=["Magento_Catalog::products"]
    )
    delete: UndoRequest | None = Field(
        None, title="Delete", description="Removes what a run has created, for undo with --delete-created."
    )
    restore: UndoRequest | None = Field(
        None, title="Restore", description="Sends former values, if the outgoing's own request cannot."
    )
    per_view: bool = Field(
        False,
        title="Per view",
        description="Store views have values of their own; null removes one, and the view follows the global value.",
    )
    undo: str = Field("", title="Undo", description="What the user should know before an undo.")

    @field_validator("request")
    @classmethod
    def _or_preset(cls, request: RequestTemplate | None, info: ValidationInfo) -> RequestTemplate | None:
        preset, can_undo = info.data.get("preset", ""), info.data.get("can_undo")  # "": it is invalid
        if request is not None and preset:
            raise ValueError("cannot be combined with preset: remove one of them")
        if request is None and preset is None and can_undo:
            raise ValueError("is missing; it reads the current values. Or name a preset")
        return request

    @cached_property
    def resolved(self) -> Comparison:
        """The comparison itself, or that of its preset; settings beside the preset replace its own."""
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
        """Whether current values can be read at all."""
        return self.resolved.request is not None

    @property
    def identifiers(self) -> list[str]:
        return [self.identifier] if isinstance(self.identifier, str) else self.identifier

    def rule(self, field: str) -> FieldRule | None:
        """The rule for a field by its dotted name; None if it is not compared. Call it on what is `resolved`."""
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
        """The requests that it may send to read."""
        yield from filter(None, (self.resolved.request, self.resolved.requires and self.resolved.requires.request))


_PLAIN = FieldRule()
