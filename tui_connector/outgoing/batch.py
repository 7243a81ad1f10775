"""Assigns the errors in a response to the entities of its batch.

Magento's price routes respond with 200 and a list of `{message, parameters}`, one for each refused row, whose
parameters name the row by its sku in a place that differs from error to error, and some only by the bad value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from ..client.body_refusal import row_errors, row_message
from ..templates import Json
from .errors import ItemError, Outcome, SendResult

_ROW_ERRORS = "row-refused"


def with_item_errors(result: SendResult, entities: Sequence[Json], identifiers: Sequence[str]) -> SendResult:
    """The result of an accepted request, with the errors in its body assigned to the entities."""
    if result.outcome is not Outcome.DONE or not (errors := row_errors(result.body)):
        return result
    items: dict[int, ItemError] = {}
    unassigned: list[str] = []
    alike: dict[str, list[dict[str, Json]]] = defaultdict(list)
    for error in errors:
        alike[str(error.get("parameters"))].append(error)
    for same in alike.values():
        message = row_message(same[0])
        found = _candidates(same[0].get("parameters"), entities, identifiers)
        if len(entities) == 1:
            found = [0]
        if not found or len(found) > len(same):
            unassigned.append(message)
            continue
        for index in found:
            items.setdefault(index, ItemError(message, _ROW_ERRORS))
    return replace(result, items=items, unassigned=tuple(unassigned))


def _candidates(parameters: Json, entities: Sequence[Json], identifiers: Sequence[str]) -> list[int]:
    """The entities that an error may be about: by identifier, otherwise by a field and its value."""
    inside = parameters.values() if isinstance(parameters, dict) else parameters if isinstance(parameters, list) else ()
    values = [_plain(each) for each in inside if isinstance(each, str | int | float)]
    folded = {str(each).strip().casefold() for each in inside if isinstance(each, str | int | float)}
    named = [index for index, identifier in enumerate(identifiers) if identifier and identifier.casefold() in folded]
    if named:
        return _most_alike(named, values, entities) if len(named) > 1 else named
    found = []
    for index, entity in enumerate(entities):
        fields = entity if isinstance(entity, dict) else {}
        spelled = {name.replace("_", "").lower(): _plain(value) for name, value in fields.items()}
        keys = [spelled[key] for value in values if (key := value.replace(" ", "").lower()) in spelled]
        if any(key in values for key in keys):
            found.append(index)
    return found


def _most_alike(named: list[int], values: list[str], entities: Sequence[Json]) -> list[int]:
    """Of several named entities, those with the most other values among the parameters."""

    def score(index: int) -> int:
        entity = entities[index]
        return len({_plain(value) for value in entity.values()} & set(values)) if isinstance(entity, dict) else 0

    scores = {index: score(index) for index in named}
    return [index for index in named if scores[index] == max(scores.values())]


def _plain(value: object) -> str:
    """A value as text, with numbers in one form."""
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:g}" if abs(number) < 1e15 else text
