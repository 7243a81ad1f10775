"""What is wrong inside one field's value, each mistake at its own place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import JsonValue as Json
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Inside = tuple[str | int, ...]
"""Keys and indices, from the field's value on."""


def leaves(value: Json) -> Iterator[tuple[Inside, Json]]:
    """Whatever in it is not a list and no object, in no order, with its place."""
    todo: list[tuple[Inside, Json]] = [((), value)]
    while todo:
        place, part = todo.pop()
        if isinstance(part, dict):
            todo += [((*place, key), each) for key, each in part.items()]
        elif isinstance(part, list):
            todo += [((*place, index), each) for index, each in enumerate(part)]
        else:
            yield place, part


def refuse(wrong: Sequence[tuple[Inside, ValueError]]) -> None:
    """Raises one error that holds them all, where there are any; pydantic puts the field's own place before each."""
    if wrong:
        details = [
            InitErrorDetails(
                type=PydanticCustomError("value_error", "{error}", {"error": error}), loc=place, input=None
            )
            for place, error in wrong
        ]
        raise ValidationError.from_exception_data("value", details)
