"""Page numbers in the query, for stores other than Magento."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...client.message import Request
from ...placeholder import Json
from . import Pagination, Part
from .beside import counted
from .counted import Counted, LastPage, Total


class PageNumber(Pagination):
    """Page number in the query."""

    kind: Literal["page-number"] = "page-number"
    parameter: str = Field(
        "page", min_length=1, title="Parameter", description="The name of the page's number.", examples=["page"]
    )
    start: int = Field(1, ge=0, title="First page", description="The number of the first page: 1, or 0.")
    size_parameter: str | None = Field(
        None,
        min_length=1,
        title="Size parameter",
        description="The name under which the page size is sent, where the store takes one.",
        examples=["per_page"],
    )
    page_size: int = Field(100, ge=1, le=10_000, title="Page size", description="Items in one answer.")
    total: Total = None
    last_page: LastPage = "empty"

    def first(self, request: Request, size: int | None = None) -> Request:
        return self.page(request, 0, size or self.page_size)

    def page(self, request: Request, before: int, size: int) -> Request:
        """The page of `size` items behind so many."""
        request = request.with_query(self.parameter, str(self.start + before // size))
        return request.with_query(self.size_parameter, str(size)) if self.size_parameter else request

    def begin(self, request: Request, position: Json = None) -> Part:
        return Counted(
            lambda before, size: self.page(request, before, size),
            self.page_size,
            total=lambda page: counted(page, self.total),
            last_page=self.last_page,
            divides=self.size_parameter is not None,
            strict=True,
        ).begin(position)
