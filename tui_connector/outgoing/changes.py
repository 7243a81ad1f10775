"""What sending an entity would change: it is created, changed field by field, or left as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..templates import Json
from .equality import ABSENT, Absent, EqualityRule, equal, member

EntityAction = Literal["create", "change", "unchanged"]
RuleOf: TypeAlias = Callable[[str], EqualityRule | None]
"""The rule for a field by its dotted name; None for a field that is not compared."""

_CODE, _VALUE = "attribute_code", "value"
"""Magento's lists of attributes: [{"attribute_code": "color", "value": "49"}]."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """The change of one field; `old` is ABSENT if the store has no such field."""

    field: str
    old: Json | Absent
    new: Json

    def as_json(self) -> dict[str, Json]:
        """For `--json`: an absent old value is null."""
        return {"field": self.field, "old": None if isinstance(self.old, Absent) else self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class EntityChange:
    """What sending an entity would do.

    `former` has what an undo needs: what is sent, and the values before it; None if nothing would change.
    """

    identifier: str
    action: EntityAction
    changes: tuple[FieldChange, ...]
    former: Json
    note: str = ""
    """A warning before the entity is sent, such as a sku without a product."""
    refused: bool = False
    """Whether the store is expected to refuse it, for the reason in `note`."""
    not_stored: bool = False
    """Whether the store would accept it without storing all of it, for the reason in `note`; it is `refused`, too."""
    unread: bool = False
    """Whether its current values cannot be read, unlike those of others, for the reason in `note`."""

    def as_json(self) -> dict[str, Json]:
        """The object that `--plan --json` prints."""
        line: dict[str, Json] = {"identifier": self.identifier, "action": self.action}
        line["changes"] = [each.as_json() for each in self.changes]
        line |= {"note": self.note} if self.note else {}
        return line | {"refused": True} if self.refused else line


Compare: TypeAlias = Callable[[Sequence[Json]], Awaitable[Sequence[EntityChange]]]
"""Reads the current values of entities; returns what sending each of them would change, in the same order."""


def changes_of(sent: Mapping[str, Json], stored: Mapping[str, Json] | Absent, rule_of: RuleOf) -> list[FieldChange]:
    """The fields that sending would change; with `stored` ABSENT, all fields that have a value."""
    found: list[FieldChange] = []
    for name, value in sent.items():
        if isinstance(value, dict | list):
            for path, inner in leaves_of({name: value}):
                old = ABSENT if isinstance(stored, Absent) else value_at(stored, path)
                _compare(".".join(path), inner, old, rule_of, found)
            continue
        old = ABSENT if isinstance(stored, Absent) else member(stored, name)
        if old != value:  # most are equal, and so by any rule
            _compare(name, value, old, rule_of, found)
    return found


def _compare(name: str, value: Json, old: Json | Absent, rule_of: RuleOf, found: list[FieldChange]) -> None:
    if value == [] and attributes_in(old) is not None:
        return  # attributes that are not sent are kept
    rule = rule_of(name)
    if rule is not None and not equal(value, old, rule):
        found.append(FieldChange(name, old, value))


def leaves_of(entity: Mapping[str, Json], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    """The fields that are compared one by one, with their paths: also in objects and attributes, but not in lists."""
    for name, value in entity.items():
        inside = value if isinstance(value, dict) and value else attributes_in(value)
        if inside is None:
            yield (*path, name), value
        else:
            yield from leaves_of(inside, (*path, name))


def attributes_in(value: Json | Absent) -> dict[str, Json] | None:
    """The values of a list of attributes by code; None if `value` is not such a list."""
    if not isinstance(value, list) or not value:
        return None
    found: dict[str, Json] = {}
    for each in value:
        if not isinstance(each, dict) or not isinstance(each.get(_CODE), str) or not each.keys() <= {_CODE, _VALUE}:
            return None
        found[str(each[_CODE])] = each.get(_VALUE)
    return found


def value_at(item: Mapping[str, Json], path: Sequence[str]) -> Json | Absent:
    """The value at a path of names; ABSENT if there is none."""
    value = member(item, path[0])
    for name in path[1:]:
        inside = value if isinstance(value, dict) else attributes_in(value)
        if inside is None:
            return ABSENT
        value = member(inside, name)
    return value


def projected(sent: Mapping[str, Json], stored: Mapping[str, Json]) -> dict[str, Json]:
    """The stored values of the fields that are sent, as far as the store has them."""
    found: dict[str, Json] = {}
    for name, value in sent.items():
        old = member(stored, name)
        if isinstance(old, Absent):
            continue
        codes = attributes_in(value)
        if isinstance(value, dict) and value and isinstance(old, dict):
            found[name] = projected(value, old)
        elif codes is not None:
            have = attributes_in(old) or {}
            found[name] = [{_CODE: code, _VALUE: have[code]} for code in codes if code in have]
        else:
            found[name] = old
    return found


def with_value(entity: dict[str, Json], path: Sequence[str], value: Json, like: Mapping[str, Json]) -> None:
    """Sets the value at a path in `entity`; missing objects and lists of attributes are created as in `like`."""
    first, *rest = path
    if not rest:
        entity[first] = value
        return
    shape = like.get(first)
    attributes = attributes_in(shape)
    if attributes is not None:
        rows = entity.setdefault(first, [])
        assert isinstance(rows, list)
        rows.append({_CODE: rest[0], _VALUE: value})
        return
    inside = entity.setdefault(first, {})
    assert isinstance(inside, dict)
    with_value(inside, rest, value, shape if isinstance(shape, dict) else {})


def merged(stored: Mapping[str, Json] | Absent, sent: Mapping[str, Json]) -> dict[str, Json]:
    """The entity as the store has it after `sent` has been sent."""
    found: dict[str, Json] = {} if isinstance(stored, Absent) else dict(stored)
    for name, value in sent.items():
        old = found.get(name)
        codes = attributes_in(value)
        if codes is not None:
            all_codes = {**(attributes_in(old) or {}), **codes}
            found[name] = [{"attribute_code": code, "value": each} for code, each in all_codes.items()]
        else:
            found[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return found
