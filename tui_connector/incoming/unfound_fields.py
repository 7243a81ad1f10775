"""Fields that the transform, filter, parent or columns of an incoming name, and no item has: silent loss of values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..client.raw_json import InvalidJson, encode_json, json_type, members
from ..misspelling import did_you_mean
from ..templates.expression import EmptyOutput, Expression, Lookups
from ..text import listed
from .columns import ATTRIBUTES, attribute_fields
from .sink import Sink

CODE: Final = "incoming-field"
"""Code of the warning."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
"""Names that are never escaped in JSON."""


@dataclass(frozen=True, slots=True)
class UnfoundField:
    """What is lost in all items so far, and why."""

    setting: str
    """The setting that names the field, by its name in the profile."""
    summary: str
    """Such as "'p' is null in all 3 items: they have no field 'prce'"."""
    remedy: str
    names: Sequence[str]
    """The fields that are there instead."""

    def __str__(self) -> str:
        return f"{self.summary}. {self.remedy}"

    @classmethod
    def of(
        cls, setting: str, what: str, count: int, fields: Sequence[str], names: Sequence[str], noun: str = "item"
    ) -> UnfoundField:
        """`what` is lost in this number of items; `fields` are those that they lack, `names` those that they have."""
        which, have = (f"the only {noun}", "it has") if count == 1 else (f"all {count:,} {noun}s", "they have")
        missing = " or ".join(map(repr, fields))
        suggestion = did_you_mean(fields[0], names)
        there = "" if suggestion or not names else f" There are: {listed(names)}."
        remedy = f"Correct {setting}{suggestion or '.'}{there}"
        return cls(setting, f"{what} {which}: {have} no field {missing}", remedy, names)


def what_items_have(names: Sequence[str], *, are_objects: bool) -> str:
    """What to say after "the items": their fields, or why there are none. `are_objects`: at least one of them is."""
    if names:
        return f"contain: {listed(names)}"
    return "have no fields" if are_objects else "are not JSON objects"


def lost_by_transform(lookups: Lookups, count: int) -> list[UnfoundField]:
    """The values of the result that were empty in all items; `count`: the number of items."""
    return [
        UnfoundField.of(
            "transform", f"{_name(each)} is {'null' if each.is_null else 'empty'} in", count, each.fields, each.names
        )
        for each in lookups.empty_outputs()
    ]


def lost_by_filter(lookups: Lookups, count: int) -> list[UnfoundField]:
    """The condition, if it has dropped all items; `count`: their number."""
    return [
        UnfoundField.of("filter", "The filter drops", count, each.fields, each.names)
        for each in lookups.empty_outputs()
    ]


def _name(output: EmptyOutput) -> str:
    return repr(output.name) if output.name else "The result of the transform"


def lookups_of(expression: Expression | None, *, is_condition: bool = False) -> Lookups | None:
    """A record of the fields that this expression looks up; None without an expression."""
    return None if expression is None else Lookups(expression, is_condition=is_condition)


class ColumnSearch:
    """Looks for the columns that a sink names, until an item has had each."""

    def __init__(self, sink: Sink) -> None:
        self._missing = {name: encode_json(name) if _PLAIN.fullmatch(name) else b"" for name in sink.named_columns}
        """By name, the text that an item with this field contains; empty if it may be escaped."""
        self._flattens = sink.flattens_attributes
        self._names: dict[str, None] = {}
        self._count = 0

    def note(self, items: Sequence[bytes]) -> None:
        """Looks into these items, as they are written."""
        self._count += len(items)
        if not self._missing:
            return
        for item in items:
            if not self._names or any(text in item for text in self._missing.values()):
                self._look_into(item)

    def _look_into(self, item: bytes) -> None:
        if json_type(item) != "object":
            return
        try:
            fields = members(item)
        except InvalidJson:
            return
        if self._flattens and ATTRIBUTES in fields:
            fields = attribute_fields(fields)
        self._names = self._names or dict.fromkeys(fields)
        self._missing = {name: text for name, text in self._missing.items() if name not in fields}

    def unfound(self) -> list[UnfoundField]:
        """The columns that are empty in all items so far."""
        if not self._count:
            return []
        names = list(self._names)
        return [
            UnfoundField.of("sink.columns", f"The column {name!r} is empty in", self._count, [name], names)
            for name in self._missing
        ]
