"""The base class of lookups: how a request for current values selects many entities. One kind per module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from ..client.message import Request
from ..client.model import RequestTemplate
from ..client.pages import Page
from ..kinds import Kind
from ..templates import Json, PlaceholderError, Scope
from .equality import Absent, member

_LONGEST: Final = 6_000
"""Characters of a value in a URI, percent-encoded: web servers refuse URIs of more than 8 KB."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entity whose current values are to be read. `index`: its position among those that are compared."""

    index: int
    data: Mapping[str, Json]
    """The entity of the source, with the fields as they are sent."""
    sent: Mapping[str, Json]
    identity: tuple[str | None, ...] = ()
    """The normalized values of the fields that match it to an item of a response; None for one that is missing."""
    key: tuple[str | None, ...] = ()
    """The same for any two entities that are one in the store: `identity`, and what the requests name it by.

    Empty if nothing identifies it.
    """

    def text(self, name: str) -> str | None:
        """A field as text for a filter; None if the entity has no usable value in it, or one that no URI can hold."""
        value = member(self.data, name)
        if isinstance(value, str):
            return value if 0 < len(quote(value[:_LONGEST], safe="")) < _LONGEST else None
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        if isinstance(value, Absent | dict | list | None):
            return None
        return str(value)


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """One request, and the entities whose current values are in its response."""

    request: Request
    wanted: tuple[Wanted, ...]
    values: int
    """The number of values that it selects by; with more than one, the request can be divided."""
    rows: int = 0
    """The page size that it requests; 0 if it requests none."""


@dataclass(frozen=True, slots=True)
class LookupLimits:
    """The largest request that a store accepts, as far as its refusals have shown."""

    values: int = 100_000
    """Values in one request."""
    rows: int = 100_000
    """Rows in a page."""


class Lookup(Kind):
    """How a request selects the entities to compare."""

    def requests(
        self, template: RequestTemplate, wanted: Sequence[Wanted], limits: LookupLimits, run: Mapping[str, Json]
    ) -> Iterator[LookupRequest]:
        """The requests that read these entities, none larger than `limits`. `run`: the values of `@{run…}`.

        Entities without a value to select by are left out: the store cannot have them. Raises `PlaceholderError`.
        """
        raise NotImplementedError

    def reads(self) -> Sequence[str]:
        """The fields of an entity by which it selects."""
        return ()

    def is_complete(self, page: Page) -> bool:
        """Whether a response contains all that was requested."""
        return True


def one_by_one(
    template: RequestTemplate, wanted: Iterable[Wanted], run: Mapping[str, Json]
) -> tuple[list[LookupRequest], PlaceholderError | None]:
    """A request for each entity; entities that lead to the same request share it.

    Without the entities that no store can have: their URI is too long, or cannot be made, as the returned error says.
    """
    found: dict[Request, list[Wanted]] = {}
    why: PlaceholderError | None = None
    for each in wanted:
        try:
            request = template.request(Scope(dict(each.data), run))
        except PlaceholderError as error:
            why = why or error
        else:
            if len(request.uri) < _LONGEST:
                found.setdefault(request, []).append(each)
    return [LookupRequest(request, tuple(entities), 1) for request, entities in found.items()], why


def by_value(wanted: Iterable[Wanted], field: str) -> dict[str, list[Wanted]]:
    """The entities by the text of a field, in the order of its first occurrence; without those that lack it."""
    found: dict[str, list[Wanted]] = {}
    for each in wanted:
        text = each.text(field)
        if text is not None:
            found.setdefault(text, []).append(each)
    return found
