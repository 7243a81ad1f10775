"""Page numbers, for stores other than Magento."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...client.message import Request
from ...templates import Json
from . import ListPart, PageSize, Pagination
from .counted import CountedList, EndStatuses, LastPage, Total
from .envelope import total_at
from .placement import SendIn, with_parameter


class PageNumber(Pagination):
    """Page number."""

    kind: Literal["page-number"] = "page-number"
    parameter: str = Field(
        "page",
        min_length=1,
        title="Parameter",
        description="Name of the parameter for the page number.",
        examples=["page", "variables.currentPage"],
    )
    start: int = Field(1, ge=0, title="First page", description="Number of the first page: 1 or 0.")
    size_parameter: str | None = Field(
        None,
        min_length=1,
        title="Size parameter",
        description="Name of the parameter for the page size, if the store accepts one.",
        examples=["per_page"],
    )
    page_size: PageSize = 100
    send_in: SendIn = "query"
    total: Total = None
    last_page: LastPage = "empty"
    end_statuses: EndStatuses

    def first(self, request: Request, size: int | None = None) -> Request:
        return self.page(request, 0, size or self.page_size)

    def page(self, request: Request, before: int, size: int) -> Request:
        """The page of `size` items after `before` items."""
        request = with_parameter(request, self.send_in, self.parameter, self.start + before // size)
        return with_parameter(request, self.send_in, self.size_parameter, size) if self.size_parameter else request

    def begin(self, request: Request, position: Json = None) -> ListPart:
        return CountedList(
            lambda before, size: self.page(request, before, size),
            self.page_size,
            total=lambda page: total_at(page, self.total),
            total_is_named=self.total is not None,
            last_page=self.last_page,
            divides=self.size_parameter is not None,
            strict=True,
            end_statuses=self.end_statuses,
        ).begin(position)
