"""Reports all errors inside one field's value, each with its own path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import JsonValue as Json
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

ValuePath = tuple[str | int, ...]
"""Keys and indices, starting at the field's value."""


def leaves(value: Json) -> Iterator[tuple[ValuePath, Json]]:
    """All values inside it that are neither lists nor objects, with their paths, in no particular order."""
    stack: list[tuple[ValuePath, Json]] = [((), value)]
    while stack:
        path, part = stack.pop()
        if isinstance(part, dict):
            stack += [((*path, key), each) for key, each in part.items()]
        elif isinstance(part, list):
            stack += [((*path, index), each) for index, each in enumerate(part)]
        else:
            yield path, part


def raise_errors(errors: Sequence[tuple[ValuePath, ValueError]]) -> None:
    """Raises one ValidationError for all of them, if there are any; pydantic puts the field's path before each."""
    if errors:
        details = [
            InitErrorDetails(type=PydanticCustomError("value_error", "{error}", {"error": error}), loc=path, input=None)
            for path, error in errors
        ]
        raise ValidationError.from_exception_data("value", details)
