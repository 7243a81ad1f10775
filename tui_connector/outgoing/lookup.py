"""How the request that reads current values selects the entities to compare, one kind per module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..client.message import Request
from ..client.model import RequestTemplate
from ..kinds import Kind
from ..templates import Json, Scope
from .equality import Absent, member


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entity whose current value is to be read."""

    index: int
    data: Mapping[str, Json]
    """The entity of the source, with the fields as they are sent."""
    sent: Mapping[str, Json]
    identity: tuple[str | None, ...] = ()
    """The normalized values of the fields that identify it; None for one that is missing."""

    def text(self, name: str) -> str | None:
        """A field as text for a filter; None if the entity has no usable value in it."""
        value = member(self.data, name)
        if isinstance(value, str):
            return value or None
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        if isinstance(value, Absent | dict | list | None):
            return None
        return str(value)


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """One request, and the entities whose values its response contains."""

    request: Request
    wanted: tuple[Wanted, ...]
    values: int
    """How many values it selects by; it can be divided if there are several."""
    rows: int = 0
    """The size of the page that it requests; 0 if it requests none."""


@dataclass(frozen=True, slots=True)
class LookupLimits:
    """What a store accepts, as far as its refusals have shown it."""

    values: int = 100_000
    """Values that one request selects by."""
    rows: int = 100_000
    """Rows in a page."""


class Lookup(Kind):
    """How a request selects the entities to compare."""

    def requests(
        self, template: RequestTemplate, wanted: Sequence[Wanted], limits: LookupLimits, run: Mapping[str, Json]
    ) -> Iterator[LookupRequest]:
        """The requests for these entities. Raises `PlaceholderError`.

        Entities without a value to select by are left out: the store cannot have them.
        """
        raise NotImplementedError

    def reads(self) -> Sequence[str]:
        """The fields of an entity that it selects by."""
        return ()

    def is_complete(self, response: Json, items: int) -> bool:
        """Whether a response with this many items contains all that were requested."""
        return True


def one_by_one(template: RequestTemplate, wanted: Iterable[Wanted], run: Mapping[str, Json]) -> list[LookupRequest]:
    """A request for each entity; entities that lead to the same request share it."""
    found: dict[Request, list[Wanted]] = {}
    for each in wanted:
        found.setdefault(template.request(Scope(dict(each.data), run)), []).append(each)
    return [LookupRequest(request, tuple(entities), 1) for request, entities in found.items()]


def by_value(wanted: Iterable[Wanted], field: str) -> dict[str, list[Wanted]]:
    """The entities by the text of a field, in the order in which they are first mentioned."""
    found: dict[str, list[Wanted]] = {}
    for each in wanted:
        text = each.text(field)
        if text is not None:
            found.setdefault(text, []).append(each)
    return found
