"""Groups the reasons of tasks by the store's message, whatever values of the entities it has filled in."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # home reads ledgers, and does not wait for models
    from ..templates import Json

VALUE = "…"
"""What a value in a message is replaced by."""
_NUMBER = re.compile(r"(?<!responded with )(?<![\w.])-?\d+(?:\.\d+)?(?!\w)")
"""Not the status, which is the same for all tasks of a group."""
_SHORTEST = 3
"""Characters; a shorter text of an entity may be part of the message itself."""


WITHOUT_IDENTIFIER = f"case when length(identifier) > 3 then replace(reason, identifier, '{VALUE}') else reason end"
"""A task's reason without its identifier, in SQL: so the reasons of many tasks are few. A short identifier may be part
of another word."""


class Reason(NamedTuple):
    """The reason of a number of tasks, without their identifiers; `sample` is the id of one of them."""

    state: str
    code: str
    reason: str
    number: int
    sample: int
    first: str
    last: str
    """The first and the last one in the order of the alphabet, with identifiers."""

    @property
    def shown(self) -> str:
        """With the identifier if it is the same for all."""
        return self.first if self.first == self.last else self.reason


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Tasks that are in the same state for the same reason. `reasons`: theirs, without the identifiers."""

    state: str
    code: str
    reason: str
    count: int
    reasons: tuple[str, ...]


def without_values(reason: str, identifier: str, entity: Json) -> str:
    """The reason with the values of its entity, and all numbers, replaced: "Invalid attribute SKU = …."

    Magento sends its messages as templates, such as "Invalid attribute %fieldName = %fieldValue.", and the values are
    mostly those that it was sent.
    """
    lower = reason.lower()
    values = {each for each in _texts(entity) if len(each) >= _SHORTEST} | ({identifier} if identifier else set())
    for value in sorted((each for each in values if each.lower() in lower), key=len, reverse=True):
        reason = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", VALUE, reason, flags=re.IGNORECASE)
    return _NUMBER.sub(VALUE, reason)


def _texts(entity: Json) -> Iterator[str]:
    """The texts in an entity."""
    if isinstance(entity, str):
        yield entity
    elif isinstance(entity, Mapping):
        for value in entity.values():
            yield from _texts(value)
    elif isinstance(entity, list):
        for value in entity:
            yield from _texts(value)


def grouped(
    found: Iterable[Reason], samples: Callable[[list[int]], Mapping[int, tuple[str, Json]]]
) -> list[ReasonGroup]:
    """The groups of these reasons, the largest first. `samples`: identifiers and entities of tasks, by their ids."""
    alike: dict[tuple[str, str], list[Reason]] = defaultdict(list)
    for each in found:
        alike[each.state, each.code].append(each)
    several = [each.sample for reasons in alike.values() if len(reasons) > 1 for each in reasons]
    entities = samples(several) if several else {}
    groups: dict[tuple[str, str, str], list[Reason]] = defaultdict(list)
    for (state, code), reasons in alike.items():
        for each in reasons:
            pattern = without_values(each.reason, *entities[each.sample]) if len(reasons) > 1 else each.reason
            groups[state, code, pattern].append(each)
    made = [
        ReasonGroup(
            *(state, code, pattern if len(reasons) > 1 else reasons[0].shown),
            *(sum(each.number for each in reasons), tuple(each.reason for each in reasons)),
        )
        for (state, code, pattern), reasons in groups.items()
    ]
    return sorted(made, key=lambda group: (-group.count, group.reason))
