"""Search criteria by page number, for lists without a numeric id. Ends by the store's `total_count`.

Rows that are added or deleted meanwhile shift all others, so some are read twice and some not at all. Without a unique
field to sort by, pages overlap even in an unchanged list (magento2#25001).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..client.message import Request
from ..incoming.pagination import ListPart, PageSize, Pagination
from ..incoming.pagination.counted import CountedList
from ..templates import Json
from .criteria import Direction
from .request_criteria import between, changed_since, end_of_list, valid_criteria, with_criteria


class SearchCriteria(Pagination):
    """Magento search criteria, by page number."""

    kind: Literal["search-criteria"] = "search-criteria"
    order: str | None = Field(
        None,
        min_length=1,
        title="Order",
        description="The unique field to sort by; without one, pages of most lists overlap.",
        examples=["entity_id"],
    )
    page_size: PageSize = 100

    def first(self, request: Request, size: int | None = None) -> Request:
        return self.page(request, 1, size or self.page_size)

    def page(self, request: Request, number: int, size: int) -> Request:
        order: tuple[tuple[str, Literal["ASC"]], ...] = ((self.order, "ASC"),) if self.order else ()
        return with_criteria(request, order=order, size=size, page=number)

    def from_the_end(self, request: Request) -> Request:
        """The request for the last item by the order."""
        return with_criteria(request, order=((self.order, "DESC"),) if self.order else (), size=1, page=1)

    def begin(self, request: Request, position: Json = None) -> ListPart:
        base = valid_criteria(request)
        return CountedList(
            lambda before, size: self.page(base, before // size + 1, size),
            self.page_size,
            last_page="empty",
            may_repeat=True,
        ).begin(position)

    def changed_since(self, request: Request, field: str, since: str) -> Request:
        return changed_since(request, field, since)

    def between(self, request: Request, field: str, after: str | None, until: str | None) -> Request:
        return between(request, field, after, until)

    def end(self, request: Request, field: str, direction: Direction) -> Request:
        return end_of_list(request, field, direction)
