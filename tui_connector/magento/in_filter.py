"""Looks entities up with Magento's search criteria: many values in one filter of the condition "in"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal
from urllib.parse import quote

from pydantic import Field

from ..client.model import RequestTemplate
from ..client.pages import Page
from ..outgoing.lookup import Lookup, LookupLimits, LookupRequest, Wanted, by_value
from ..templates import Json, Scope
from .criteria import CriteriaFilter
from .request_criteria import with_criteria

_LONGEST_URI: Final = 4_600
"""Characters of a request's URI; with the address of the store it stays below 5,000. nginx refuses more than 8 KB."""
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
_MOST_FILTERS: Final = 20
"""Filters in a group of "eq": Magento's input limit (webapi/validation/complex_array_limit) refuses 21."""


class InFilter(Lookup):
    """ "In" filter: searches for many values of a field at once, with Magento's search criteria."""

    kind: Literal["in-filter"] = "in-filter"
    field: str = Field(
        min_length=1, title="Field", description="The field of the search.", examples=["sku", "entity_id"]
    )
    value: str | None = Field(
        None, title="Value", description="The field of an entity that contains the value, if its name differs."
    )
    equal: list[str] = Field(
        default_factory=list,
        title="Equal",
        description="Further fields of the search, by which entities are grouped into requests.",
        examples=[["source_code"]],
    )
    page_size: int = Field(
        300, ge=1, le=10_000, title="Page size", description="Rows in one response, and the most values in a request."
    )

    def requests(
        self, template: RequestTemplate, wanted: Sequence[Wanted], limits: LookupLimits, run: Mapping[str, Json]
    ) -> Iterator[LookupRequest]:
        request = template.request(Scope(run=run))
        groups: dict[tuple[str | None, ...], list[Wanted]] = {}
        for each in wanted:
            groups.setdefault(tuple(each.text(name) for name in self.equal), []).append(each)
        for others, entities in groups.items():
            fixed = tuple(
                CriteriaFilter(name, text) for name, text in zip(self.equal, others, strict=True) if text is not None
            )
            values = by_value(entities, self.value or self.field)
            size = min(self.page_size, limits.rows)
            for chunk in self._chunks(values, min(size, limits.values)):
                found = tuple(each for value in chunk for each in values[value])
                search = with_criteria(request, groups=(self._group(chunk),), filters=fixed, size=size)
                yield LookupRequest(search, found, len(chunk), size)

    def _chunks(self, values: Mapping[str, object], most: int) -> Iterator[list[str]]:
        """The values of each request. "in" is split at commas, so a value with one needs an "eq" of its own."""
        chunk: list[str] = []
        length = 0
        for value in values:
            if "," in value:
                continue
            size = 3 + (len(value) if _UNRESERVED(value) else len(quote(value, safe="")))  # with %2C
            if chunk and (len(chunk) == most or length + size > _LONGEST_URI - 600):
                yield chunk
                chunk, length = [], 0
            chunk.append(value)
            length += size
        if chunk:
            yield chunk
        odd = [value for value in values if "," in value]
        size = min(most, _MOST_FILTERS)
        yield from (odd[start : start + size] for start in range(0, len(odd), size))

    def _group(self, values: Sequence[str]) -> tuple[CriteriaFilter, ...]:
        if any("," in value for value in values):
            return tuple(CriteriaFilter(self.field, value) for value in values)
        return (CriteriaFilter(self.field, ",".join(values), "in"),)

    def reads(self) -> Sequence[str]:
        return [self.value or self.field, *self.equal]

    def is_complete(self, page: Page) -> bool:
        """A response without total_count, or with a smaller one, is taken as complete."""
        return page.total is None or page.total <= (len(page.items) if page.rows is None else page.rows)
