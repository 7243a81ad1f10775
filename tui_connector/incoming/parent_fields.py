"""Fields of the parent in the items of a child list, added to their JSON text without decoding it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..client.raw_json import encode_json, json_type, members
from ..errors import InvalidValue
from ..templates import Json
from ..templates.expression import Budget, Expression, Lookups
from .unfound_fields import UnfoundField


class ParentFields:
    """Adds fields of the parent to the items of a child list."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._expressions = {name: Expression.compile(text) for name, text in fields.items()}
        self._lookups = {name: Lookups(expression) for name, expression in self._expressions.items()}
        self._count = 0
        """Parents so far."""

    def of(self, parent: Json) -> dict[str, Json]:
        """The fields of this parent; null where it has none. Raises `InvalidValue`."""
        self._count += 1
        return {
            name: expression.find(parent, Budget(), self._lookups[name])[0]
            for name, expression in self._expressions.items()
        }

    def unfound(self) -> list[UnfoundField]:
        """The fields that were null for all parents so far, because these lack what they name."""
        return [
            UnfoundField.of("parent.fields", f"{name!r} is null for", self._count, each.fields, each.names, "parent")
            for name, lookups in self._lookups.items()
            for each in lookups.empty_outputs()
            if not each.name
        ]

    def add(self, fields: Mapping[str, Json], items: Sequence[bytes]) -> list[bytes]:
        """The items, each with the fields first; an item that is not an object becomes the field "value".

        Raises `InvalidValue` if an item has one of the fields already.
        """
        if not fields:
            return list(items)
        start = encode_json(dict(fields))[:-1]
        names = [(name, encode_json(name)) for name in fields]
        return [self._joined(start, names, item) for item in items]

    def _joined(self, start: bytes, names: Sequence[tuple[str, bytes]], item: bytes) -> bytes:
        if json_type(item) != "object":
            return start + b',"value":' + item + b"}"
        own = members(item) if any(encoded in item for _, encoded in names) else {}
        for name, _ in names:
            if name in own:
                raise InvalidValue(
                    "parent-field",
                    f"an item already has the field {name!r}",
                    "Choose another name for it in parent.fields.",
                )
        inside = item.strip()[1:].lstrip()
        return start + (b"}" if inside == b"}" else b"," + inside)
